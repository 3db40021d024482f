"""Moves a transfer through its states: claimed, sent, confirmed or refused, read back, decided by a person.

The sender (``app/shopify/transfers.py``) carries the network part between these steps; each runs in a transaction
of its own. Once another worker has taken over the lease a step changes nothing any more, with one exception: an
answer of Shopify's is a fact and is booked whoever brings it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.engine import audit
from app.engine.account_books import heed_balance
from app.engine.due_transfers import claim_next, claim_some, count_due, find_next_due_at, last_sending, list_due_shops
from app.engine.merging import move_money
from app.engine.offsets import cancel_against_each_other
from app.engine.rules.arrival import Claim, Sent
from app.engine.rules.doubts import Doubt, doubt_to_json
from app.engine.rules.roles import Duty
from app.engine.rules.states import TransferKind, TransferState
from app.engine.seen import check_seen
from app.engine.staffing import check_may
from app.engine.transfer_rows import (
    SHORTEST_WAIT,
    find_fingerprint,
    finish,
    forget_sending,
    get_any,
    get_locked,
    get_ours,
    growing_wait,
    has_another_in_flight,
    lock_customer,
    lock_owners,
    plan,
    recall_sending,
    start_over,
    wait_between_reads,
)
from app.errors import Refused
from app.models import Customer, Shop, Transfer
from app.sentences import say

#: How many read-backs must find nothing, the last of them after the quiet period.
EMPTY_READS_NEEDED = 2

S = TransferState


def list_claimed(session: Session, claim: Claim, gids: Collection[str]) -> frozenset[str]:
    """Return which of these transactions of Shopify's answer for another transfer already."""
    return frozenset(
        session.scalars(
            select(Transfer.shopify_transaction_id).where(
                Transfer.shop_id == claim.shop_id,
                Transfer.id != claim.transfer_id,
                Transfer.shopify_transaction_id.in_(list(gids)),
            )
        )
    )


def mark_sending(
    session: Session, claim: Claim, watermark: int, sent_minor: int, now: datetime, *, writes_note: bool = False
) -> Sent | None:
    """Note what is about to be sent; None when it must not be: the lease is lost, or the owner has one in flight.

    A credit gets a second of its own to expire in, if the merchant agreed to a far expiry. It keeps that
    fingerprint over all its sendings, so that a late one is still recognised; and so does the note, with which
    nothing else can be taken for it. What its order lost since it was planned is not sent to be taken back again.
    """
    lock_customer(session, claim)
    transfer = get_ours(session, claim)
    if transfer is None or transfer.state is not S.PLANNED or has_another_in_flight(session, transfer):
        return None
    if transfer.kind is TransferKind.CREDIT and transfer.reward_id is not None:
        cancel_against_each_other(session, transfer.shop_id, {transfer.reward_id}, about_to_be_sent=transfer)
        if transfer.state is not S.PLANNED:
            return None
        sent_minor = min(sent_minor, transfer.left_minor)
    if transfer.kind is TransferKind.CREDIT and transfer.expires_at is None:
        transfer.expires_at = find_fingerprint(session, transfer, now)
    transfer.state = S.SENDING
    transfer.watermark, transfer.sent_minor, transfer.sent_at = watermark, sent_minor, now
    transfer.note = f"Boomerang transfer {transfer.id}" if writes_note else None
    transfer.empty_reads = 0
    transfer.next_attempt_at = transfer.error = None
    session.flush()
    return last_sending(transfer)


def confirm(session: Session, claim: Claim, transaction_id: str, balance_after_minor: int, now: datetime) -> None:
    """Book that Shopify executed a transfer; a debit that took less than was due leaves the rest owed."""
    lock_customer(session, claim)
    transfer = get_any(session, claim)
    if transfer is None or transfer.shopify_transaction_id == transaction_id:
        return
    if transfer.state is S.CONFIRMED or transfer.attempts != claim.attempt:
        # It must not happen; where it does, a person has to see it.
        transfer.error = say(
            "Shopify also answered with {transaction} for an earlier sending of this transfer; "
            "compare with the account and take back what was paid twice.",
            transaction=transaction_id,
        )
    else:
        transfer.shopify_transaction_id, transfer.balance_after_minor = transaction_id, balance_after_minor
        finish(session, transfer, S.CONFIRMED, now)
        session.flush()
        heed_balance(session, transfer, now)
    session.flush()


