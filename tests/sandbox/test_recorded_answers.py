"""The sandbox gives the answers that were recorded at Shopify, when the recordings are at hand."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.conftest import Shopper
from tests.sandbox.recorded import FOLDER, MOVING, differences, known_part, load, needs_recordings

pytestmark = needs_recordings

STORE_CREDIT = (
    "store-credit-account-2025-01",
    "store-credit-account-2026-04",
    "store-credit-account-unknown-id-2026-04",
)
MUTATIONS = ("storeCreditAccountCredit", "storeCreditAccountDebit")

#: Where each recording is compared.
COMPARED = {
    **dict.fromkeys(STORE_CREDIT, "test_recorded_answers.py"),
    "money-bag-presentment-2025-01": "test_recorded_orders.py",
    "order-create-math-matrix-2025-01": "test_recorded_orders.py",
    "order-edit-money-math-2026-04": "test_recorded_orders.py",
    "orderCancel-2026-04": "test_recorded_orders.py",
    "orderCancel-restock-refundMethod-2026-04": "test_recorded_orders.py",
    "orderCustomerRemove-2026-04": "test_recorded_orders.py",
    "refund-create-full-2025-01": "test_recorded_refunds.py",
    "refund-create-over-refund-2025-01": "test_recorded_refunds.py",
    "refund-create-partial-shipping-restock-2025-01": "test_recorded_refunds.py",
    "refund-create-transactions-validation-2026-04": "test_recorded_refunds.py",
    "refund-create-user-errors-and-quantities-2025-01": "test_recorded_refunds.py",
    "webhook-subscription-2026-04": "test_recorded_errors.py",
    "webhook-subscription-topic-enum-validation-2026-04": "test_recorded_errors.py",
}
#: What of the recordings is not compared, and why.
NOT_COMPARED = {
    "webhook-subscription-uri-validation-2026-04": "The app subscribes with its shopify.app.toml only, so the "
    "sandbox has no webhookSubscriptionCreate that could refuse an address.",
    "webhook-subscription-2026-04: lifecycle": "As above: create, update and delete of subscriptions are not played.",
    "refund-create-transactions-validation-2026-04: invalidKind, missingParent": "refundCreate checks its input; "
    "refunds are made by people here, and the control API asks for no kind and no parent.",
    "refund-create-full-2025-01: subtotalSet": "0.0 in the answer of the mutation, for a line whose price went back.",
    "money-bag-presentment-2025-01: refund, amountSet": "Worth in the shop's currency at the rate of the payment's "
    "day; the sandbox sells in the shop's currency only.",
    "order-edit-money-math-2026-04: begin, setQuantity, addLineItemDiscount": "CalculatedOrder, the order as it "
    "would be; edits are made by people here and are read when they are committed.",
}
#: Fields of a customer that differ because the sandbox's people are told apart by nothing else.
WITHOUT_WORTH = ("updatedAt", "createdAt", "startCursor", "endCursor")


def test_every_recording_is_compared_or_says_why_not() -> None:
    there = {path.stem for path in FOLDER.glob("*.json")}
    reasons = {name.split(":")[0] for name in NOT_COMPARED}
    assert there - set(COMPARED) - reasons == set(), "a new recording: compare it, or say why not"
    assert (set(COMPARED) | reasons) - there == set(), "a recording that is gone"


def recorded(node: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each call about store credit with its answer, in the order of recording."""
    if isinstance(node, dict) and "request" in node and "response" in node:
        if any(name in node["request"]["query"] for name in (*MUTATIONS, "toreCreditAccount(", "StoreCreditCustomer")):
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


def make_customer(shopper: Shopper, content: dict[str, Any]) -> dict[str, str]:
    """Make the customer of a recording, and return our id for theirs."""
    call = content.get("setup", {}).get("createCustomer")
    if call is None:
        return {}
    told = call["request"]["variables"]["input"]
    ours = shopper.post(
        "customers", email=told["email"], first_name=told["firstName"], last_name=told["lastName"], tags=told["tags"]
    )["customer"]
    return {call["response"]["data"]["customerCreate"]["customer"]["id"]: f"gid://shopify/Customer/{ours['id']}"}


@pytest.mark.parametrize("name", STORE_CREDIT)
def test_every_recorded_call_about_store_credit_is_answered_as_it_was(name: str, shopper: Shopper) -> None:
    content = load(name)
    names = make_customer(shopper, content)
    mutations = reads = 0
    for request, answer in recorded(content):
        variables = without_moving_parts(request["variables"], names)
        if not any(mutation in request["query"] for mutation in MUTATIONS):
            got = shopper.graphql(known_part(request["query"]), **variables)
            told = without_moving_parts(answer, names)
            assert "errors" not in got, got
            assert differences(got["data"], told["data"], moving=WITHOUT_WORTH) == []
            reads += 1
            continue
        # In that version a union could be asked for without a selection.
        query = request["query"].replace("origin\n", "origin { __typename }\n")
        got = shopper.graphql(query, **variables)
        for payload in (answer.get("data") or {}).values():
            entry = (payload or {}).get("storeCreditAccountTransaction")
            if entry and entry["account"]["id"] not in names:
                (own,) = got["data"].values()
                names[entry["account"]["id"]] = own["storeCreditAccountTransaction"]["account"]["id"]
        assert without_moving_parts(got, {}) == without_moving_parts(answer, names), request["variables"]
        mutations += 1
    assert mutations >= 6
    assert reads == {"store-credit-account-2025-01": 1, "store-credit-account-2026-04": 5}.get(name, 0)


def test_a_difference_is_found_wherever_it_is() -> None:
    told = {"order": {"id": "gid://shopify/Order/1", "closedAt": None, "lines": [{"quantity": 2}, {"quantity": 1}]}}
    same = {"order": {"id": "gid://shopify/Order/7", "closedAt": None, "lines": [{"quantity": 2}, {"quantity": 1}]}}
    other = {"order": {"id": None, "closedAt": "now", "lines": [{"quantity": 2}, {"quantity": 3}]}}
    fewer = {"order": {"lines": [{"quantity": 2}]}}
    assert {"id", "closedAt"} <= MOVING
    assert differences(same, told) == []
    assert differences(other, told) == [
        ".order.id: None is not 'gid://shopify/Order/1'",
        ".order.closedAt: 'now' is not None",
        ".order.lines.1.quantity: 3 is not 1",
    ]
    assert differences(fewer, told) == [".order.lines has 1 and not 2"]
    assert differences(other, told, apart=("id", "closedAt", "lines")) == []
