"""A refund takes exactly the right part back, whenever and however often it is told."""

from itertools import permutations

import pytest

from app.engine.rules.facts import FinancialStatus
from app.engine.rules.postings import EntryKind
from app.engine.rules.states import RewardState
from tests.flows.builders import BEN, BIG, Till, books, later, line, order, refund_of

TWO_MUGS = line(1, 20_000, 2)
#: 2.5 % of it does not divide by three.
ODD = line(1, 9_999, 3)


def test_a_refund_after_settling_claws_its_part_back(shop: Till) -> None:
    paid = order(1, TWO_MUGS)
    shop.tell(paid)
    shop.pay_back(refund_of(paid, units=1))
    reward = shop.reward(paid)
    assert (reward.state, reward.granted, reward.reversed) == (RewardState.SETTLED, 400, 200)
    assert shop.transfers(paid) == [("credit", 400), ("debit", 200)]
    assert shop.balances() == (0, 200, 0)


def test_a_refund_before_approval_voids_its_part_and_the_rest_is_approved(manual_shop: Till) -> None:
    paid = order(1, TWO_MUGS)
    manual_shop.tell(paid)
    manual_shop.pay_back(refund_of(paid, units=1))
    assert manual_shop.reward(paid).state is RewardState.IN_REVIEW
    assert manual_shop.balances() == (200, 0, 0)
    manual_shop.approve(paid)
    assert manual_shop.transfers(paid) == [("credit", 200)]


def test_a_refund_of_everything_before_approval_voids_the_reward(manual_shop: Till) -> None:
    paid = order(1, TWO_MUGS)
    manual_shop.tell(paid)
    manual_shop.pay_back(refund_of(paid, units=2))
    assert manual_shop.reward(paid).state is RewardState.VOIDED
    assert manual_shop.entries(paid) == [EntryKind.ACCRUAL, EntryKind.VOID]


def test_a_refund_known_before_its_order_counts_from_the_orders_first_day(shop: Till) -> None:
    paid = order(1, TWO_MUGS)
    shop.pay_back(refund_of(paid, units=1))
    shop.tell(paid)
    assert (shop.reward(paid).granted, shop.reward(paid).reversed) == (400, 200)
    assert shop.transfers(paid) == [("credit", 200)]


def test_a_refund_of_everything_known_before_its_order_leaves_nothing_to_credit(shop: Till) -> None:
    paid = order(1, TWO_MUGS)
    shop.pay_back(refund_of(paid, units=2))
    shop.tell(paid)
    assert shop.reward(paid).state is RewardState.VOIDED
    assert shop.entries(paid) == []


def test_a_refund_told_inside_the_order_and_by_itself_counts_once(shop: Till) -> None:
    paid = order(1, TWO_MUGS)
    back = refund_of(paid, units=1)
    shop.tell(later(paid, refunds=(back,), financial_status=FinancialStatus.PARTIALLY_REFUNDED))
    shop.pay_back(back, back)
    shop.pay_back(back)
    assert shop.kept(paid) == 200


def test_a_refund_told_in_part_first_and_fuller_later_counts_in_full(shop: Till) -> None:
    paid = order(1, TWO_MUGS)
    shop.tell(paid)
    shop.pay_back(refund_of(paid, units=0, money_minor=0))
    assert shop.kept(paid) == 400
    shop.pay_back(refund_of(paid, units=1))
    shop.pay_back(refund_of(paid, units=0, money_minor=0))
    assert shop.kept(paid) == 200


@pytest.mark.parametrize("order_of_telling", [*permutations(range(3))])
def test_partial_refunds_close_to_zero_in_whatever_order_they_come(shop: Till, order_of_telling: tuple[int]) -> None:
    paid = order(1, ODD)
    refunds = [refund_of(paid, n, units=1, on=n) for n in (1, 2, 3)]
    shop.tell(paid)
    for number in order_of_telling:
        shop.pay_back(refunds[number])
    reward = shop.reward(paid)
    assert (reward.state, reward.granted, reward.reversed) == (RewardState.REVERSED, 200, 200)
    assert shop.balances() == (0, 0, 0)


