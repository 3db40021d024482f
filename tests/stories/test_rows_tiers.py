"""R16, R17, R18: a customer's way through the tiers, by spend and by hand; and orders that keep the tier they had."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.engine.flows import tier_preview
from app.engine.flows.tier_preview import Move
from app.engine.flows.tiers import assign as give
from app.engine.programme import Programme
from app.engine.rules.facts import OrderFact
from app.engine.rules.terms import Evaluation, Tier, TierMethod
from tests.flows.builders import ADA, BEN, STAFF, all_rows, day, line, order, refund_of
from tests.flows.tier_rows import assign, audit, end, ids_of, moves, people, recalculate, shown
from tests.stories.rows import Life, shop

__all__ = ["shop"]

STEEPER = (Tier("Bronze", 0, 200), Tier("Silver", 60_000, 400), Tier("Gold", 150_000, 600))


def tell(shop: Life, number: int, net_minor: int, on: int) -> OrderFact:
    """Tell an order of Ada's on the day it is placed."""
    fact = order(number, line(number, net_minor), on=on)
    shop.tell(fact, on=on)
    return fact


def test_r16_a_rolling_year_moves_a_customer_up_at_once_and_down_when_the_large_order_is_a_year_old(shop: Life) -> None:
    shop.publish(on=-1, tier_method=TierMethod.ROLLING_YEAR)
    first = tell(shop, 1, 10_000, on=0)
    large = tell(shop, 2, 50_000, on=10)
    # 600.00 spent: Silver, and with 1,000.00 more Gold.
    silver = tell(shop, 3, 100_000, on=11)
    golden = tell(shop, 4, 10_000, on=12)
    assert [shop.reward(fact).tier for fact in (first, large, silver, golden)] == ["Bronze", "Bronze", "Silver", "Gold"]
    assert shop.balances() == (0, 200 + 1_000 + 4_000 + 600, 0)
    shop.night(on=13)
    assert shown(shop) == ("Gold", 170_000)
    # Day 375 is day 10 of the next year: the 500.00 of then still count, those of day 0 do not.
    last = tell(shop, 5, 10_000, on=375)
    assert (shop.reward(last).tier, shop.kept(last)) == ("Gold", 600)
    # Two days later only the 100.00 of day 12 and of day 375 are a year's spend.
    shop.night(on=377)
    assert shown(shop) == ("Bronze", 20_000)
    fallen = tell(shop, 6, 10_000, on=377)
    assert (shop.reward(fallen).tier, shop.kept(fallen)) == ("Bronze", 200)
    assert moves(shop) == [
        (None, "Bronze", "initial"), ("Bronze", "Silver", "upgrade"), ("Silver", "Gold", "upgrade"),
        ("Gold", "Bronze", "downgrade"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("evaluation", "grace", "lost_on"),
    [
        # The refund of 10 March; then the next day, Sunday, month, quarter. 30 days' grace keeps it over April's first.
        (Evaluation.DAILY, 0, datetime(2026, 3, 11, tzinfo=UTC)),
        (Evaluation.WEEKLY, 0, datetime(2026, 3, 15, tzinfo=UTC)),
        (Evaluation.MONTHLY, 0, datetime(2026, 4, 1, tzinfo=UTC)),
        (Evaluation.QUARTERLY, 0, datetime(2026, 4, 1, tzinfo=UTC)),
        (Evaluation.MONTHLY, 30, datetime(2026, 5, 1, tzinfo=UTC)),
    ],
)
def test_r16_a_tier_that_is_not_reached_any_more_is_lost_at_the_evaluation_and_not_before(
    shop: Life, evaluation: Evaluation, grace: int, lost_on: datetime
) -> None:
    shop.publish(on=-1, tier_evaluation=evaluation, tier_grace_days=grace)
    large = tell(shop, 1, 50_000, on=0)
    shop.pay_back(refund_of(large, units=1, on=9), on=9)
    days = (lost_on.replace(hour=9) - day(0)).days
    before, after = tell(shop, 2, 10_000, on=days - 1), tell(shop, 3, 10_000, on=days)
    shop.night(on=days)
    assert [shop.reward(fact).tier for fact in (before, after)] == ["Silver", "Bronze"]
    # 4 % and 2 % of 100.00; of the large order nothing is left.
    assert shop.balances() == (0, 400 + 200, 0)
    assert (shown(shop), moves(shop)[-1]) == (("Bronze", 20_000), ("Silver", "Bronze", "downgrade"))


def test_r16_new_tiers_are_looked_at_before_they_are_published_and_everybody_after(shop: Life) -> None:
    crowd = people(5)
    shop.tell(*[order(n, line(1, 55_000), customer=who) for n, who in enumerate(crowd, start=1)], on=0)
    shop.tell(order(9, line(1, 70_000), customer=BEN), on=1)
    rows = all_rows()
    told = shop.run(
        lambda session, row: tier_preview.preview(
            session, row.id, replace(Programme(session, row).at(day(20)), tiers=STEEPER), day(20)
        )
    )
    assert all_rows() == rows
    # Five with 550.00 fall below 600.00: of 550.00 a month each 2 % less, 55.00 in all.
    assert (told.customers, told.moves, told.extra_minor) == (6, (Move("Silver", "Bronze", 5),), -5_500)
    shop.publish(on=20, tiers=STEEPER)
    run = recalculate(shop, on=20)
    assert (run.customers, run.moved) == (6, 5)
    assert {shown(shop, who)[0] for who in crowd} == {"Bronze"}
    assert shown(shop, BEN) == ("Silver", 70_000)


def test_r16_a_tier_that_somebody_has_cannot_be_left_out_and_one_nobody_has_leaves_its_history(shop: Life) -> None:
    large, small = tell(shop, 1, 60_000, on=0), tell(shop, 2, 10_000, on=1)
    without = (Tier("Bronze", 0, 200), Tier("Gold", 150_000, 600))
    sentence = shop.refused(lambda: shop.publish(on=10, tiers=without))
    assert sentence.startswith("The tier 'Silver' cannot be left out while it is in use (customers who have it: 1;")
    # Raised first, and looked at again: then nobody has it.
    shop.publish(on=10, tiers=(Tier("Bronze", 0, 200), Tier("Silver", 100_000, 400), Tier("Gold", 150_000, 600)))
    recalculate(shop, on=10)
    shop.publish(on=11, tiers=without)
    assert (shop.reward(small).tier, moves(shop)) == (
        "Silver", [(None, "Silver", "initial"), ("Silver", "Bronze", "downgrade")],
    )  # fmt: skip
    # What it earned then stays, also when it is looked at again: 12.00 and 4 % of 100.00, of which half goes back.
    shop.pay_back(refund_of(small, on=12, money_minor=5_000), on=12)
    assert (shop.kept(large), shop.kept(small)) == (1_200, 200)


def test_r17_a_tier_given_by_hand_counts_until_it_ends_and_a_lock_whatever_is_spent(shop: Life) -> None:
    before = tell(shop, 1, 10_000, on=0)
    assert "Say why" in shop.refused(lambda: _give(shop, "Gold", " "))
    assert "There is no tier 'Platinum'" in shop.refused(lambda: _give(shop, "Platinum", "A friend."))
    # Gold for 30 days, though only 100.00 are spent.
    assign(shop, "Gold", on=5, ends_at=day(35))
    during, after = tell(shop, 2, 10_000, on=34), tell(shop, 3, 10_000, on=35)
    assert [shop.kept(fact) for fact in (before, during, after)] == [200, 600, 200]
    shop.night(on=36)
    assert shown(shop) == ("Bronze", 30_000)
    # Silver for good: it never lowers what the spend reaches, so with 1,800.00 spent Ada is Gold.
    assign(shop, "Silver", on=40)
    large, golden = tell(shop, 4, 150_000, on=41), tell(shop, 5, 10_000, on=42)
    assert [shop.kept(fact) for fact in (large, golden)] == [6_000, 600]
    # Locked to Bronze the spend does not count any more, until a person ends it.
    assign(shop, "Bronze", on=50, is_locked=True, reason="Buys to sell again.")
    locked = tell(shop, 6, 10_000, on=51)
    assert end(shop, on=60) == 1
    free = tell(shop, 7, 10_000, on=61)
    assert [shop.kept(fact) for fact in (locked, free)] == [200, 600]
    assert "The tier was Bronze, because a person gave it: 2 %." in shop.says(locked)
    assert [event.reason for event in audit(shop, "assign_tier")] == [
        "A friend of the house.", "A friend of the house.", "Buys to sell again.",
    ]  # fmt: skip
    assert [kind for _, _, kind in moves(shop)] == [
        "initial", "manual", "downgrade", "manual", "upgrade", "manual", "manual",
    ]  # fmt: skip


def test_r17_many_customers_get_a_tier_at_once_or_none_does(shop: Life) -> None:
    crowd = people(4)
    shop.tell(*[order(n, customer=who) for n, who in enumerate(crowd, start=1)], on=0)
    assert assign(shop, "Gold", *crowd, on=10, reason="They came to the fair.") == 4
    shop.tell(*[order(10 + n, on=11, customer=who) for n, who in enumerate(crowd)], on=11)
    assert [shop.balances(who) for who in crowd] == [(0, 200 + 600, 0)] * 4
    assert len(audit(shop, "assign_tier")) == 4


def _give(shop: Life, tier: str, reason: str) -> int:
    ids = ids_of(shop, ADA)
    return shop.run(lambda session, row: give(session, row.id, ids, tier, reason, STAFF, day(4)))


def test_r18_what_an_order_was_promised_outlives_every_later_edit(shop: Life) -> None:
    large, silver = tell(shop, 1, 50_000, on=0), tell(shop, 2, 20_000, on=10)
    assert (shop.reward(silver).tier, shop.kept(silver)) == ("Silver", 800)
    # Silver begins at 900.00 now, Bronze earns 1 %, and nothing above 5.00 is given for one order.
    harder = (Tier("Bronze", 0, 100), Tier("Silver", 90_000, 300))
    shop.publish(on=20, tiers=(*harder, Tier("Gold", 200_000, 600)), cap_per_order_minor=500)
    old, new = shop.row(large), tell(shop, 3, 20_000, on=21)
    assert (shop.reward(new).tier, shop.kept(new), shop.reward(new).terms_version) == ("Bronze", 200, 2)
    # A refund of the old orders goes by the old rates, months later: 2 % of 100.00 less, and half of 8.00.
    shop.pay_back(refund_of(large, on=100, money_minor=10_000), refund_of(silver, on=100, money_minor=10_000), on=100)
    assert (shop.kept(large), shop.kept(silver), shop.kept(new)) == (800, 400, 200)
    assert [(row.terms_version, row.rate_bps) for row in (old, shop.row(silver))] == [(1, 200), (1, 400)]
    assert shop.balances() == (0, 1_400, 0)
