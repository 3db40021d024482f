"""The log of deliveries: filtered, paged by number, with how long each took."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, defer

from app.models import Delivery, DeliveryState, Order

PAGE_SIZE = 50
#: Figures and the list of topics look at the newest so many, however many there are.
NEWEST = 5_000
WINDOW = timedelta(hours=1)
_LARGEST_ID = 2**63 - 1


class Wanted(NamedTuple):
    """Which deliveries are listed: by state, topic, and the order by its name or number; None and "" are all."""

    state: DeliveryState | None = None
    topic: str = ""
    order: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryList:
    """One page, newest first, without the bodies; a number to go on from is None where there is nothing further."""

    rows: tuple[Delivery, ...]
    newer: int | None
    older: int | None


@dataclass(frozen=True, slots=True)
class Delays:
    """How long the deliveries of the last hour took from arrival to the end of their handling."""

    deliveries: int
    half_within: timedelta | None
    most_within: timedelta | None


def list_deliveries(
    session: Session, shop_id: int, wanted: Wanted, *, before: int = 0, after: int = 0, size: int = PAGE_SIZE
) -> DeliveryList:
    """Return a page: the deliveries before a number, those after one, or the newest."""
    query = select(Delivery).where(*_matching(shop_id, wanted)).options(defer(Delivery.body, raiseload=True))
    if after:
        query = query.where(Delivery.id > after).order_by(Delivery.id)
    else:
        if before:
            query = query.where(Delivery.id < before)
        query = query.order_by(Delivery.id.desc())
    found: Sequence[Delivery] = session.scalars(query.limit(size + 1)).all()
    has_more, rows = len(found) > size, found[:size]
    if after:
        rows = rows[::-1]
    if not rows:
        return DeliveryList((), None, None)
    is_first = not before and (not after or not has_more)
    return DeliveryList(tuple(rows), None if is_first else rows[0].id, rows[-1].id if after or has_more else None)


def find_delivery(session: Session, shop_id: int, delivery_id: int) -> Delivery | None:
    """Return a delivery of the shop with its body."""
    if delivery_id > _LARGEST_ID:
        return None
    which = (Delivery.shop_id == shop_id, Delivery.id == delivery_id)
    return session.scalars(select(Delivery).where(*which).execution_options(populate_existing=True)).one_or_none()


def list_topics(session: Session, shop_id: int) -> list[str]:
    """Return the topics of the newest deliveries."""
    newest = _newest(shop_id)
    return list(session.scalars(select(newest.c.topic).distinct().order_by(newest.c.topic)))


def measure_delays(session: Session, shop_id: int, now: datetime) -> Delays:
    """Return within which time half, and 95 of 100, of the last hour's deliveries were handled."""
    newest = _newest(shop_id)
    took = newest.c.handled_at - newest.c.received_at
    count, half, most = session.execute(
        select(
            func.count(),
            func.percentile_disc(0.5).within_group(took),
            func.percentile_disc(0.95).within_group(took),
        ).where(newest.c.handled_at.is_not(None), newest.c.received_at > now - WINDOW)
    ).one()
    return Delays(count, half, most)


def _newest(shop_id: int):  # type: ignore[no-untyped-def]  # a subquery's type says nothing of its columns
    columns = select(Delivery.topic, Delivery.received_at, Delivery.handled_at).where(Delivery.shop_id == shop_id)
    return columns.order_by(Delivery.id.desc()).limit(NEWEST).subquery()


def _matching(shop_id: int, wanted: Wanted) -> list[ColumnElement[bool]]:
    which = [Delivery.shop_id == shop_id]
    if wanted.state is not None:
        which.append(Delivery.state == wanted.state)
    if wanted.topic:
        which.append(Delivery.topic == wanted.topic)
    if wanted.order:
        named = select(Order.shopify_id).where(
            Order.shop_id == shop_id, Order.name.in_((wanted.order, f"#{wanted.order}"))
        )
        number = int(wanted.order) if wanted.order.isascii() and wanted.order.isdigit() else 0
        known = Delivery.order_shopify_id.in_(named)
        which.append(or_(known, Delivery.order_shopify_id == number) if 0 < number <= _LARGEST_ID else known)
    return which
