"""What counts as spent, when, and which tier it reaches."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.engine.rules.facts import FinancialStatus, RefundLine, SpendEvent
from app.engine.rules.terms import Evaluation, TierMethod
from app.engine.rules.tiers import (
    Standing,
    compute_spend_events,
    compute_standing,
    next_tier,
    spend_in_force,
    tier_for,
)

from .made import BIG, LADDER, day, make_line, make_order, make_refund, make_terms


def amounts(order: Any, *refunds: Any) -> list[tuple[Any, int]]:
    return [(event.at, event.amount_minor) for event in compute_spend_events(order, refunds)]


@pytest.mark.parametrize(
    ("spend", "name", "following"),
    [(-1, "Bronze", "Bronze"), (0, "Bronze", "Silver"), (49_999, "Bronze", "Silver"), (50_000, "Silver", "Gold"),
     (149_999, "Silver", "Gold"), (150_000, "Gold", None), (10**12, "Gold", None)],
)  # fmt: skip
def test_a_tier_is_reached_exactly_at_its_threshold(spend: int, name: str, following: str | None) -> None:
    assert tier_for(spend, LADDER).name == name
    coming = next_tier(spend, LADDER)
    assert (coming.name if coming else None) == following


def test_tiers_are_found_in_any_order() -> None:
    assert tier_for(60_000, LADDER[::-1]).name == "Silver"
    assert tier_for(0, LADDER[::-1]).name == "Bronze"


def test_spend_at_the_very_moment_does_not_count_yet() -> None:
    events = compute_spend_events(make_order(), ())
    assert spend_in_force(events, TierMethod.LIFETIME, day(0), ZoneInfo("UTC")) == 0
    assert spend_in_force(events, TierMethod.LIFETIME, day(1), ZoneInfo("UTC")) == 8000


@pytest.mark.parametrize(
    "changes",
    [{"is_test": True}, *({"financial_status": s} for s in FinancialStatus if not s.was_paid)],
    ids=str,
)
def test_test_orders_and_unpaid_ones_are_no_spend(changes: dict[str, Any]) -> None:
    assert compute_spend_events(make_order(**changes), (make_refund(1, money_minor=100),)) == ()


def test_gift_cards_are_no_spend_and_excluded_goods_are() -> None:
    order = make_order(make_line(1, 8000, product_id=4), make_line(2, 5000, is_gift_card=True))
    assert amounts(order) == [(day(0), 8000)]


def test_units_taken_out_by_an_edit_were_never_spent() -> None:
    assert amounts(make_order(make_line(1, 9000, quantity=3, removed_quantity=1))) == [(day(0), 6000)]


def test_returns_count_off_when_they_happen_and_close_to_zero() -> None:
    order = make_order(make_line(1, 100, quantity=3))
    refunds = [make_refund(n, [RefundLine(1, 1, 33)], money_minor=33) for n in (1, 2, 3)]
    assert amounts(order, *refunds[::-1]) == [(day(0), 100), (day(1), -33), (day(2), -34), (day(3), -33)]


def test_money_paid_back_beyond_the_goods_counts_off() -> None:
    assert amounts(make_order(), make_refund(2, money_minor=1000)) == [(day(0), 8000), (day(2), -1000)]


def test_shipping_paid_back_changes_nothing() -> None:
    assert amounts(make_order(), make_refund(1, money_minor=500, shipping_minor=500)) == [(day(0), 8000)]


def test_a_refund_dated_before_its_order_counts_when_the_order_does() -> None:
    order = make_order(placed_at=day(5))
    refund = make_refund(1, [RefundLine(1, 1, 8000)], money_minor=8000)
    assert amounts(order, refund) == [(day(5), 8000), (day(5), -8000)]


def test_cancelling_takes_the_rest_and_later_refunds_nothing_more() -> None:
    order = make_order(make_line(1, 9000, quantity=3), cancelled_at=day(2))
    refunds = [make_refund(n, [RefundLine(1, 1, 3000)], money_minor=3000) for n in (1, 3)]
    assert amounts(order, *refunds) == [(day(0), 9000), (day(1), -3000), (day(2), -6000)]


def test_a_cancellation_dated_before_its_order_counts_when_the_order_does() -> None:
    order = make_order(placed_at=day(5), cancelled_at=day(4))
    assert amounts(order) == [(day(5), 8000), (day(5), -8000)]


def test_an_order_of_the_first_second_that_counts_is_spend_and_one_of_the_second_before_is_not() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for method, first in (
        (TierMethod.CALENDAR_YEAR, datetime(2025, 12, 31, 23, tzinfo=UTC)),
        (TierMethod.ROLLING_YEAR, datetime(2025, 2, 28, 23, tzinfo=UTC)),
    ):
        for placed_at, spend in ((first, 8000), (first - timedelta(seconds=1), 0)):
            events = compute_spend_events(make_order(placed_at=placed_at), ())
            assert spend_in_force(events, method, day(0), berlin) == spend


def test_a_change_of_spend_names_its_order_and_when_it_was_placed() -> None:
    events = compute_spend_events(make_order(), (make_refund(2, money_minor=1000),))
    assert {(event.order_id, event.placed_at) for event in events} == {(BIG + 1, day(0))}
    assert len(events) == 2


def test_an_order_of_the_shops_new_years_night_counts_to_the_end_of_that_year() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    terms = make_terms(
        *LADDER,
        tier_method=TierMethod.CALENDAR_YEAR,
        tier_evaluation=Evaluation.MONTHLY,
        tier_grace_days=300,
    )
    new_years_night, june = datetime(2025, 12, 31, 23, 30, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    events = [SpendEvent(new_years_night, 30_000, 1, new_years_night), SpendEvent(june, 25_000, 2, june)]
    later = datetime(2027, 1, 15, tzinfo=UTC)
    assert compute_standing(events, terms, later, berlin) == Standing(LADDER[1], 0)
    assert compute_standing(events[1:], terms, later, berlin) == Standing(LADDER[0], 0)
