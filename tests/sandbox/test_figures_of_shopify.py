"""Sums that were seen at Shopify, held without its recordings: the figures are its own, the orders made up."""

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.money import allocate
from tests.sandbox.conftest import Shopper

VECTORS = Path(__file__).parents[2].parent / "shared/shopify/vectors/allocation.json"
BAGS = (
    "subtotalPriceSet",
    "currentSubtotalPriceSet",
    "totalTaxSet",
    "currentTotalTaxSet",
    "totalDiscountsSet",
    "totalPriceSet",
    "currentTotalPriceSet",
    "totalOutstandingSet",
    "totalCapturableSet",
    "totalReceivedSet",
    "totalRefundedSet",
)
READ = f"""query Read($id: ID!) {{ order(id: $id) {{ displayFinancialStatus capturable closed
    {" ".join(name + " { shopMoney { amount } }" for name in BAGS)}
    currentTaxLines {{ priceSet {{ shopMoney {{ amount }} }} }}
    lineItems(first: 5) {{ nodes {{ currentQuantity taxLines {{ priceSet {{ shopMoney {{ amount }} }} }}
      discountAllocations {{ allocatedAmountSet {{ shopMoney {{ amount }} }} }} }} }} }} }}"""


def read(shopper: Shopper, order: dict[str, Any]) -> dict[str, Any]:
    found = shopper.graphql(READ, id=order["admin_graphql_api_id"])["data"]["order"]
    return {name: value["shopMoney"]["amount"] if name in BAGS else value for name, value in found.items()}


def sums(found: dict[str, Any], *names: str) -> list[str]:
    return [found[name] for name in names]


def test_an_order_that_nobody_tried_to_pay_has_no_payment_status(shopper: Shopper) -> None:
    order = shopper.order("10.00", 2, paid=False)
    found = read(shopper, order)
    assert (found["displayFinancialStatus"], order["financial_status"]) == (None, "pending")
    assert sums(found, "totalOutstandingSet", "totalReceivedSet") == ["20.0", "0.0"]
    after = shopper.post(f"orders/{order['id']}/cancel", reason="other")["order"]
    found = read(shopper, order)
    assert (found["displayFinancialStatus"], found["closed"], after["financial_status"]) == (None, True, "voided")
    assert sums(found, "totalOutstandingSet", "currentTotalPriceSet") == ["0.0", "0.0"]


def test_a_payment_that_failed_gives_a_status(shopper: Shopper) -> None:
    order = shopper.order("10.00", paid=False)
    shopper.post(f"orders/{order['id']}/pay", fails=True)
    assert read(shopper, order)["displayFinancialStatus"] == "PENDING"


def test_what_an_authorization_covers_is_not_outstanding(shopper: Shopper) -> None:
    order = shopper.order("18.00", authorize=True, gateway="manual")
    found = read(shopper, order)
    assert (found["displayFinancialStatus"], found["capturable"], order["total_outstanding"]) == (
        "AUTHORIZED",
        True,
        "0.00",
    )
    assert sums(found, "totalOutstandingSet", "totalCapturableSet", "totalReceivedSet") == ["0.0", "18.0", "0.0"]
    shopper.post(f"orders/{order['id']}/pay")
    found = read(shopper, order)
    assert (found["displayFinancialStatus"], found["capturable"]) == ("PAID", False)
    assert sums(found, "totalOutstandingSet", "totalCapturableSet", "totalReceivedSet") == ["0.0", "0.0", "18.0"]
    shopper.post(f"orders/{order['id']}/edit", add=[{"price": "2.00"}])
    assert read(shopper, order)["totalOutstandingSet"] == "2.0"


def test_tax_and_shipping_and_a_fixed_code_add_up(shopper: Shopper) -> None:
    taxed = shopper.order("12.00", 2, shipping="5.00", tax={"rate": "0.1", "shipping": True}, gateway="manual")
    names = ("subtotalPriceSet", "totalTaxSet", "totalPriceSet", "totalReceivedSet")
    assert sums(read(shopper, taxed), *names) == ["24.0", "2.9", "31.9", "31.9"]
    code = {"type": "fixed", "value": "5.00", "code": "FIVE"}
    cut = shopper.order("30.00", shipping="4.00", discount=code, paid=False)
    names = ("subtotalPriceSet", "totalDiscountsSet", "totalPriceSet", "totalOutstandingSet")
    assert sums(read(shopper, cut), *names) == ["25.0", "5.0", "29.0", "29.0"]


def test_fewer_units_lower_the_current_sums_and_leave_the_first(shopper: Shopper) -> None:
    order = shopper.order("100.00", 2, tax={"rate": "0.13"}, paid=False)
    shopper.post(f"orders/{order['id']}/edit", set_quantity=[{"index": 0, "quantity": 1}])
    found = read(shopper, order)
    assert sums(found, "subtotalPriceSet", "totalTaxSet", "totalPriceSet") == ["200.0", "26.0", "226.0"]
    assert sums(found, "currentSubtotalPriceSet", "currentTotalTaxSet", "currentTotalPriceSet") == [
        "100.0",
        "13.0",
        "113.0",
    ]
    assert found["currentTaxLines"] == [{"priceSet": {"shopMoney": {"amount": "13.0"}}}]
    (line,) = found["lineItems"]["nodes"]
    assert (line["currentQuantity"], line["taxLines"]) == (1, [{"priceSet": {"shopMoney": {"amount": "26.0"}}}])


