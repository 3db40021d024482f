"""Which transfers are due, and claiming one: a lease on the row, so that a worker that dies is found out."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from app.engine.rules.arrival import Claim, Sent
from app.engine.rules.states import TransferKind, TransferState
from app.engine.rules.verification import KnownOrder
from app.models import Customer, Order, Reward, Shop, Transfer

UNFINISHED = (TransferState.PLANNED, TransferState.SENDING, TransferState.UNKNOWN)
IN_FLIGHT = (TransferState.SENDING, TransferState.UNKNOWN)
#: What was taken up more often than this goes alone: what is wrong with it must not hold up others.
MOST_ATTEMPTS_TOGETHER = 3


def list_due_shops(session: Session, now: datetime) -> list[int]:
    """Return the shops that have something to send or to read back."""
    due = exists().where(Transfer.shop_id == Shop.id, _is_due(now, *UNFINISHED), _may_go_now(), _is_its_turn())
    return list(session.scalars(select(Shop.id).where(due).order_by(Shop.id)))


def count_due(session: Session, shop_id: int, now: datetime, limit: int) -> int:
    """Return how many of a shop's transfers could be worked at side by side, counted up to ``limit``."""
    due = _select_due(shop_id, now, *UNFINISHED).limit(limit).subquery()
    return session.scalar(select(func.count()).select_from(due)) or 0


def find_next_due_at(session: Session, shop_id: int) -> datetime | None:
    """Return from when on the shop's next transfer is due; None when none is, whatever time passes."""
    due_at = func.greatest(
        func.coalesce(Transfer.next_attempt_at, Transfer.created_at),
        func.coalesce(Transfer.leased_until, Transfer.created_at),
    )
    moment: datetime | None = session.scalar(
        select(func.min(due_at))
        .join(Shop, Shop.id == Transfer.shop_id)
        .where(Transfer.shop_id == shop_id, _is_open(*UNFINISHED), _may_go_now(), _is_its_turn())
    )
    return moment


def claim_next(session: Session, shop_id: int, now: datetime, lease_seconds: float) -> Claim | None:
    """Take the next due transfer of a shop for ``lease_seconds``; None when nothing is due."""
    return next(iter(claim_some(session, shop_id, now, lease_seconds, 1)), None)


def claim_some(session: Session, shop_id: int, now: datetime, lease_seconds: float, most: int) -> list[Claim]:
    """Take up to ``most`` due transfers of a shop for ``lease_seconds``, each of another account.

    Read-backs come first. A planned transfer is due only while its owner has nothing in flight and no older
    one unfinished in that currency. One still *sending* when its lease ran out was left by a worker that
    died: it may have been sent at any moment of that lease, so its outcome is unknown. One that went wrong
    again and again is taken alone.
    """
    rows = _claim(session, _select_due(shop_id, now, *IN_FLIGHT), most)
    if len(rows) < most:
        rows += _claim(session, _select_due(shop_id, now, TransferState.PLANNED), most - len(rows))
    if rows and _is_troubled(rows[0].transfer):
        rows = rows[:1]
    taken = rows[:1] + [row for row in rows[1:] if not _is_troubled(row.transfer)]
    for row in taken:
        transfer = row.transfer
        if transfer.state is TransferState.SENDING:
            transfer.state = TransferState.UNKNOWN
            transfer.sent_at = transfer.leased_until
        if transfer.state is TransferState.PLANNED:
            transfer.attempts += 1
        transfer.leased_until = now + timedelta(seconds=lease_seconds)
    session.flush()
    return [_claim_of(row) for row in taken]


class _Row(NamedTuple):
    transfer: Transfer
    customer: Customer
    order: Order | None


