"""Every document fits the API version it is sent to, and the app asks for exactly the scopes they need."""

import gzip
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    FieldNode,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_client_schema,
    get_named_type,
    parse,
    validate,
    visit,
)

from app.config import Settings
from app.shopify import documents
from app.shopify.documents import DOCUMENTS, Document
from app.webhooks.topics import HANDLERS
from sandbox.graphql_schema import make_schema

ROOT = Path(__file__).parents[2]
VERSION = Settings.__dataclass_fields__["shopify_api_version"].default
OFFICIAL = (
    ROOT.parent / "shared" / "shopify" / f"admin-schema-{VERSION}.json.gz",
    ROOT / "node_modules" / "@shopify" / "dev-mcp" / "dist" / "data" / f"admin_{VERSION}.json.gz",
)
#: Without the official schema at hand; with it, it is compared with what that says.
KNOWN_SCOPES = {
    "Customer": "read_customers",
    "Order": "read_orders",
    "OrderTransaction": "read_orders",
    "OrderRiskSummary": "read_orders",
    "OrderRiskAssessment": "read_orders",
    "Product": "read_products",
    "ProductVariant": "read_products",
    "Collection": "read_products",
    "StoreCreditAccount": "read_store_credit_accounts",
    "StoreCreditAccountTransaction": "read_store_credit_account_transactions",
    "StoreCreditAccountCreditTransaction": "read_store_credit_account_transactions",
    "StoreCreditAccountDebitTransaction": "read_store_credit_account_transactions",
    "StoreCreditAccountDebitRevertTransaction": "read_store_credit_account_transactions",
    "StoreCreditAccountTransactionOrigin": "read_orders",
    "storeCreditAccountCredit": "write_store_credit_account_transactions",
    "storeCreditAccountDebit": "write_store_credit_account_transactions",
}
#: The beginning of a topic, and what subscribing to it needs.
TOPIC_SCOPES = {
    "collections/": "read_products",
    "customer.": "read_customers",
    "customers/create": "read_customers",
    "customers/delete": "read_customers",
    "customers/merge": "read_customer_merge",
    "customers/update": "read_customers",
    "disputes/": "read_shopify_payments_disputes",
    "order_transactions/": "read_orders",
    "orders/": "read_orders",
    "products/": "read_products",
    "refunds/": "read_orders",
}
OPTIONAL_TOPICS = {"customers/merge", "disputes/create", "disputes/update"}


@pytest.fixture(scope="module")
def official() -> dict[str, Any] | None:
    """Return Shopify's own description of the API version, or None where neither copy of it is at hand."""
    path = next(filter(Path.exists, OFFICIAL), None)
    if path is None:
        return None
    with gzip.open(path) as file:
        found: dict[str, Any] = json.load(file)
    return found


@pytest.fixture(scope="module")
def schema(official: dict[str, Any] | None) -> GraphQLSchema:
    """Return the official schema, or the sandbox's part of it, which the sandbox's tests hold to the official one."""
    return make_schema() if official is None else build_client_schema(official["data"], assume_valid=True)


@pytest.fixture(scope="module")
def app_toml() -> dict[str, Any]:
    return tomllib.loads((ROOT / "shopify.app.toml").read_text())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_each_document_fits_the_schema(document: Document, schema: GraphQLSchema) -> None:
    assert validate(schema, parse(document.text)) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_each_document_fits_the_sandbox(document: Document) -> None:
    assert validate(make_schema(), parse(document.text)) == []


def test_no_document_lies_unused_in_the_folder() -> None:
    folder = Path(documents.__file__).parent

    assert {path.stem for path in folder.glob("*.graphql")} == {document.name for document in DOCUMENTS}


def test_the_apps_version_is_the_one_the_documents_are_checked_against(app_toml: dict[str, Any]) -> None:
    assert app_toml["webhooks"]["api_version"] == VERSION


