"""Messages are written with the books: each once, for whoever it concerns, and not where nobody is mailed."""

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from app.db import transaction
from app.engine.flows import customers, earn, merges, transfer
from app.engine.messages import MessageDraft, write_messages
from app.engine.rules.facts import CreditMove, CustomerFact, CustomerGone, CustomersMerged, MoveKind
from app.engine.rules.messages import DropReason, MessageState, Topic
from app.engine.rules.states import TransferKind, TransferState
from app.engine.rules.terms import Evaluation
from app.models import Customer, Message, Shop, Transfer
from tests.flows.builders import ADA, BEN, BIG, STAFF, Till, all_rows, day, later, line, order, reading, refund_of
from tests.flows.shopify_account import Shopify
from tests.flows.test_adjust import by_hand
from tests.flows.test_guests import GUEST, give_up, meet, sweep
from tests.flows.test_guests import told as account
from tests.flows.test_moves import told as tell_moves
from tests.flows.test_parallel import Workers, workers
from tests.flows.tier_rows import assign, ids_of, recalculate

__all__ = ["workers"]

FIRST = order(1)


def messages(till: Till) -> list[tuple[str, int | None, str]]:
    """Return the key of each message of a shop, whose it is by Shopify's id, and its state; oldest first."""
    with reading() as session:
        rows = session.execute(
            select(Message.key, Customer.shopify_id, Message.state)
            .outerjoin(Customer, Customer.id == Message.customer_id)
            .where(Message.shop_id == till.id)
            .order_by(Message.id)
        )
        return [(key, whose, state.value) for key, whose, state in rows]


def keys(till: Till) -> list[str]:
    """Return the keys of a shop's messages, oldest first."""
    return [key for key, _, _ in messages(till)]


def found(till: Till, topic: Topic) -> list[Message]:
    """Return a shop's messages about a topic, oldest first."""
    with reading() as session:
        which = select(Message).where(Message.shop_id == till.id, Message.topic == topic).order_by(Message.id)
        rows = list(session.scalars(which))
        session.expunge_all()
        return rows


def forget(till: Till) -> None:
    """Remove the messages there are, so that a test sees what comes then."""
    with transaction() as session:
        for row in session.scalars(select(Message).where(Message.shop_id == till.id)):
            session.delete(row)


def mute(till: Till) -> None:
    """Let a shop mail nobody."""
    with transaction() as session:
        session.execute(update(Shop).where(Shop.id == till.id).values(mails_customers=False))


# What a reward's entries leave.


def test_what_is_earned_leaves_one_message_about_its_reward(manual_shop: Till) -> None:
    manual_shop.tell(FIRST)
    (row,) = found(manual_shop, Topic.REWARD)
    reward = manual_shop.reward(FIRST)
    assert (row.key, row.reward_id, row.subject_id) == (f"entry:accrual:order:{BIG + 1}:1", reward.id, reward.id)
    assert messages(manual_shop) == [(row.key, ADA.customer_id, "waiting")]
    assert (row.created_at, row.done_at, row.said) == (day(10), None, None)


def test_settling_leaves_none_for_the_confirmed_transfer_tells(shop: Till) -> None:
    shop.tell(FIRST)
    assert keys(shop) == [f"entry:accrual:order:{BIG + 1}:1"]
    Shopify(shop).carry_out(day(11))
    reward = shop.reward(FIRST)
    assert [(row.key, row.reward_id, row.subject_id, row.created_at) for row in found(shop, Topic.REWARD)[1:]] == [
        ("transfer:1:confirmed", reward.id, reward.id, day(11))
    ]


def test_what_goes_before_it_settled_and_after_leaves_a_message_each(manual_shop: Till) -> None:
    two = order(1, line(1, 20_000, 2))
    manual_shop.tell(two)
    manual_shop.pay_back(refund_of(two, units=1))
    manual_shop.approve(two)
    manual_shop.tell(later(two, cancelled_at=day(5)))
    assert [key.split(":")[1] for key in keys(manual_shop)] == ["accrual", "void", "clawback"]


def test_a_rejected_reward_leaves_a_message(manual_shop: Till) -> None:
    manual_shop.tell(FIRST)
    manual_shop.reject(FIRST)
    assert [key.split(":")[1] for key in keys(manual_shop)] == ["accrual", "void"]


def test_what_earns_nothing_leaves_none(shop: Till) -> None:
    shop.tell(order(1, is_test=True))
    assert messages(shop) == []


def test_each_of_two_customers_of_one_order_is_told_of_their_part(shop: Till) -> None:
    shop.tell(FIRST)
    shop.tell(later(FIRST, customer=BEN))
    assert [(key.split(":")[1], whose) for key, whose, _ in messages(shop)] == [
        ("accrual", ADA.customer_id), ("clawback", ADA.customer_id), ("accrual", BEN.customer_id)
    ]  # fmt: skip


