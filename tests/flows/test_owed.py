"""A clawback that the balance does not cover is owed, and set off against what settles next."""

import pytest
from sqlalchemy import select

from app.engine.due_transfers import claim_next
from app.engine.flows import transfer
from app.engine.ledger import EntryDraft, post
from app.engine.rules.postings import Account, EntryKind, Posting
from app.engine.rules.states import RewardState
from app.models import Customer, Reward
from tests.flows.builders import STAFF, Till, day, line, order, reading, refund_of

FIRST, SECOND = order(1), order(2, line(1, 25_000), on=3)


@pytest.fixture
def spent(shop: Till) -> Till:
    """Return a shop in which Ada spent 1.50 of the 2.00 that order 1 earned, as a purchase will be imported."""
    shop.tell(FIRST)
    with reading() as session:
        reward = session.scalars(select(Reward)).one()
        assert reward.customer_id is not None
        redeemed = (Posting(Account.AVAILABLE, Account.REDEEMED, 150),)
        draft = EntryDraft("redeem:1", EntryKind.SHORTFALL, reward.customer_id, "USD", day(1), STAFF, redeemed)
        post(session, shop.id, [draft], day(1))
    # Purchases are not imported yet, so the check has no place for one.
    shop.broken_by_hand = frozenset({"What is available is what was credited minus what was debited"})
    assert shop.balances() == (0, 50, 0)
    return shop


def carry_out(shop: Till, sent_minor: int | None = None) -> None:
    """Send the shop's transfers, as far as the account has so much: the last one with ``sent_minor``."""
    while claim := shop.run(lambda session, _: claim_next(session, shop.id, day(20), 30)):
        amount = claim.amount_minor if sent_minor is None else min(sent_minor, claim.amount_minor)
        if amount == 0:
            shop.run(lambda session, _, claim=claim: transfer.mark_not_applicable(session, claim, day(20)))
            continue
        shop.run(lambda session, _, c=claim, a=amount: transfer.mark_sending(session, c, 0, a, day(20)))
        gid = f"gid://shopify/StoreCreditAccountTransaction/{claim.transfer_id}"
        shop.run(lambda session, _, c=claim, gid=gid: transfer.confirm(session, c, gid, 0, day(20)))
    shop.check()


def test_a_clawback_takes_what_is_available_and_the_rest_is_owed(spent: Till) -> None:
    spent.pay_back(refund_of(FIRST, units=1))
    assert spent.balances() == (0, 0, -150)
    assert spent.transfers(FIRST) == [("credit", 200), ("debit", 50)]


def test_a_clawback_with_nothing_available_plans_no_debit(spent: Till) -> None:
    spent.pay_back(refund_of(FIRST, money_minor=5_000))
    spent.pay_back(refund_of(FIRST, 2, money_minor=5_000, on=2))
    assert spent.balances() == (0, 0, -150)
    assert spent.transfers(FIRST) == [("credit", 200), ("debit", 50)]


def test_what_is_owed_is_set_off_when_the_next_reward_settles(spent: Till) -> None:
    spent.pay_back(refund_of(FIRST, units=1))
    spent.tell(SECOND)
    assert spent.entries(SECOND) == [EntryKind.ACCRUAL, EntryKind.SETTLEMENT, EntryKind.SET_OFF]
    assert spent.transfers(SECOND) == [("credit", 350)]
    assert spent.balances() == (0, 350, 0)


def test_a_reward_smaller_than_what_is_owed_is_set_off_whole_and_nothing_is_credited(spent: Till) -> None:
    spent.pay_back(refund_of(FIRST, units=1))
    small = order(2, line(1, 5_000), on=3)
    spent.tell(small)
    assert spent.reward(small).state is RewardState.SETTLED
    assert spent.transfers(small) == []
    assert spent.balances() == (0, 0, -50)


def test_a_reward_that_was_set_off_and_goes_back_is_owed_again(spent: Till) -> None:
    spent.pay_back(refund_of(FIRST, units=1))
    spent.tell(SECOND)
    spent.pay_back(refund_of(SECOND, units=1, on=4))
    assert spent.balances() == (0, 0, -150)
    assert spent.transfers(SECOND) == [("credit", 350), ("debit", 350)]


def test_what_is_owed_is_set_off_once_over_two_rewards_of_one_batch(spent: Till) -> None:
    spent.pay_back(refund_of(FIRST, units=1))
    third = order(3, line(1, 5_000), on=4)
    spent.tell(third, order(2, line(1, 5_000), on=3))
    assert spent.balances() == (0, 50, 0)
    assert spent.transfers(third) == [("credit", 50)]


def test_a_refund_and_a_new_reward_in_one_batch_end_as_one_after_the_other(spent: Till) -> None:
    cancelled = order(1, cancelled_at=day(2), updated_at=day(2))
    spent.tell(SECOND, cancelled)
    assert spent.balances() == (0, 350, 0)


def test_an_approval_sets_off_what_is_owed(spent: Till) -> None:
    spent.publish(on=2, hold_above_minor=20_000)
    spent.tell(SECOND)
    spent.pay_back(refund_of(FIRST, units=1))
    spent.approve(SECOND)
    assert spent.transfers(SECOND) == [("credit", 350)]


def test_a_debit_that_finds_too_little_in_shopify_leaves_the_rest_owed_and_the_next_reward_pays_it(shop: Till) -> None:
    shop.tell(FIRST)
    carry_out(shop)
    shop.pay_back(refund_of(FIRST, units=1))
    carry_out(shop, sent_minor=50)
    assert shop.balances() == (0, 150, -150)
    shop.tell(SECOND)
    assert shop.transfers(SECOND) == [("credit", 350)]
    # Shopify holds 3.50; the books have 1.50 more until the purchase is heard of.
    assert shop.balances() == (0, 500, 0)


def test_a_debit_that_finds_nothing_leaves_all_of_it_owed(shop: Till) -> None:
    shop.tell(FIRST)
    carry_out(shop)
    shop.pay_back(refund_of(FIRST, units=1))
    carry_out(shop, sent_minor=0)
    assert shop.balances() == (0, 200, -200)
    with reading() as session:
        assert session.scalars(select(Customer.id)).one() > 0
