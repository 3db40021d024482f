"""The app asks for exactly the scopes that its documents and topics need, and knows which of them it was given."""

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
    visit,
)

from app.config import Settings
from app.shopify.documents import DOCUMENTS, Document
from app.shopify.scopes import (
    OPTIONAL,
    OPTIONAL_SCOPES,
    REQUIRED,
    TOPIC_SCOPES,
    find_missing,
    find_needed,
    is_granted,
    read_scopes,
    with_implied,
    without_implied,
)
from app.webhooks.topics import HANDLERS, PRIVACY_TOPICS
from sandbox.graphql_schema import make_schema
from sandbox.scopes import FIELD_SCOPES, TYPE_SCOPES

ROOT = Path(__file__).parents[2]
VERSION = Settings.__dataclass_fields__["shopify_api_version"].default
OFFICIAL = (
    ROOT.parent / "shared" / "shopify" / f"admin-schema-{VERSION}.json.gz",
    ROOT / "node_modules" / "@shopify" / "dev-mcp" / "dist" / "data" / f"admin_{VERSION}.json.gz",
)

ScopeLists = dict[tuple[str, str | None], list[str]]


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
def listed(official: dict[str, Any] | None) -> ScopeLists:
    """Return which scopes open each type and field; without the official lists, those the sandbox enforces."""
    if official is None:
        known: ScopeLists = {(name, None): [scope] for name, scope in TYPE_SCOPES.items()}
        return known | {key: [scope] for key, scope in FIELD_SCOPES.items()}
    items = official["offline_scopes"]["items"]
    return {(item["typeName"], item.get("fieldName")): item["offlineScopes"] for item in items}


@pytest.fixture(scope="module")
def app_toml() -> dict[str, Any]:
    return tomllib.loads((ROOT / "shopify.app.toml").read_text())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_each_document_names_the_scopes_that_it_needs(
    document: Document, schema: GraphQLSchema, listed: ScopeLists
) -> None:
    assert sorted(document.scopes) == sorted(without_implied(scopes_of(document, schema, listed)))


def test_the_app_asks_for_exactly_the_scopes_its_documents_and_webhooks_need(app_toml: dict[str, Any]) -> None:
    access = app_toml["access_scopes"]

    assert read_scopes(access["scopes"]) == REQUIRED
    assert set(access["optional_scopes"]) == OPTIONAL_SCOPES
    assert find_needed(HANDLERS.keys() - PRIVACY_TOPICS) == REQUIRED | OPTIONAL_SCOPES


def test_scopes_stand_in_the_configuration_in_their_order_and_once(app_toml: dict[str, Any]) -> None:
    access = app_toml["access_scopes"]

    assert access["scopes"].split(",") == sorted(REQUIRED)
    assert access["optional_scopes"] == [permission.scope for permission in OPTIONAL] == sorted(OPTIONAL_SCOPES)


def test_every_topic_that_is_handled_says_what_it_needs() -> None:
    assert HANDLERS.keys() - PRIVACY_TOPICS == TOPIC_SCOPES.keys()


def test_the_topics_need_what_the_schema_says(official: dict[str, Any] | None) -> None:
    if official is None:
        pytest.skip("Shopify's schema is not at hand; `npm ci` installs it.")
    types = {kind["name"]: kind for kind in official["data"]["__schema"]["types"]}
    told = {value["name"]: value["description"] for value in types["WebhookSubscriptionTopic"]["enumValues"]}

    for topic, scope in TOPIC_SCOPES.items():
        accepted = set(re.findall(r"\b(?:read|write)_\w+", told[re.sub(r"[/.]", "_", topic).upper()]))
        assert (scope in accepted) if accepted else (scope is None), topic


def test_no_document_needs_what_a_shop_may_refuse() -> None:
    assert not OPTIONAL_SCOPES & {scope for document in DOCUMENTS for scope in document.scopes}


def test_a_grant_of_everything_lacks_nothing() -> None:
    assert find_missing(",".join(REQUIRED)) == ()
    assert find_missing(", ".join(REQUIRED | OPTIONAL_SCOPES)) == ()


def test_what_lacks_is_told_in_plain_words() -> None:
    (lacking,) = find_missing(",".join(REQUIRED - {"read_orders"}))

    assert (lacking.scope, lacking.allows) == ("read_orders", "read orders")
    assert {permission.scope for permission in find_missing("")} == REQUIRED
    assert all(permission.allows != "do part of its work" for permission in find_missing(""))


def test_a_scope_to_write_includes_the_one_to_read() -> None:
    assert is_granted("read_orders", "write_orders")
    assert not is_granted("write_orders", "read_orders")
    assert not is_granted("read_orders", "read_all_orders, read_orders_of_others")
    assert find_missing(",".join((REQUIRED - {"read_orders"}) | {"write_orders"})) == ()
    assert with_implied({"write_a"}) == {"write_a", "read_a"}
    assert without_implied({"write_a", "read_a", "read_b"}) == {"write_a", "read_b"}


def scopes_of(document: Document, schema: GraphQLSchema, listed: ScopeLists) -> set[str]:
    """Return the scopes of every field and of every type that a document touches."""
    info = TypeInfo(schema)
    needed: set[str] = set()

    class Walk(Visitor):
        def enter_field(self, node: FieldNode, *_: Any) -> None:
            parent, kind = info.get_parent_type(), info.get_type()
            keys: list[tuple[str, str | None] | None] = [
                (parent.name, node.name.value) if parent else None,
                (parent.name, None) if parent else None,
                (get_named_type(kind).name, None) if kind else None,
            ]
            for key in filter(None, keys):
                # The first one listed suffices; the others are for marketplaces and buyers.
                needed.update(listed.get(key, [])[:1])

    visit(parse(document.text), TypeInfoVisitor(info, Walk()))
    return needed