def test_spending_and_expiring_leave_none(shop: Till) -> None:
    shop.tell(FIRST)
    forget(shop)
    tell_moves(shop, CreditMove("spent", ADA.customer_id, MoveKind.REDEMPTION, 80, day(11)))
    tell_moves(shop, CreditMove("over", ADA.customer_id, MoveKind.EXPIRY, 20, day(11)))
    assert messages(shop) == []


# Where nobody is mailed, and what is not committed.


def test_a_shop_that_mails_nobody_writes_none(shop: Till) -> None:
    mute(shop)
    shop.tell(FIRST)
    shop.tell(GUEST, order(2, line(1, 200_000), on=2), order(3, on=3))
    Shopify(shop).carry_out(day(11))
    assert messages(shop) == []
    assert shop.balances() == (0, 4_800, 0)


def test_a_message_goes_with_the_books_when_they_are_rolled_back(shop: Till) -> None:
    def earn_and_fail(session: Session, row: Shop) -> None:
        earn.record_orders(session, row, [FIRST], day(1))
        raise InterruptedError

    rows = all_rows()
    with pytest.raises(InterruptedError):
        shop.run(earn_and_fail)
    assert all_rows() == rows


def test_two_workers_with_one_order_leave_one_message(shop: Till, workers: Workers) -> None:
    def hear(session: Session, row: Shop) -> None:
        earn.record_orders(session, row, [FIRST], day(1))

    assert workers.at_once(hear, hear, hear) == [None, None, None]
    assert keys(shop) == [f"entry:accrual:order:{BIG + 1}:1"]


def test_a_key_is_written_once_also_within_one_batch(shop: Till) -> None:
    shop.tell(FIRST)
    forget(shop)
    (ada,) = ids_of(shop)
    draft = MessageDraft("made-up:1", Topic.TIER, ada, None, 1)
    late = MessageDraft("made-up:2", Topic.TIER, ada, None, 1, DropReason.NOTHING_NEW)
    shop.run(lambda session, row: write_messages(session, row.id, [draft, draft, late], day(1)))
    shop.run(lambda session, row: write_messages(session, row.id, [late, draft], day(2)))
    assert messages(shop) == [
        ("made-up:1", ADA.customer_id, "waiting"), ("made-up:2", ADA.customer_id, "dropped")
    ]  # fmt: skip
    dropped = found(shop, Topic.TIER)[1]
    assert (dropped.done_at, dropped.drop_reason) == (day(1), DropReason.NOTHING_NEW)


def test_messages_are_numbered_in_the_order_they_are_handed_in(shop: Till) -> None:
    """Whatever way the database chooses to find the customers, which changes with how many it believes there are."""
    shop.tell(FIRST, order(2, customer=BEN))
    forget(shop)
    ada, ben = sorted(ids_of(shop))
    drafts = [MessageDraft(f"made-up:{each}", Topic.TIER, each, None, each) for each in (ben, ada)]

    def write(session: Session, row: Shop) -> None:
        session.execute(text("SET LOCAL enable_nestloop = off; SET LOCAL enable_hashjoin = off"))
        write_messages(session, row.id, drafts, day(1))

    shop.run(write)
    assert [row.subject_id for row in found(shop, Topic.TIER)] == [ben, ada]


# Transfers.


def test_credit_and_debit_by_hand_leave_a_message_when_booked_and_when_carried_out(shop: Till) -> None:
    shopify = Shopify(shop)
    shop.tell(FIRST)
    shopify.carry_out(day(11))
    forget(shop)
    (ada,) = ids_of(shop)
    given = by_hand(shop, ada, TransferKind.CREDIT, 500)
    assert [(row.key, row.reward_id, row.subject_id) for row in found(shop, Topic.ADJUSTMENT)] == [
        (f"entry:adjustment:{given}", None, given)
    ]
    shopify.carry_out(day(13))
    assert [(row.key, row.subject_id) for row in found(shop, Topic.ADJUSTMENT)][1:] == [("transfer:2:confirmed", given)]


def test_a_transfer_that_a_person_says_arrived_leaves_a_message(shop: Till) -> None:
    shop.tell(FIRST)
    claim = shop.run(lambda session, row: transfer.claim_next(session, row.id, day(11), 30))
    assert claim is not None
    shop.run(lambda session, _: transfer.ask_person(session, claim, "It may have arrived."))
    forget(shop)
    shop.run(lambda session, row: transfer.decide(session, row.id, 1, True, "77", STAFF, day(12)))
    assert messages(shop) == [("transfer:1:confirmed", ADA.customer_id, "waiting")]