def test_partial_refunds_in_review_close_to_zero(manual_shop: Till) -> None:
    paid = order(1, ODD)
    manual_shop.tell(paid)
    for number in (1, 2, 3):
        manual_shop.pay_back(refund_of(paid, number, units=1, on=number))
    assert manual_shop.reward(paid).state is RewardState.VOIDED
    assert manual_shop.balances() == (0, 0, 0)


def test_money_paid_back_without_goods_takes_its_share(shop: Till) -> None:
    paid = order(1)
    shop.tell(paid)
    shop.pay_back(refund_of(paid, money_minor=2_500))
    assert shop.kept(paid) == 150


def test_shipping_paid_back_touches_nothing(shop: Till) -> None:
    paid = order(1)
    shop.tell(paid)
    shop.pay_back(refund_of(paid, money_minor=900, shipping_minor=900))
    assert shop.kept(paid) == 200
    assert shop.entries(paid) == [EntryKind.ACCRUAL, EntryKind.SETTLEMENT]


def test_after_everything_went_back_another_refund_takes_nothing_more(shop: Till) -> None:
    paid = order(1)
    shop.tell(paid)
    shop.pay_back(refund_of(paid, 1, units=1))
    shop.pay_back(refund_of(paid, 2, units=1, on=2))
    shop.pay_back(refund_of(paid, 3, money_minor=5_000, on=3))
    assert shop.transfers(paid) == [("credit", 200), ("debit", 200)]
    assert shop.balances() == (0, 0, 0)


def test_a_refund_after_a_rejection_moves_nothing(manual_shop: Till) -> None:
    paid = order(1, TWO_MUGS)
    manual_shop.tell(paid)
    manual_shop.reject(paid)
    manual_shop.pay_back(refund_of(paid, units=1))
    assert (manual_shop.reward(paid).state, manual_shop.kept(paid)) == (RewardState.REJECTED, 200)
    assert manual_shop.balances() == (0, 0, 0)


def test_a_refund_of_an_order_that_earned_nothing_moves_nothing(shop: Till) -> None:
    gift_card = order(1, line(1, 10_000, 2, is_gift_card=True))
    shop.tell(gift_card)
    shop.pay_back(refund_of(gift_card, units=1))
    assert shop.entries(gift_card) == []


def test_a_refund_of_a_guests_order_lessens_what_its_customer_gets_later(shop: Till) -> None:
    guests = order(1, TWO_MUGS, customer=None)
    shop.tell(guests)
    shop.pay_back(refund_of(guests, units=1))
    assert shop.reward(guests).state is RewardState.AWAITING_CUSTOMER
    shop.tell(later(guests, customer=BEN))
    assert shop.balances(BEN) == (0, 200, 0)


def test_a_refund_that_takes_the_order_below_the_minimum_takes_everything_back(shop: Till) -> None:
    shop.publish(on=-1, minimum_order_minor=15_000)
    paid = order(1, TWO_MUGS)
    shop.tell(paid)
    shop.pay_back(refund_of(paid, units=1))
    assert shop.reward(paid).state is RewardState.REVERSED


def test_a_refund_with_a_future_day_or_an_unknown_line_does_no_harm(shop: Till) -> None:
    paid = order(1)
    stranger = order(1, line(99))
    shop.tell(paid)
    shop.pay_back(refund_of(stranger, units=1, on=400))
    assert shop.kept(paid) == 200


def test_refunds_of_the_same_order_in_one_batch_end_as_one_by_one(shop: Till, manual_shop: Till) -> None:
    paid = order(1, line(1, 7_777, 7))
    refunds = [refund_of(paid, n, units=1, on=n) for n in range(1, 6)]
    shop.tell(paid)
    shop.pay_back(*reversed(refunds))
    together = shop.kept(paid)
    other = order(2, line(1, 7_777, 7), customer=BEN)
    shop.tell(other)
    for number in range(1, 6):
        shop.pay_back(refund_of(other, number, units=1, on=number))
    assert shop.kept(other) == together == 44


def test_a_refund_in_one_shop_leaves_the_same_order_of_another_shop_alone(shop: Till, manual_shop: Till) -> None:
    paid = order(1)
    shop.tell(paid)
    manual_shop.tell(paid)
    before = books(manual_shop)
    shop.pay_back(refund_of(paid, units=1))
    assert books(manual_shop) == before
    assert paid.order_id > BIG
