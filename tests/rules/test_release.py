"""When a reward that nothing stops becomes the customer's."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.rules.release import compute_release_at, is_due
from app.engine.rules.terms import Release, ReleaseKind

from .made import make_order

YORK = ZoneInfo("America/New_York")
TOKYO = ZoneInfo("Asia/Tokyo")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def released(release: Release, placed: str, fulfilled: str | None = None, zone: ZoneInfo = YORK) -> datetime | None:
    order = make_order(placed_at=at(placed), fulfilled_at=None if fulfilled is None else at(fulfilled))
    return compute_release_at(order, release, zone)


def test_at_once_is_the_moment_of_the_order() -> None:
    assert released(Release(), "2026-03-01T09:00") == at("2026-03-01T09:00")


@pytest.mark.parametrize(
    ("placed", "due"),
    [
        ("2026-01-10T15:00", "2026-01-25T05:00"),
        # Ten in the evening of the 9th in New York.
        ("2026-01-10T03:00", "2026-01-24T05:00"),
        # The clocks go forward on the 8th of March.
        ("2026-03-01T15:00", "2026-03-16T04:00"),
    ],
)
def test_days_are_whole_days_of_the_shop(placed: str, due: str) -> None:
    assert released(Release(ReleaseKind.DAYS_AFTER_PAID, 14), placed) == at(due)


def test_no_days_end_with_the_day_itself() -> None:
    assert released(Release(ReleaseKind.DAYS_AFTER_PAID, 0), "2026-01-10T15:00") == at("2026-01-11T05:00")


def test_what_waits_for_the_fulfilment_has_no_date_before_it() -> None:
    rule = Release(ReleaseKind.DAYS_AFTER_FULFILLED, 3)
    assert released(rule, "2026-01-10T15:00") is None
    assert released(rule, "2026-01-10T15:00", "2026-01-20T15:00") == at("2026-01-24T05:00")
    # Ten in the evening of the 19th in New York.
    assert released(rule, "2026-01-10T15:00", "2026-01-20T03:00") == at("2026-01-23T05:00")


@pytest.mark.parametrize(
    ("number", "placed", "due"),
    [
        (0, "2026-01-31T15:00", "2026-02-01T05:00"),
        (1, "2026-01-31T15:00", "2026-03-01T05:00"),
        (2, "2026-11-15T15:00", "2027-02-01T05:00"),
        # Still January in New York.
        (0, "2026-02-01T03:00", "2026-02-01T05:00"),
    ],
)
def test_a_month_ends_in_the_shops_time_zone(number: int, placed: str, due: str) -> None:
    assert released(Release(ReleaseKind.MONTH_END, number), placed) == at(due)


def test_a_date_is_its_midnight_and_never_before_the_order() -> None:
    rule = Release(ReleaseKind.ON_DATE, on=date(2026, 12, 24))
    assert released(rule, "2026-03-01T09:00", zone=TOKYO) == at("2026-12-23T15:00")
    assert released(rule, "2027-03-01T09:00", zone=TOKYO) == at("2027-03-01T09:00")


def test_a_date_that_is_missing_is_no_date() -> None:
    assert released(Release(ReleaseKind.ON_DATE), "2026-03-01T09:00") == at("2026-03-01T09:00")


@given(
    st.integers(0, 15 * 366 * 86_400).map(lambda n: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=n)),
    st.integers(0, 400),
    st.sampled_from([YORK, TOKYO, ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")]),
)
def test_days_are_never_shorter_than_promised_and_at_most_a_day_longer(
    placed: datetime, days: int, zone: ZoneInfo
) -> None:
    due = compute_release_at(make_order(placed_at=placed), Release(ReleaseKind.DAYS_AFTER_PAID, days), zone)
    assert due is not None
    # An hour of slack for the days on which the clocks change.
    assert timedelta(days=days) - timedelta(hours=1) < due - placed <= timedelta(days=days + 1, hours=1)


def test_a_reward_is_due_from_the_very_instant_on_and_never_while_that_is_unknown() -> None:
    later, noon = Release(ReleaseKind.DAYS_AFTER_PAID, 3), at("2026-03-01T12:00")
    assert is_due(noon, later, noon)
    assert not is_due(noon, later, noon - timedelta(microseconds=1))
    assert not is_due(None, later, noon)


def test_what_settles_at_once_is_due_though_our_clock_be_slow() -> None:
    noon = at("2026-03-01T12:00")
    assert is_due(noon, Release(), noon - timedelta(minutes=5))
