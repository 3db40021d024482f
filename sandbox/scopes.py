"""Access scopes: which part of the schema and which webhook needs which, and what one shop has granted."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema, default_field_resolver, get_named_type

from sandbox.errors import BadInput

#: Seeing anything of such a type needs the scope; where Shopify accepts one of several, the first.
TYPE_SCOPES = {
    "Collection": "read_products",
    "Company": "read_customers",
    "CompanyLocation": "read_customers",
    "Customer": "read_customers",
    "CustomerEmailAddress": "read_customers",
    "CustomerMergeable": "read_customer_merge",
    "Fulfillment": "read_orders",
    "FulfillmentLineItem": "read_orders",
    "HasStoreCreditAccounts": "read_store_credit_accounts",
    "LineItem": "read_orders",
    "Order": "read_orders",
    "OrderAdjustment": "read_orders",
    "OrderDisputeSummary": "read_orders",
    "OrderRiskAssessment": "read_orders",
    "OrderRiskSummary": "read_orders",
    "OrderTransaction": "read_orders",
    "Product": "read_products",
    "ProductVariant": "read_products",
    "Refund": "read_orders",
    "RefundLineItem": "read_orders",
    "RefundShippingLine": "read_orders",
    "RiskFact": "read_orders",
    "ShopifyPaymentsDispute": "read_shopify_payments_disputes",
    "ShopifyPaymentsDisputeReasonDetails": "read_shopify_payments_disputes",
    "StoreCreditAccount": "read_store_credit_accounts",
    "StoreCreditAccountCreditTransaction": "read_store_credit_account_transactions",
    "StoreCreditAccountDebitRevertTransaction": "read_store_credit_account_transactions",
    "StoreCreditAccountDebitTransaction": "read_store_credit_account_transactions",
    "StoreCreditAccountExpirationTransaction": "read_store_credit_account_transactions",
    "StoreCreditAccountTransaction": "read_store_credit_account_transactions",
    "StoreCreditAccountTransactionOrigin": "read_orders",
}
#: Fields that need a scope of their own.
FIELD_SCOPES = {
    ("Mutation", "storeCreditAccountCredit"): "write_store_credit_account_transactions",
    ("Mutation", "storeCreditAccountDebit"): "write_store_credit_account_transactions",
    ("QueryRoot", "refund"): "read_orders",
    ("StoreCreditAccount", "owner"): "read_customers",
}
#: The beginning of a topic, and what an app must have been granted to hear of it.
TOPIC_SCOPES = {
    "collections/": "read_products",
    "customer.": "read_customers",
    "customers/merge": "read_customer_merge",
    "customers/": "read_customers",
    "disputes/": "read_shopify_payments_disputes",
    "fulfillments/": "read_orders",
    "order_transactions/": "read_orders",
    "orders/": "read_orders",
    "products/": "read_products",
    "refunds/": "read_orders",
    "returns/": "read_returns",
}
PRIVACY_TOPICS = ("customers/data_request", "customers/redact", "shop/redact")


class Grants:
    """What one shop allows the app. Required scopes come with the installation, optional ones come and go."""

    def __init__(self, scopes: str, optional: str) -> None:
        self.optional = read_scopes(optional)
        self.granted = read_scopes(scopes)
        self.required = self.granted - self.optional

    @property
    def text(self) -> str:
        """The granted scopes as tokens tell them."""
        return ",".join(sorted(self.granted))

    def allows_topic(self, topic: str) -> bool:
        """Say whether the app may hear of a topic."""
        if topic in PRIVACY_TOPICS:
            return True
        scope = next((scope for begin, scope in TOPIC_SCOPES.items() if topic.startswith(begin)), None)
        return scope is None or has(self.granted, scope)

    def install(self, asked: Iterable[str]) -> None:
        """Grant what an installation asks for; optional scopes granted before stay."""
        wanted = frozenset(asked)
        self.required = wanted - self.optional
        self.granted = wanted | (self.granted & self.optional)

    def change(self, grant: Iterable[str], revoke: Iterable[str], *, force: bool = False) -> bool:
        """Grant and revoke; return whether anything changed. Required scopes are revoked by force only."""
        gone = frozenset(revoke)
        held = sorted(gone & self.required)
        if held and not force:
            raise BadInput(f"{held[0]} is required, so no shop can revoke it; send force to play that it is lost.")
        before = self.granted
        self.granted = (self.granted - gone) | frozenset(grant)
        return before != self.granted

    def show(self) -> dict[str, list[str]]:
        """Return the scopes as App Bridge tells them."""
        return {
            "required": sorted(self.required),
            "optional": sorted(self.optional),
            "granted": sorted(self.granted),
        }


def has(granted: frozenset[str], scope: str) -> bool:
    """Say whether scopes include one; a scope to write includes the one to read."""
    return scope in granted or scope.replace("read_", "write_", 1) in granted


def read_scopes(text: str) -> frozenset[str]:
    """Return the scopes of a text in which commas separate them."""
    return frozenset(filter(None, (scope.strip() for scope in text.split(","))))


def guard(schema: GraphQLSchema) -> None:
    """Let every field refuse what the token's scopes do not open; call it when the resolvers are attached."""
    for kind in schema.type_map.values():
        if not isinstance(kind, GraphQLObjectType) or kind.name.startswith("__"):
            continue
        for name, field in kind.fields.items():
            returned = get_named_type(field.type).name.removesuffix("Connection").removesuffix("Edge")
            scopes = {FIELD_SCOPES.get((kind.name, name)), TYPE_SCOPES.get(returned)} - {None}
            if scopes:
                field.resolve = _guarded(field.resolve or default_field_resolver, sorted(filter(None, scopes)))


def _guarded(resolve: Callable[..., Any], scopes: list[str]) -> Callable[..., Any]:
    @wraps(resolve)
    def guarded(value: Any, info: Any, **arguments: Any) -> Any:
        for scope in scopes:
            info.context.need(scope, info)
        return resolve(value, info, **arguments)

    return guarded
