"""Days, months, years and statement periods in the shop's time zone, also where the clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.rules.periods import (
    ALWAYS,
    Period,
    add_months,
    cycle_of,
    day_of,
    last_evaluation,
    midnight,
    month_of,
    year_of,
)
from app.engine.rules.terms import Cycle, Evaluation

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from([ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo")])
#: Any second of fifteen years.
INSTANTS = st.integers(0, 15 * 366 * 86_400).map(lambda n: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=n))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_day_begins_at_the_shops_midnight() -> None:
    assert midnight(date(2026, 7, 1), BERLIN) == at("2026-06-30T22:00")
    assert day_of(at("2026-06-30T22:00"), BERLIN) == Period(at("2026-06-30T22:00"), at("2026-07-01T22:00"))
    assert day_of(at("2026-06-30T21:59"), BERLIN).end == at("2026-06-30T22:00")
    assert midnight(date(2026, 7, 1), BERLIN).tzinfo is UTC


@pytest.mark.parametrize(
    ("on", "hours"), [("2026-03-29T12:00", 23), ("2026-10-25T12:00", 25), ("2026-05-01T12:00", 24)]
)
def test_a_day_on_which_the_clocks_change_is_shorter_or_longer(on: str, hours: int) -> None:
    day = day_of(at(on), BERLIN)
    assert day.end - day.start == timedelta(hours=hours)


def test_a_month_and_a_year_begin_with_the_shops_first_day() -> None:
    assert month_of(at("2026-12-31T23:30"), BERLIN) == Period(at("2026-12-31T23:00"), at("2027-01-31T23:00"))
    assert month_of(at("2028-02-29T12:00"), BERLIN).end == at("2028-02-29T23:00")
    assert year_of(at("2026-12-31T22:59"), BERLIN) == Period(at("2025-12-31T23:00"), at("2026-12-31T23:00"))
    assert year_of(at("2026-12-31T23:00"), BERLIN).start == at("2026-12-31T23:00")


@pytest.mark.parametrize(
    ("day", "months", "first"),
    [
        (date(2026, 1, 31), 0, date(2026, 1, 1)),
        (date(2026, 1, 31), 1, date(2026, 2, 1)),
        (date(2026, 12, 1), 1, date(2027, 1, 1)),
        (date(2026, 11, 30), 14, date(2028, 1, 1)),
        (date(2026, 1, 15), -1, date(2025, 12, 1)),
    ],
)
def test_months_are_counted_from_first_day_to_first_day(day: date, months: int, first: date) -> None:
    assert add_months(day, months) == first


def test_a_statement_period_without_days_is_the_month() -> None:
    moment = at("2026-05-20T12:00")
    assert cycle_of(moment, Cycle(), BERLIN) == month_of(moment, BERLIN)


@pytest.mark.parametrize(
    ("on", "start"),
    [
        ("2026-01-05", "2026-01-05"),
        ("2026-01-18", "2026-01-05"),
        ("2026-01-19", "2026-01-19"),
        ("2026-01-04", "2025-12-22"),
    ],
)
def test_a_statement_period_of_days_is_counted_from_its_first_day_both_ways(on: str, start: str) -> None:
    period = cycle_of(at(f"{on}T12:00"), Cycle(14, date(2026, 1, 5)), BERLIN)
    first = date.fromisoformat(start)
    assert period == Period(midnight(first, BERLIN), midnight(first + timedelta(days=14), BERLIN))


def test_a_statement_period_that_names_no_first_day_is_counted_from_the_new_year_of_2026() -> None:
    assert cycle_of(at("2026-01-06T12:00"), Cycle(7), BERLIN).start == midnight(date(2026, 1, 1), BERLIN)


def test_always_holds_every_instant_and_nothing_else() -> None:
    assert at("2026-01-01T00:00") in ALWAYS
    assert date(2026, 1, 1) not in ALWAYS


@given(INSTANTS, ZONES, st.integers(1, 90))
def test_every_instant_lies_in_exactly_one_period_of_each_kind(moment: datetime, zone: ZoneInfo, days: int) -> None:
    def periods(when: datetime) -> list[Period]:
        cycle = Cycle(days, date(2026, 1, 1))
        return [day_of(when, zone), month_of(when, zone), year_of(when, zone), cycle_of(when, cycle, zone)]

    for number, period in enumerate(periods(moment)):
        assert moment in period
        assert period.end not in period
        assert periods(period.end)[number].start == period.end


@pytest.mark.parametrize(
    ("evaluation", "newest"),
    [
        (Evaluation.DAILY, "2026-05-19T22:00"),
        # The Sunday before that Wednesday.
        (Evaluation.WEEKLY, "2026-05-16T22:00"),
        (Evaluation.MONTHLY, "2026-04-30T22:00"),
        (Evaluation.QUARTERLY, "2026-03-31T22:00"),
        (Evaluation.ALWAYS, None),
        (Evaluation.ON_DEMAND, None),
    ],
)
def test_the_newest_evaluation_is_the_beginning_of_its_period(evaluation: Evaluation, newest: str | None) -> None:
    expected = None if newest is None else at(newest)
    assert last_evaluation(at("2026-05-20T12:00"), evaluation, BERLIN) == expected


def test_a_week_that_begins_today_is_this_one() -> None:
    assert last_evaluation(at("2026-05-17T12:00"), Evaluation.WEEKLY, BERLIN) == at("2026-05-16T22:00")
