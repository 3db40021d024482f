"""An order turns out to be somebody else's: the first one gives all of it back, the other one gets it."""

from itertools import permutations

import pytest
from sqlalchemy import select

from app.db import db, transaction
from app.engine.flows import earn, settle
from app.engine.ledger import EntryDraft, post
from app.engine.rules.postings import Account, EntryKind, Posting
from app.engine.rules.states import RewardState
from app.engine.rules.terms import Mode
from app.models import Customer, Shop
from tests.flows.builders import ADA, BEN, Till, day, later, line, order, reading, refund_of
from tests.flows.test_parallel import Workers, wait_until_somebody_waits, workers

__all__ = ["workers"]

FIRST = order(1)
MOVED = later(FIRST, customer=BEN)


def test_settled_credit_is_taken_from_the_first_and_given_to_the_other(shop: Till) -> None:
    shop.tell(FIRST)
    shop.tell(MOVED)
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 0, 0), (0, 200, 0))
    assert shop.transfers(FIRST) == [("credit", 200), ("debit", 200), ("credit", 200)]
    assert shop.reward(FIRST).state is RewardState.SETTLED


def test_what_waits_in_review_waits_for_the_other(manual_shop: Till) -> None:
    manual_shop.tell(FIRST)
    manual_shop.tell(MOVED)
    assert (manual_shop.balances(ADA), manual_shop.balances(BEN)) == ((0, 0, 0), (200, 0, 0))
    assert manual_shop.reward(FIRST).state is RewardState.IN_REVIEW
    manual_shop.approve(FIRST)
    assert manual_shop.balances(BEN) == (0, 200, 0)


def test_after_an_approval_the_other_one_waits_for_an_approval_of_their_own(manual_shop: Till) -> None:
    manual_shop.tell(FIRST)
    manual_shop.approve(FIRST)
    manual_shop.tell(MOVED)
    assert (manual_shop.balances(ADA), manual_shop.balances(BEN)) == ((0, 0, 0), (200, 0, 0))
    manual_shop.approve(FIRST)
    assert manual_shop.balances(BEN) == (0, 200, 0)


def test_a_rejection_stays_one(manual_shop: Till) -> None:
    manual_shop.tell(FIRST)
    manual_shop.reject(FIRST)
    manual_shop.tell(MOVED)
    assert manual_shop.reward(FIRST).state is RewardState.REJECTED
    assert manual_shop.balances(BEN) == (0, 0, 0)


def test_what_was_partly_returned_moves_with_what_is_kept_and_goes_back_from_the_other(shop: Till) -> None:
    two = order(1, line(1, 20_000, 2))
    shop.tell(two)
    shop.pay_back(refund_of(two, 1, units=1))
    shop.tell(later(two, customer=BEN))
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 0, 0), (0, 200, 0))
    shop.pay_back(refund_of(two, 2, units=1, on=2))
    assert shop.balances(BEN) == (0, 0, 0)
    assert shop.reward(two).state is RewardState.REVERSED


def test_moved_and_cancelled_at_once_nobody_keeps_anything(shop: Till) -> None:
    shop.tell(FIRST)
    shop.tell(later(MOVED, cancelled_at=day(1)))
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 0, 0), (0, 0, 0))
    assert shop.transfers(FIRST) == [("credit", 200), ("debit", 200)]


def test_the_spend_moves_too_and_both_ones_later_orders_have_the_tier_of_it(shop: Till) -> None:
    large = order(1, line(1, 50_000))
    adas, bens = order(2, on=2), order(3, on=2, customer=BEN)
    shop.tell(large, adas, bens)
    assert (shop.reward(adas).tier, shop.reward(bens).tier) == ("Silver", "Bronze")
    shop.tell(later(large, customer=BEN))
    assert (shop.reward(adas).tier, shop.reward(bens).tier) == ("Bronze", "Silver")
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 200, 0), (0, 1_400, 0))


def test_there_and_back_ends_where_it_began(shop: Till) -> None:
    shop.tell(FIRST)
    shop.tell(MOVED)
    shop.tell(later(MOVED, customer=ADA))
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 200, 0), (0, 0, 0))


@pytest.mark.parametrize("mode", Mode)
def test_the_newest_word_about_the_customer_counts_in_whatever_order_it_comes(shop: Till, mode: Mode) -> None:
    shop.set_mode(mode)
    words = [(0, ADA), (10, BEN), (20, None)]
    for number, row in enumerate(permutations(words), start=1):
        for seconds, customer in row:
            fact = later(order(number, on=number), seconds, customer=customer)
            shop.run(lambda session, shop, fact=fact: earn.record_orders(session, shop, [fact], day(10)))
    shop.check()
    due = sum(shop.kept(order(number)) for number in range(1, 7))
    assert shop.balances(ADA) == (0, 0, 0)
    assert shop.balances(BEN) == ((0, due, 0) if mode is Mode.AUTOMATIC else (due, 0, 0))


def test_a_reward_that_moves_while_a_sweep_waits_for_it_pays_what_its_new_customer_owes(
    shop: Till, workers: Workers
) -> None:
    shop.tell(order(2, line(1, 10), customer=BEN))
    shop.pause()
    shop.tell(FIRST)
    shop.resume()
    with reading() as session:
        ben = session.scalars(select(Customer.id).where(Customer.shopify_id == BEN.customer_id)).one()
        owes = (Posting(Account.OWED, Account.PROMISED, 150),)
        post(session, shop.id, [EntryDraft("owes", EntryKind.CLAWBACK, ben, "USD", day(1), "system", owes)], day(1))
    db.session.remove()
    with transaction() as session:
        earn.record_orders(session, session.get_one(Shop, shop.id), [MOVED], day(10))
        settling = workers.start(lambda session, row: settle.settle_due(session, row, day(10)))
        wait_until_somebody_waits()
    assert settling.exception(timeout=10) is None
    shop.run(lambda session, row: settle.settle_due(session, row, day(10)))
    shop.check()
    assert shop.balances(BEN) == (0, 50, 0)
    assert ("credit", 50) in shop.transfers(FIRST)
