"""The sandbox gives the answers that were recorded at Shopify, when the recordings are at hand."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.conftest import Shopper

FOLDER = Path(__file__).parents[2].parent / "shared/shopify/graphql-captures"
FILES = ("store-credit-account-2026-04.json", "store-credit-account-unknown-id-2026-04.json")
MUTATIONS = ("storeCreditAccountCredit", "storeCreditAccountDebit")


def recorded(node: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each store-credit mutation with its answer, in the order of recording."""
    if isinstance(node, dict) and "request" in node and "response" in node:
        if any(name in node["request"]["query"] for name in MUTATIONS):
            yield node["request"], node["response"]
    elif isinstance(node, dict):
        for part in node.values():
            yield from recorded(part)


def without_moving_parts(answer: Any, names: dict[str, str]) -> Any:
    """Return the answer with our ids in place of theirs, and without what differs by the hour."""
    text = json.dumps(answer)
    for theirs, ours in names.items():
        text = text.replace(theirs, ours)
    plain = json.loads(text)
    plain.get("extensions", {}).get("cost", {}).pop("throttleStatus", None)
    for error in plain.get("errors", []):
        error.pop("locations")
        error["extensions"].pop("value", None)
    return plain


@pytest.mark.skipif(not FOLDER.exists(), reason="the recordings are kept outside of this repository")
@pytest.mark.parametrize("name", FILES)
def test_every_recorded_mutation_is_answered_as_it_was(name: str, shopper: Shopper) -> None:
    content = json.loads((FOLDER / name).read_text())
    names: dict[str, str] = {}
    customer = content.get("setup", {}).get("createCustomer", {}).get("response", {})
    if customer:
        theirs = customer["data"]["customerCreate"]["customer"]
        ours = shopper.order(customer={"email": theirs["email"]})["customer"]
        names[theirs["id"]] = ours["admin_graphql_api_id"]
    compared = 0
    for request, answer in recorded(content):
        # In that version a union could be asked for without a selection.
        query = request["query"].replace("origin\n", "origin { __typename }\n")
        got = shopper.graphql(query, **without_moving_parts(request["variables"], names))
        for payload in (answer.get("data") or {}).values():
            entry = (payload or {}).get("storeCreditAccountTransaction")
            if entry and entry["account"]["id"] not in names:
                (own,) = got["data"].values()
                names[entry["account"]["id"]] = own["storeCreditAccountTransaction"]["account"]["id"]
        assert without_moving_parts(got, {}) == without_moving_parts(answer, names), request["variables"]
        compared += 1
    assert compared > 5
