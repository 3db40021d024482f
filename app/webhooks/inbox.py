"""The inbox: store a delivery once; later claim a batch, hand it to the flows, and mark what became of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import literal, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.db import transaction
from app.errors import BoomerangError, NotFound, Refused
from app.models import Delivery, DeliveryState, Shop
from app.webhooks.body import BodyError, read_object
from app.webhooks.fates import mark_unhandled
from app.webhooks.topics import HANDLERS, UNINSTALLED_TOPIC, Handler, Origin, find_ignore_reason

UNINSTALLED_REASON = "The app was uninstalled from this shop before this delivery was handled."


@dataclass(frozen=True, slots=True)
class Arrival:
    """One verified webhook, as it came."""

    shop_domain: str
    webhook_id: str
    topic: str
    body: bytes
    received_at: datetime
    api_version: str | None = None
    triggered_at: datetime | None = None


@dataclass(slots=True)
class DrainReport:
    """How many deliveries one drain ended in which way."""

    handled: int = 0
    failed: int = 0
    later: int = 0
    ignored: int = 0

    @property
    def taken(self) -> int:
        """Return how many were claimed; 0 means that nothing waits."""
        return self.handled + self.failed + self.later + self.ignored


@dataclass(frozen=True, slots=True)
class _Item:
    """A delivery with the fact its body says."""

    delivery: Delivery
    fact: Any


@dataclass(slots=True)
class _Group:
    """What came from one shop for one flow, in the order in which it came."""

    shop: Shop
    handler: Handler[Any]
    items: list[_Item] = field(default_factory=list)


def store_delivery(session: Session, arrival: Arrival) -> DeliveryState | None:
    """Store an arrival of a known shop, once by shop and webhook id, in a single statement.

    Returns the state it was stored in; None when there is such a delivery already, or no such shop.
    """
    state, reason = _first_state(arrival)
    values = {
        Delivery.webhook_id: arrival.webhook_id,
        Delivery.topic: arrival.topic,
        Delivery.api_version: arrival.api_version,
        Delivery.triggered_at: arrival.triggered_at,
        Delivery.received_at: arrival.received_at,
        Delivery.body: arrival.body,
        Delivery.state: state,
        Delivery.attempts: 0,
        Delivery.reason: reason,
    }
    row = select(
        Shop.id, *(literal(value, type_=column.type).label(column.key) for column, value in values.items())
    ).where(Shop.domain == arrival.shop_domain)
    statement = insert(Delivery).from_select([Delivery.shop_id, *values], row).on_conflict_do_nothing()
    stored = session.execute(statement.returning(Delivery.id)).first()
    return state if stored else None


def drain(now_fn: Callable[[], datetime], limit: int = 200, catch: type[Exception] = BoomerangError) -> DrainReport:
    """Claim up to ``limit`` waiting deliveries and handle them, in one transaction with what they do to the books.

    A flow gets all facts of a shop at once; if that fails, each by itself, so that one bad delivery never holds
    up its neighbours. ``catch`` is what counts as unexpected but survivable: only the frame in jobs.py passes
    all of Exception. Any number of drains may run side by side.
    """
    report = DrainReport()
    with transaction() as session:
        run = _Drain(session, now_fn(), catch, report)
        for group in _read(_claim(session, run.now, limit), run):
            run.handle(group)
    return report


def replay(session: Session, shop_id: int, delivery_id: int) -> Delivery:
    """Put a failed delivery back to those that wait. Raises NotFound, or Refused when it has not failed."""
    delivery = session.scalars(
        select(Delivery).where(Delivery.id == delivery_id, Delivery.shop_id == shop_id).with_for_update()
    ).one_or_none()
    if delivery is None:
        raise NotFound(f"This shop has no delivery {delivery_id}.")
    if delivery.state is not DeliveryState.FAILED:
        raise Refused(f"Delivery {delivery_id} is {delivery.state}; only a failed one can be replayed.")
    delivery.state = DeliveryState.RECEIVED
    delivery.attempts = 0
    delivery.next_attempt_at = delivery.handled_at = delivery.reason = None
    session.flush()
    return delivery


def _first_state(arrival: Arrival) -> tuple[DeliveryState, str | None]:
    reason = find_ignore_reason(arrival.topic)
    if reason is not None:
        return DeliveryState.IGNORED, reason
    try:
        read_object(arrival.body)
    except BodyError as error:
        return DeliveryState.FAILED, str(error)
    return DeliveryState.RECEIVED, None


def _claim(session: Session, now: datetime, limit: int) -> list[tuple[Delivery, Shop]]:
    waiting = (
        select(Delivery, Shop)
        .join(Shop, Shop.id == Delivery.shop_id)
        .where(
            Delivery.state == DeliveryState.RECEIVED,
            or_(Delivery.next_attempt_at.is_(None), Delivery.next_attempt_at <= now),
        )
        .order_by(Delivery.id)
        .limit(limit)
        .with_for_update(of=Delivery, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return [(delivery, shop) for delivery, shop in session.execute(waiting)]


def _read(claimed: Sequence[tuple[Delivery, Shop]], run: "_Drain") -> list[_Group]:
    """Parse every body; return what is to be recorded, by shop (in id order, as locks are taken) and flow."""
    groups: dict[tuple[int, int], _Group] = {}
    for delivery, shop in claimed:
        handler = HANDLERS.get(delivery.topic)
        if handler is None or (shop.uninstalled_at and delivery.topic != UNINSTALLED_TOPIC):
            run.ignore(delivery)
            continue
        origin = Origin(shop.domain, shop.currency, delivery.received_at, delivery.triggered_at)
        try:
            fact = handler.parse(read_object(delivery.body), origin)
        except (BodyError, run.catch) as error:
            run.end(delivery, error)
            continue
        group = groups.setdefault((shop.id, id(handler.record)), _Group(shop, handler))
        group.items.append(_Item(delivery, fact))
    return sorted(groups.values(), key=lambda group: group.shop.id)


@dataclass(frozen=True, slots=True)
class _Drain:
    """One run over a batch: its session, its now, what it survives, and the report it writes."""

    session: Session
    now: datetime
    catch: type[Exception]
    report: DrainReport

    def handle(self, group: _Group) -> None:
        """Hand a group to its flow; if that fails, each of its items by itself."""
        error = self._record(group, group.items)
        if error is None or len(group.items) == 1:
            for item in group.items:
                self._finish(group, item, error)
        else:
            for item in group.items:
                self._finish(group, item, self._record(group, [item]))

    def ignore(self, delivery: Delivery) -> None:
        """Keep a delivery unhandled, with the reason."""
        delivery.state = DeliveryState.IGNORED
        delivery.reason = find_ignore_reason(delivery.topic) or UNINSTALLED_REASON
        self.report.ignored += 1

    def end(self, delivery: Delivery, error: Exception) -> None:
        """Mark a delivery that could not be handled."""
        if mark_unhandled(delivery, error, self.now) is DeliveryState.FAILED:
            self.report.failed += 1
        else:
            self.report.later += 1

    def _record(self, group: _Group, items: Sequence[_Item]) -> Exception | None:
        # In a savepoint: when it fails nothing of it is left, and the transaction goes on.
        try:
            with self.session.begin_nested():
                group.handler.record(self.session, group.shop, [item.fact for item in items], self.now)
        except (BoomerangError, DBAPIError, self.catch) as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise  # nothing can be written any more; all of the batch waits for the next drain
            return error
        return None

    def _finish(self, group: _Group, item: _Item, error: Exception | None) -> None:
        item.delivery.order_shopify_id = group.handler.order_id_of(item.fact)
        if error is not None:
            self.end(item.delivery, error)
            return
        item.delivery.state = DeliveryState.HANDLED
        item.delivery.handled_at = self.now
        self.report.handled += 1