def test_a_debit_that_found_nothing_leaves_no_message_of_its_own(shop: Till) -> None:
    shopify = Shopify(shop)
    shop.tell(FIRST)
    shopify.carry_out(day(11))
    shopify.ada.redeem(200, day(12))
    shop.pay_back(refund_of(FIRST, money_minor=10_000), on=13)
    forget(shop)
    shopify.carry_out(day(14))
    assert messages(shop) == []
    with reading() as session:
        assert session.scalars(select(Transfer.state).order_by(Transfer.id)).all()[-1] is TransferState.NOT_APPLICABLE


def test_a_debit_that_no_reward_and_no_person_asked_for_leaves_none(shop: Till) -> None:
    """What somebody owed is taken from whoever they were merged into; that is nobody's news."""
    shopify = Shopify(shop, ADA, BEN)
    ben = order(2, customer=BEN)
    shop.tell(FIRST, ben)
    shopify.carry_out(day(11))
    shopify.accounts[BEN.customer_id].redeem(200, day(11))
    shopify.hear(day(11))
    shop.pay_back(refund_of(ben, money_minor=10_000), on=12)
    merge(shop, BEN, ADA)
    forget(shop)
    shopify.carry_out(day(15))
    with reading() as session:
        last = session.scalars(select(Transfer).order_by(Transfer.id.desc()).limit(1)).one()
        assert (last.reward_id, last.adjustment_id, last.state) == (None, None, TransferState.CONFIRMED)
    assert messages(shop) == []


# Tiers.


def test_another_tier_is_told_and_the_first_one_is_not(shop: Till) -> None:
    shop.tell(FIRST)
    assert found(shop, Topic.TIER) == []
    shop.tell(order(2, line(1, 60_000), on=1))
    assign(shop, "Gold", on=11)
    rows = found(shop, Topic.TIER)
    assert [(row.key, row.subject_id, row.reward_id) for row in rows] == [("tier:2", 2, None), ("tier:3", 3, None)]
    assert messages(shop)[-1][1:] == (ADA.customer_id, "waiting")


def test_a_run_over_everybody_tells_whoever_it_moves(shop: Till) -> None:
    shop.publish(on=-1, tier_evaluation=Evaluation.MONTHLY)
    large = order(1, line(1, 60_000, 2))
    shop.tell(large, order(2, customer=BEN))
    shop.pay_back(refund_of(large, units=1, on=3))
    forget(shop)
    recalculate(shop, on=12)
    (row,) = found(shop, Topic.TIER)
    assert messages(shop) == [(f"tier:{row.subject_id}", ADA.customer_id, "waiting")]


def test_tiers_that_past_orders_bring_are_told_to_nobody(shop: Till) -> None:
    with transaction() as session:
        session.execute(update(Shop).where(Shop.id == shop.id).values(began_at=day(5)))
    shop.tell(order(1, line(1, 60_000)))
    shop.tell(order(2, line(1, 100_000), on=1), order(3, customer=BEN, on=6), order(4, customer=None, on=1))
    assert found(shop, Topic.TIER) == []
    cancelled = later(order(2, line(1, 100_000), on=1), cancelled_at=day(9))
    shop.tell(cancelled)
    assert [row.subject_id for row in found(shop, Topic.TIER)] == [4]
    shop.tell(order(5, line(1, 100_000), on=10))
    assert len(found(shop, Topic.TIER)) == 2


# Guests.


def test_what_waits_for_a_guests_account_leaves_a_message_without_a_customer(shop: Till) -> None:
    shop.tell(GUEST)
    reward = shop.reward(GUEST)
    (row,) = found(shop, Topic.REWARD)
    assert (row.key, row.customer_id, row.reward_id, row.subject_id) == (
        f"guest:{reward.id}:1", None, reward.id, reward.id
    )  # fmt: skip


def test_a_guest_is_told_of_another_amount_and_of_nothing_else(shop: Till) -> None:
    two = order(1, line(1, 20_000, 2), customer=None, email="ada@example.com")
    shop.tell(two)
    shop.tell(later(two, tags=("gift",)))
    assert len(messages(shop)) == 1
    shop.pay_back(refund_of(two, units=1))
    shop.tell(later(two, 120, cancelled_at=day(5)))
    assert [(key.partition(":")[0], whose) for key, whose, _ in messages(shop)] == [("guest", None)] * 3


def test_a_guests_order_that_earns_nothing_leaves_none(shop: Till) -> None:
    shop.tell(order(1, customer=None, email="ada@example.com", is_test=True))
    assert messages(shop) == []


def test_whoever_claims_is_told_as_a_customer_and_not_as_a_guest_any_more(shop: Till) -> None:
    shop.tell(GUEST)
    meet(shop, account())
    assert [(key.partition(":")[0], whose, state) for key, whose, state in messages(shop)] == [
        ("guest", None, "dropped"), ("entry", ADA.customer_id, "waiting")
    ]  # fmt: skip
    assert found(shop, Topic.REWARD)[0].drop_reason is DropReason.NOTHING_NEW


