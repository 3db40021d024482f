"""The root fields of queries: what an app can ask for, with the scopes that each needs."""

from collections.abc import Callable
from typing import Any

from sandbox import totals
from sandbox.aftermath import fulfillment_status
from sandbox.connections import connection, paginate
from sandbox.credit import CreditAccount
from sandbox.models import Customer, Dispute, Order, Refund
from sandbox.order_parts import RISK_LEVELS
from sandbox.product_fields import collection, collections, product, products, variant
from sandbox.resolvers import Call, Info, Resolver, gid, number_of
from sandbox.search import select
from sandbox.state import Shop

ORDER_SEARCH: dict[str, Callable[[Order], object]] = {
    "id": lambda order: order.id,
    "name": lambda order: f"#{order.number}",
    "created_at": lambda order: order.created_at,
    "processed_at": lambda order: order.created_at,
    "updated_at": lambda order: order.updated_at,
    "financial_status": totals.financial_status,
    "customer_id": lambda order: order.customer.id if order.customer else None,
    "tag": lambda order: order.tags,
    "test": lambda order: order.test,
    "email": lambda order: order.email,
    "fulfillment_status": lambda order: {None: "unfulfilled", "fulfilled": "shipped"}.get(
        fulfillment_status(order), "partial"
    ),
    "gateway": lambda order: [payment.gateway for payment in order.payments],
    "chargeback_status": lambda order: [made.status for made in order.disputes],
    "risk_level": lambda order: next((level for level in RISK_LEVELS if _is_assessed(order, level)), None),
}
DISPUTE_SEARCH: dict[str, Callable[[Dispute], object]] = {
    "id": lambda made: made.id,
    "status": lambda made: made.status,
    "initiated_at": lambda made: made.initiated_at,
}
ORDER_SORT: dict[str, Callable[[Order], Any]] = {
    "CREATED_AT": lambda order: order.created_at,
    "PROCESSED_AT": lambda order: order.created_at,
    "UPDATED_AT": lambda order: order.updated_at,
    "ID": lambda order: order.id,
    "ORDER_NUMBER": lambda order: order.number,
    "TOTAL_PRICE": totals.total,
}
CUSTOMER_SEARCH: dict[str, Callable[[Customer], object]] = {
    "id": lambda customer: customer.id,
    "email": lambda customer: customer.email,
    "tag": lambda customer: customer.tags,
    "first_name": lambda customer: customer.first_name,
    "last_name": lambda customer: customer.last_name,
}
CUSTOMER_SORT: dict[str, Callable[[Customer], Any]] = {
    "CREATED_AT": lambda customer: customer.created_at,
    "UPDATED_AT": lambda customer: customer.created_at,
    "ID": lambda customer: customer.id,
    "NAME": lambda customer: (customer.last_name, customer.first_name),
}


def _is_assessed(order: Order, level: str) -> bool:
    return any(assessment.level == level for assessment in order.assessments)


def customer(_root: None, info: Info, id: str) -> Customer | None:  # noqa: A002
    """Resolve `customer(id)`."""
    call: Call = info.context
    call.need("read_customers", info)
    number = number_of(id, "Customer")
    return None if number is None else call.shop.customers.get(number)


def customers(
    _root: None,
    info: Info,
    query: str | None = None,
    reverse: bool = False,
    sortKey: str = "ID",  # noqa: N803
    **page: Any,
) -> dict[str, Any]:
    """Resolve `customers`."""
    call: Call = info.context
    call.need("read_customers", info)
    found = select(call.shop.customers.values(), query, CUSTOMER_SEARCH)
    found.sort(key=lambda item: (CUSTOMER_SORT[sortKey](item), item.id), reverse=reverse)
    return connection(paginate(found, lambda item: item.id, **page))


def order(_root: None, info: Info, id: str) -> Order | None:  # noqa: A002
    """Resolve `order(id)`."""
    call: Call = info.context
    call.need("read_orders", info)
    number = number_of(id, "Order")
    found = None if number is None else call.shop.orders.get(number)
    return found if found is not None and call.sees(found) else None


def orders(
    _root: None,
    info: Info,
    query: str | None = None,
    reverse: bool = False,
    sortKey: str = "PROCESSED_AT",  # noqa: N803
    **page: Any,
) -> dict[str, Any]:
    """Resolve `orders`."""
    call: Call = info.context
    call.need("read_orders", info)
    found = select(filter(call.sees, call.shop.orders.values()), query, ORDER_SEARCH)
    found.sort(key=lambda item: (ORDER_SORT[sortKey](item), item.id), reverse=reverse)
    return connection(paginate(found, lambda item: item.id, **page))


