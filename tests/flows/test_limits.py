"""Limits per day, statement period, month and life, the largest balance and the budget: what exceeds is cut."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.db import db, transaction
from app.engine.flows import customers, review
from app.engine.rules import money
from app.engine.rules.facts import CustomerGone, FinancialStatus, OrderFact
from app.engine.rules.states import RewardState
from app.engine.rules.terms import Cycle, Limits, OwedPolicy, Tier
from app.models import Reward, Shop
from tests.flows.builders import ADA, BEN, BIG, STAFF, Till, day, later, line, order, reading, refund_of
from tests.flows.test_parallel import Workers, tell, workers  # noqa: F401 - a fixture
from tests.flows.test_review import adjust
from tests.rules.tables import NOTHING, tables_with

COLUMNS = ("moment", "what one customer does", "calculated", "granted", "kept", "cut by")
TENTH = (Tier("Everyone", 0, 1_000),)
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def new_york(app: Flask) -> Iterator[Till]:
    """Return a shop whose days begin at five in the morning, UTC, in winter."""
    with app.app_context():
        till = Till("limits.myshopify.com")
        with transaction() as session:
            session.get_one(Shop, till.id).timezone = "America/New_York"
        yield till
        db.session.remove()


def limits_of(text: str) -> dict[str, object]:
    """Return the terms that a cell like "day 5.00, month 12.00" means."""
    values: dict[str, object] = {}
    cycle = Cycle()
    for part in text.split(", "):
        match part.split(" "):
            case ["nothing", "given", "back"]:
                values["gives_back"] = False
            case ["period", amount, "of", days, "days"]:
                values["cycle_minor"] = money.to_minor(amount, "USD")
                cycle = Cycle(int(days), date(2026, 3, 1))
            case [name, amount]:
                values[f"{name}_minor"] = money.to_minor(amount, "USD")
    return {"limits": Limits(**values), "cycle": cycle, "tiers": TENTH}  # type: ignore[arg-type]


@pytest.mark.parametrize("rows", list(tables_with(*COLUMNS)), ids=lambda rows: rows[0]["limits"])
def test_the_page_says_what_limits_cut(new_york: Till, rows: list[dict[str, str]]) -> None:
    new_york.publish(on=-1, **limits_of(rows[0]["limits"]))
    orders: dict[str, OrderFact] = {}
    for number, row in enumerate(rows, start=1):
        at = datetime.strptime(f"2026 {row['moment']}", "%Y %d %b %H:%M").replace(tzinfo=NEW_YORK).astimezone(UTC)
        name, what = row["what one customer does"].split(": ")
        if what == "all returned":
            fact = orders[name]
            new_york.pay_back(refund_of(fact, number, units=1, processed_at=at), on=60)
        elif what.endswith(" more"):
            fact = orders[name]
            more = line(len(fact.lines) + 1, money.to_minor(what.removesuffix(" more"), "USD"))
            fact = orders[name] = replace(fact, lines=(*fact.lines, more), updated_at=at)
            new_york.tell(fact, on=60)
        else:
            minor = money.to_minor(what, "USD")
            fact = orders[name] = order(number, line(1, minor), placed_at=at, updated_at=at)
            new_york.tell(fact, on=60)
        seen = new_york.reward(fact)
        with reading() as session:
            reward = session.get_one(Reward, seen.id)
            cuts = [step["limit"] for step in reward.steps if step["kind"] == "limit_cut"]
            shown = (reward.calculated_minor, reward.granted_minor, reward.kept_minor, cuts[-1] if cuts else NOTHING)
        expected = [money.to_minor(row[column], "USD") for column in ("calculated", "granted", "kept")]
        assert shown == (*expected, row["cut by"]), row


def test_198_and_3_with_at_most_200_gives_2(shop: Till) -> None:
    shop.publish(tiers=TENTH, limits=Limits(balance_minor=200_00))
    shop.tell(order(1, line(1, 1_980_00)))
    shop.tell(order(2, line(1, 30_00), on=1))
    seen = shop.reward(order(2))
    assert (seen.granted, shop.balances()) == (200, (0, 200_00, 0))
    with reading() as session:
        row = session.get_one(Reward, seen.id)
        assert row.calculated_minor == 300
        assert row.ceilings == [
            {"kind": "balance", "ceiling_minor": 200, "limit_minor": 200_00, "before_minor": 198_00}
        ]


def test_a_cut_stays_and_the_room_of_a_refund_goes_to_later_orders(shop: Till) -> None:
    shop.publish(tiers=TENTH, limits=Limits(balance_minor=10_00))
    first, second, third = (order(n, line(1, 80_00), on=n) for n in (1, 2, 3))
    shop.tell(first)
    shop.tell(second)
    assert (shop.kept(first), shop.kept(second)) == (800, 200)
    shop.pay_back(refund_of(first, units=1, on=4))
    assert (shop.kept(first), shop.kept(second)) == (0, 200)
    shop.tell(third)
    assert shop.kept(third) == 800


def test_an_order_that_grows_is_cut_at_what_the_balance_leaves(shop: Till) -> None:
    shop.publish(tiers=TENTH, limits=Limits(balance_minor=10_00))
    first = order(1, line(1, 80_00))
    shop.tell(first)
    shop.tell(later(first, lines=(line(1, 80_00), line(2, 50_00))))
    seen = shop.reward(first)
    assert (seen.granted, shop.balances()) == (1_000, (0, 1_000, 0))


def test_an_earlier_order_told_late_takes_its_room_from_the_later_one(shop: Till) -> None:
    shop.publish(tiers=TENTH, limits=Limits(month_minor=10_00))
    early, late = order(1, line(1, 60_00), on=1), order(2, line(1, 70_00), on=2)
    shop.tell(late)
    assert shop.kept(late) == 700
    shop.tell(early)
    assert (shop.kept(early), shop.kept(late)) == (600, 400)
    assert shop.balances() == (0, 1_000, 0)


def test_a_chain_of_later_orders_is_cut_anew_when_the_first_one_changes(shop: Till) -> None:
    shop.publish(tiers=TENTH, limits=Limits(day_minor=10_00))
    facts = [order(n, line(1, 40_00), placed_at=day(1, n), updated_at=day(1, n)) for n in (1, 2, 3, 4)]
    shop.tell(*facts[1:])
    assert [shop.kept(fact) for fact in facts[1:]] == [400, 400, 200]
    shop.tell(facts[0])
    assert [shop.kept(fact) for fact in facts] == [400, 400, 200, 0]
    assert shop.reward(facts[3]).why_nothing == "limit_reached"
    shop.tell(later(facts[0], cancelled_at=day(1, 1)))
    assert [shop.kept(fact) for fact in facts] == [0, 400, 400, 200]


def test_of_two_orders_of_one_second_the_lower_id_comes_first(shop: Till) -> None:
    shop.publish(tiers=TENTH, limits=Limits(day_minor=5_00))
    shop.tell(order(2, line(1, 40_00)), order(1, line(1, 40_00)))
    assert (shop.kept(order(1)), shop.kept(order(2))) == (400, 100)


def test_without_a_customer_nothing_is_limited_until_somebody_claims_it(shop: Till) -> None:
    shop.publish(tiers=TENTH, limits=Limits(month_minor=5_00))
    guest = order(1, line(1, 40_00), customer=None)
    shop.tell(guest)
    shop.tell(order(2, line(1, 40_00), on=1))
    assert (shop.kept(guest), shop.kept(order(2))) == (400, 400)
    shop.tell(later(guest, customer=ADA))
    assert (shop.kept(guest), shop.kept(order(2)), shop.balances()) == (400, 100, (0, 500, 0))


def test_an_order_that_moves_gives_its_room_back_to_the_first_customer(shop: Till) -> None:
    shop.publish(tiers=TENTH, limits=Limits(month_minor=5_00))
    first, second = order(1, line(1, 40_00)), order(2, line(1, 40_00), on=1)
    shop.tell(first, second)
    assert (shop.kept(first), shop.kept(second)) == (400, 100)
    shop.tell(later(first, customer=BEN))
    assert (shop.kept(first), shop.kept(second)) == (400, 400)
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 400, 0), (0, 400, 0))


def test_a_rejected_reward_makes_room_for_what_is_ordered_afterwards(manual_shop: Till) -> None:
    manual_shop.publish(tiers=TENTH, limits=Limits(month_minor=5_00))
    first, second, third = (order(n, line(1, 40_00), on=n) for n in (1, 2, 12))
    manual_shop.tell(first, second)
    manual_shop.reject(first)
    assert (manual_shop.kept(second), manual_shop.reward(first).state) == (100, RewardState.REJECTED)
    manual_shop.tell(third, on=12)
    assert manual_shop.kept(third) == 400


def test_a_reopened_reward_takes_what_is_left_by_then(manual_shop: Till) -> None:
    manual_shop.publish(tiers=TENTH, limits=Limits(month_minor=5_00))
    first, second = order(1, line(1, 40_00), on=1), order(2, line(1, 40_00), on=12)
    manual_shop.tell(first)
    manual_shop.reject(first)
    manual_shop.tell(second, on=12)
    assert manual_shop.kept(second) == 400
    seen = manual_shop.reward(first)
    manual_shop.run(lambda session, row: review.reopen(session, row.id, seen.id, seen.version, STAFF, day(13)))
    assert (manual_shop.kept(first), manual_shop.kept(second)) == (100, 400)
    assert manual_shop.balances() == (500, 0, 0)
    # Whatever is told of either later leaves it so.
    manual_shop.tell(later(second, 90), later(first, 90), on=14)
    assert (manual_shop.kept(first), manual_shop.kept(second)) == (100, 400)


def test_a_reward_that_was_adjusted_and_ends_takes_nothing_any_more(manual_shop: Till) -> None:
    manual_shop.publish(tiers=TENTH, limits=Limits(month_minor=5_00))
    first = order(1, line(1, 40_00))
    manual_shop.tell(first)
    adjust(manual_shop, first, 1_00)
    manual_shop.tell(later(first, financial_status=FinancialStatus.VOIDED))
    second = order(2, line(1, 50_00), on=12)
    manual_shop.tell(second)
    assert (manual_shop.kept(first), manual_shop.kept(second)) == (0, 500)
    manual_shop.check()


def test_a_limit_that_a_later_version_brings_does_not_touch_earlier_orders(shop: Till) -> None:
    shop.publish(tiers=TENTH)
    shop.tell(order(1, line(1, 80_00)))
    shop.publish(on=2, limits=Limits(lifetime_minor=10_00))
    shop.tell(order(2, line(1, 80_00), on=3))
    assert (shop.kept(order(1)), shop.kept(order(2))) == (800, 200)


def test_a_budget_cuts_across_customers_and_refunds_make_room(shop: Till) -> None:
    shop.publish(tiers=TENTH, limits=Limits(budget_minor=10_00))
    first, second = order(1, line(1, 80_00)), order(2, line(1, 80_00), on=1, customer=BEN)
    shop.tell(first, second)
    assert (shop.kept(first), shop.kept(second)) == (800, 200)
    shop.pay_back(refund_of(first, units=1, on=2))
    shop.tell(order(3, line(1, 80_00), on=3, customer=BEN))
    assert shop.kept(order(3)) == 800
    next_month = order(4, line(1, 80_00), on=35, customer=BEN)
    shop.tell(next_month)
    assert shop.kept(next_month) == 800
    with reading() as session:
        spent = select(Reward.budget_month, func.sum(Reward.counted_minor)).group_by(Reward.budget_month)
        assert dict(session.execute(spent).all()) == {date(2026, 3, 1): 1_000, date(2026, 4, 1): 800}


def test_what_went_back_of_a_cut_reward_and_to_another_customer_is_not_granted_twice(shop: Till) -> None:
    shop.publish(tiers=TENTH, limits=Limits(budget_minor=10_00))
    first, second = order(1, line(1, 150_00)), order(2, line(1, 150_00), on=2, customer=BEN)
    shop.tell(first)
    shop.pay_back(refund_of(first, units=1, on=1))
    shop.tell(second)
    shop.tell(later(first, lines=(*first.lines, line(2, 50_00))))
    assert (shop.kept(first), shop.kept(second)) == (0, 1_000)
    shop.check()


def test_a_reward_that_wants_to_grow_keeps_what_it_holds_though_the_budget_is_gone(shop: Till) -> None:
    shop.publish(tiers=TENTH, limits=Limits(budget_minor=10_00))
    first, second = order(1, line(1, 200_00)), order(2, line(1, 150_00), on=2, customer=BEN)
    shop.tell(first)
    shop.pay_back(refund_of(first, money_minor=150_00, on=1))
    assert shop.kept(first) == 500
    shop.tell(second)
    assert shop.kept(second) == 500
    for grown_minor in (50_00, 60_00):
        first = later(first, lines=(first.lines[0], line(2, grown_minor)))
        shop.tell(first)
        assert (shop.kept(first), shop.balances()[:2]) == (500, (0, 500))
    shop.check()


def test_a_budget_that_gives_nothing_back_stays_spent(shop: Till) -> None:
    shop.publish(tiers=TENTH, limits=Limits(budget_minor=10_00, gives_back=False))
    first, second = order(1, line(1, 80_00)), order(2, line(1, 80_00), on=3, customer=BEN)
    shop.tell(first)
    shop.pay_back(refund_of(first, units=1, on=2))
    shop.tell(second)
    assert (shop.kept(first), shop.kept(second)) == (0, 200)


def test_what_all_went_back_takes_no_more_of_a_budget_that_gives_nothing_back(shop: Till) -> None:
    tiers = (Tier("Bronze", 0, 500), Tier("Gold", 50_00, 1_000))
    shop.publish(tiers=tiers, limits=Limits(budget_minor=8_00, gives_back=False))
    first, second = order(1, line(1, 100_00), on=3), order(2, line(1, 100_00), on=4, customer=BEN)
    shop.tell(first)
    shop.pay_back(refund_of(first, units=1, on=5))
    shop.tell(second)
    earlier_told_late = order(3, line(1, 100_00), on=1)
    shop.tell(earlier_told_late)
    assert [shop.reward(fact).granted for fact in (earlier_told_late, first, second)] == [0, 500, 300]
    shop.check()


def test_where_nothing_is_given_back_a_cancelled_order_keeps_its_room(manual_shop: Till) -> None:
    limits = Limits(day_minor=300, budget_minor=350, gives_back=False)
    manual_shop.publish(tiers=TENTH, limits=limits)
    first, second = order(1, line(1, 20_00)), order(2, line(1, 20_00), placed_at=day(0, 60), updated_at=day(0, 60))
    manual_shop.tell(first)
    manual_shop.tell(later(first, cancelled_at=day(0, 30)))
    manual_shop.tell(second)
    assert (manual_shop.kept(first), manual_shop.kept(second)) == (0, 100)


def test_a_budget_is_kept_also_when_the_refund_is_heard_before_its_order(shop: Till) -> None:
    shop.publish(tiers=TENTH, limits=Limits(budget_minor=150, gives_back=False))
    first = order(1, line(1, 20_00, 2))
    shop.pay_back(refund_of(first, units=1, on=1))
    shop.tell(first)
    seen = shop.reward(first)
    assert (seen.granted, shop.kept(first)) == (150, 100)


def test_who_owes_earns_nothing_where_the_programme_says_so(shop: Till) -> None:
    shop.publish(tiers=TENTH, owed=OwedPolicy.BLOCK)
    first, second = order(1, line(1, 80_00)), order(2, line(1, 80_00), on=2)
    shop.tell(first)
    _spend_all(shop)
    shop.pay_back(refund_of(first, units=1, on=1))
    assert shop.balances() == (0, 0, -800)
    shop.tell(second)
    assert (shop.kept(second), shop.reward(second).why_nothing) == (0, "customer_owes")


def test_two_orders_of_one_customer_at_once_never_exceed(shop: Till, workers: Workers) -> None:  # noqa: F811
    shop.publish(tiers=TENTH, limits=Limits(month_minor=10_00))
    facts = [order(number, line(1, 30_00), on=number) for number in range(1, 9)]
    for first in range(0, 8, 4):
        assert workers.at_once(*[tell(fact) for fact in facts[first : first + 4]]) == [None] * 4
    assert [shop.kept(fact) for fact in facts] == [300, 300, 300, 100, 0, 0, 0, 0]
    shop.check()


def test_orders_of_many_customers_at_once_never_exceed_the_budget(shop: Till, workers: Workers) -> None:  # noqa: F811
    shop.publish(tiers=TENTH, limits=Limits(budget_minor=10_00))
    people = [replace(ADA, customer_id=BIG + 800 + number) for number in range(8)]
    facts = [order(number, line(1, 30_00), on=1, customer=who) for number, who in enumerate(people, start=1)]
    for first in range(0, 8, 4):
        assert workers.at_once(*[tell(fact) for fact in facts[first : first + 4]]) == [None] * 4
    assert sum(shop.kept(fact) for fact in facts) == 1_000
    shop.check()


def test_the_largest_balance_holds_for_orders_told_at_once(shop: Till, workers: Workers) -> None:  # noqa: F811
    shop.publish(tiers=TENTH, limits=Limits(balance_minor=10_00))
    facts = [order(number, line(1, 30_00), on=number) for number in range(1, 5)]
    assert workers.at_once(*[tell(fact) for fact in facts]) == [None] * 4
    assert shop.balances() == (0, 1_000, 0)


def test_what_was_granted_before_there_was_a_limit_counts_too(shop: Till) -> None:
    shop.publish(tiers=TENTH)
    first = order(1, line(1, 80_00))
    shop.tell(first)
    shop.pay_back(refund_of(first, units=0, money_minor=20_00, on=1))
    shop.publish(on=2, limits=Limits(month_minor=10_00))
    shop.tell(order(2, line(1, 80_00), on=3))
    assert (shop.kept(first), shop.kept(order(2))) == (600, 400)


def _spend_all(till: Till) -> None:
    from app.engine.flows.moves import record_moves
    from app.engine.rules.facts import CreditMove, MoveKind

    available = till.balances()[1]
    move = CreditMove("gid://shopify/Spent/1", ADA.customer_id, MoveKind.REDEMPTION, available, day(0, 60))
    till.twice(lambda session, shop, now: record_moves(session, shop, [move], now), day(1))


def test_what_is_void_asks_for_nothing_of_a_budget_when_its_order_is_heard_of_again(manual_shop: Till) -> None:
    manual_shop.publish(limits=Limits(budget_minor=2_00))
    first, second = order(1, line(1, 80_00)), order(2, line(1, 100_00), on=2, customer=BEN)
    manual_shop.tell(first)
    gone = CustomerGone(ADA.customer_id, day(3))
    manual_shop.twice(lambda session, row, now: customers.record_deleted(session, row, [gone], now), day(10))
    before = manual_shop.reward(first)
    assert (before.state, before.granted, before.reversed) == (RewardState.VOIDED, 1_60, 1_60)
    manual_shop.tell(second)
    assert manual_shop.kept(second) == 2_00
    manual_shop.tell(later(first))
    assert manual_shop.reward(first) == before
    manual_shop.check()