def mark_not_applicable(session: Session, claim: Claim, now: datetime) -> None:
    """Close a debit that found nothing to take: the whole of it is owed."""
    lock_customer(session, claim)
    transfer = get_ours(session, claim)
    if transfer is not None and transfer.state is S.PLANNED:
        transfer.sent_minor = 0
        finish(session, transfer, S.NOT_APPLICABLE, now)
        session.flush()


def refuse(session: Session, claim: Claim, reason: str) -> None:
    """Close a transfer that Shopify will not execute; a person reads the reason and may retry.

    Debits that were to take back a refused credit are cancelled with it.
    """
    lock_customer(session, claim)
    transfer = get_ours(session, claim)
    if transfer is not None and transfer.state in (S.PLANNED, S.SENDING):
        forget_sending(transfer)
        transfer.state, transfer.error = S.REFUSED, reason
        transfer.leased_until = transfer.next_attempt_at = None
        session.flush()
        if transfer.kind is TransferKind.CREDIT and transfer.reward_id is not None:
            cancel_against_each_other(session, transfer.shop_id, {transfer.reward_id})


def refuse_owner(session: Session, claim: Claim, reason: str, now: datetime) -> None:
    """Close a credit whose customer Shopify no longer knows; one who was merged into another gets it there."""
    lock_customer(session, claim)
    transfer = get_ours(session, claim)
    if transfer is None:
        return
    refuse(session, claim, reason)
    gone = session.get_one(Customer, transfer.customer_id, populate_existing=True)
    if gone.merged_into_id is not None:
        kept = session.get_one(Customer, gone.merged_into_id)
        move_money(session, session.get_one(Shop, claim.shop_id), gone, kept, now, now)


def renew(session: Session, claim: Claim, reason: str, now: datetime, wait_seconds: float | None = None) -> None:
    """Plan a credit again whose expiry Shopify found to be over: it gets a new one."""
    transfer = get_ours(session, claim)
    put_back(session, claim, reason, now, wait_seconds)
    if transfer is not None and transfer.state is S.PLANNED:
        transfer.expires_at = None
        session.flush()


def put_back(session: Session, claim: Claim, reason: str, now: datetime, wait_seconds: float | None = None) -> None:
    """Plan a transfer again that certainly was not executed, after a wait that grows with its attempts.

    An earlier sending, which is only believed not to have arrived, goes on being looked for.
    """
    transfer = get_ours(session, claim)
    if transfer is None or transfer.state not in (S.PLANNED, S.SENDING):
        return
    if transfer.state is S.SENDING:
        recall_sending(transfer, claim.sent)
    wait = growing_wait(claim.attempt) if wait_seconds is None else timedelta(seconds=wait_seconds)
    plan(transfer, now + wait, reason)
    session.flush()


def mark_unknown(session: Session, claim: Claim, sent_at: datetime, reason: str, now: datetime) -> None:
    """Note that a sending got no answer; ``sent_at`` is when it left. The first read-back is due soon."""
    transfer = get_ours(session, claim)
    if transfer is not None and transfer.state is S.SENDING:
        transfer.state, transfer.sent_at, transfer.error = S.UNKNOWN, sent_at, reason
        transfer.next_attempt_at, transfer.leased_until = now + SHORTEST_WAIT, None
        session.flush()


def record_empty_read(session: Session, claim: Claim, read_at: datetime, quiet_seconds: float) -> bool:
    """Note a read-back begun at ``read_at`` that found nothing; return whether the transfer is planned again.

    A slow request can still land, so only a read after the quiet period, and not the first one, proves it.
    """
    transfer = get_ours(session, claim)
    if transfer is None or transfer.state is not S.UNKNOWN or transfer.sent_at is None:
        return False
    transfer.empty_reads += 1
    quiet_until = transfer.sent_at + timedelta(seconds=quiet_seconds)
    is_quiet = read_at >= quiet_until
    is_proved = is_quiet and transfer.empty_reads >= EMPTY_READS_NEEDED
    if is_proved:
        plan(transfer, read_at, say("It was sent and did not arrive; it is sent again."))
    else:
        wait = SHORTEST_WAIT if is_quiet else min(wait_between_reads(transfer, read_at), quiet_until - read_at)
        transfer.next_attempt_at, transfer.leased_until = read_at + wait, None
    session.flush()
    return is_proved


def postpone_read(session: Session, claim: Claim, reason: str, now: datetime) -> None:
    """Note that a read-back failed; the next is due later, the older the sending the later."""
    transfer = get_ours(session, claim)
    if transfer is not None and transfer.state is S.UNKNOWN:
        transfer.next_attempt_at = now + wait_between_reads(transfer, now)
        transfer.leased_until, transfer.error = None, reason
        session.flush()


