"""A paid order becomes a reward: automatic, manual, held, without a customer, and what earns nothing."""

from dataclasses import replace

import pytest

from app.engine.rules.facts import FinancialStatus
from app.engine.rules.postings import EntryKind
from app.engine.rules.states import RewardState
from app.engine.rules.terms import Mode
from tests.flows.builders import ADA, BEN, Till, day, later, line, order

ACCRUED_AND_SETTLED = [EntryKind.ACCRUAL, EntryKind.SETTLEMENT]


def test_in_automatic_mode_a_paid_order_settles_at_once(shop: Till) -> None:
    paid = order(1)
    shop.tell(paid)
    reward = shop.reward(paid)
    assert (reward.state, reward.granted, reward.tier) == (RewardState.SETTLED, 200, "Bronze")
    assert shop.entries(paid) == ACCRUED_AND_SETTLED
    assert shop.transfers(paid) == [("credit", 200)]
    assert shop.balances() == (0, 200, 0)


def test_in_manual_mode_a_paid_order_waits_in_review(manual_shop: Till) -> None:
    paid = order(1)
    manual_shop.tell(paid)
    assert manual_shop.reward(paid).state is RewardState.IN_REVIEW
    assert manual_shop.transfers(paid) == []
    assert manual_shop.balances() == (200, 0, 0)


@pytest.mark.parametrize("mode", Mode)
def test_an_order_above_the_hold_amount_is_held_in_either_mode(shop: Till, mode: Mode) -> None:
    shop.publish(on=-1, hold_above_minor=9_999)
    shop.set_mode(mode)
    above, exactly = order(1), order(2, line(2, 9_999), customer=BEN)
    shop.tell(above, exactly)
    held = shop.reward(above)
    assert (held.state, held.hold) == (RewardState.HELD, "order_value")
    assert shop.balances() == (200, 0, 0)
    assert shop.reward(exactly).hold is None


def test_a_guests_order_is_not_credited_until_its_customer_is_known(shop: Till) -> None:
    guests = order(1, customer=None)
    shop.tell(guests)
    assert shop.reward(guests).state is RewardState.AWAITING_CUSTOMER
    assert shop.entries(guests) == []
    shop.tell(later(guests, customer=ADA))
    assert shop.reward(guests).state is RewardState.SETTLED
    assert shop.balances() == (0, 200, 0)


def test_a_customer_once_known_is_kept_when_a_newer_version_names_none(shop: Till) -> None:
    known = order(1)
    shop.tell(known)
    shop.tell(later(known, customer=None))
    assert shop.reward(known).state is RewardState.SETTLED
    assert shop.balances() == (0, 200, 0)


def test_a_customer_named_only_by_an_older_version_that_comes_late_is_taken(shop: Till) -> None:
    known = order(1)
    shop.tell(later(known, customer=None))
    shop.tell(known)
    assert shop.balances() == (0, 200, 0)


def test_the_spend_of_a_guests_order_counts_once_the_customer_is_known(shop: Till) -> None:
    guests, second = order(1, line(1, 50_000), customer=None), order(2, on=1)
    shop.tell(guests, second)
    assert shop.reward(second).granted == 200
    shop.tell(later(guests, customer=ADA))
    assert (shop.reward(second).tier, shop.kept(second)) == ("Silver", 400)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"is_test": True}, "test_order"),
        ({"financial_status": FinancialStatus.PENDING}, "unpaid"),
        ({"financial_status": FinancialStatus.AUTHORIZED}, "unpaid"),
        ({"financial_status": FinancialStatus.PARTIALLY_PAID}, "unpaid"),
        ({"financial_status": FinancialStatus.VOIDED}, "voided"),
        ({"financial_status": FinancialStatus.EXPIRED}, "voided"),
        ({"currency": "EUR"}, "other_currency"),
        ({"lines": (line(is_gift_card=True),)}, "no_eligible_lines"),
        ({"lines": (line(1, 24),)}, "rounds_to_zero"),
        ({"lines": ()}, "no_eligible_lines"),
    ],
)
def test_what_earns_nothing_says_why_and_moves_nothing(shop: Till, changes: dict[str, object], reason: str) -> None:
    nothing = replace(order(1), **changes)  # type: ignore[arg-type]
    shop.tell(nothing)
    reward = shop.reward(nothing)
    assert (reward.state, reward.why_nothing, reward.granted) == (RewardState.INELIGIBLE, reason, 0)
    assert shop.entries(nothing) == []
    assert shop.transfers(nothing) == []


def test_an_order_that_comes_cancelled_moves_nothing(shop: Till) -> None:
    cancelled = order(1, cancelled_at=day(0, 30), updated_at=day(0, 30))
    shop.tell(cancelled)
    assert shop.reward(cancelled).state is RewardState.VOIDED
    assert shop.entries(cancelled) == []


def test_an_order_cancelled_after_it_settled_gives_everything_back(shop: Till) -> None:
    paid = order(1)
    shop.tell(paid)
    shop.tell(later(paid, cancelled_at=day(1)))
    assert shop.reward(paid).state is RewardState.REVERSED
    assert shop.transfers(paid) == [("credit", 200), ("debit", 200)]
    assert shop.balances() == (0, 0, 0)


def test_an_order_cancelled_in_review_is_voided(manual_shop: Till) -> None:
    paid = order(1)
    manual_shop.tell(paid)
    manual_shop.tell(later(paid, cancelled_at=day(1)))
    assert manual_shop.reward(paid).state is RewardState.VOIDED
    assert manual_shop.entries(paid) == [EntryKind.ACCRUAL, EntryKind.VOID]
    assert manual_shop.balances() == (0, 0, 0)


def test_an_unpaid_order_earns_when_its_money_arrives(shop: Till) -> None:
    unpaid = order(1, financial_status=FinancialStatus.PENDING)
    shop.tell(unpaid)
    shop.tell(later(unpaid, financial_status=FinancialStatus.PAID))
    assert shop.reward(unpaid).state is RewardState.SETTLED
    assert shop.balances() == (0, 200, 0)


def test_a_paid_order_that_is_voided_later_gives_its_reward_back(shop: Till) -> None:
    paid = order(1)
    shop.tell(paid)
    shop.tell(later(paid, financial_status=FinancialStatus.VOIDED))
    assert (shop.reward(paid).state, shop.reward(paid).granted) == (RewardState.REVERSED, 0)
    assert shop.balances() == (0, 0, 0)


def test_the_same_ids_in_another_shop_are_another_order_and_another_customer(shop: Till, manual_shop: Till) -> None:
    paid = order(1)
    shop.tell(paid)
    manual_shop.tell(later(paid, lines=(line(1, 30_000),)))
    assert shop.balances() == (0, 200, 0)
    assert manual_shop.balances() == (600, 0, 0)
    manual_shop.tell(later(paid, 90, cancelled_at=day(1)))
    assert shop.balances() == (0, 200, 0)


def test_a_batch_of_many_orders_of_two_customers_books_each_once(shop: Till) -> None:
    batch = [order(n, line(n, 1_000), on=n, customer=ADA if n % 2 else BEN) for n in range(1, 21)]
    shop.tell(*batch, *batch[:5])
    assert shop.balances(ADA) == (0, 200, 0)
    assert shop.balances(BEN) == (0, 200, 0)
    shop.tell(*reversed(batch))
    assert shop.balances(ADA) == (0, 200, 0)
