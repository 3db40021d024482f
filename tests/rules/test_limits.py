"""What each periodic limit leaves for an order, in its customer's time line."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from app.engine.rules.limits import Ceiling, GrantEvent, LimitKind, compute_ceilings, limits_periodically
from app.engine.rules.terms import Cycle, Limits, Terms

from .made import make_terms

TOKYO = ZoneInfo("Asia/Tokyo")
#: Nine in the evening in Tokyo.
EVENING = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def terms(**limits: int | bool) -> Terms:
    return replace(make_terms(), limits=Limits(**limits))  # type: ignore[arg-type]  # amounts and a flag


def granted(order_id: int, minor: int, placed_at: datetime, at: datetime | None = None) -> GrantEvent:
    return GrantEvent(order_id, placed_at, at or placed_at, minor)


def left(limited: Terms, *events: GrantEvent, at: datetime = EVENING, order_id: int = 50) -> tuple[Ceiling, ...]:
    return compute_ceilings(limited, events, order_id=order_id, placed_at=at, takes_at=at, zone=TOKYO)


def test_without_limits_there_is_no_ceiling() -> None:
    assert left(terms(), granted(1, 500, EVENING - HOUR)) == ()
    assert left(terms(balance_minor=1, budget_minor=1)) == ()


def test_only_limits_per_customer_and_period_are_periodic() -> None:
    for name in ("day_minor", "cycle_minor", "month_minor", "lifetime_minor"):
        assert limits_periodically(terms(**{name: 1}))
    assert not limits_periodically(terms(balance_minor=1, budget_minor=1))
    kinds = {kind for kind in LimitKind if kind.is_periodic}
    assert kinds == {LimitKind.DAY, LimitKind.CYCLE, LimitKind.MONTH, LimitKind.LIFETIME}


def test_each_limit_says_what_it_leaves_and_where_its_counter_stands() -> None:
    limited = replace(
        terms(day_minor=500, cycle_minor=900, month_minor=1_000, lifetime_minor=5_000),
        cycle=Cycle(7, EVENING.date()),
    )
    events = (
        granted(1, 100, EVENING - HOUR),
        granted(2, 200, EVENING - timedelta(days=1)),
        granted(3, 400, EVENING - timedelta(days=60)),
    )
    assert left(limited, *events) == (
        Ceiling(LimitKind.DAY, 400, 500, 100),
        Ceiling(LimitKind.CYCLE, 800, 900, 100),
        Ceiling(LimitKind.MONTH, 700, 1_000, 300),
        Ceiling(LimitKind.LIFETIME, 4_300, 5_000, 700),
    )


def test_a_limit_that_is_used_up_leaves_nothing_and_never_less() -> None:
    (ceiling,) = left(terms(day_minor=500), granted(1, 700, EVENING - HOUR))
    assert (ceiling.ceiling_minor, ceiling.before_minor) == (0, 700)


def test_days_are_those_of_the_shop() -> None:
    before_midnight, after = EVENING + 2 * HOUR + timedelta(minutes=59), EVENING + 3 * HOUR
    event = granted(1, 300, before_midnight)
    assert left(terms(day_minor=500), event, at=after)[0].before_minor == 0
    assert left(terms(day_minor=500), event, at=after - timedelta(seconds=30))[0].before_minor == 300


def test_statement_periods_and_months_are_those_of_the_shop() -> None:
    march, april = datetime(2026, 3, 31, 14, tzinfo=UTC), datetime(2026, 3, 31, 16, tzinfo=UTC)
    limited = replace(terms(cycle_minor=500, month_minor=500), cycle=Cycle(7, date(2026, 4, 1)))
    assert [ceiling.before_minor for ceiling in left(limited, granted(1, 300, march), at=april)] == [0, 0]
    assert [ceiling.before_minor for ceiling in left(limited, granted(1, 300, april), at=april + HOUR)] == [300, 300]


def test_what_goes_back_makes_room_only_from_then_on_and_in_its_own_period() -> None:
    placed = EVENING - 5 * HOUR
    back = granted(1, -300, placed, at=EVENING - HOUR)
    events = (granted(1, 300, placed), back)
    assert left(terms(day_minor=500), *events, at=EVENING - 2 * HOUR)[0].before_minor == 300
    assert left(terms(day_minor=500), *events)[0].before_minor == 0
    late = granted(1, -300, placed, at=EVENING + timedelta(days=3))
    next_week = EVENING + timedelta(days=4)
    assert left(terms(day_minor=500), events[0], late, at=next_week)[0].before_minor == 0
    assert left(terms(month_minor=500), events[0], late, at=next_week)[0].before_minor == 0


def test_an_order_is_not_in_its_own_way() -> None:
    assert left(terms(day_minor=500), granted(50, 500, EVENING - HOUR))[0].before_minor == 0


def test_of_one_second_the_lower_id_comes_first() -> None:
    limited, same = terms(day_minor=500), (granted(49, 100, EVENING), granted(51, 200, EVENING))
    assert left(limited, *same)[0].before_minor == 100


def test_an_order_taken_later_finds_what_is_left_then_in_the_period_it_was_placed_in() -> None:
    limited, other = terms(day_minor=500), granted(1, 400, EVENING + HOUR)
    ceilings = compute_ceilings(
        limited, [other], order_id=50, placed_at=EVENING, takes_at=EVENING + timedelta(days=2), zone=TOKYO
    )
    assert ceilings == (Ceiling(LimitKind.DAY, 100, 500, 400),)