def ask_person(session: Session, claim: Claim, reason: str, doubt: Doubt | None = None) -> None:
    """Leave a transfer in flight until a person says what became of it; the doubt holds what there is to go by."""
    lock_customer(session, claim)
    transfer = get_ours(session, claim)
    may_wait = transfer is not None and transfer.state in (S.PLANNED, S.SENDING, S.UNKNOWN)
    if transfer is None or not may_wait or has_another_in_flight(session, transfer):
        return
    transfer.state, transfer.needs_person, transfer.error = S.UNKNOWN, True, reason
    transfer.doubt = None if doubt is None else doubt_to_json(doubt)
    transfer.leased_until = transfer.next_attempt_at = None
    session.flush()


def retry(session: Session, shop_id: int, transfer_id: int, actor: str, now: datetime) -> Transfer:
    """Plan a refused transfer once more; raise Refused if it is not refused, NotFound if it is not this shop's."""
    check_may(session, shop_id, actor, Duty.MANAGE)
    transfer = get_locked(session, shop_id, transfer_id)
    if transfer.state is not S.REFUSED:
        raise Refused("Only a refused transfer can be sent again; look at this one as it is now.")
    before = {"state": transfer.state, "error": transfer.error}
    start_over(transfer, now)
    _record(session, transfer, "retry_transfer", before, actor, now)
    return transfer


def decide(
    session: Session,
    shop_id: int,
    transfer_id: int,
    arrived: bool,
    transaction_id: str | None,
    actor: str,
    now: datetime,
    *,
    seen: str | None = None,
) -> Transfer:
    """Take a person's word for a transfer that waits for it: it arrived as this transaction, or it did not arrive.

    ``seen`` is the mark of ``show_sending``: a word about one sending says nothing of a later one, which may have
    arrived. Raises ChangedMeanwhile where it was sent again since.
    """
    check_may(session, shop_id, actor, Duty.MANAGE)
    transfer = get_locked(session, shop_id, transfer_id)
    if not (transfer.state is S.UNKNOWN and transfer.needs_person):
        raise Refused("This transfer does not wait for a decision any more; look at it as it is now.")
    check_seen(seen, show_sending(transfer))
    before = {"state": transfer.state, "error": transfer.error}
    if arrived:
        transfer.shopify_transaction_id = _check_transaction_id(session, transfer, transaction_id)
        finish(session, transfer, S.CONFIRMED, now, actor)
    else:
        start_over(transfer, now)
    _record(session, transfer, "decide_transfer", before, actor, now)
    return transfer


def show_sending(transfer: Transfer) -> Mapping[str, Any]:
    """Return what the mark of a doubtful transfer is made of: which of its sendings is in doubt."""
    return {"sent_at": transfer.sent_at, "attempts": transfer.attempts}


def _check_transaction_id(session: Session, transfer: Transfer, transaction_id: str | None) -> str:
    kind = "Credit" if transfer.kind is TransferKind.CREDIT else "Debit"
    prefix = f"gid://shopify/StoreCreditAccount{kind}Transaction/"
    number = (transaction_id or "").strip().removeprefix(prefix)
    if not (number.isascii() and number.isdecimal()):
        raise Refused("Give the id of the transaction that arrived, as it is listed with the transfer.")
    taken = exists().where(
        Transfer.shop_id == transfer.shop_id,
        Transfer.id != transfer.id,
        Transfer.shopify_transaction_id == prefix + number,
    )
    if session.scalar(select(taken)):
        raise Refused("That transaction answers for another transfer already.")
    return prefix + number


def _record(
    session: Session, transfer: Transfer, action: str, before: Mapping[str, object], actor: str, now: datetime
) -> None:
    session.flush()
    audit.record(
        session,
        transfer.shop_id,
        actor,
        action,
        subject=("transfer", transfer.id),
        before=before,
        after={"state": transfer.state, "transaction": transfer.shopify_transaction_id},
        now=now,
    )


__all__ = [
    "ask_person",
    "claim_next",
    "claim_some",
    "confirm",
    "count_due",
    "decide",
    "find_next_due_at",
    "list_claimed",
    "list_due_shops",
    "lock_owners",
    "mark_not_applicable",
    "mark_sending",
    "mark_unknown",
    "postpone_read",
    "put_back",
    "record_empty_read",
    "refuse",
    "refuse_owner",
    "renew",
    "retry",
]
