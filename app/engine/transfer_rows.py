"""The row of a transfer: locked, and changed in the few ways that the flow's steps are made of."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.engine.daybook import Cause, Daybook
from app.engine.due_transfers import IN_FLIGHT
from app.engine.locks import lock_customers
from app.engine.messages import MessageDraft, write_messages
from app.engine.programme import Programme
from app.engine.rules import postings
from app.engine.rules.arrival import CLOCK_SKEW, Claim, Sent
from app.engine.rules.messages import Topic
from app.engine.rules.postings import EntryKind
from app.engine.rules.states import TransferKind, TransferState
from app.engine.rules.terms import OwedPolicy
from app.errors import NotFound
from app.models import Customer, Reward, Shop, Transfer

#: A far expiry, where the merchant agreed to one: long enough that nobody minds.
FAR_EXPIRY = timedelta(days=3652)
SHORTEST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=15)


def get_ours(session: Session, claim: Claim) -> Transfer | None:
    """Return the claimed row, locked, or None when the lease is somebody else's by now."""
    transfer = get_any(session, claim)
    return transfer if transfer is not None and transfer.leased_until == claim.leased_until else None


def get_any(session: Session, claim: Claim) -> Transfer | None:
    """Return the claimed row, locked, whoever has it leased now."""
    return session.get(Transfer, claim.transfer_id, with_for_update=True, populate_existing=True)


def lock_owners(session: Session, claims: Sequence[Claim]) -> None:
    """Lock the customers of claims, and whoever they were merged into, before several of them are gone through.

    Locked one by one, two batches could each wait for what the other one holds.
    """
    by_shop: dict[int, set[int]] = {}
    for claim in claims:
        by_shop.setdefault(claim.shop_id, set()).add(claim.transfer_id)
    for shop_id, transfer_ids in by_shop.items():
        rows = session.execute(
            select(Customer.id, Customer.merged_into_id)
            .join(Transfer, Transfer.customer_id == Customer.id)
            .where(Transfer.shop_id == shop_id, Transfer.id.in_(transfer_ids))
        )
        lock_customers(session, shop_id, {each for row in rows for each in row if each is not None})


def lock_customer(session: Session, claim: Claim) -> None:
    """Lock the claim's customer, as everybody does before rows and books of the customer's money change."""
    lock_owners(session, [claim])


def get_locked(session: Session, shop_id: int, transfer_id: int) -> Transfer:
    """Return a shop's transfer with its customer and itself locked; raise NotFound."""
    of_this_shop = (Transfer.shop_id == shop_id, Transfer.id == transfer_id)
    customer_id = session.scalar(select(Transfer.customer_id).where(*of_this_shop))
    if customer_id is None:
        raise NotFound("There is no such transfer in this shop.")
    lock_customers(session, shop_id, {customer_id})
    return session.get_one(Transfer, transfer_id, with_for_update=True, populate_existing=True)


def has_another_in_flight(session: Session, transfer: Transfer) -> bool:
    """Say whether the owner has another transfer of this currency in flight; the caller holds the customer's lock."""
    another = exists().where(
        Transfer.shop_id == transfer.shop_id,
        Transfer.customer_id == transfer.customer_id,
        Transfer.currency == transfer.currency,
        Transfer.id != transfer.id,
        Transfer.state.in_(IN_FLIGHT),
    )
    return bool(session.scalar(select(another)))


def find_fingerprint(session: Session, transfer: Transfer, now: datetime) -> datetime | None:
    """Return a second in which nothing else of this owner expires, or None if it must not expire at all.

    It is the first free one at or after the moment the programme promised. Credit whose time is over before it can
    be sent gets none of the programme's: like credit that never expires it has a far one, if the merchant agreed.
    """
    promised_at = transfer.credit_expires_at
    if promised_at is not None and promised_at > now + CLOCK_SKEW:
        wanted = promised_at
    elif session.get_one(Shop, transfer.shop_id, populate_existing=True).far_expiry_agreed:
        wanted = now.replace(microsecond=0) + FAR_EXPIRY
    else:
        return None
    taken = set(
        session.scalars(
            select(Transfer.expires_at).where(
                Transfer.shop_id == transfer.shop_id,
                Transfer.customer_id == transfer.customer_id,
                Transfer.expires_at >= wanted,
            )
        )
    )
    while wanted in taken:
        wanted += timedelta(seconds=1)
    return wanted


