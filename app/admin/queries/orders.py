"""The list of orders: filtered, searched, and paged by key; and which orders could not be taken in at all."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.orm import Session

from app.admin.queries.badges import has_badge
from app.admin.queries.keyset import PAGE_SIZE, Place, Slice, Window, cut, within
from app.admin.queries.search import matching_orders
from app.engine.rules.states import Badge, TransferState, compute_badge
from app.models import Customer, Delivery, DeliveryState, Order, Reward, Transfer
from app.models.columns import among

#: So many orders are read at once for a file.
BATCH = 500
#: So many that could not be taken in are named; the log of deliveries has them all.
MOST_LOST = 10


class Wanted(NamedTuple):
    """Which orders are listed. Days are instants, the second one excluded; amounts are minor units; None is any."""

    badge: Badge | None = None
    search: str = ""
    tier: str = ""
    placed_from: datetime | None = None
    placed_before: datetime | None = None
    at_least_minor: int | None = None


EVERY, NEWEST = Wanted(), Window()


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One row of the list. An order whose reward is not decided yet has no badge."""

    order: Order
    customer: Customer | None
    reward: Reward | None
    badge: Badge | None


class LostOrder(NamedTuple):
    """An order that nothing is known of but that its delivery failed, and why."""

    shopify_id: int
    received_at: datetime
    reason: str | None


def list_orders(session: Session, shop_id: int, wanted: Wanted = EVERY, window: Window = NEWEST) -> Slice[OrderRow]:
    """Return a page of the shop's orders, newest first."""
    keys = [Place(at, number) for at, number in session.execute(_keys(session, shop_id, wanted, window))]
    page = cut(keys, window, lambda place: place)
    return Slice(_read(session, shop_id, [place.id for place in page.rows]), page.newer, page.older)


def walk_orders(session: Session, shop_id: int, wanted: Wanted, size: int = BATCH) -> Iterator[OrderRow]:
    """Yield all orders that match, newest first, a batch at a time."""
    window = Window(size=size)
    while True:
        page = list_orders(session, shop_id, wanted, window)
        yield from page.rows
        if page.older is None:
            return
        session.expunge_all()
        window = Window(before=page.older, size=size)


def list_lost(session: Session, shop_id: int) -> list[LostOrder]:
    """Return orders whose delivery failed and that are not known, newest first, each once."""
    is_known = exists().where(Order.shop_id == shop_id, Order.shopify_id == Delivery.order_shopify_id)
    query = (
        select(Delivery.order_shopify_id, Delivery.received_at, Delivery.reason)
        .where(
            Delivery.shop_id == shop_id,
            Delivery.state == DeliveryState.FAILED,
            Delivery.order_shopify_id.is_not(None),
            ~is_known,
        )
        .order_by(Delivery.id.desc())
        .limit(5 * MOST_LOST)
    )
    lost: dict[int, LostOrder] = {}
    for shopify_id, received_at, reason in session.execute(query):
        if shopify_id is not None:
            lost.setdefault(shopify_id, LostOrder(shopify_id, received_at, reason))
    return list(lost.values())[:MOST_LOST]


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


def _keys(session: Session, shop_id: int, wanted: Wanted, window: Window) -> Select[datetime, int]:
    """Return the query for the places of a page's orders; rewards are looked at only where they are asked about."""
    query = select(Order.placed_at, Order.id).where(Order.shop_id == shop_id, *_of_orders(wanted))
    query = query.where(*matching_orders(session, shop_id, wanted.search))
    if of_rewards := list(_of_rewards(wanted)):
        has_one = (Reward.shop_id == Order.shop_id) & (Reward.order_id == Order.id)
        query = query.join(Reward, has_one).where(Reward.shop_id == shop_id, *of_rewards)
    return within(query, Order.placed_at, Order.id, window)


def _read(session: Session, shop_id: int, order_ids: Sequence[int]) -> tuple[OrderRow, ...]:
    """Return the rows of some orders, newest first."""
    query = (
        select(Order, Customer, Reward)
        .outerjoin(Customer, (Customer.shop_id == Order.shop_id) & (Customer.id == Order.customer_id))
        .outerjoin(Reward, (Reward.shop_id == Order.shop_id) & (Reward.order_id == Order.id))
        .where(Order.shop_id == shop_id, among(Order.id, order_ids))
        .order_by(Order.placed_at.desc(), Order.id.desc())
    )
    found = session.execute(query).all()
    states = list_transfer_states(session, shop_id, [reward.id for _, _, reward in found if reward is not None])
    return tuple(OrderRow(o, c, r, badge_of(r, states)) for o, c, r in found)


def _of_rewards(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if wanted.badge is not None:
        yield has_badge(wanted.badge)
    if wanted.tier:
        yield Reward.tier_name == wanted.tier


def _of_orders(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if wanted.placed_from is not None:
        yield Order.placed_at >= wanted.placed_from
    if wanted.placed_before is not None:
        yield Order.placed_at < wanted.placed_before
    if wanted.at_least_minor is not None:
        yield Order.total_minor >= wanted.at_least_minor


__all__ = [
    "PAGE_SIZE",
    "LostOrder",
    "OrderRow",
    "Wanted",
    "badge_of",
    "has_orders",
    "list_lost",
    "list_orders",
    "list_transfer_states",
    "walk_orders",
]
