"""The list of orders: filtered by badge, searched, and paged by key."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, or_, select, tuple_
from sqlalchemy.orm import Session

from app.admin.queries.badges import has_badge
from app.engine.rules.states import Badge, TransferState, compute_badge
from app.models import Customer, Order, Reward, Transfer

PAGE_SIZE = 25
#: A larger number is no 64-bit id of ours.
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place of an order in the list: when it was placed, and its number."""

    placed_at: datetime
    id: int

    def __str__(self) -> str:
        return f"{self.placed_at.isoformat()}_{self.id}"


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One row of the list. An order whose reward is not decided yet has no badge."""

    order: Order
    customer: Customer | None
    reward: Reward | None
    badge: Badge | None


@dataclass(frozen=True, slots=True)
class OrderList:
    """One page, newest first; a cursor is None where there is nothing further that way."""

    rows: tuple[OrderRow, ...]
    newer: Cursor | None
    older: Cursor | None


def read_cursor(text: str) -> Cursor | None:
    """Return the cursor a text holds, or None for any other text."""
    at, _, number = text.rpartition("_")
    try:
        cursor = Cursor(datetime.fromisoformat(at), int(number))
    except ValueError:
        return None
    return cursor if cursor.placed_at.tzinfo and 0 <= cursor.id <= _LARGEST_ID else None


def list_orders(
    session: Session,
    shop_id: int,
    *,
    badge: Badge | None = None,
    search: str = "",
    before: Cursor | None = None,
    after: Cursor | None = None,
    size: int = PAGE_SIZE,
) -> OrderList:
    """Return a page of the shop's orders: those before a cursor, those after it, or the newest."""
    key = tuple_(Order.placed_at, Order.id)
    query = _matching(shop_id, badge, search)
    if after is not None:
        query = query.where(key > (after.placed_at, after.id)).order_by(Order.placed_at, Order.id)
    else:
        if before is not None:
            query = query.where(key < (before.placed_at, before.id))
        query = query.order_by(Order.placed_at.desc(), Order.id.desc())
    found = session.execute(query.limit(size + 1)).all()
    has_more, found = len(found) > size, found[:size]
    if after is not None:
        found = found[::-1]
    states = list_transfer_states(session, shop_id, [reward.id for _, _, reward in found if reward is not None])
    rows = tuple(OrderRow(o, c, r, badge_of(r, states)) for o, c, r in found)
    if not rows:
        return OrderList((), None, None)
    is_first = before is None and after is None
    newer = None if is_first or (after is not None and not has_more) else _cursor(rows[0].order)
    older = _cursor(rows[-1].order) if after is not None or has_more else None
    return OrderList(rows, newer, older)


def has_orders(session: Session, shop_id: int) -> bool:
    """Return whether the shop has any order at all."""
    return session.scalar(select(Order.id).where(Order.shop_id == shop_id).limit(1)) is not None


def list_transfer_states(
    session: Session, shop_id: int, reward_ids: Sequence[int]
) -> dict[int, tuple[TransferState, ...]]:
    """Return the states of the transfers of some rewards, by reward."""
    states: defaultdict[int, tuple[TransferState, ...]] = defaultdict(tuple)
    if reward_ids:
        query = select(Transfer.reward_id, Transfer.state).where(
            Transfer.shop_id == shop_id, Transfer.reward_id.in_(reward_ids)
        )
        for reward_id, state in session.execute(query):
            if reward_id is not None:
                states[reward_id] += (state,)
    return states


def badge_of(reward: Reward | None, states: dict[int, tuple[TransferState, ...]]) -> Badge | None:
    """Return a reward's badge, given the states of transfers by reward."""
    if reward is None:
        return None
    return compute_badge(reward.state, reward.reversed_minor, states.get(reward.id, ()))


def _matching(shop_id: int, badge: Badge | None, search: str) -> Select[Order, Customer, Reward]:
    query = (
        select(Order, Customer, Reward)
        .outerjoin(Customer, (Customer.shop_id == Order.shop_id) & (Customer.id == Order.customer_id))
        .outerjoin(Reward, (Reward.shop_id == Order.shop_id) & (Reward.order_id == Order.id))
        .where(Order.shop_id == shop_id)
    )
    if badge is not None:
        query = query.where(has_badge(badge))
    if words := search.split():
        query = query.where(*(_contains(word) for word in words))
    return query


def _contains(word: str) -> ColumnElement[bool]:
    """Return the condition that a word occurs in the order's name, or the customer's name or email."""
    columns = (Order.name, Customer.name, Customer.email)
    return or_(*(column.icontains(word, autoescape=True) for column in columns))


def _cursor(order: Order) -> Cursor:
    return Cursor(order.placed_at, order.id)