def plan(transfer: Transfer, next_attempt_at: datetime, reason: str | None) -> None:
    """Let a transfer be sent, again or after all, from a moment on."""
    transfer.state, transfer.error = TransferState.PLANNED, reason
    transfer.next_attempt_at, transfer.leased_until = next_attempt_at, None


def start_over(transfer: Transfer, now: datetime) -> None:
    """Plan a transfer as if it had never been sent, with a new fingerprint. Its attempts go on counting."""
    forget_sending(transfer)
    transfer.sent_at = transfer.expires_at = None
    transfer.empty_reads = 0
    transfer.needs_person = False
    plan(transfer, now, None)


def forget_sending(transfer: Transfer) -> None:
    """Forget a sending that was certainly not executed: nothing on the account may be taken for it later."""
    transfer.watermark = transfer.sent_minor = transfer.note = transfer.doubt = None


def recall_sending(transfer: Transfer, earlier: Sent | None) -> None:
    """Forget a sending that was certainly not executed, but for the one before it, which may have been."""
    forget_sending(transfer)
    transfer.sent_at = None
    if earlier is not None:
        transfer.watermark, transfer.sent_minor, transfer.sent_at = (
            earlier.watermark,
            earlier.amount_minor,
            earlier.sent_at,
        )
        transfer.note = earlier.note


def finish(session: Session, transfer: Transfer, state: TransferState, now: datetime, actor: str = "system") -> None:
    """Close a transfer, and leave word of it if Shopify carried it out. The customer is locked.

    A debit that took less than was due falls short.

    A credit that expires is looked at again when it does, by ``next_attempt_at``.
    """
    transfer.state, transfer.confirmed_at = state, now if state is TransferState.CONFIRMED else None
    transfer.needs_person, transfer.doubt = False, None
    transfer.leased_until = transfer.error = None
    transfer.next_attempt_at = transfer.expires_at
    short_minor = transfer.left_minor - (transfer.sent_minor or 0)
    if transfer.kind is TransferKind.DEBIT and short_minor:
        _fall_short(session, transfer, short_minor, now, actor)
    if state is TransferState.CONFIRMED:
        write_messages(session, transfer.shop_id, _messages(transfer), now)


def _messages(transfer: Transfer) -> list[MessageDraft]:
    """Return what a confirmed transfer leaves to be told; of one that only moves what was owed nothing."""
    key, whose = f"transfer:{transfer.id}:confirmed", transfer.customer_id
    if transfer.reward_id is not None:
        return [MessageDraft(key, Topic.REWARD, whose, transfer.reward_id, transfer.reward_id)]
    if transfer.adjustment_id is not None:
        return [MessageDraft(key, Topic.ADJUSTMENT, whose, None, transfer.adjustment_id)]
    return []


def _fall_short(session: Session, transfer: Transfer, short_minor: int, now: datetime, actor: str) -> None:
    """Book that Shopify had less than the books.

    The rest is owed, or forgiven where the reward's terms say so. A debit by hand that may leave nothing owed
    took so much less.
    """
    shop = session.get_one(Shop, transfer.shop_id)
    programme = Programme(session, shop)
    by_hand = transfer.adjustment_id is not None and not programme.at(transfer.created_at).debit_may_owe
    short = postings.fall_short_by_hand if by_hand else postings.fall_short
    entries = [(EntryKind.SHORTFALL, short(short_minor))]
    if transfer.reward_id is not None:
        reward = session.get_one(Reward, transfer.reward_id)
        if programme.version(reward.terms_version).owed is OwedPolicy.FORGIVE:
            entries.append((EntryKind.FORGIVENESS, postings.forgive(short_minor)))
    daybook = Daybook(session, shop, {transfer.customer_id}, actor=actor, now=now)
    cause = Cause(reward_id=transfer.reward_id, currency=transfer.currency)
    for kind, rows in entries:
        daybook.enter(kind, transfer.customer_id, f"transfer:{transfer.id}", rows, now, cause)
    daybook.write()


def growing_wait(attempt: int) -> timedelta:
    """Return how long to wait after an attempt: 2 s, 4 s, 8 s … up to a quarter of an hour."""
    return min(timedelta(seconds=2 ** min(attempt, 20)), LONGEST_WAIT)


def wait_between_reads(transfer: Transfer, now: datetime) -> timedelta:
    """Return how long to wait for the next read-back: half as long as the sending is ago."""
    age = now - (transfer.sent_at or now)
    return min(max(age / 2, SHORTEST_WAIT), LONGEST_WAIT)
