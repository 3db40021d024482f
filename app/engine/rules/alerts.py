"""When the merchant is told that something is wrong, and what day's summary is due."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

#: What lasts shorter is no news: a restart, one slow answer.
TELL_AFTER = timedelta(seconds=60)
#: What is seen again within this was never gone.
GONE_FOR = timedelta(minutes=2)
#: The same cause again within this is not told anew; it is counted in what is told next.
SAME_WITHIN = timedelta(hours=6)
#: The first try again comes after this, each next one after twice as long, and none after the last.
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)
TRIED_FOR = timedelta(days=1)
#: A summary waits so long for its day to be counted to the end; then it says that more is to come.
COUNTED_WITHIN = timedelta(hours=2)


class AlertEvent(StrEnum):
    """What the merchant's own address is told."""

    OPENED = "incident.opened"
    ENDED = "incident.ended"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class Sighting:
    """A cause as it is seen now: in a word that stays, and in sentences of the merchant's language."""

    cause: str
    what: str
    advice: str
    #: Where in the admin it is seen and mended.
    room: str | None = None


def is_worth_telling(began_at: datetime, gone_at: datetime | None, told_before: datetime | None, now: datetime) -> bool:
    """Return whether an incident nobody was told of is to be told now.

    ``told_before`` is when the merchant was last told of an earlier one of the same cause.
    """
    if gone_at is not None or now - began_at < TELL_AFTER:
        return False
    return told_before is None or now - told_before >= SAME_WITHIN


def retry_at(created_at: datetime, attempts: int, now: datetime) -> datetime | None:
    """Return when to try again after so many attempts in vain; None once it was tried for long enough."""
    wait = min(FIRST_RETRY * 2 ** min(attempts - 1, 16), LONGEST_RETRY)
    return now + wait if now + wait - created_at <= TRIED_FOR else None


def day_to_sum_up(summary_time: str, zone: ZoneInfo, summed_up: date | None, now: datetime) -> date | None:
    """Return the day whose summary is due: yesterday once the shop's clock has passed the time, and only once.

    ``summary_time`` is ``HH:MM``, empty for never. Days that nobody was there for are not made good: only the last is.
    """
    if not summary_time:
        return None
    local = now.astimezone(zone)
    yesterday = local.date() - timedelta(days=1)
    if local.time() < time.fromisoformat(summary_time) or (summed_up is not None and summed_up >= yesterday):
        return None
    return yesterday


def patience_ends(summary_time: str, zone: ZoneInfo, on_day: date) -> datetime:
    """Return until when a day's summary waits for figures that are not complete yet."""
    due = datetime.combine(on_day + timedelta(days=1), time.fromisoformat(summary_time), zone)
    return due.astimezone(UTC) + COUNTED_WITHIN
