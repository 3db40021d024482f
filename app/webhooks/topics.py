"""Which topic means what: one dictionary from topic to handler."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy.orm import Session

from app.engine.flows.earn import record_orders
from app.engine.flows.refund import record_refunds
from app.engine.rules.facts import OrderFact, RefundFact
from app.models import Shop
from app.webhooks.body import Json
from app.webhooks.lifecycle import Uninstalled, parse_uninstalled, record_uninstalled
from app.webhooks.orders import parse_order
from app.webhooks.refunds import parse_refund

F = TypeVar("F")

#: Shopify's mandatory topics about personal data; they are answered 200 whatever we know of the shop.
PRIVACY_TOPICS = frozenset({"customers/data_request", "customers/redact", "shop/redact"})
PRIVACY_REASON = "Kept for the shop owner: no automatic redaction in this version."
UNINSTALLED_TOPIC = "app/uninstalled"


@dataclass(frozen=True, slots=True)
class Origin:
    """What a delivery's envelope says besides its body."""

    shop_domain: str
    shop_currency: str
    received_at: datetime
    triggered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Handler(Generic[F]):
    """How a topic's body becomes a fact, which order that is about, and which flow records a batch of such facts."""

    parse: Callable[[Json, Origin], F]
    record: Callable[[Session, Shop, Sequence[F], datetime], object]
    order_id_of: Callable[[F], int | None]


def _order(body: Json, origin: Origin) -> OrderFact:
    return parse_order(body, origin.triggered_at)


def _refund(body: Json, origin: Origin) -> RefundFact:
    return parse_refund(body, origin.shop_currency)


def _uninstalled(body: Json, origin: Origin) -> Uninstalled:
    return parse_uninstalled(body, origin.shop_domain, origin.triggered_at or origin.received_at)


_ORDERS = Handler(_order, record_orders, lambda fact: fact.order_id)

HANDLERS: dict[str, Handler[Any]] = {
    "orders/paid": _ORDERS,
    "orders/create": _ORDERS,
    "orders/updated": _ORDERS,
    "orders/cancelled": _ORDERS,
    "refunds/create": Handler(_refund, record_refunds, lambda fact: fact.order_id),
    UNINSTALLED_TOPIC: Handler(_uninstalled, record_uninstalled, lambda _: None),
}


def find_ignore_reason(topic: str) -> str | None:
    """Return why deliveries of a topic are kept but not handled; None for a topic that is."""
    if topic in PRIVACY_TOPICS:
        return PRIVACY_REASON
    if topic not in HANDLERS:
        return f"Boomerang does nothing with the topic {topic}; take it out of the app's subscriptions."
    return None


def list_topics_of_same_flow(topic: str) -> list[str]:
    """Return the topics whose facts go to the same flow as this one's, itself included."""
    handler = HANDLERS.get(topic)
    if handler is None:
        return [topic]
    return [other for other, candidate in HANDLERS.items() if candidate.record is handler.record]
