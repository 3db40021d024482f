"""Who would move under other terms and what it would cost, before anything is saved."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from app.engine.flows.tier_preview import Move, Mover, Preview, preview
from app.engine.programme import Programme
from app.engine.rules.terms import Mode, Tier, TierMethod
from app.errors import Refused
from app.models import Customer
from tests.flows.builders import ADA, BEN, Till, all_rows, day, later, line, order, refund_of
from tests.flows.tier_rows import assign, ids_of, people

FLATTER = (Tier("Bronze", 0, 200), Tier("Silver", 10_000, 400), Tier("Gold", 50_000, 600))


def look(shop: Till, on: int = 10, sample: int = 20, **changes: Any) -> Preview:
    """Preview the terms of the day before the first order with some changes; nothing may be saved by it."""
    rows = all_rows()
    told = shop.run(
        lambda session, row: preview(
            session, row.id, replace(Programme(session, row).at(day(on)), **changes), day(on), sample=sample
        )
    )
    assert all_rows() == rows
    return told


def test_the_same_terms_move_nobody_and_cost_nothing(shop: Till) -> None:
    shop.tell(order(1), order(2, customer=BEN))
    assert look(shop) == Preview(2, (), 0, "USD", ())


def test_a_shop_without_customers_has_nobody_to_move(shop: Till) -> None:
    assert look(shop, tiers=FLATTER) == Preview(0, (), 0, "USD", ())


def test_lower_thresholds_move_customers_up_and_cost_the_difference_of_the_rates(shop: Till) -> None:
    crowd = people(3)
    shop.tell(*[order(n, customer=customer) for n, customer in enumerate(crowd, start=1)])
    shop.tell(order(4, line(1, 50_000)), order(5, line(1, 5_000), customer=BEN))
    told = look(shop, tiers=FLATTER)
    assert told.moves == (Move("Bronze", "Silver", 3), Move("Silver", "Gold", 1))
    # 2 % more of 100.00 three times, and of 500.00.
    assert (told.customers, told.extra_minor) == (5, 3 * 200 + 1_000)
    shopify_ids = [customer.customer_id for customer in (*crowd, ADA)]
    ids = ids_of(shop, *crowd, ADA)
    assert told.sample[0] == Mover(ids[0], shopify_ids[0], "Bronze", "Silver", 10_000)
    assert [mover.shopify_id for mover in told.sample] == shopify_ids
    assert look(shop, sample=2, tiers=FLATTER).sample == told.sample[:2]


def test_higher_thresholds_move_customers_down_and_save_money(shop: Till) -> None:
    shop.tell(order(1, line(1, 50_000)))
    told = look(shop, tiers=(Tier("Bronze", 0, 200), Tier("Silver", 50_001, 400)))
    assert (told.moves, told.extra_minor) == ((Move("Silver", "Bronze", 1),), -1_000)


def test_a_new_rate_costs_without_moving_anybody(shop: Till) -> None:
    shop.tell(order(1))
    told = look(shop, tiers=(Tier("Bronze", 0, 350),))
    assert (told.moves, told.extra_minor) == ((), 150)


def test_the_cost_is_rounded_once_per_customer(shop: Till) -> None:
    shop.tell(*[order(n, line(1, 33), on=n) for n in range(1, 4)], order(9, line(1, 149), customer=BEN))
    # One per cent more of 0.99 is 0.01 (of three times 0.33 it would be nothing), of 1.49 it is 0.01.
    assert look(shop, tiers=(Tier("Bronze", 0, 300),)).extra_minor == 1 + 1


def test_another_method_moves_those_whose_spend_is_old(shop: Till) -> None:
    shop.tell(order(1, line(1, 50_000), on=-370), order(2, line(1, 50_000), on=-300, customer=BEN))
    told = look(shop, tier_method=TierMethod.ROLLING_YEAR)
    assert (told.moves, told.extra_minor) == ((Move("Silver", "Bronze", 1),), 0)
    assert told.sample[0].spend_minor == 0


def test_only_what_is_kept_of_the_last_thirty_days_costs(shop: Till) -> None:
    old, new, half, gone = order(1, on=-21), order(2, on=-20), order(3, line(1, 8_000, 2)), order(4, line(1, 7_000))
    shop.tell(old, new, half, gone)
    shop.pay_back(refund_of(half, units=1, on=2), refund_of(gone, units=1, on=2))
    # 100.00 and the kept 40.00; what was placed 31 days ago and what went back count no more.
    assert look(shop, tiers=(Tier("Bronze", 0, 300),)).extra_minor == 140


def test_what_was_rejected_or_never_earned_costs_nothing(manual_shop: Till) -> None:
    manual_shop.publish(on=-1, minimum_order_minor=5_000)
    rejected, small, waiting = order(1), order(2, line(1, 4_900), on=1), order(3, line(1, 6_000), on=2)
    manual_shop.tell(rejected, small, waiting)
    manual_shop.reject(rejected)
    assert look(manual_shop, tiers=(Tier("Bronze", 0, 300),)).extra_minor == 60


def test_a_lock_is_left_where_it_is_and_the_deleted_are_left_out(shop: Till) -> None:
    shop.tell(order(1), order(2, customer=BEN))
    assign(shop, "Bronze", ADA, on=5, is_locked=True)
    gone = update(Customer).where(Customer.shopify_id == BEN.customer_id).values(deleted_at=day(6))
    shop.run(lambda session, row: session.execute(gone))
    assert look(shop, tiers=FLATTER) == Preview(1, (), 0, "USD", ())


def test_who_spent_nothing_has_the_lowest_tier_or_the_one_given(shop: Till) -> None:
    shop.tell(order(1, is_test=True), order(2, customer=BEN, is_test=True))
    assign(shop, "Gold", ADA, on=5)
    gone = look(shop, tiers=FLATTER[:2])
    assert (gone.customers, gone.moves) == (2, (Move("Gold", "Bronze", 1),))
    assert gone.sample == (Mover(*ids_of(shop, ADA), ADA.customer_id, "Gold", "Bronze", 0),)


def test_another_shops_customers_are_not_counted(shop: Till, manual_shop: Till) -> None:
    manual_shop.set_mode(Mode.AUTOMATIC)
    shop.tell(order(1))
    manual_shop.tell(order(1), order(2, customer=BEN))
    assert look(shop, tiers=FLATTER).moves == (Move("Bronze", "Silver", 1),)
    assert look(manual_shop, tiers=FLATTER).extra_minor == 400


def test_an_order_that_changed_its_customer_costs_with_the_new_one(shop: Till) -> None:
    fact = order(1)
    shop.tell(fact, order(2, line(1, 1), on=1))
    shop.tell(later(fact, customer=BEN))
    told = look(shop, tiers=FLATTER)
    assert [(mover.shopify_id, mover.spend_minor) for mover in told.sample] == [(BEN.customer_id, 10_000)]
    assert told.extra_minor == 200


def test_bad_terms_and_an_unknown_shop_are_refused_with_a_sentence(shop: Till) -> None:
    with pytest.raises(Refused, match="The rate of the tier 'Bronze' must be between 0 % and 100 %"):
        look(shop, tiers=(Tier("Bronze", 0, 10_001),))
    with pytest.raises(Refused, match="There is no such shop"):
        shop.run(lambda session, row: preview(session, 99, Programme(session, row).at(day(0)), day(0)))