def _claim(session: Session, due: Select[Transfer], most: int) -> list[_Row]:
    rows = session.execute(
        due.add_columns(Customer, Order)
        .join(Customer, Customer.id == Transfer.customer_id)
        .outerjoin(Reward, Reward.id == Transfer.reward_id)
        .outerjoin(Order, Order.id == Reward.order_id)
        .order_by(Transfer.id)
        .limit(most)
        .with_for_update(of=Transfer, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return [_Row(*row) for row in rows]


def _is_troubled(transfer: Transfer) -> bool:
    return transfer.attempts > MOST_ATTEMPTS_TOGETHER


def _claim_of(row: _Row) -> Claim:
    transfer = row.transfer
    assert transfer.leased_until is not None
    return Claim(
        shop_id=transfer.shop_id,
        transfer_id=transfer.id,
        customer_gid=row.customer.gid,
        kind=transfer.kind,
        currency=transfer.currency,
        amount_minor=transfer.left_minor,
        attempt=transfer.attempts,
        leased_until=transfer.leased_until,
        is_in_flight=transfer.state in IN_FLIGHT,
        sent=last_sending(transfer),
        # A debit follows what went back, which does not become undone.
        order=_known(row.order) if row.order is not None and transfer.kind is TransferKind.CREDIT else None,
    )


def _known(order: Order) -> KnownOrder:
    return KnownOrder(
        shopify_id=order.shopify_id,
        name=order.name,
        version_at=order.version_at,
        was_paid=order.financial_status.was_paid,
        is_cancelled=order.cancelled_at is not None,
        placed_at=order.placed_at,
    )


def last_sending(transfer: Transfer) -> Sent | None:
    """Return what a transfer's row says of its last sending; None when it was never sent."""
    if transfer.sent_at is None or transfer.sent_minor is None or transfer.watermark is None:
        return None
    return Sent(transfer.sent_minor, transfer.watermark, transfer.sent_at, transfer.expires_at, transfer.note)


def _select_due(shop_id: int, now: datetime, *states: TransferState) -> Select[Transfer]:
    due = select(Transfer).join(Shop, Shop.id == Transfer.shop_id)
    due = due.where(Transfer.shop_id == shop_id, _is_due(now, *states), _may_go_now())
    return due.where(_is_its_turn()) if TransferState.PLANNED in states else due


def _is_due(now: datetime, *states: TransferState) -> ColumnElement[bool]:
    return and_(
        _is_open(*states),
        or_(Transfer.next_attempt_at.is_(None), Transfer.next_attempt_at <= now),
        or_(Transfer.leased_until.is_(None), Transfer.leased_until <= now),
    )


def _is_open(*states: TransferState) -> ColumnElement[bool]:
    return and_(_is_one_of(Transfer, *states), Transfer.needs_person.is_(False))


def _may_go_now() -> ColumnElement[bool]:
    """Nothing is sent for a paused shop; what is in flight is still read back."""
    return and_(
        Shop.uninstalled_at.is_(None),
        or_(Shop.paused_at.is_(None), Transfer.state.in_(IN_FLIGHT)),
    )


def _is_its_turn() -> ColumnElement[bool]:
    """One after the other, oldest first."""
    in_flight, planned = aliased(Transfer), aliased(Transfer)
    # Two questions instead of one with "or", so that each is answered by an index.
    return or_(
        Transfer.state != TransferState.PLANNED,
        and_(
            ~exists().where(_is_same_account(in_flight), _is_one_of(in_flight, *IN_FLIGHT)),
            ~exists().where(
                _is_same_account(planned), _is_one_of(planned, TransferState.PLANNED), planned.id < Transfer.id
            ),
        ),
    )


def _is_same_account(other: type[Transfer]) -> ColumnElement[bool]:
    return and_(
        other.shop_id == Transfer.shop_id,
        other.customer_id == Transfer.customer_id,
        other.currency == Transfer.currency,
        other.id != Transfer.id,
    )


def _is_one_of(table: type[Transfer], *states: TransferState) -> ColumnElement[bool]:
    # Written into the statement, not bound: only so can the planner see that a partial index fits.
    wanted = bindparam(None, list(states), Transfer.state.type, expanding=True, literal_execute=True)
    return table.state.in_(wanted)
