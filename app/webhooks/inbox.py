"""The inbox: store a delivery once; later claim a batch, hand it to the flows, and mark what became of each."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.db import bind_shop, transaction
from app.errors import BoomerangError
from app.models import Customer, Delivery, DeliveryState, Order, Shop
from app.sentences import say, sentence_of
from app.texts import clean_sentence
from app.webhooks.body import BodyError, NothingToDo, read_object
from app.webhooks.fates import REASON_LIMIT, mark_unhandled
from app.webhooks.topics import (
    AFTER_GOODBYE_TOPICS,
    Handler,
    Origin,
    find_handler,
    find_ignore_reason,
    list_topics_of_same_flow,
)
from app.webhooks.turns import MOST_IN_A_TURN, Turns, is_waiting, list_waiting_shops

UNINSTALLED_REASON = say("The app was uninstalled from this shop before this delivery was handled.")


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


def store_delivery(session: Session, arrival: Arrival) -> DeliveryState | None:
    """Store an arrival of a known shop, once by shop and webhook id, in a single statement.

    Of a topic that is not handled nothing but the log is kept: its body may be about people, and serves nothing.

    Returns the state it was stored in; None when there is such a delivery already, or no such shop.
    """
    state, reason = _first_state(arrival)
    values = {
        Delivery.webhook_id: arrival.webhook_id,
        Delivery.topic: arrival.topic,
        Delivery.api_version: arrival.api_version,
        Delivery.triggered_at: arrival.triggered_at,
        Delivery.received_at: arrival.received_at,
        Delivery.body: b"" if state is DeliveryState.IGNORED else arrival.body,
        Delivery.pruned_at: arrival.received_at if state is DeliveryState.IGNORED else None,
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


def drain(
    now_fn: Callable[[], datetime],
    limit: int = 200,
    catch: type[Exception] = BoomerangError,
    turns: Turns | None = None,
    skip: Collection[int] = (),
) -> DrainReport:
    """Handle up to ``limit`` waiting deliveries, each in the transaction of what it does to the books.

    Shops take turns, beginning after the last one that ``turns`` remembers; those to ``skip`` have none.

    One transaction carries what waits from one shop for one flow, because a flow locks its customers once, in id
    order: several flows in one transaction would lock across each other and end in deadlocks. If the flow fails,
    it gets each fact by itself and in a transaction of its own, so that one bad delivery never holds up its
    neighbours. ``catch`` is what counts as unexpected but survivable: only the frame in jobs.py passes all of
    Exception. Any number of drains may run side by side.
    """
    report, turns = DrainReport(), turns or Turns()
    while report.taken < limit:
        with transaction() as session:
            waiting = turns.order(list_waiting_shops(session, now_fn(), skip))
        taken_before = report.taken
        for shop_id in waiting:
            left = limit - report.taken
            if left > 0:
                _take_turn(shop_id, now_fn(), left if len(waiting) == 1 else min(left, MOST_IN_A_TURN), catch, report)
                turns.last_shop_id = shop_id
        if report.taken == taken_before:
            break  # nothing waits, or other drains have all of it in hand
    return report


def _first_state(arrival: Arrival) -> tuple[DeliveryState, str | None]:
    reason = find_ignore_reason(arrival.topic)
    if reason is not None:
        return DeliveryState.IGNORED, reason
    try:
        read_object(arrival.body)
    except BodyError as error:
        return DeliveryState.FAILED, sentence_of(error)
    return DeliveryState.RECEIVED, None


def _take_turn(shop_id: int, now: datetime, limit: int, catch: type[Exception], report: DrainReport) -> None:
    """Handle what waits longest of a shop together; what the flow does not take together, one after the other.

    Each of these has a transaction of its own, in which its flow locks once: in one for all, whoever handles others
    of the same customers at the same time would be locked across.
    """
    with transaction() as session:
        alone = _handle(session, shop_id, _claim(session, shop_id, now, limit), now, catch, report)
    for delivery_id in alone:
        with transaction() as session:
            _handle(session, shop_id, _claim_one(session, shop_id, delivery_id, now), now, catch, report)


def _handle(
    session: Session,
    shop_id: int,
    claimed: Sequence[Delivery],
    now: datetime,
    catch: type[Exception],
    report: DrainReport,
) -> list[int]:
    if not claimed:
        return []
    bind_shop(session, shop_id)
    shop = session.get_one(Shop, shop_id, populate_existing=True)
    return _Batch(session, shop, now, catch, report).handle(claimed)


def _claim(session: Session, shop_id: int, now: datetime, limit: int) -> Sequence[Delivery]:
    """Lock what waits longest of a shop, and with it what else waits for the same flow, oldest first."""
    waiting = (Delivery.shop_id == shop_id, *is_waiting(now))
    oldest = select(Delivery.topic).where(*waiting).order_by(Delivery.id).limit(1)
    topic = session.scalars(oldest.with_for_update(skip_locked=True)).one_or_none()
    if topic is None:
        return []
    alike = (
        select(Delivery)
        .where(*waiting, Delivery.topic.in_(list_topics_of_same_flow(topic)))
        .order_by(Delivery.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return session.scalars(alike).all()


def _claim_one(session: Session, shop_id: int, delivery_id: int, now: datetime) -> Sequence[Delivery]:
    """Lock one delivery, unless somebody has it in hand or it does not wait any more."""
    this_one = (
        select(Delivery)
        .where(Delivery.shop_id == shop_id, Delivery.id == delivery_id, *is_waiting(now))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return session.scalars(this_one).all()


@dataclass(frozen=True, slots=True)
class _Item:
    """A delivery with the fact its body says."""

    delivery: Delivery
    handler: Handler[Any]
    fact: Any


@dataclass(frozen=True, slots=True)
class _Batch:
    """Deliveries of one shop for one flow, on their way through one transaction."""

    session: Session
    shop: Shop
    now: datetime
    catch: type[Exception]
    report: DrainReport

    def handle(self, deliveries: Sequence[Delivery]) -> list[int]:
        """Parse all, hand all facts to the flow, and mark what became of each.

        Where the flow does not take several together nothing is marked, and the ids of those are returned, each to
        be handled by itself.
        """
        items = [item for delivery in deliveries if (item := self._read(delivery)) is not None]
        error = self._record(items)
        if error is not None and len(items) > 1:
            return [item.delivery.id for item in items]
        for item in items:
            self._finish(item, error)
        self._forget([item for item in items if item.delivery.state is DeliveryState.HANDLED])
        return []

    def _read(self, delivery: Delivery) -> _Item | None:
        handler = find_handler(delivery.topic)
        if handler is None or (self.shop.uninstalled_at and delivery.topic not in AFTER_GOODBYE_TOPICS):
            unknown = find_ignore_reason(delivery.topic) if handler is None else None
            self._ignore(delivery, unknown or UNINSTALLED_REASON)
            return None
        origin = Origin(self.shop.domain, self.shop.currency, delivery.received_at, delivery.triggered_at)
        try:
            return _Item(delivery, handler, handler.parse(read_object(delivery.body), origin))
        except NothingToDo as nothing:
            self._ignore(delivery, sentence_of(nothing))
            return None
        except (BodyError, self.catch) as error:
            self._end(delivery, error)
            return None

    def _record(self, items: Sequence[_Item]) -> Exception | None:
        """Let the flow record the items' facts; return what went wrong, with nothing of it left in the database."""
        if not items:
            return None
        try:
            with self.session.begin_nested():
                items[0].handler.record(self.session, self.shop, [item.fact for item in items], self.now)
        except (BoomerangError, DBAPIError, self.catch) as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise  # nothing can be written any more; all of the batch waits for the next drain
            return error
        return None

    def _finish(self, item: _Item, error: Exception | None) -> None:
        item.delivery.order_shopify_id = item.handler.order_id_of(item.fact)
        item.delivery.customer_shopify_id = item.handler.customer_id_of(item.fact)
        if error is not None:
            self._end(item.delivery, error)
            return
        item.delivery.state = DeliveryState.HANDLED
        item.delivery.handled_at = self.now
        item.delivery.reason = None
        self.report.handled += 1

    def _forget(self, items: Sequence[_Item]) -> None:
        """Remove the bodies of what was told about customers whose data had to go."""
        customers = {item.delivery.customer_shopify_id for item in items} - {None}
        orders = {item.delivery.order_shopify_id for item in items} - {None}
        if not customers and not orders:
            return
        redacted = (Customer.shop_id == self.shop.id, Customer.redacted_at.is_not(None))
        named = select(Customer.shopify_id).where(*redacted, Customer.shopify_id.in_(customers))
        theirs = select(Order.shopify_id).join(Customer, Customer.id == Order.customer_id).where(*redacted)
        people = set(self.session.scalars(named)) if customers else set()
        known = set(self.session.scalars(theirs.where(Order.shopify_id.in_(orders)))) if orders else set()
        for item in items:
            if item.delivery.customer_shopify_id in people or item.delivery.order_shopify_id in known:
                item.delivery.body, item.delivery.pruned_at = b"", self.now

    def _ignore(self, delivery: Delivery, reason: str) -> None:
        delivery.state = DeliveryState.IGNORED
        delivery.reason = clean_sentence(reason, REASON_LIMIT)
        self.report.ignored += 1

    def _end(self, delivery: Delivery, error: Exception) -> None:
        if mark_unhandled(delivery, error, self.now) is DeliveryState.FAILED:
            self.report.failed += 1
        else:
            self.report.later += 1
