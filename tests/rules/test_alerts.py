"""When the merchant is told that something is wrong, how long an address is tried, and what day is summed up."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.engine.rules.alerts import TRIED_FOR, day_to_sum_up, is_worth_telling, retry_at

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def ago(**span: int) -> datetime:
    return NOW - timedelta(**span)


@pytest.mark.parametrize(
    ("began_at", "gone_at", "told_before", "is_told"),
    [
        (ago(seconds=59), None, None, False),
        (ago(seconds=60), None, None, True),
        (ago(hours=9), ago(seconds=30), None, False),
        (ago(seconds=60), None, ago(hours=5, minutes=59), False),
        (ago(seconds=60), None, ago(hours=6), True),
    ],
)
def test_what_lasts_a_minute_is_told_once_in_six_hours(
    began_at: datetime, gone_at: datetime | None, told_before: datetime | None, is_told: bool
) -> None:
    assert is_worth_telling(began_at, gone_at, told_before, NOW) is is_told


def test_an_address_is_tried_with_growing_waits_for_a_day() -> None:
    waits, now = [], NOW
    while (again := retry_at(NOW, len(waits) + 1, now)) is not None:
        waits.append((again - now) // timedelta(seconds=1))
        now = again
    assert waits[:8] == [30, 60, 120, 240, 480, 960, 1_920, 3_600]
    assert set(waits[8:]) == {3_600}
    assert timedelta(hours=23) < now - NOW <= TRIED_FOR


@pytest.mark.parametrize(
    ("time", "summed_up", "now", "day"),
    [
        ("", None, NOW, None),
        ("13:01", None, NOW, None),
        ("13:00", None, NOW, date(2026, 2, 28)),
        ("08:00", date(2026, 2, 28), NOW, None),
        # Three days nobody was there: only the last of them.
        ("08:00", date(2026, 2, 24), NOW, date(2026, 2, 28)),
        # Whoever moves east of the date line by a change of the time zone hears of no day twice.
        ("08:00", date(2026, 3, 1), NOW, None),
        # 8:00 is 7:00 in UTC before the last Sunday of March, and 6:00 on it.
        ("08:00", date(2026, 3, 26), datetime(2026, 3, 28, 6, 59, 59, tzinfo=UTC), None),
        ("08:00", date(2026, 3, 26), datetime(2026, 3, 28, 7, 0, tzinfo=UTC), date(2026, 3, 27)),
        ("08:00", date(2026, 3, 27), datetime(2026, 3, 29, 5, 59, 59, tzinfo=UTC), None),
        ("08:00", date(2026, 3, 27), datetime(2026, 3, 29, 6, 0, tzinfo=UTC), date(2026, 3, 28)),
        # 2:30 does not exist on that day; 3:00 comes right after 1:59.
        ("02:30", date(2026, 3, 27), datetime(2026, 3, 29, 0, 59, tzinfo=UTC), None),
        ("02:30", date(2026, 3, 27), datetime(2026, 3, 29, 1, 0, tzinfo=UTC), date(2026, 3, 28)),
        # 2:30 comes twice on the last Sunday of October.
        ("02:30", date(2026, 10, 23), datetime(2026, 10, 25, 0, 30, tzinfo=UTC), date(2026, 10, 24)),
        ("02:30", date(2026, 10, 24), datetime(2026, 10, 25, 1, 30, tzinfo=UTC), None),
    ],
)
def test_yesterday_is_summed_up_once_when_the_shops_clock_says_so(
    time: str, summed_up: date | None, now: datetime, day: date | None
) -> None:
    assert day_to_sum_up(time, BERLIN, summed_up, now) == day