def test_the_app_asks_for_exactly_the_scopes_its_documents_and_webhooks_need(
    app_toml: dict[str, Any], schema: GraphQLSchema, official: dict[str, Any] | None
) -> None:
    asked = set(app_toml["access_scopes"]["scopes"].split(",")) | set(app_toml["access_scopes"]["optional_scopes"])
    needed = set().union(*(scopes_of(document, schema, official) for document in DOCUMENTS))
    needed |= {scope for topic in topics(app_toml) for scope in scopes_of_topic(topic)}
    # A write scope grants the read.
    needed -= {scope.replace("write_", "read_", 1) for scope in needed if scope.startswith("write_")}

    assert asked == needed


def test_the_topics_need_what_the_schema_says(app_toml: dict[str, Any], official: dict[str, Any] | None) -> None:
    if official is None:
        pytest.skip("Shopify's schema is not at hand; `npm ci` installs it.")
    types = {kind["name"]: kind for kind in official["data"]["__schema"]["types"]}
    told = {value["name"]: value["description"] for value in types["WebhookSubscriptionTopic"]["enumValues"]}

    for topic in topics(app_toml):
        description = told[re.sub(r"[/.]", "_", topic).upper()]
        accepted = set(re.findall(r"\b(?:read|write)_\w+", description))
        assert bool(accepted) == bool(scopes_of_topic(topic))
        assert scopes_of_topic(topic) <= accepted


def test_the_app_subscribes_to_its_topics_and_to_the_three_that_the_law_demands(app_toml: dict[str, Any]) -> None:
    subscriptions = app_toml["webhooks"]["subscriptions"]
    compliance = [topic for one in subscriptions for topic in one.get("compliance_topics", [])]

    assert sorted(topics(app_toml)) == sorted(HANDLERS)
    assert sorted(compliance) == ["customers/data_request", "customers/redact", "shop/redact"]
    assert {one["uri"] for one in subscriptions} == {"/webhooks/shopify"}


def topics(app_toml: dict[str, Any]) -> list[str]:
    return [topic for one in app_toml["webhooks"]["subscriptions"] for topic in one.get("topics", [])]


def test_only_what_a_shop_can_do_without_is_optional(
    app_toml: dict[str, Any], schema: GraphQLSchema, official: dict[str, Any] | None
) -> None:
    optional = set(app_toml["access_scopes"]["optional_scopes"])
    by_topic = {topic: scopes_of_topic(topic) for topic in topics(app_toml)}

    assert {topic for topic, scopes in by_topic.items() if scopes & optional} == OPTIONAL_TOPICS
    assert not optional & set().union(*(scopes_of(document, schema, official) for document in DOCUMENTS))


def scopes_of_topic(topic: str) -> set[str]:
    return {scope for beginning, scope in TOPIC_SCOPES.items() if topic.startswith(beginning)}


def scopes_of(document: Document, schema: GraphQLSchema, official: dict[str, Any] | None) -> set[str]:
    """Return the scopes of every field and of every type that a document touches."""
    listed = scope_lists(official)
    info = TypeInfo(schema)
    needed: set[str] = set()

    class Walk(Visitor):
        def enter_field(self, node: FieldNode, *_: Any) -> None:
            parent, kind = info.get_parent_type(), info.get_type()
            keys = [
                (parent.name, node.name.value) if parent else None,
                (get_named_type(kind).name, None) if kind else None,
            ]
            for key in keys:
                # The first one listed suffices; the others are for marketplaces and buyers.
                needed.update(listed.get(key, [])[:1])

    visit(parse(document.text), TypeInfoVisitor(info, Walk()))
    return needed


def scope_lists(official: dict[str, Any] | None) -> dict[Any, list[str]]:
    if official is None:
        return {
            ("Mutation" if name[0].islower() else name, name if name[0].islower() else None): [scope]
            for name, scope in KNOWN_SCOPES.items()
        }
    items = official["offline_scopes"]["items"]
    return {(item["typeName"], item.get("fieldName")): item["offlineScopes"] for item in items}


def test_the_scopes_noted_here_are_the_official_ones(official: dict[str, Any] | None) -> None:
    if official is None:
        pytest.skip("Shopify's schema is not at hand; `npm ci` installs it.")
    listed = scope_lists(official)

    for key, scopes in scope_lists(None).items():
        assert listed[key][:1] == scopes
