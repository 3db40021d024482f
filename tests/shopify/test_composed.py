"""Several numbered operations become one that Shopify's schema accepts, with notes and without."""

import gzip
import json
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_client_schema, parse, validate

from app.shopify.documents import (
    NOTES_SINCE,
    ORDER_CHECK,
    SHOP,
    STORE_CREDIT_ACCOUNT,
    STORE_CREDIT_ACCOUNT_WITH_NOTES,
    STORE_CREDIT_CREDIT,
    STORE_CREDIT_DEBIT,
    STORE_CREDIT_FIND,
    Document,
    compose,
)
from sandbox.graphql_schema import make_schema

ROOT = Path(__file__).parents[2]
OFFICIAL = (
    ROOT.parent / "shared" / "shopify" / "admin-schema-2026-10.json.gz",
    ROOT / "node_modules" / "@shopify" / "dev-mcp" / "dist" / "data" / "admin_2026-10.json.gz",
)
TOGETHER = [
    ((STORE_CREDIT_FIND, 0),),
    ((STORE_CREDIT_FIND, 0), (ORDER_CHECK, 0), (STORE_CREDIT_FIND, 1), (STORE_CREDIT_ACCOUNT, 2)),
    tuple((STORE_CREDIT_ACCOUNT, number) for number in range(10)),
    ((STORE_CREDIT_CREDIT, 0), (STORE_CREDIT_DEBIT, 1), (STORE_CREDIT_CREDIT, 2)),
]


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    """Return the official schema, or the sandbox's part of it where that is not at hand."""
    path = next(filter(Path.exists, OFFICIAL), None)
    if path is None:
        return make_schema()
    return build_client_schema(json.loads(gzip.decompress(path.read_bytes()))["data"], assume_valid=True)


@pytest.mark.parametrize("parts", TOGETHER, ids=lambda parts: compose(parts).name)
def test_what_is_put_together_fits_the_schema(parts: tuple[tuple[Document, int], ...], schema: GraphQLSchema) -> None:
    assert validate(schema, parse(compose(parts).text)) == []


def test_what_reads_notes_fits_the_version_that_has_them_and_no_older_one() -> None:
    text = compose(((STORE_CREDIT_ACCOUNT_WITH_NOTES, 0), (STORE_CREDIT_ACCOUNT_WITH_NOTES, 1))).text
    assert validate(make_schema(NOTES_SINCE), parse(text)) == []
    assert validate(make_schema("2026-10"), parse(text)) != []
    assert STORE_CREDIT_ACCOUNT_WITH_NOTES.text.replace("  note\n", "") == STORE_CREDIT_ACCOUNT.text


def test_a_composed_document_names_its_parts_and_needs_their_scopes() -> None:
    made = compose(((STORE_CREDIT_FIND, 0), (ORDER_CHECK, 0), (STORE_CREDIT_FIND, 1)))
    assert made.name == "2*store_credit_find+1*order_check"
    assert made.scopes == ("read_customers", "read_orders", "read_store_credit_accounts")


@pytest.mark.parametrize("parts", [(), ((SHOP, 0),), ((STORE_CREDIT_CREDIT, 0), (ORDER_CHECK, 0))])
def test_what_does_not_go_together_is_refused(parts: tuple[tuple[Document, int], ...]) -> None:
    with pytest.raises(ValueError, match="go together"):
        compose(parts)
