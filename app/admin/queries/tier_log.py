"""The log of who moved from tier to tier: filtered, and paged by number."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, select, union
from sqlalchemy.orm import Session

from app.models import Customer, TierChange, TierChangeKind
from app.models.columns import among

PAGE_SIZE = 50
_BATCH = 1_000


class Wanted(NamedTuple):
    """Which moves are listed: to or from a tier, of a kind, of a customer by our id; "", None and 0 are all."""

    tier: str = ""
    kind: TierChangeKind | None = None
    customer_id: int = 0


class Moved(NamedTuple):
    """One move with whoever made it; a customer is None where the row is gone."""

    change: TierChange
    customer: Customer | None


@dataclass(frozen=True, slots=True)
class MoveList:
    """One page, newest first; a number to go on from is None where there is nothing further."""

    rows: tuple[Moved, ...]
    newer: int | None
    older: int | None


def list_moves(
    session: Session, shop_id: int, wanted: Wanted, *, before: int = 0, after: int = 0, size: int = PAGE_SIZE
) -> MoveList:
    """Return a page: the moves before a number, those after one, or the newest."""
    found = _read(session, shop_id, wanted, before=before, after=after, size=size + 1)
    has_more, rows = len(found) > size, found[:size]
    if after:
        rows = rows[::-1]
    if not rows:
        return MoveList((), None, None)
    is_first = not before and (not after or not has_more)
    newer = None if is_first else rows[0].change.id
    return MoveList(tuple(rows), newer, rows[-1].change.id if after or has_more else None)


def all_moves(session: Session, shop_id: int, wanted: Wanted) -> Iterator[Moved]:
    """Yield all moves, newest first, a batch in memory at a time."""
    last = 0
    while rows := _read(session, shop_id, wanted, before=last, size=_BATCH):
        yield from rows
        last = rows[-1].change.id
        session.expunge_all()


def _read(session: Session, shop_id: int, wanted: Wanted, *, before: int = 0, after: int = 0, size: int) -> list[Moved]:
    which = [TierChange.shop_id == shop_id]
    if wanted.kind is not None:
        which.append(TierChange.kind == wanted.kind)
    if wanted.customer_id:
        which.append(TierChange.customer_id == wanted.customer_id)
    if after:
        which.append(TierChange.id > after)
    elif before:
        which.append(TierChange.id < before)
    order = TierChange.id.asc() if after else TierChange.id.desc()
    if wanted.tier:
        # Each side has an index of its own that is in order, and neither of them is walked far.
        sides = (TierChange.after == wanted.tier, TierChange.before == wanted.tier)
        ids = session.scalars(union(*(_ids([*which, side], order, size) for side in sides))).all()
        which = [TierChange.shop_id == shop_id, among(TierChange.id, ids)]
    query = (
        select(TierChange, Customer)
        .outerjoin(Customer, (Customer.shop_id == TierChange.shop_id) & (Customer.id == TierChange.customer_id))
        .where(*which)
        .order_by(order)
        .limit(size)
    )
    return [Moved(change, customer) for change, customer in session.execute(query)]


def _ids(which: list[ColumnElement[bool]], order: ColumnElement[int], size: int) -> Select[int]:
    # In a subquery of its own, since the parts of a union have no order and limit without one.
    newest = select(TierChange.id).where(*which).order_by(order).limit(size).subquery()
    return select(newest.c.id)
