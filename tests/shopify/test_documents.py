"""Every document fits the API version it is sent to, and the app is subscribed to what it handles."""

import gzip
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, build_client_schema, parse, validate

from app.config import Settings
from app.shopify import documents
from app.shopify.documents import DOCUMENTS, Document
from app.webhooks.topics import HANDLERS, PRIVACY_TOPICS
from sandbox.graphql_schema import make_schema

ROOT = Path(__file__).parents[2]
VERSION = Settings.__dataclass_fields__["shopify_api_version"].default
OFFICIAL = (
    ROOT.parent / "shared" / "shopify" / f"admin-schema-{VERSION}.json.gz",
    ROOT / "node_modules" / "@shopify" / "dev-mcp" / "dist" / "data" / f"admin_{VERSION}.json.gz",
)


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


def test_the_app_subscribes_to_its_topics_and_to_the_three_that_the_law_demands(app_toml: dict[str, Any]) -> None:
    subscriptions = app_toml["webhooks"]["subscriptions"]
    compliance = [topic for one in subscriptions for topic in one.get("compliance_topics", [])]

    assert sorted(topics(app_toml)) == sorted(HANDLERS.keys() - PRIVACY_TOPICS)
    assert sorted(compliance) == sorted(PRIVACY_TOPICS)
    assert {one["uri"] for one in subscriptions} == {"/webhooks/shopify"}


def topics(app_toml: dict[str, Any]) -> list[str]:
    return [topic for one in app_toml["webhooks"]["subscriptions"] for topic in one.get("topics", [])]
