"""An order's transactions: paid in parts by card, gift card and store credit, authorized, captured, voided, refused."""

from typing import Any

import pytest

from tests.sandbox.conftest import Shopper
from tests.sandbox.tiny_app import TinyApp

TRANSACTIONS = """query Paid($id: ID!) { order(id: $id) { displayFinancialStatus
    totalReceivedSet { shopMoney { amount } } totalOutstandingSet { shopMoney { amount } }
    transactions(first: 20) { id kind status gateway processedAt createdAt test amountSet { shopMoney { amount } }
      parentTransaction { id kind } } } }"""
Row = tuple[str, str, str, str]


def read(shopper: Shopper, order: dict[str, Any]) -> dict[str, Any]:
    return shopper.graphql(TRANSACTIONS, id=order["admin_graphql_api_id"])["data"]["order"]


def rows(shopper: Shopper, order: dict[str, Any]) -> list[Row]:
    return [
        (one["kind"], one["status"], one["gateway"], one["amountSet"]["shopMoney"]["amount"])
        for one in read(shopper, order)["transactions"]
    ]


def told(app: TinyApp) -> list[Row]:
    bodies = app.bodies("order_transactions/create")
    return [(one["kind"], one["status"], one["gateway"], one["amount"]) for one in bodies]


def test_an_order_is_paid_by_gift_card_store_credit_and_card(all_topics: Shopper, app: TinyApp) -> None:
    ada = all_topics.order()["customer"]
    all_topics.credit(ada, "7.50")
    all_topics.settle()
    app.arrivals.clear()
    order = all_topics.order("50.00", gift_card="20.00", store_credit="7.50", gateway="shopify_payments")
    all_topics.settle()
    paid = [("gift_card", "20.0"), ("shopify_store_credit", "7.5"), ("shopify_payments", "22.5")]
    assert rows(all_topics, order) == [("SALE", "SUCCESS", gateway, amount) for gateway, amount in paid]
    assert order["payment_gateway_names"] == [gateway for gateway, _ in paid]
    assert order["financial_status"] == "paid"
    assert "transactions" not in order
    assert told(app) == [
        ("sale", "success", "gift_card", "20.00"),
        ("sale", "success", "shopify_store_credit", "7.50"),
        ("sale", "success", "shopify_payments", "22.50"),
    ]
    (account,) = all_topics.get(f"customers/{ada['id']}/store-credit")["accounts"]
    assert account["balance"] == "0.00"


def test_a_transactions_body_names_its_order_and_times(all_topics: Shopper, app: TinyApp) -> None:
    order = all_topics.order(created_at="2026-01-01T10:00:00Z")
    all_topics.settle()
    (body,) = app.bodies("order_transactions/create")
    assert (body["order_id"], body["amount"], body["currency"]) == (order["id"], "10.00", "USD")
    assert (body["parent_id"], body["test"], body["message"], body["error_code"]) == (None, False, None, None)
    assert body["created_at"] == body["processed_at"] == "2026-01-01T05:00:00-05:00"
    assert body["admin_graphql_api_id"] == f"gid://shopify/OrderTransaction/{body['id']}"
    assert body["payment_details"]["credit_card_company"] == "Visa"
    assert body["total_unsettled_set"]["shop_money"] == {"amount": "0.00", "currency": "USD"}


def test_a_refund_goes_back_the_ways_the_money_came(all_topics: Shopper, app: TinyApp) -> None:
    order = all_topics.order("10.00", 5, gift_card="20.00")
    all_topics.post(f"orders/{order['id']}/refund", lines=[{"index": 0, "quantity": 3}])
    all_topics.settle()
    sales, backs = app.bodies("order_transactions/create")[:2], app.bodies("order_transactions/create")[2:]
    assert [(one["gateway"], one["amount"]) for one in backs] == [("gift_card", "20.00"), ("bogus", "10.00")]
    assert [one["parent_id"] for one in backs] == [one["id"] for one in sales]
    (refund,) = app.bodies("refunds/create")
    assert [one["id"] for one in refund["transactions"]] == [one["id"] for one in backs]
    (_, _, gift, _) = read(all_topics, order)["transactions"]
    assert gift["parentTransaction"] == {"id": sales[0]["admin_graphql_api_id"], "kind": "SALE"}


