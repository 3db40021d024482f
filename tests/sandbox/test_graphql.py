"""Reading by GraphQL: orders as documents ask for them, paging, search, scopes, Shopify's own refusals."""

from typing import Any

import pytest

from sandbox.server import Sandbox
from tests.sandbox.conftest import Shopper
from tests.sandbox.tiny_app import TinyApp

ORDER = """query Order($id: ID!) { order(id: $id) {
    id name displayFinancialStatus cancelledAt test customer { id displayName email tags numberOfOrders createdAt }
    currentSubtotalPriceSet { shopMoney { amount currencyCode } } totalReceivedSet { shopMoney { amount } }
    transactions(first: 10) { kind status gateway amountSet { shopMoney { amount } } }
    refunds(first: 10) { id totalRefundedSet { shopMoney { amount } }
      refundLineItems(first: 10) { nodes { quantity subtotalSet { shopMoney { amount } } } }
      orderAdjustments(first: 5) { nodes { amountSet { shopMoney { amount } } reason } } }
    lineItems(first: 50) { nodes { id quantity currentQuantity isGiftCard product { id tags vendor } } } } }"""
ORDERS = """query Orders($first: Int!, $after: String, $query: String) {
    orders(first: $first, after: $after, sortKey: UPDATED_AT, query: $query) {
      nodes { id updatedAt } pageInfo { hasNextPage endCursor } } }"""


def test_an_order_reads_as_its_webhook_told(shopper: Shopper) -> None:
    order = shopper.order("10.00", 3, customer={"email": "vip@example.com", "first_name": "Vi", "tags": "vip, club"})
    shopper.post(f"orders/{order['id']}/refund", lines=[{"index": 0, "quantity": 1}], amount="2.00")
    read = shopper.graphql(ORDER, id=order["admin_graphql_api_id"])["data"]["order"]
    assert read["displayFinancialStatus"] == "PARTIALLY_REFUNDED"
    assert read["customer"]["tags"] == ["club", "vip"]
    assert read["customer"]["numberOfOrders"] == "1"
    assert read["currentSubtotalPriceSet"]["shopMoney"] == {"amount": "20.0", "currencyCode": "USD"}
    assert read["totalReceivedSet"]["shopMoney"]["amount"] == "30.0"
    assert [(t["kind"], t["amountSet"]["shopMoney"]["amount"]) for t in read["transactions"]] == [
        ("SALE", "30.0"),
        ("REFUND", "12.0"),
    ]
    (refund,) = read["refunds"]
    assert refund["totalRefundedSet"]["shopMoney"]["amount"] == "12.0"
    assert refund["orderAdjustments"]["nodes"][0]["amountSet"]["shopMoney"]["amount"] == "-2.0"
    (line,) = read["lineItems"]["nodes"]
    assert (line["quantity"], line["currentQuantity"], line["isGiftCard"]) == (3, 2, False)


def test_an_order_keeps_its_own_currency_and_taxes(shopper: Shopper) -> None:
    order = shopper.order("1200", 2, currency="JPY", tax={"rate": "0.2", "included": True})
    document = """query Order($id: ID!) { order(id: $id) { currencyCode lineItems(first: 5) { nodes {
        originalUnitPriceSet { shopMoney { amount currencyCode } } variant { price }
        priceAfterAllDiscountsBeforeTaxesSet { shopMoney { amount } }
        taxLines { ratePercentage priceSet { shopMoney { amount } } } } }
        transactions { amountSet { shopMoney { amount currencyCode } } } } }"""
    read = shopper.graphql(document, id=order["admin_graphql_api_id"])["data"]["order"]
    (line,) = read["lineItems"]["nodes"]
    assert order["total_price"] == "2400"
    assert line["originalUnitPriceSet"]["shopMoney"] == {"amount": "1200.0", "currencyCode": "JPY"}
    assert line["priceAfterAllDiscountsBeforeTaxesSet"]["shopMoney"]["amount"] == "2000.0"
    assert line["taxLines"] == [{"ratePercentage": 20.0, "priceSet": {"shopMoney": {"amount": "400.0"}}}]
    assert line["variant"]["price"] == "1200"
    assert read["transactions"][0]["amountSet"]["shopMoney"] == {"amount": "2400.0", "currencyCode": "JPY"}


def test_an_unknown_order_is_null(shopper: Shopper) -> None:
    assert shopper.graphql(ORDER, id="gid://shopify/Order/1")["data"] == {"order": None}