def test_what_a_guest_was_told_stays_told_when_they_claim(shop: Till) -> None:
    shop.tell(GUEST)
    with transaction() as session:
        told = {"state": MessageState.DROPPED, "done_at": day(9), "drop_reason": DropReason.STOPPED}
        session.execute(update(Message).values(told))
    meet(shop, account())
    sweep(shop, on=11)
    assert found(shop, Topic.REWARD)[0].drop_reason is DropReason.STOPPED


def test_what_nobody_claimed_in_time_ends_without_a_word(shop: Till) -> None:
    shop.tell(GUEST)
    forget(shop)
    assert give_up(shop, on=91) == 1
    assert messages(shop) == []


# Refunds to store credit.


def test_a_refund_to_store_credit_made_in_shopify_is_told(shop: Till) -> None:
    shop.tell(FIRST)
    forget(shop)
    by_refund = CreditMove("refund", ADA.customer_id, MoveKind.EXTERNAL_CREDIT, 500, day(11), BIG + 1)
    other = CreditMove("by-hand", ADA.customer_id, MoveKind.EXTERNAL_CREDIT, 700, day(11))
    spent_back = CreditMove("return", ADA.customer_id, MoveKind.RETURN, 30, day(11), BIG + 1)
    tell_moves(shop, by_refund, other, spent_back)
    assert [(row.key, row.subject_id, row.reward_id) for row in found(shop, Topic.REFUND)] == [("move:1", 1, None)]
    assert messages(shop) == [("move:1", ADA.customer_id, "waiting")]


def test_refunds_out_of_an_accounts_long_history_are_nobodys_news(shop: Till) -> None:
    shop.tell(FIRST)
    old = CreditMove("old", ADA.customer_id, MoveKind.EXTERNAL_CREDIT, 500, day(11), BIG + 1)
    tell_moves(shop, old, on=25)
    assert found(shop, Topic.REFUND) == []


# People who are merged, or gone.


def merge(shop: Till, gone: CustomerFact, kept: CustomerFact, on: int = 14) -> None:
    fact = CustomersMerged(gone_id=gone.customer_id, kept_id=kept.customer_id, at=day(13))
    shop.twice(lambda session, row, now: merges.record_merges(session, row, [fact], now), day(on))


def test_the_kept_customer_hears_what_waits_for_the_one_who_is_gone(shop: Till) -> None:
    shop.tell(FIRST, order(2, customer=BEN))
    merge(shop, BEN, ADA)
    assert {whose for _, whose, _ in messages(shop)} == {ADA.customer_id}


def test_what_comes_after_a_merge_goes_to_the_kept_customer(shop: Till) -> None:
    shop.tell(FIRST, order(2, customer=BEN))
    claims = [shop.run(lambda session, row: transfer.claim_next(session, row.id, day(11), 9_999_999)) for _ in (1, 2)]
    for claim in claims:
        shop.run(lambda session, _, c=claim: transfer.mark_sending(session, c, 0, c.amount_minor, day(11)))
    merge(shop, BEN, ADA)
    forget(shop)
    for number, claim in enumerate(claims):
        gid = f"gid://shopify/StoreCreditAccountCreditTransaction/{number}"
        shop.run(lambda session, _, c=claim, g=gid: transfer.confirm(session, c, g, 200, day(15)))
    assert messages(shop) == [
        ("transfer:1:confirmed", ADA.customer_id, "waiting"), ("transfer:2:confirmed", ADA.customer_id, "waiting")
    ]  # fmt: skip


def test_whoever_was_deleted_is_told_nothing_any_more(manual_shop: Till) -> None:
    manual_shop.tell(FIRST, order(2, customer=BEN))
    gone = CustomerGone(ADA.customer_id, day(12))
    manual_shop.twice(lambda session, row, now: customers.record_deleted(session, row, [gone], now), day(12))
    assert [(key.split(":")[1], whose, state) for key, whose, state in messages(manual_shop)] == [
        ("accrual", ADA.customer_id, "dropped"),
        ("accrual", BEN.customer_id, "waiting"),
        ("void", ADA.customer_id, "dropped"),
    ]
    assert {row.drop_reason for row in found(manual_shop, Topic.REWARD)} == {None, DropReason.NO_ADDRESS}


def test_messages_of_another_shop_are_left_alone(shop: Till) -> None:
    other = Till("other.myshopify.com")
    for till in (shop, other):
        till.tell(FIRST, order(2, customer=BEN))
    mute(shop)
    rows = messages(other)
    merge(shop, BEN, ADA)
    assert messages(other) == rows
