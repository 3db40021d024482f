"""When what waits is told: the moments of a shop's day, its quiet hours, and a short while where it is told at once."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

#: Told at once means so long after the newest message, for what belongs together comes together …
TOGETHER = timedelta(seconds=20)
#: … but no later than so long after the oldest.
AT_MOST = timedelta(seconds=60)
#: Where it is told at once, what a round had to leave is looked at again after this long.
AGAIN_AFTER = timedelta(minutes=10)
#: The mails of a round have all left so long after its moment, unless quiet hours come between.
LEFT_AFTER = timedelta(hours=2)
#: Around an instant these days are looked at for how long anybody waits: so far back lies what is measured.
_LATELY = range(-3, 2)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a shop tells: times are ``HH:MM`` of the day in its time zone."""

    #: None: at once.
    times: tuple[str, ...]
    #: The end is exclusive; equal: no quiet hours.
    quiet_from: str
    quiet_to: str
    zone: ZoneInfo

    def is_quiet(self, at: datetime) -> bool:
        """Say whether no customer gets a mail at this moment."""
        return is_quiet(at, self.quiet_from, self.quiet_to, self.zone)


@dataclass(frozen=True, slots=True)
class Waiting:
    """The messages of a shop that wait: when the oldest was written, the newest, and the oldest since the last run."""

    oldest_at: datetime
    newest_at: datetime
    oldest_since_at: datetime | None


def find_due_run(schedule: Schedule, waiting: Waiting, last_due_at: datetime | None, now: datetime) -> datetime | None:
    """Return the moment until which everything is to be told by a run that begins now; None while it is too early.

    ``last_due_at`` is the moment of the newest run there was. Times that were missed are made up for by one run, late.
    """
    if schedule.is_quiet(now):
        return None
    if not schedule.times:
        return now if compute_instant(waiting, last_due_at) <= now else None
    moment = last_moment(now, schedule.times, schedule.zone)
    is_done = last_due_at is not None and last_due_at >= moment
    return None if is_done or waiting.oldest_at > moment else moment


def compute_instant(waiting: Waiting, last_due_at: datetime | None) -> datetime:
    """Return when what waits is told where it is told at once."""
    if last_due_at is not None and waiting.oldest_at <= last_due_at and waiting.oldest_since_at is None:
        return last_due_at + AGAIN_AFTER
    return min(waiting.newest_at + TOGETHER, (waiting.oldest_since_at or waiting.oldest_at) + AT_MOST)


def next_moment(after: datetime, times: Collection[str], zone: ZoneInfo) -> datetime:
    """Return the first of the day's times after an instant; ``times`` is not empty.

    A time that a day does not have, because clocks are put forward over it, comes as much later as they are put
    forward; one that a day has twice counts once, the first time.
    """
    return min(moment for moment in _around(after, times, zone) if moment > after)


def last_moment(at: datetime, times: Collection[str], zone: ZoneInfo) -> datetime:
    """Return the last of the day's times at or before an instant; ``times`` is not empty."""
    return max(moment for moment in _around(at, times, zone) if moment <= at)


def longest_wait(schedule: Schedule, now: datetime) -> timedelta:
    """Return how long anybody waits at most, these days, from what happened until the mail about it has left.

    That is from one moment to the next and until the mails of that one have left, which may be after quiet hours.
    Where clocks are put back, a day takes an hour longer.
    """
    if not schedule.times:
        begins = _around(now, [schedule.quiet_from], schedule.zone, _LATELY)
        return max(_left_by(schedule, at) - at for at in begins)
    moments = sorted(set(_around(now, schedule.times, schedule.zone, _LATELY)))
    return max(_left_by(schedule, then) - at for at, then in pairwise(moments))


def is_quiet(at: datetime, quiet_from: str, quiet_to: str, zone: ZoneInfo) -> bool:
    """Say whether an instant lies between two times of the day, the second exclusive. Equal times have none between."""
    if quiet_from == quiet_to:
        return False
    began = (last_moment(at, [quiet_from], zone), quiet_from)
    return began > (last_moment(at, [quiet_to], zone), quiet_to)


def quiet_ends(at: datetime, quiet_from: str, quiet_to: str, zone: ZoneInfo) -> datetime:
    """Return the end of the quiet hours an instant lies in, or the instant itself where it lies in none."""
    return next_moment(at, [quiet_to], zone) if is_quiet(at, quiet_from, quiet_to, zone) else at


def _left_by(schedule: Schedule, at: datetime) -> datetime:
    """Return when the mails that are made at a moment have left: what quiet hours cut off leaves after them."""
    left = at + LEFT_AFTER
    if not schedule.is_quiet(left):
        return left
    return quiet_ends(left, schedule.quiet_from, schedule.quiet_to, schedule.zone) + LEFT_AFTER


def _around(at: datetime, times: Collection[str], zone: ZoneInfo, shifts: Iterable[int] = (-1, 0, 1)) -> list[datetime]:
    """Return the moments of the day before, this day and the next one, or of the days so far away."""
    today = at.astimezone(zone).date()
    days = [today + timedelta(days=shift) for shift in shifts]
    clock = [time.fromisoformat(text) for text in times]
    return [datetime.combine(day, moment, zone).astimezone(UTC) for day in days for moment in clock]