def test_orders_are_paged_by_the_time_of_their_last_change(shopper: Shopper) -> None:
    placed = [shopper.order(created_at=f"2026-01-0{day}T10:00:00Z") for day in (3, 1, 2)]
    names = [order["admin_graphql_api_id"] for order in placed]
    found: list[str] = []
    after = None
    while True:
        page = shopper.graphql(ORDERS, first=2, after=after)["data"]["orders"]
        found += [node["id"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == [names[1], names[2], names[0]]
    late = shopper.graphql(ORDERS, first=5, query="updated_at:>'2026-01-02T10:00:00Z'")["data"]["orders"]["nodes"]
    assert [node["id"] for node in late] == [names[0]]


def test_a_page_needs_a_size(shopper: Shopper) -> None:
    answer = shopper.graphql("{ orders { nodes { id } } }")
    assert "first or last" in answer["errors"][0]["message"]


def test_shop_and_scopes_can_be_read(shopper: Shopper) -> None:
    answer = shopper.graphql(
        "{ shop { name myshopifyDomain currencyCode ianaTimezone } "
        "currentAppInstallation { accessScopes { handle } } storeCreditConfiguration { storeCreditEnabled } }"
    )["data"]
    assert answer["shop"]["myshopifyDomain"] == "boomerang-demo.myshopify.com"
    assert {"handle": "read_orders"} in answer["currentAppInstallation"]["accessScopes"]
    assert answer["storeCreditConfiguration"] == {"storeCreditEnabled": True}


@pytest.mark.parametrize(
    ("document", "code", "message", "path"),
    [
        (
            "query Q { shop { nope } }",
            "undefinedField",
            "Field 'nope' doesn't exist on type 'Shop'",
            ["query Q", "shop", "nope"],
        ),
        (
            "{ shop { ... on Shop { nope } } }",
            "undefinedField",
            "Field 'nope' doesn't exist on type 'Shop'",
            ["query", "shop", "... on Shop", "nope"],
        ),
        (
            "{ shop(id: 1) { name } }",
            "argumentNotAccepted",
            "Field 'shop' doesn't accept argument 'id'",
            ["query", "shop", "id"],
        ),
        (
            "{ order { id } }",
            "missingRequiredArguments",
            "Field 'order' is missing required arguments: id",
            ["query", "order"],
        ),
        (
            "{ shop }",
            "selectionMismatch",
            "Field must have selections (field 'shop' returns Shop! but has no selections. "
            "Did you mean 'shop { ... }'?)",
            ["query", "shop"],
        ),
    ],
)
def test_a_document_that_does_not_fit_is_refused_in_shopifys_shape(
    shopper: Shopper, document: str, code: str, message: str, path: list[str]
) -> None:
    answer = shopper.graphql(document)
    error = answer["errors"][0]
    assert "data" not in answer
    assert (error["extensions"]["code"], error["message"], error["path"]) == (code, message, path)
    assert error["locations"][0]["line"] == 1


@pytest.mark.parametrize(
    ("variables", "explanation"),
    [
        ({}, "Expected value to not be null"),
        ({"first": "two"}, 'Could not coerce value "two" to Int'),
        ({"first": 2, "query": 7}, "Could not coerce value 7 to String"),
    ],
)
def test_variables_that_do_not_fit_are_refused(shopper: Shopper, variables: dict[str, Any], explanation: str) -> None:
    error = shopper.graphql(ORDERS, **variables)["errors"][0]
    assert error["extensions"]["code"] == "INVALID_VARIABLE"
    assert error["extensions"]["problems"][0]["explanation"] == explanation


def test_a_document_that_cannot_be_read_is_an_error(shopper: Shopper) -> None:
    assert "Syntax Error" in shopper.graphql("{ shop {")["errors"][0]["message"]


def test_a_call_that_is_too_dear_is_refused(shopper: Shopper) -> None:
    document = "{ orders(first: 250) { nodes { lineItems(first: 250) { nodes { product { id } variant { id } } } } } }"
    assert shopper.graphql(document)["errors"][0]["extensions"]["code"] == "MAX_COST_EXCEEDED"


def test_a_token_without_the_scope_is_denied(app: TinyApp) -> None:
    with Sandbox(app_url=app.url, scopes="read_orders") as box:
        shopper = Shopper(box)
        old = shopper.order(created_at="2020-01-01T10:00:00Z")["admin_graphql_api_id"]
        young = shopper.order()["admin_graphql_api_id"]
        answer = shopper.graphql('{ customer(id: "gid://shopify/Customer/1") { id } }')
        assert answer["data"] == {"customer": None}
        assert answer["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"
        assert "`read_customers` access scope" in answer["errors"][0]["message"]
        found = shopper.graphql(ORDERS, first=9)["data"]["orders"]["nodes"]
        assert [node["id"] for node in found] == [young]
        assert shopper.graphql("query A($id: ID!) { order(id: $id) { id } }", id=old)["data"] == {"order": None}


def test_a_mistyped_version_is_not_found(shopper: Shopper) -> None:
    answer = shopper.session.post(
        f"{shopper.box.url}/admin/api/2026-11/graphql.json", json={"query": "{ shop { id } }"}
    )
    assert answer.status_code == 404
