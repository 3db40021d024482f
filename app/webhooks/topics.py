"""Which topic means what: one dictionary from topic to handler."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy.orm import Session

from app.engine.flows.customers import record_customers, record_deleted
from app.engine.flows.details import record_details
from app.engine.flows.earn import record_orders
from app.engine.flows.merges import record_merges
from app.engine.flows.refund import record_refunds
from app.engine.rules.facts import (
    CustomerGone,
    CustomersMerged,
    CustomerTold,
    DisputeFact,
    OrderFact,
    PaymentFact,
    RefundFact,
    RiskFact,
)
from app.models import Shop
from app.webhooks.body import Json
from app.webhooks.catalogue import (
    CollectionChanged,
    ProductChanged,
    parse_collection_change,
    parse_collection_deletion,
    parse_product_change,
    parse_product_deletion,
    record_catalogue_changes,
)
from app.webhooks.customers import (
    TagsChanged,
    parse_customer,
    parse_customer_deletion,
    parse_merge,
    parse_tag_change,
    record_tag_changes,
)
from app.webhooks.disputes import parse_dispute
from app.webhooks.lifecycle import Uninstalled, parse_uninstalled, record_uninstalled
from app.webhooks.orders import parse_order
from app.webhooks.payments import parse_payment
from app.webhooks.refunds import parse_refund
from app.webhooks.risks import parse_risk
from app.webhooks.scopes import ScopesTold, parse_scopes, record_scopes

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

    @property
    def at(self) -> datetime:
        """Return when it happened, as far as the envelope knows."""
        return self.triggered_at or self.received_at


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


def _payment(body: Json, origin: Origin) -> PaymentFact:
    return parse_payment(body, origin.shop_currency)


def _dispute(body: Json, _: Origin) -> DisputeFact:
    return parse_dispute(body)


def _risk(body: Json, origin: Origin) -> RiskFact:
    return parse_risk(body, origin.at)


def _product_change(body: Json, _: Origin) -> ProductChanged:
    return parse_product_change(body)


def _product_deletion(body: Json, _: Origin) -> ProductChanged:
    return parse_product_deletion(body)


def _collection_change(body: Json, _: Origin) -> CollectionChanged:
    return parse_collection_change(body)


def _collection_deletion(body: Json, _: Origin) -> CollectionChanged:
    return parse_collection_deletion(body)


def _customer(body: Json, origin: Origin) -> CustomerTold:
    return parse_customer(body, origin.at)


def _customer_deletion(body: Json, origin: Origin) -> CustomerGone:
    return parse_customer_deletion(body, origin.at)


def _merge(body: Json, origin: Origin) -> CustomersMerged:
    return parse_merge(body, origin.at)


def _tag_change(body: Json, _: Origin) -> TagsChanged:
    return parse_tag_change(body)


def _uninstalled(body: Json, origin: Origin) -> Uninstalled:
    return parse_uninstalled(body, origin.shop_domain, origin.at)


def _scopes(body: Json, _: Origin) -> ScopesTold:
    return parse_scopes(body)


def _order_id(fact: OrderFact | RefundFact | PaymentFact | DisputeFact | RiskFact) -> int:
    return fact.order_id


def _no_order(_: object) -> None:
    return None


_ORDERS = Handler(_order, record_orders, _order_id)
_DISPUTES = Handler(_dispute, record_details, _order_id)
_CUSTOMERS = Handler(_customer, record_customers, _no_order)
_TAGS = Handler(_tag_change, record_tag_changes, _no_order)

HANDLERS: dict[str, Handler[Any]] = {
    "orders/paid": _ORDERS,
    "orders/create": _ORDERS,
    "orders/updated": _ORDERS,
    "orders/cancelled": _ORDERS,
    "refunds/create": Handler(_refund, record_refunds, _order_id),
    "order_transactions/create": Handler(_payment, record_details, _order_id),
    "disputes/create": _DISPUTES,
    "disputes/update": _DISPUTES,
    "orders/risk_assessment_changed": Handler(_risk, record_details, _order_id),
    "products/update": Handler(_product_change, record_catalogue_changes, _no_order),
    "products/delete": Handler(_product_deletion, record_catalogue_changes, _no_order),
    "collections/update": Handler(_collection_change, record_catalogue_changes, _no_order),
    "collections/delete": Handler(_collection_deletion, record_catalogue_changes, _no_order),
    "customers/create": _CUSTOMERS,
    "customers/update": _CUSTOMERS,
    "customers/delete": Handler(_customer_deletion, record_deleted, _no_order),
    "customers/merge": Handler(_merge, record_merges, _no_order),
    "customer.tags_added": _TAGS,
    "customer.tags_removed": _TAGS,
    "app/scopes_update": Handler(_scopes, record_scopes, _no_order),
    UNINSTALLED_TOPIC: Handler(_uninstalled, record_uninstalled, _no_order),
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