def test_a_discount_by_hand_lowers_the_first_sums_too(shopper: Shopper) -> None:
    ten = {"type": "percentage", "value": "10", "code": "TEN"}
    order = shopper.order("100.00", discount=ten, tax={"rate": "0.1"}, shipping="5.00")
    after = shopper.post(f"orders/{order['id']}/edit", discount=[{"index": 0, "amount": "20.00"}])["order"]
    found = read(shopper, order)
    names = (
        "subtotalPriceSet",
        "currentSubtotalPriceSet",
        "totalPriceSet",
        "currentTotalPriceSet",
        "totalDiscountsSet",
    )
    assert sums(found, *names) == ["70.0", "70.0", "82.0", "82.0", "30.0"]
    assert found["totalOutstandingSet"] == "-22.0"
    (line,) = found["lineItems"]["nodes"]
    taken_off = [part["allocatedAmountSet"]["shopMoney"]["amount"] for part in line["discountAllocations"]]
    assert taken_off == ["10.0", "20.0"]
    told = after["line_items"][0]["discount_allocations"]
    assert [(part["amount"], part["discount_application_index"]) for part in told] == [("10.00", 0), ("20.00", 1)]
    assert [one["type"] for one in after["discount_applications"]] == ["discount_code", "manual"]
    assert after["discount_codes"] == [{"code": "TEN", "amount": "10.00", "type": "percentage"}]


@pytest.mark.parametrize(
    ("before", "cut", "sentence"),
    [
        ({}, {"index": 0, "amount": "20.01"}, "costs 20.00; take off more than 0, and at most that"),
        ({}, {"index": 0, "amount": "0.00"}, "take off more than 0"),
        ({}, {"index": 0, "amount": 5}, "discount.amount must be a decimal string"),
        ({}, "half", "discount must be a list"),
        ({"set_quantity": [{"index": 0, "quantity": 1}]}, {"index": 0, "amount": "1.00"}, "discount it before that"),
    ],
)
def test_a_discount_that_cannot_be_is_refused_and_changes_nothing(
    shopper: Shopper, before: dict[str, Any], cut: object, sentence: str
) -> None:
    order = shopper.order("10.00", 2)
    if before:
        shopper.post(f"orders/{order['id']}/edit", **before)
    was = read(shopper, order)
    edit = {"discount": cut if cut == "half" else [cut], "add": [{"price": "1.00"}]}
    assert sentence in shopper.refusal(f"orders/{order['id']}/edit", edit)
    assert read(shopper, order) == was


def test_a_row_of_refunds_reads_as_it_did(shopper: Shopper) -> None:
    lines = [{"title": "A", "price": "10.00", "quantity": 2}, {"title": "B", "price": "10.00", "quantity": 2}]
    order = shopper.post("orders", lines=lines, shipping="5.00", gateway="manual")["order"]
    shopper.post(f"orders/{order['id']}/refund", lines=[{"index": 0, "quantity": 1}])
    found = read(shopper, order)
    assert found["displayFinancialStatus"] == "PARTIALLY_REFUNDED"
    assert sums(found, "totalPriceSet", "currentTotalPriceSet", "totalReceivedSet", "totalRefundedSet") == [
        "45.0",
        "35.0",
        "45.0",
        "10.0",
    ]
    too_much = shopper.refusal(f"orders/{order['id']}/refund", {"amount": "999.00"})
    assert "999.00 USD is greater than net payment received 35.00 USD" in too_much


def test_a_customer_without_an_account_is_disabled_and_has_tags_in_order(shopper: Shopper) -> None:
    made = shopper.post("customers", email="bea@example.com", tags=["vip", "club"])["customer"]
    query = "query Who($id: ID!) { customer(id: $id) { state tags } }"
    answer = shopper.graphql(query, id=f"gid://shopify/Customer/{made['id']}")
    assert answer["data"]["customer"] == {"state": "DISABLED", "tags": ["club", "vip"]}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            "query A { orders(first: 1, sortKey: NOPE) { nodes { id } } }",
            "Argument 'sortKey' on Field 'orders' has an invalid value (NOPE). Expected type 'OrderSortKeys'.",
        ),
        (
            'query A { a: orders(first: "one") { nodes { id } } }',
            "Argument 'first' on Field 'orders' has an invalid value (\"one\"). Expected type 'Int'.",
        ),
    ],
)
def test_a_literal_that_does_not_fit_is_refused_in_shopifys_words(
    shopper: Shopper, document: str, message: str
) -> None:
    (error,) = shopper.graphql(document)["errors"]
    assert error["message"] == message
    name = message.split("'")[1]
    assert error["path"][-1] == error["extensions"]["argumentName"] == name


@pytest.mark.skipif(not VECTORS.exists(), reason="the reference figures are kept outside of this repository")
def test_the_sandbox_splits_discounts_as_shopifys_own_figures_do() -> None:
    rows = [row for row in json.loads(VECTORS.read_text())["rows"] if row["rule"] == "shopify_money_nearest"]
    assert len(rows) >= 9
    assert [allocate(row["amount"], row["weights"]) for row in rows] == [row["parts"] for row in rows]
