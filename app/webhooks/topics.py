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
    DeletionFact,
    DetailFact,
    DisputeFact,
    OrderFact,
    PaymentFact,
    RefundFact,
    ReturnFact,
    RiskFact,
)
from app.models import Shop
from app.sentences import say
from app.webhooks.body import Json
from app.webhooks.bulk import BulkFinished, parse_bulk_finish, record_bulk_finish
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
from app.webhooks.lifecycle import (
    ShopTold,
    Uninstalled,
    parse_shop,
    parse_uninstalled,
    record_shops,
    record_uninstalled,
)
from app.webhooks.order_changes import OrderEdited, parse_edit, parse_order_deletion, record_edits
from app.webhooks.orders import parse_order
from app.webhooks.orders_read import TOPIC as READ_TOPIC
from app.webhooks.orders_read import OrderRead, parse_read, record_read
from app.webhooks.payments import parse_payment
from app.webhooks.privacy import (
    DataAsked,
    RedactionAsked,
    ShopRedactionAsked,
    parse_data_request,
    parse_redaction,
    parse_shop_redaction,
    record_data_requests,
    record_redactions,
    record_shop_redactions,
)
from app.webhooks.refunds import parse_refund
from app.webhooks.returns import parse_return
from app.webhooks.risks import parse_risk
from app.webhooks.scopes import ScopesTold, parse_scopes, record_scopes

F = TypeVar("F")

#: Shopify's mandatory topics about personal data; they are answered 200 whatever we know of the shop.
PRIVACY_TOPICS = frozenset({"customers/data_request", "customers/redact", "shop/redact"})
UNINSTALLED_TOPIC = "app/uninstalled"
#: What is handled also for a shop that has removed the app.
AFTER_GOODBYE_TOPICS = PRIVACY_TOPICS | {UNINSTALLED_TOPIC}


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
    customer_id_of: Callable[[F], int | None]


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


def _shop(body: Json, origin: Origin) -> ShopTold:
    return parse_shop(body, origin.shop_domain, origin.at)


def _return(body: Json, origin: Origin) -> ReturnFact:
    return parse_return(body, origin.at)


def _edit(body: Json, origin: Origin) -> OrderEdited:
    return parse_edit(body, origin.at)


def _order_deletion(body: Json, origin: Origin) -> DeletionFact:
    return parse_order_deletion(body, origin.at)


def _data_request(body: Json, origin: Origin) -> DataAsked:
    return parse_data_request(body, origin.shop_domain, origin.at)


def _redaction(body: Json, origin: Origin) -> RedactionAsked:
    return parse_redaction(body, origin.shop_domain, origin.at)


def _shop_redaction(body: Json, origin: Origin) -> ShopRedactionAsked:
    return parse_shop_redaction(body, origin.shop_domain, origin.at)


def _read(body: Json, _: Origin) -> OrderRead:
    return parse_read(body)


def _order_id(fact: OrderFact | RefundFact | DetailFact | OrderEdited) -> int:
    return fact.order_id


def _orders_customer(fact: OrderFact) -> int | None:
    return None if fact.customer is None else fact.customer.customer_id


def _customer_id(fact: CustomerTold | CustomerGone | TagsChanged | DataAsked | RedactionAsked) -> int:
    return fact.customer_id


def _kept_customer(fact: CustomersMerged) -> int:
    return fact.kept_id


def _bulk_finish(body: Json, _: Origin) -> BulkFinished:
    return parse_bulk_finish(body)


def _nobody(_: object) -> None:
    return None


_ORDERS = Handler(_order, record_orders, _order_id, _orders_customer)
_DISPUTES = Handler(_dispute, record_details, _order_id, _nobody)
_RETURNS = Handler(_return, record_details, _order_id, _nobody)
_CUSTOMERS = Handler(_customer, record_customers, _nobody, _customer_id)
_TAGS = Handler(_tag_change, record_tag_changes, _nobody, _customer_id)

HANDLERS: dict[str, Handler[Any]] = {
    "orders/paid": _ORDERS,
    "orders/create": _ORDERS,
    "orders/updated": _ORDERS,
    "orders/cancelled": _ORDERS,
    "orders/edited": Handler(_edit, record_edits, _order_id, _nobody),
    "orders/delete": Handler(_order_deletion, record_details, _order_id, _nobody),
    "refunds/create": Handler(_refund, record_refunds, _order_id, _nobody),
    "order_transactions/create": Handler(_payment, record_details, _order_id, _nobody),
    "disputes/create": _DISPUTES,
    "disputes/update": _DISPUTES,
    "orders/risk_assessment_changed": Handler(_risk, record_details, _order_id, _nobody),
    "returns/request": _RETURNS,
    "returns/approve": _RETURNS,
    "returns/process": _RETURNS,
    "returns/decline": _RETURNS,
    "returns/cancel": _RETURNS,
    "returns/close": _RETURNS,
    "returns/reopen": _RETURNS,
    "products/update": Handler(_product_change, record_catalogue_changes, _nobody, _nobody),
    "products/delete": Handler(_product_deletion, record_catalogue_changes, _nobody, _nobody),
    "collections/update": Handler(_collection_change, record_catalogue_changes, _nobody, _nobody),
    "collections/delete": Handler(_collection_deletion, record_catalogue_changes, _nobody, _nobody),
    "customers/create": _CUSTOMERS,
    "customers/update": _CUSTOMERS,
    "customers/delete": Handler(_customer_deletion, record_deleted, _nobody, _customer_id),
    "customers/merge": Handler(_merge, record_merges, _nobody, _kept_customer),
    "customer.tags_added": _TAGS,
    "customer.tags_removed": _TAGS,
    "shop/update": Handler(_shop, record_shops, _nobody, _nobody),
    "app/scopes_update": Handler(_scopes, record_scopes, _nobody, _nobody),
    UNINSTALLED_TOPIC: Handler(_uninstalled, record_uninstalled, _nobody, _nobody),
    "customers/data_request": Handler(_data_request, record_data_requests, _nobody, _customer_id),
    "customers/redact": Handler(_redaction, record_redactions, _nobody, _customer_id),
    "shop/redact": Handler(_shop_redaction, record_shop_redactions, _nobody, _nobody),
    "bulk_operations/finish": Handler(_bulk_finish, record_bulk_finish, _nobody, _nobody),
}

#: What we put into the inbox ourselves. What comes from outside under such a name is not handled.
OWN_HANDLERS: dict[str, Handler[Any]] = {
    READ_TOPIC: Handler(
        _read, record_read, lambda read: read.order.order_id, lambda read: _orders_customer(read.order)
    ),
}


def find_handler(topic: str) -> Handler[Any] | None:
    """Return how deliveries of a topic are handled, our own included; None for a topic that is not."""
    return HANDLERS.get(topic) or OWN_HANDLERS.get(topic)


def find_ignore_reason(topic: str) -> str | None:
    """Return why deliveries of a topic are kept but not handled; None for a topic that is."""
    if topic not in HANDLERS:
        return say(
            "Boomerang does nothing with the topic {topic}; take it out of the app's subscriptions.", topic=topic
        )
    return None


def list_topics_of_same_flow(topic: str) -> list[str]:
    """Return the topics whose facts go to the same flow as this one's, itself included."""
    handler = HANDLERS.get(topic)
    if handler is None:
        return [topic]  # each of our own has a flow of its own
    return [other for other, candidate in HANDLERS.items() if candidate.record is handler.record]
