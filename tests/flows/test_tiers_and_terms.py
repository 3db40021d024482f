"""Tiers by what was spent before, also when an earlier order or refund is heard of late; terms frozen on rewards."""

from dataclasses import replace

from app.engine.rules.facts import FinancialStatus
from app.engine.rules.states import RewardState
from tests.flows.builders import ADA, BEN, Till, day, later, line, order, refund_of

LARGE = line(1, 50_000)
UNTAGGED = replace(ADA, tags=())


def test_the_tier_is_that_of_what_was_spent_before_the_order(shop: Till) -> None:
    first, second, third = order(1, LARGE), order(2, line(1, 100_000), on=1), order(3, on=2)
    shop.tell(first, second, third)
    assert [shop.reward(fact).tier for fact in (first, second, third)] == ["Bronze", "Silver", "Gold"]
    assert shop.balances() == (0, 1_000 + 4_000 + 600, 0)


def test_orders_of_the_same_second_do_not_lift_each_other(shop: Till) -> None:
    twins = [order(1, LARGE), order(2, LARGE)]
    shop.tell(*twins)
    assert [shop.reward(fact).tier for fact in twins] == ["Bronze", "Bronze"]


def test_an_earlier_order_that_comes_late_lifts_the_tier_of_a_later_one(shop: Till) -> None:
    small, large = order(2, on=5), order(1, LARGE, on=1)
    shop.tell(small)
    assert shop.kept(small) == 200
    shop.tell(large)
    assert (shop.reward(small).tier, shop.kept(small)) == ("Silver", 400)
    assert shop.transfers(small) == [("credit", 200), ("credit", 200)]


def test_an_earlier_refund_that_comes_late_lowers_the_tier_of_a_later_order(shop: Till) -> None:
    large, small = order(1, LARGE), order(2, on=5)
    shop.tell(large, small)
    assert shop.kept(small) == 400
    shop.pay_back(refund_of(large, units=1, on=2))
    assert (shop.reward(small).tier, shop.kept(small)) == ("Bronze", 200)
    assert shop.balances() == (0, 200, 0)


def test_a_refund_after_an_order_leaves_the_tier_it_was_placed_with(shop: Till) -> None:
    large, small = order(1, LARGE), order(2, on=5)
    shop.tell(large, small)
    shop.pay_back(refund_of(large, units=1, on=6))
    assert (shop.reward(small).tier, shop.kept(small)) == ("Silver", 400)


def test_an_earlier_order_that_turns_out_void_lowers_the_tier_of_a_later_one_in_review(manual_shop: Till) -> None:
    large, small = order(1, LARGE), order(2, on=5)
    manual_shop.tell(large, small)
    manual_shop.tell(later(large, financial_status=FinancialStatus.VOIDED))
    assert manual_shop.reward(small).state is RewardState.IN_REVIEW
    assert manual_shop.balances() == (200, 0, 0)


def test_anothers_spend_lifts_nobody(shop: Till) -> None:
    large, small = order(1, LARGE, customer=BEN), order(2, on=5)
    shop.tell(large, small)
    assert shop.reward(small).tier == "Bronze"


def test_two_refunds_of_equal_worth_in_the_same_second_both_count_off_the_spend(shop: Till) -> None:
    large, small = order(1, line(1, 60_000, 6)), order(2, on=5)
    shop.tell(large, small)
    assert shop.reward(small).tier == "Silver"
    shop.pay_back(refund_of(large, 1, units=1, on=2))
    shop.pay_back(refund_of(large, 2, units=1, on=2))
    assert shop.kept(large) == 800
    assert (shop.reward(small).tier, shop.kept(small)) == ("Bronze", 200)


def test_new_terms_change_later_orders_only(shop: Till) -> None:
    before, after = order(1, on=0), order(2, on=2, customer=BEN)
    shop.tell(before)
    shop.publish(on=1, cap_per_order_minor=50)
    shop.tell(after)
    assert (shop.kept(before), shop.reward(before).terms_version) == (200, 1)
    assert (shop.kept(after), shop.reward(after).terms_version) == (50, 2)


def test_a_reward_keeps_its_terms_for_life(shop: Till) -> None:
    paid = order(1, line(1, 10_000, 2))
    shop.tell(paid)
    shop.publish(on=1, minimum_order_minor=6_000, cap_per_order_minor=10)
    shop.pay_back(refund_of(paid, units=1, on=2))
    assert (shop.kept(paid), shop.reward(paid).terms_version) == (100, 1)


def test_an_order_heard_of_late_earns_by_the_terms_of_the_day_it_was_placed(shop: Till) -> None:
    shop.publish(on=5, cap_per_order_minor=50)
    placed_before = order(1, on=3)
    shop.tell(placed_before)
    assert (shop.kept(placed_before), shop.reward(placed_before).terms_version) == (200, 1)


def test_an_order_older_than_the_programme_earns_by_its_first_terms(shop: Till) -> None:
    ancient = order(1, on=-400)
    shop.tell(ancient)
    assert shop.reward(ancient).terms_version == 1


def test_the_cap_cuts_and_exactly_the_minimum_is_enough(shop: Till) -> None:
    shop.publish(on=-1, cap_per_order_minor=150, minimum_order_minor=5_000)
    cut, exact, below = order(1), order(2, line(1, 5_000), customer=BEN), order(3, line(1, 4_999), customer=BEN)
    shop.tell(cut, exact, below)
    assert [shop.kept(fact) for fact in (cut, exact, below)] == [150, 100, 0]
    assert shop.reward(below).why_nothing == "below_minimum"


def test_an_excluded_tag_added_later_takes_the_reward_back_and_its_removal_restores_it(shop: Till) -> None:
    shop.publish(on=-1, excluded_tags=frozenset({"wholesale"}))
    paid = order(1, customer=UNTAGGED)
    shop.tell(paid)
    shop.tell(later(paid, tags=("Wholesale ",)))
    reward = shop.reward(paid)
    assert (reward.state, reward.why_nothing) == (RewardState.REVERSED, "excluded_order_tag")
    assert shop.balances() == (0, 0, 0)
    shop.tell(later(paid, 90))
    assert shop.reward(paid).state is RewardState.SETTLED
    assert shop.balances() == (0, 200, 0)


def test_an_excluded_tag_added_in_review_ends_the_waiting(manual_shop: Till) -> None:
    manual_shop.publish(on=-1, excluded_tags=frozenset({"wholesale"}))
    paid = order(1, customer=UNTAGGED)
    manual_shop.tell(paid)
    manual_shop.tell(later(paid, tags=("wholesale",)))
    assert manual_shop.reward(paid).state is RewardState.INELIGIBLE
    assert manual_shop.balances() == (0, 0, 0)


def test_an_order_whose_day_moves_takes_the_tier_of_its_new_day(shop: Till) -> None:
    large, small = order(1, LARGE, on=3), order(2, on=2)
    shop.tell(large, small)
    assert shop.reward(small).tier == "Bronze"
    shop.tell(later(small, placed_at=day(4)))
    assert (shop.reward(small).tier, shop.kept(small)) == ("Silver", 400)
