"""Which access scopes the app needs: computed from the documents it sends and the topics it hears, nothing by hand.

Each document says beside its text what it needs, each topic does here. What a shop can do without is optional: it
is asked for when a person wants the feature. A test compares all of this with Shopify's schema and with
``shopify.app.toml``.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from app.sentences import marked
from app.shopify.documents import DOCUMENTS

#: What subscribing to a topic needs; the topics of the app's own life in a shop need nothing.
TOPIC_SCOPES = {
    "app/scopes_update": None,
    "app/uninstalled": None,
    "bulk_operations/finish": None,
    "collections/delete": "read_products",
    "collections/update": "read_products",
    "customer.tags_added": "read_customers",
    "customer.tags_removed": "read_customers",
    "customers/create": "read_customers",
    "customers/delete": "read_customers",
    "customers/merge": "read_customer_merge",
    "customers/update": "read_customers",
    "disputes/create": "read_shopify_payments_disputes",
    "disputes/update": "read_shopify_payments_disputes",
    "order_transactions/create": "read_orders",
    "orders/cancelled": "read_orders",
    "orders/create": "read_orders",
    "orders/delete": "read_orders",
    "orders/edited": "read_orders",
    "orders/paid": "read_orders",
    "orders/risk_assessment_changed": "read_orders",
    "orders/updated": "read_orders",
    "products/delete": "read_products",
    "products/update": "read_products",
    "refunds/create": "read_orders",
    "returns/approve": "read_returns",
    "returns/cancel": "read_returns",
    "returns/close": "read_returns",
    "returns/decline": "read_returns",
    "returns/process": "read_returns",
    "returns/reopen": "read_returns",
    "returns/request": "read_returns",
    "shop/update": None,
}
#: What no document and no topic needs but the app's configuration does: serving pages in the shop's own address.
PROXY_SCOPE = "write_app_proxy"


@dataclass(frozen=True, slots=True)
class Permission:
    """A scope, and in plain words what Boomerang does with it."""

    scope: str
    allows: str
    without: str


#: What shops may refuse, and take back at any time.
OPTIONAL = (
    Permission(
        "read_all_orders",
        marked("read orders older than 60 days"),
        marked("Without it, the history can be imported 60 days back, and older orders are not read again."),
    ),
    Permission(
        "read_customer_merge",
        marked("hear that two customers became one"),
        marked("Without it, what the customer merged away had earned stays with that account."),
    ),
    Permission(
        "read_returns",
        marked("hear of returns"),
        marked("Without it, cashback is not held while a return is open; the refund takes it back afterwards."),
    ),
    Permission(
        "read_shopify_payments_disputes",
        marked("hear of disputes and chargebacks"),
        marked("Without it, cashback of a disputed order is neither held nor taken back."),
    ),
)
OPTIONAL_SCOPES = frozenset(permission.scope for permission in OPTIONAL)

#: What Boomerang cannot work without, in plain words.
_ALLOWS = {
    "read_customers": marked("read customers"),
    "read_orders": marked("read orders"),
    "read_products": marked("read products"),
    "read_store_credit_accounts": marked("read store credit"),
    "write_app_proxy": marked("show customers their cashback in the shop"),
    "write_store_credit_account_transactions": marked("give and take back store credit"),
}


def find_needed(topics: Iterable[str] = tuple(TOPIC_SCOPES)) -> frozenset[str]:
    """Return every scope that the documents, some topics and the configuration need."""
    needed = {scope for document in DOCUMENTS for scope in document.scopes}
    needed |= {scope for topic in topics if (scope := TOPIC_SCOPES[topic]) is not None}
    return without_implied(needed | OPTIONAL_SCOPES | {PROXY_SCOPE})


def find_missing(granted: str) -> tuple[Permission, ...]:
    """Return what a shop's grant (scopes with commas, as Shopify tells them) lacks of what must be there."""
    lacking = sorted(REQUIRED - with_implied(read_scopes(granted)))
    return tuple(describe(scope) for scope in lacking)


def describe(scope: str) -> Permission:
    """Return a required scope in plain words."""
    return Permission(scope, _ALLOWS.get(scope, marked("do part of its work")), "")


def is_granted(scope: str, granted: str) -> bool:
    """Return whether a shop's grant includes a scope; one to write includes the one to read."""
    return scope in with_implied(read_scopes(granted))


def read_scopes(text: str) -> frozenset[str]:
    """Return the scopes of a text in which they are separated by commas."""
    return frozenset(filter(None, (scope.strip() for scope in text.split(","))))


def with_implied(scopes: Iterable[str]) -> frozenset[str]:
    """Return the scopes with what they include."""
    given = frozenset(scopes)
    return given | {_implied(scope) for scope in given}


def without_implied(scopes: Iterable[str]) -> frozenset[str]:
    """Return the scopes without those that another of them includes."""
    given = frozenset(scopes)
    return given - {_implied(scope) for scope in given if _implied(scope) != scope}


def _implied(scope: str) -> str:
    return scope.replace("write_", "read_", 1) if scope.startswith("write_") else scope


#: What a shop must grant; nobody can install the app without.
REQUIRED = find_needed() - OPTIONAL_SCOPES
