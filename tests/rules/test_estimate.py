"""What an import would come to, counted in memory: people, spend, tiers and what past orders would keep."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.engine.rules.estimate import Estimate, Summary, TierCount
from app.engine.rules.facts import (
    NO_DETAILS,
    CustomerFact,
    Details,
    DisputeFact,
    DisputeStatus,
    FinancialStatus,
    OrderFact,
    RefundLine,
)
from app.engine.rules.terms import Terms, Tier, TierMethod
from tests.rules.made import BIG, LADDER, day, make_line, make_order, make_refund, make_terms

BERLIN = ZoneInfo("Europe/Berlin")
ADA, BEN = CustomerFact(BIG + 7), CustomerFact(BIG + 8)
TERMS = make_terms(*LADDER)


def sold(minor: int, who: CustomerFact | None = ADA, on: int = 0, **changes: Any) -> OrderFact:
    """Return a paid order of one line in two units."""
    return make_order(make_line(1, minor, 2), customer=who, placed_at=day(on), **changes)


def count(*orders: OrderFact, terms: Terms = TERMS, is_past: bool = True, on: int = 20) -> Summary:
    estimate = Estimate(terms, BERLIN)
    for order in orders:
        estimate.add(order, NO_DETAILS, is_known=False, is_past=is_past)
    return estimate.sum_up(day(on))


def rewards(summary: Summary) -> tuple[int, int]:
    return summary.rewards, summary.granted_minor


def test_no_orders_come_to_nothing_and_every_tier_is_named() -> None:
    nothing = {"customers": 0, "spend_minor": 0}
    assert count().to_json() == {
        "currency": "USD",
        "orders": 0,
        "known": 0,
        "past": 0,
        "guests": 0,
        "customers": 0,
        "spend_minor": 0,
        "tiers": {"Bronze": nothing, "Silver": nothing, "Gold": nothing},
        "rewards": 0,
        "granted_minor": 0,
        "unreadable": 0,
    }


def test_customers_are_counted_once_and_by_the_tier_they_have_now() -> None:
    summary = count(sold(30_000), sold(30_000, on=1), sold(10_000, BEN))
    assert (summary.orders, summary.customers, summary.spend_minor) == (3, 2, 70_000)
    assert summary.tiers == {"Bronze": TierCount(1, 10_000), "Silver": TierCount(1, 60_000), "Gold": TierCount()}


def test_an_order_of_the_programmes_own_time_counts_for_tiers_and_is_no_reward_to_ask_for() -> None:
    summary = count(sold(60_000), is_past=False)
    assert (summary.past, rewards(summary)) == (0, (0, 0))
    assert summary.tiers["Silver"] == TierCount(1, 60_000)


def test_known_and_past_orders_and_unreadable_ones_are_counted_each_for_themselves() -> None:
    estimate = Estimate(TERMS, BERLIN)
    for is_known, is_past in ((True, False), (True, True), (False, True), (False, False), (True, False)):
        estimate.add(sold(10_000), NO_DETAILS, is_known=is_known, is_past=is_past)
    summary = estimate.sum_up(day(20), unreadable=4)
    assert (summary.orders, summary.known, summary.past, summary.unreadable) == (5, 3, 2, 4)
    assert rewards(summary) == (2, 400)


def test_guests_are_nobody_in_the_tiers_and_never_rise_however_much_they_all_buy() -> None:
    summary = count(sold(60_000, None), sold(10_000, None, on=1))
    assert (summary.guests, summary.customers, summary.spend_minor) == (2, 0, 70_000)
    assert all(tier == TierCount() for tier in summary.tiers.values())
    # Both at the 2 % of Bronze, in which whoever claims it later has begun.
    assert rewards(summary) == (2, 1_200 + 200)


@pytest.mark.parametrize("turn", list(permutations(range(4))))
def test_each_order_keeps_what_the_tier_of_its_day_gives_in_whatever_order_they_come(turn: tuple[int, ...]) -> None:
    orders = [sold(60_000), sold(90_000, on=1), sold(10_000, on=2), sold(10_000, BEN, on=2)]
    summary = count(*(orders[number] for number in turn))
    # Ada's 600.00 at 2 %, 900.00 at 4 %, 100.00 at 6 %; Ben's 100.00 at 2 %.
    assert rewards(summary) == (4, 1_200 + 3_600 + 600 + 200)
    assert summary.tiers["Gold"] == TierCount(1, 160_000)


def test_what_earns_nothing_at_any_tier_is_no_reward_but_its_customer_counts() -> None:
    card = make_order(make_line(1, 10_000, is_gift_card=True), customer=ADA)
    unpaid = sold(10_000, BEN, financial_status=FinancialStatus.PENDING)
    summary = count(card, unpaid)
    assert (summary.orders, summary.past, summary.customers, summary.spend_minor) == (2, 2, 2, 0)
    assert summary.tiers["Bronze"] == TierCount(2, 0)
    assert rewards(summary) == (0, 0)


def test_what_would_earn_only_at_a_higher_tier_is_no_reward_below_it() -> None:
    terms = make_terms(Tier("Everyone", 0, 0), Tier("Friends", 50_000, 500))
    assert rewards(count(sold(60_000), terms=terms)) == (0, 0)
    assert rewards(count(sold(60_000), sold(10_000, on=1), terms=terms)) == (1, 500)


def test_what_went_back_is_neither_spent_nor_kept() -> None:
    one_unit = make_refund(3, [RefundLine(1, 1, 30_000)], money_minor=30_000)
    half = sold(60_000, refunds=(one_unit,))
    summary = count(half, sold(10_000, on=1), sold(5_000, on=5))
    assert summary.spend_minor == 45_000
    assert summary.tiers["Bronze"] == TierCount(1, 45_000)
    # 300.00 are kept, at 2 %; 100.00 at 4 % before the refund, 50.00 at 2 % after it.
    assert rewards(summary) == (3, 600 + 400 + 100)


def test_an_order_that_went_back_whole_keeps_nothing_and_is_no_reward() -> None:
    both = make_refund(3, [RefundLine(1, 2, 60_000)], money_minor=60_000)
    summary = count(sold(60_000, refunds=(both,)))
    assert (summary.spend_minor, summary.customers, rewards(summary)) == (0, 1, (0, 0))
    assert summary.tiers["Bronze"] == TierCount(1, 0)


def test_a_lost_dispute_told_beside_the_order_takes_all_of_it() -> None:
    order, estimate = sold(60_000), Estimate(TERMS, BERLIN)
    lost = DisputeFact(1, order.order_id, DisputeStatus.LOST, day(2), day(4))
    estimate.add(order, Details(disputes=(lost,)), is_known=False, is_past=True)
    summary = estimate.sum_up(day(20))
    assert (summary.orders, summary.spend_minor, rewards(summary)) == (1, 0, (0, 0))


def test_spend_that_no_longer_counts_lifts_nobody_now_but_did_on_its_day() -> None:
    terms = make_terms(*LADDER, tier_method=TierMethod.ROLLING_YEAR)
    summary = count(sold(60_000), sold(10_000, on=1), terms=terms, on=500)
    assert summary.spend_minor == 70_000
    assert summary.tiers["Bronze"] == TierCount(1, 0)
    assert rewards(summary) == (2, 1_200 + 400)


@pytest.mark.parametrize(
    ("zone", "tier", "granted"), [(BERLIN, "Silver", 1_200 + 1_200), (ZoneInfo("UTC"), "Bronze", 1_200 + 2_400)]
)
def test_the_shops_own_midnight_says_in_which_year_an_order_counts(zone: ZoneInfo, tier: str, granted: int) -> None:
    estimate = Estimate(make_terms(*LADDER, tier_method=TierMethod.CALENDAR_YEAR), zone)
    # Half an hour before midnight in Berlin, and half an hour after it.
    for hour in (22, 23):
        order = replace(sold(60_000), placed_at=datetime(2026, 12, 31, hour, 30, tzinfo=UTC))
        estimate.add(order, NO_DETAILS, is_known=False, is_past=True)
    summary = estimate.sum_up(datetime(2027, 1, 5, tzinfo=UTC))
    assert (summary.tiers[tier].customers, rewards(summary)) == (1, (2, granted))