def refund(_root: None, info: Info, id: str) -> Refund | None:  # noqa: A002
    """Resolve `refund(id)`."""
    call: Call = info.context
    call.need("read_orders", info)
    number = number_of(id, "Refund")
    every = (item for placed in call.shop.orders.values() for item in placed.refunds)
    return next((item for item in every if item.id == number), None)


def dispute(_root: None, info: Info, id: str) -> Dispute | None:  # noqa: A002
    """Resolve `dispute(id)`."""
    call: Call = info.context
    call.need("read_shopify_payments_disputes", info)
    number = number_of(id, "ShopifyPaymentsDispute")
    return None if number is None else call.shop.disputes.get(number)


def disputes(_root: None, info: Info, query: str | None = None, reverse: bool = False, **page: Any) -> dict[str, Any]:
    """Resolve `disputes`."""
    call: Call = info.context
    call.need("read_shopify_payments_disputes", info)
    found = select(call.shop.disputes.values(), query, DISPUTE_SEARCH)
    return connection(paginate(found[::-1] if reverse else found, lambda item: item.id, **page))


def store_credit_account(_root: None, info: Info, id: str) -> CreditAccount | None:  # noqa: A002
    """Resolve `storeCreditAccount(id)`."""
    call: Call = info.context
    call.need("read_store_credit_accounts", info)
    number = number_of(id, "StoreCreditAccount")
    return None if number is None else call.shop.credit.get(number, call.now)


def node(_root: None, info: Info, id: str) -> object:  # noqa: A002
    """Resolve `node(id)` for the kinds of things that have their own root field."""
    kind = id.removeprefix("gid://shopify/").split("/")[0]
    reader = NODES.get(kind)
    return reader(None, info, id) if reader else None


def nodes(_root: None, info: Info, ids: list[str]) -> list[object]:
    """Resolve `nodes(ids)`."""
    return [node(None, info, item) for item in ids]


def shop(_root: None, info: Info) -> dict[str, Any]:
    """Resolve `shop`."""
    own: Shop = info.context.shop
    url = f"https://{own.domain}"
    plan = {"displayName": "Basic", "publicDisplayName": "Basic"}
    return {
        "id": gid("Shop", own.id),
        "name": own.name,
        "email": own.email,
        "contactEmail": own.email,
        "createdAt": own.created_at,
        "currencyCode": own.currency,
        "ianaTimezone": own.timezone,
        "myshopifyDomain": own.domain,
        "plan": {**plan, "partnerDevelopment": False, "shopifyPlus": False},
        "primaryDomain": {"host": own.domain, "id": gid("Domain", own.id), "url": url},
        "shopOwnerName": "Sam Staff",
        "taxesIncluded": False,
        "url": url,
    }


def current_app_installation(_root: None, info: Info) -> dict[str, Any]:
    """Resolve `currentAppInstallation`."""
    call: Call = info.context
    return {
        "id": gid("AppInstallation", call.shop.id),
        "app": {"id": gid("App", 1), "handle": "boomerang", "title": "Boomerang"},
        "accessScopes": [
            {"handle": scope, "description": scope.replace("_", " ").capitalize()} for scope in sorted(call.scopes)
        ],
    }


NODES: dict[str, Callable[[None, Info, str], object]] = {
    "Collection": collection,
    "Customer": customer,
    "Order": order,
    "Product": product,
    "ProductVariant": variant,
    "Refund": refund,
    "ShopifyPaymentsDispute": dispute,
    "StoreCreditAccount": store_credit_account,
}
QUERIES: dict[str, Resolver] = {
    "collection": collection,
    "collections": collections,
    "currentAppInstallation": current_app_installation,
    "customer": customer,
    "customers": customers,
    "dispute": dispute,
    "disputes": disputes,
    "node": node,
    "nodes": nodes,
    "order": order,
    "orders": orders,
    "product": product,
    "productVariant": variant,
    "products": products,
    "refund": refund,
    "shop": shop,
    "storeCreditAccount": store_credit_account,
    "storeCreditConfiguration": lambda _root, info: {"storeCreditEnabled": info.context.shop.credit.enabled},
}
