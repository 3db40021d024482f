"""The row of a transfer: locked, and changed in the few ways that the flow's steps are made of."""

from datetime import datetime, timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from app.engine.due_transfers import IN_FLIGHT
from app.engine.ledger import EntryDraft, post
from app.engine.locks import lock_customers
from app.engine.rules import postings
from app.engine.rules.arrival import Claim
from app.engine.rules.postings import EntryKind
from app.engine.rules.states import TransferKind, TransferState
from app.errors import NotFound
from app.models import Shop, Transfer

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


def lock_customer(session: Session, claim: Claim) -> None:
    """Lock the claim's customer, as everybody does before rows and books of the customer's money change."""
    customer_id = session.scalar(select(Transfer.customer_id).where(Transfer.id == claim.transfer_id))
    lock_customers(session, claim.shop_id, set() if customer_id is None else {customer_id})


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
    """Return a second in which nothing else of this owner expires, or None if the merchant did not agree."""
    if not session.get_one(Shop, transfer.shop_id, populate_existing=True).far_expiry_agreed:
        return None
    newest: datetime | None = session.scalar(
        select(func.max(Transfer.expires_at)).where(
            Transfer.shop_id == transfer.shop_id, Transfer.customer_id == transfer.customer_id
        )
    )
    far = now.replace(microsecond=0) + FAR_EXPIRY
    return far if newest is None else max(far, newest + timedelta(seconds=1))


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
    transfer.watermark = transfer.sent_minor = None


def finish(session: Session, transfer: Transfer, state: TransferState, now: datetime, actor: str = "system") -> None:
    """Close a transfer; a debit that took less than was due leaves the rest owed. The customer is locked."""
    transfer.state, transfer.confirmed_at = state, now if state is TransferState.CONFIRMED else None
    transfer.needs_person = False
    transfer.leased_until = transfer.next_attempt_at = transfer.error = None
    short_minor = transfer.left_minor - (transfer.sent_minor or 0)
    if transfer.kind is not TransferKind.DEBIT or short_minor == 0:
        return
    draft = EntryDraft(
        key=f"shortfall:transfer:{transfer.id}",
        kind=EntryKind.SHORTFALL,
        customer_id=transfer.customer_id,
        currency=transfer.currency,
        occurred_at=now,
        actor=actor,
        postings=postings.fall_short(short_minor),
        reward_id=transfer.reward_id,
    )
    post(session, transfer.shop_id, [draft], now)


def growing_wait(attempt: int) -> timedelta:
    """Return how long to wait after an attempt: 2 s, 4 s, 8 s … up to a quarter of an hour."""
    return min(timedelta(seconds=2 ** min(attempt, 20)), LONGEST_WAIT)


def wait_between_reads(transfer: Transfer, now: datetime) -> timedelta:
    """Return how long to wait for the next read-back: half as long as the sending is ago."""
    age = now - (transfer.sent_at or now)
    return min(max(age / 2, SHORTEST_WAIT), LONGEST_WAIT)
