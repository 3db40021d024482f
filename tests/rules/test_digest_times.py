"""Digest times and quiet hours, on days of 23 and 25 hours, too."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.rules.digest_times import (
    AGAIN_AFTER,
    Schedule,
    Waiting,
    find_due_run,
    is_quiet,
    last_moment,
    longest_wait,
    next_moment,
    quiet_ends,
)

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    BERLIN,
    ZoneInfo("America/New_York"),
    ZoneInfo("Australia/Lord_Howe"),
    ZoneInfo("Asia/Kathmandu"),
    ZoneInfo("UTC"),
]
TIMES = ("09:00", "13:00", "18:00")
DAY = timedelta(days=1)
CLOCKS = st.times().map(lambda moment: f"{moment:%H:%M}")
START = datetime(2026, 1, 1, tzinfo=UTC)
INSTANTS = st.timedeltas(timedelta(), 2 * 365 * DAY).map(lambda since: START + since)


def at(text: str) -> datetime:
    """Return an instant that is written as the clocks of Berlin show it; with a star, the second time they do."""
    fold = text.endswith("*")
    return datetime.fromisoformat(text.rstrip("*")).replace(tzinfo=BERLIN, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("after", "following"),
    [
        ("2026-03-10 08:59", "2026-03-10 09:00"),
        ("2026-03-10 09:00", "2026-03-10 13:00"),
        ("2026-03-10 18:00", "2026-03-11 09:00"),
        # Clocks were put forward in the night: the next morning is an hour nearer.
        ("2026-03-28 18:00", "2026-03-29 09:00"),
        ("2026-10-24 18:00", "2026-10-25 09:00"),
        ("2026-12-31 23:59", "2027-01-01 09:00"),
    ],
)
def test_the_next_moment_is_one_of_the_shops_day(after: str, following: str) -> None:
    assert next_moment(at(after), TIMES, BERLIN) == at(following)


def test_a_time_that_a_day_does_not_have_comes_as_much_later_as_clocks_are_put_forward() -> None:
    assert next_moment(at("2026-03-29 00:00"), ["02:30"], BERLIN) == at("2026-03-29 03:30")
    assert next_moment(at("2026-03-29 03:30"), ["02:30"], BERLIN) == at("2026-03-30 02:30")


def test_a_time_that_a_day_has_twice_counts_once() -> None:
    first = next_moment(at("2026-10-25 00:00"), ["02:30"], BERLIN)
    assert first == at("2026-10-25 02:30")
    assert next_moment(first, ["02:30"], BERLIN) == at("2026-10-26 02:30")


@given(INSTANTS, st.lists(CLOCKS, min_size=1, max_size=5), st.sampled_from(ZONES))
def test_no_moment_lies_between_the_last_one_and_the_next(moment: datetime, times: list[str], zone: ZoneInfo) -> None:
    before, after = last_moment(moment, times, zone), next_moment(moment, times, zone)
    assert before <= moment < after <= moment + DAY + timedelta(hours=1)
    assert next_moment(before, times, zone) == after
    assert last_moment(after, times, zone) == after


@pytest.mark.parametrize(
    ("moment", "begin", "end", "free"),
    [
        ("2026-03-10 20:59", "21:00", "08:00", "2026-03-10 20:59"),
        ("2026-03-10 21:00", "21:00", "08:00", "2026-03-11 08:00"),
        ("2026-03-11 07:59", "21:00", "08:00", "2026-03-11 08:00"),
        ("2026-03-11 08:00", "21:00", "08:00", "2026-03-11 08:00"),
        ("2026-03-11 12:30", "12:00", "14:00", "2026-03-11 14:00"),
        ("2026-03-11 14:00", "12:00", "14:00", "2026-03-11 14:00"),
        ("2026-03-11 12:30", "12:00", "12:00", "2026-03-11 12:30"),
        # They end at a time that this night does not have, and at one that it has twice.
        ("2026-03-29 00:30", "21:00", "02:30", "2026-03-29 03:30"),
        ("2026-10-25 02:10", "21:00", "02:30", "2026-10-25 02:30"),
        ("2026-10-25 02:10*", "21:00", "02:30", "2026-10-25 02:10*"),
        # They last from one end to the other although both fall on one moment, or they do not last at all.
        ("2026-03-29 12:00", "03:30", "02:30", "2026-03-30 02:30"),
        ("2026-03-29 03:30", "02:30", "03:30", "2026-03-29 03:30"),
    ],
)
def test_quiet_hours_last_until_their_end(moment: str, begin: str, end: str, free: str) -> None:
    assert quiet_ends(at(moment), begin, end, BERLIN) == at(free)
    assert is_quiet(at(moment), begin, end, BERLIN) == (moment != free)


@given(INSTANTS, CLOCKS, CLOCKS, st.sampled_from(ZONES))
def test_quiet_hours_always_end_and_it_is_not_quiet_then(
    moment: datetime, begin: str, end: str, zone: ZoneInfo
) -> None:
    free = quiet_ends(moment, begin, end, zone)
    assert moment <= free <= moment + DAY + timedelta(hours=1)
    if is_quiet(moment, begin, end, zone):
        assert free > moment
        assert is_quiet(free - timedelta(microseconds=1), begin, end, zone)
    else:
        assert free == moment


def schedule(*times: str, quiet: tuple[str, str] = ("21:00", "08:00")) -> Schedule:
    return Schedule(times, *quiet, BERLIN)


def waiting(oldest: str, newest: str, since: str | None = None) -> Waiting:
    return Waiting(at(oldest), at(newest), None if since is None else at(since))


def due(when: Schedule, what: Waiting, now: str, last: str | None = None) -> datetime | None:
    return find_due_run(when, what, None if last is None else at(last), at(now))


def test_a_run_is_due_at_a_digest_time_once_if_something_was_written_before() -> None:
    what = waiting("2026-03-10 08:00", "2026-03-10 09:30")
    assert due(schedule(*TIMES), what, "2026-03-10 08:59") is None
    assert due(schedule(*TIMES), what, "2026-03-10 09:00") == at("2026-03-10 09:00")
    assert due(schedule(*TIMES), what, "2026-03-10 12:00", last="2026-03-10 09:00") is None
    assert due(schedule(*TIMES), what, "2026-03-10 13:00", last="2026-03-10 09:00") == at("2026-03-10 13:00")


def test_what_was_written_after_the_digest_time_waits_for_the_next() -> None:
    what = waiting("2026-03-10 09:01", "2026-03-10 09:30")
    assert due(schedule(*TIMES), what, "2026-03-10 09:31") is None
    assert due(schedule(*TIMES), what, "2026-03-10 13:00") == at("2026-03-10 13:00")


def test_times_that_were_missed_are_made_up_for_once() -> None:
    what = waiting("2026-03-08 12:00", "2026-03-10 17:00")
    assert due(schedule(*TIMES), what, "2026-03-10 17:30", last="2026-03-08 09:00") == at("2026-03-10 13:00")
    assert due(schedule(*TIMES), what, "2026-03-10 17:31", last="2026-03-10 13:00") is None


def test_nothing_begins_in_quiet_hours_also_what_was_missed() -> None:
    what = waiting("2026-03-10 12:00", "2026-03-10 12:00")
    assert due(schedule(*TIMES), what, "2026-03-10 22:00") is None
    assert due(schedule(*TIMES), what, "2026-03-11 08:00") == at("2026-03-10 18:00")
    assert due(schedule(), what, "2026-03-11 07:59") is None
    assert due(schedule(), what, "2026-03-11 08:00") == at("2026-03-11 08:00")


def test_told_at_once_means_a_short_while_after_the_newest_and_a_minute_after_the_oldest() -> None:
    alone = waiting("2026-03-10 12:00:00", "2026-03-10 12:00:00", since="2026-03-10 12:00:00")
    assert due(schedule(), alone, "2026-03-10 12:00:19") is None
    assert due(schedule(), alone, "2026-03-10 12:00:20") == at("2026-03-10 12:00:20")
    row = waiting("2026-03-10 12:00:00", "2026-03-10 12:00:50", since="2026-03-10 12:00:00")
    assert due(schedule(), row, "2026-03-10 12:00:59", last="2026-03-10 11:00") is None
    assert due(schedule(), row, "2026-03-10 12:01:00", last="2026-03-10 11:00") == at("2026-03-10 12:01:00")


def test_what_a_run_at_once_had_to_leave_is_looked_at_later_or_with_what_is_new() -> None:
    left = waiting("2026-03-10 11:59", "2026-03-10 11:59")
    last = "2026-03-10 12:00"
    assert due(schedule(), left, "2026-03-10 12:09", last) is None
    later = at(last) + AGAIN_AFTER
    assert find_due_run(schedule(), left, at(last), later) == later
    more = waiting("2026-03-10 11:59", "2026-03-10 12:03", since="2026-03-10 12:03")
    assert due(schedule(), more, "2026-03-10 12:03:20", last) == at("2026-03-10 12:03:20")


NIGHT = ("21:00", "08:00")
NEVER = ("00:00", "00:00")


@pytest.mark.parametrize(
    ("times", "quiet", "now", "hours"),
    [
        # From 18:00 to 09:00, and two hours for the mails to leave.
        (TIMES, NIGHT, "2026-06-10 12:00", 17),
        (TIMES, NEVER, "2026-06-10 12:00", 17),
        # The night in which clocks are put back has an hour more, and is looked at until what was told then is old.
        (TIMES, NIGHT, "2026-10-23 08:59", 17),
        (TIMES, NIGHT, "2026-10-25 08:59", 18),
        (TIMES, NIGHT, "2026-10-26 22:00", 18),
        (TIMES, NIGHT, "2026-10-29 08:59", 17),
        # In the other one a day is as long as the others around it.
        (("09:00",), NIGHT, "2026-03-29 12:00", 26),
        (("09:00",), NIGHT, "2026-06-10 12:00", 26),
        (("09:00",), NIGHT, "2026-10-25 12:00", 27),
        # What quiet hours cut off leaves after them.
        (("20:30",), NIGHT, "2026-06-10 12:00", 37.5),
        (("20:30",), NIGHT, "2026-10-25 12:00", 38.5),
        (("20:30",), NEVER, "2026-06-10 12:00", 26),
        # At once: as long as the night, or as the mails take to leave.
        ((), NIGHT, "2026-06-10 12:00", 13),
        ((), NIGHT, "2026-10-25 12:00", 14),
        ((), NEVER, "2026-06-10 12:00", 2),
    ],
)
def test_how_long_anybody_waits_to_be_told(
    times: tuple[str, ...], quiet: tuple[str, str], now: str, hours: float
) -> None:
    assert longest_wait(Schedule(times, *quiet, BERLIN), at(now)) == timedelta(hours=hours)


@given(
    zone=st.sampled_from(ZONES), times=st.lists(CLOCKS, min_size=1, max_size=4, unique=True).map(tuple), now=INSTANTS
)
def test_nobody_waits_longer_for_a_digest_than_is_said(zone: ZoneInfo, times: tuple[str, ...], now: datetime) -> None:
    schedule = Schedule(times, *NEVER, zone)
    wait = longest_wait(schedule, now)
    for hours in range(-48, 1, 7):
        written = now + timedelta(hours=hours)
        assert next_moment(written, times, zone) - written < wait