def test_an_authorized_order_is_paid_by_its_capture(all_topics: Shopper, app: TinyApp) -> None:
    order = all_topics.order("30.00", authorize=True)
    assert (order["financial_status"], order["payment_gateway_names"]) == ("authorized", ["bogus"])
    assert read(all_topics, order)["displayFinancialStatus"] == "AUTHORIZED"
    paid = all_topics.post(f"orders/{order['id']}/pay")["order"]
    all_topics.settle()
    assert paid["financial_status"] == "paid"
    assert app.topics().count("orders/paid") == 1
    authorization, capture = app.bodies("order_transactions/create")
    assert (authorization["kind"], authorization["total_unsettled_set"]["shop_money"]["amount"]) == (
        "authorization",
        "30.00",
    )
    assert (capture["kind"], capture["parent_id"], capture["amount"]) == ("capture", authorization["id"], "30.00")
    refund = all_topics.post(f"orders/{order['id']}/refund", amount="5.00")["order"]
    assert refund["refunds"][0]["transactions"][0]["parent_id"] == capture["id"]


@pytest.mark.parametrize("verb", ["void", "cancel"])
def test_an_authorization_that_is_let_go_leaves_the_order_voided(all_topics: Shopper, app: TinyApp, verb: str) -> None:
    order = all_topics.order("30.00", authorize=True)
    after = all_topics.post(f"orders/{order['id']}/{verb}")["order"]
    all_topics.settle()
    assert after["financial_status"] == "voided"
    assert told(app) == [
        ("authorization", "success", "bogus", "30.00"),
        ("void", "success", "bogus", "30.00"),
    ]
    assert "orders/paid" not in app.topics()
    assert "no open authorization" in all_topics.refusal(f"orders/{order['id']}/void", {})


def test_a_declined_payment_is_told_and_pays_nothing(all_topics: Shopper, app: TinyApp) -> None:
    order = all_topics.order("30.00", paid=False)
    after = all_topics.post(f"orders/{order['id']}/pay", fails=True)["order"]
    all_topics.settle()
    assert (after["financial_status"], after["payment_gateway_names"]) == ("pending", [])
    (body,) = app.bodies("order_transactions/create")
    assert (body["status"], body["error_code"]) == ("failure", "card_declined")
    assert read(all_topics, order)["totalReceivedSet"]["shopMoney"]["amount"] == "0.0"


def test_an_order_is_paid_in_two_steps(all_topics: Shopper, app: TinyApp) -> None:
    order = all_topics.order("30.00", paid=False)
    part = all_topics.post(f"orders/{order['id']}/pay", amount="12.00", gateway="gift_card")["order"]
    assert (part["financial_status"], part["total_outstanding"]) == ("partially_paid", "18.00")
    assert "pay at most that" in all_topics.refusal(f"orders/{order['id']}/pay", {"amount": "18.01"})
    whole = all_topics.post(f"orders/{order['id']}/pay", gateway="paypal")["order"]
    all_topics.settle()
    assert whole["financial_status"] == "paid"
    assert [row[2:] for row in told(app)] == [("gift_card", "12.00"), ("paypal", "18.00")]
    assert [topic for topic in app.topics() if topic.startswith("orders/")] == [
        "orders/create",
        "orders/updated",
        "orders/paid",
        "orders/updated",
    ]


def test_a_gift_card_for_everything_pays_the_order(shopper: Shopper) -> None:
    order = shopper.order("30.00", gift_card="30.00", paid=False)
    assert (order["financial_status"], order["payment_gateway_names"]) == ("paid", ["gift_card"])


def test_all_store_credit_takes_what_the_gift_card_leaves(shopper: Shopper) -> None:
    ada = shopper.order()["customer"]
    shopper.credit(ada, "100.00")
    order = shopper.order("30.00", gift_card="10.00", store_credit=True)
    assert [row[2:] for row in rows(shopper, order)] == [("gift_card", "10.0"), ("shopify_store_credit", "20.0")]


def test_a_cancelled_part_payment_goes_back(shopper: Shopper) -> None:
    order = shopper.order("30.00", gift_card="10.00", paid=False)
    after = shopper.post(f"orders/{order['id']}/cancel")["order"]
    assert after["financial_status"] == "refunded"
    assert [row[0] for row in rows(shopper, order)] == ["SALE", "REFUND"]


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"gift_card": "10.01"}, "The order costs 10.00 USD"),
        ({"gateway": "barter"}, "gateway must be one of"),
        ({"authorize": "yes"}, "authorize must be true or false"),
    ],
)
def test_a_payment_that_cannot_be_is_refused(shopper: Shopper, wish: dict[str, Any], sentence: str) -> None:
    assert sentence in shopper.refusal("orders", {"lines": [{"price": "10.00"}], **wish})
    assert shopper.get("orders")["count"] == 0
