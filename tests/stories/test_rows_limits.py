"""B2: limits per day, statement period, month, life and balance, and a budget: what exceeds is cut and recorded."""

from datetime import date
from typing import Any

import pytest

from app.engine.rules.facts import OrderFact
from app.engine.rules.terms import Cycle, Limits, Tier
from tests.flows.builders import ADA, BEN, day, line, order, refund_of
from tests.flows.shopify_account import Shopify
from tests.stories.rows import CID, Life, shop

__all__ = ["shop"]

TENTH = (Tier("Everyone", 0, 1_000),)


def tell(shop: Life, number: int, minor: int, on: int, **changes: Any) -> OrderFact:
    """Tell an order on the day it is placed, that would earn so much."""
    fact = order(number, line(number, minor * 10), on=on, **changes)
    shop.tell(fact, on=on)
    return fact


def cut(shop: Life, fact: OrderFact) -> tuple[int, int, str | None]:
    """Return what an order's reward was calculated and granted, and what cut it."""
    row = shop.row(fact)
    cuts = [step["limit"] for step in row.steps if step["kind"] == "limit_cut"]
    return row.calculated_minor, row.granted_minor, cuts[-1] if cuts else None


def test_b2_with_198_there_and_3_calculated_and_at_most_200_exactly_2_are_granted(shop: Life) -> None:
    shop.publish(on=-1, tiers=TENTH, limits=Limits(balance_minor=20_000))
    shopify = Shopify(shop)
    first, second = tell(shop, 1, 19_800, on=0), tell(shop, 2, 300, on=10)
    assert (cut(shop, first), cut(shop, second)) == ((19_800, 19_800, None), (300, 200, "balance"))
    assert shop.balances() == (0, 20_000, 0)
    assert shop.says(second)[-1] == (
        "At most 200.00 USD of cashback at a time, and 198.00 USD was there: 3.00 USD was cut to 2.00 USD."
    )
    assert shop.row(second).ceilings == [
        {"kind": "balance", "ceiling_minor": 200, "limit_minor": 20_000, "before_minor": 19_800}
    ]
    # Nothing more fits until she spends; then it does. What was cut stays cut.
    third = tell(shop, 3, 300, on=20)
    assert (cut(shop, third), shop.reward(third).why_nothing) == ((300, 0, "balance"), "limit_reached")
    shopify.carry_out(day(30))
    shopify.ada.redeem(5_000, day(31))
    shopify.hear(day(32))
    fourth = tell(shop, 4, 300, on=40)
    assert ([shop.kept(fact) for fact in (second, third, fourth)], shop.balances()) == ([200, 0, 300], (0, 15_300, 0))


def test_b2_a_quarter_within_limits_per_day_month_and_life(shop: Life) -> None:
    limits = Limits(day_minor=500, month_minor=1_200, lifetime_minor=2_000)
    shop.publish(on=-1, tiers=TENTH, limits=limits)
    # March: 3.00 and 4.00 on one day, of which 2.00 still fit; 4.00 on the next; 6.00, of which the month leaves 3.00.
    first = tell(shop, 1, 300, on=0)
    second = tell(shop, 2, 400, on=0, placed_at=day(0, 3_600))
    third, fourth = tell(shop, 3, 400, on=1), tell(shop, 4, 600, on=2)
    assert [cut(shop, fact) for fact in (first, second, third, fourth)] == [
        (300, 300, None), (400, 200, "day"), (400, 400, None), (600, 300, "month"),
    ]  # fmt: skip
    # The first goes back and makes room of 3.00 in March, for orders from then on.
    shop.pay_back(refund_of(first, units=1, on=10), on=10)
    fifth = tell(shop, 5, 800, on=20)
    assert (cut(shop, fifth), shop.balances()) == ((800, 300, "month"), (0, 1_200, 0))
    # April: 12.00 of a life's 20.00 are taken, so of 5.00 and 5.00 and 5.00 the last is cut to nothing.
    april = [tell(shop, 6 + n, 500, on=31 + n) for n in range(3)]
    assert [cut(shop, fact) for fact in april] == [(500, 500, None), (500, 300, "lifetime"), (500, 0, "lifetime")]
    assert shop.balances() == (0, 2_000, 0)
    # An order of 1 March that is heard of in May takes its room before the others: they are cut instead.
    late = order(20, line(20, 5_000), on=0, placed_at=day(0, -3_600))
    shop.tell(late, on=70)
    assert cut(shop, late) == (500, 500, None)
    assert shop.balances()[1] == 2_000


def test_b2_a_statement_period_of_two_weeks_has_its_own_limit(shop: Life) -> None:
    shop.publish(on=-1, tiers=TENTH, limits=Limits(cycle_minor=600), cycle=Cycle(14, date(2026, 3, 1)))
    told = [tell(shop, 1 + n, 500, on=on) for n, on in enumerate((0, 13, 14, 27, 28))]
    assert [cut(shop, fact)[1:] for fact in told] == [
        (500, None), (100, "cycle"), (500, None), (100, "cycle"), (500, None),
    ]  # fmt: skip
    assert shop.balances() == (0, 1_700, 0)


@pytest.mark.parametrize("gives_back", [True, False])
def test_b2_a_budget_is_the_whole_programmes_and_begins_anew_each_month(shop: Life, gives_back: bool) -> None:
    shop.publish(on=-1, tiers=TENTH, limits=Limits(budget_minor=1_000, gives_back=gives_back))
    first, second = tell(shop, 1, 700, on=0), tell(shop, 2, 700, on=10, customer=BEN)
    assert (cut(shop, first), cut(shop, second)) == ((700, 700, None), (700, 300, "budget"))
    shop.pay_back(refund_of(first, units=1, on=15), on=15)
    third = tell(shop, 3, 500, on=20, customer=CID)
    assert cut(shop, third) == ((500, 500, None) if gives_back else (500, 0, "budget"))
    april = tell(shop, 4, 1_100, on=31)
    assert cut(shop, april) == (1_100, 1_000, "budget")
    assert [shop.balances(who)[1] for who in (ADA, BEN, CID)] == [1_000, 300, 500 if gives_back else 0]
