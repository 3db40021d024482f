"""What comes after an order: it is sent, assessed for fraud, disputed at the bank."""

from typing import Any

import pytest

from sandbox.order_parts import RiskAssessment, recommend
from sandbox.server import Sandbox
from tests.sandbox.conftest import Shopper
from tests.sandbox.tiny_app import TinyApp

SENT = """query Sent($id: ID!) { order(id: $id) { displayFulfillmentStatus
    fulfillments(first: 5) { id name status createdAt updatedAt totalQuantity order { id }
      fulfillmentLineItems(first: 5) { nodes { quantity lineItem { id unfulfilledQuantity } } } } } }"""
RISK = """query Risk($id: ID!) { order(id: $id) { risk { recommendation
    assessments { riskLevel provider { title } facts { description sentiment } } } } }"""
DISPUTED = "query Disputed($id: ID!) { order(id: $id) { disputes { id initiatedAs status } displayFinancialStatus } }"
DISPUTES = """{ disputes(first: 5) { nodes { legacyResourceId type status amount { amount currencyCode } order { id }
    reasonDetails { reason networkReasonCode } initiatedAt evidenceDueBy finalizedOn } } }"""


def ask(shopper: Shopper, document: str, order: dict[str, Any]) -> dict[str, Any]:
    return shopper.graphql(document, id=order["admin_graphql_api_id"])["data"]["order"]


def test_an_order_is_sent_in_two_parcels(all_topics: Shopper, app: TinyApp) -> None:
    order = all_topics.order("10.00", 3)
    assert (order["fulfillment_status"], order["fulfillments"]) == (None, [])
    path = f"orders/{order['id']}/fulfil"
    part = all_topics.post(path, lines=[{"index": 0, "quantity": 1}], at="2030-01-01T10:00:00Z")["order"]
    whole = all_topics.post(path, at="2030-01-03T10:00:00Z")["order"]
    all_topics.settle()
    assert (part["fulfillment_status"], part["line_items"][0]["fulfillment_status"]) == ("partial", "partial")
    assert part["line_items"][0]["fulfillable_quantity"] == 2
    assert (whole["fulfillment_status"], whole["line_items"][0]["fulfillment_status"]) == ("fulfilled", "fulfilled")
    sent = [
        (one["created_at"], one["name"], one["status"], one["line_items"][0]["quantity"])
        for one in whole["fulfillments"]
    ]
    number = order["order_number"]
    assert sent == [
        ("2030-01-01T05:00:00-05:00", f"#{number}.1", "success", 1),
        ("2030-01-03T05:00:00-05:00", f"#{number}.2", "success", 2),
    ]
    assert app.topics()[-6:] == [
        "fulfillments/create",
        "orders/partially_fulfilled",
        "orders/updated",
        "fulfillments/create",
        "orders/fulfilled",
        "orders/updated",
    ]
    assert [body["order_id"] for body in app.bodies("fulfillments/create")] == [order["id"]] * 2
    assert app.bodies("orders/fulfilled") == [whole]
    read = ask(all_topics, SENT, order)
    assert read["displayFulfillmentStatus"] == "FULFILLED"
    assert [(one["status"], one["totalQuantity"], one["createdAt"]) for one in read["fulfillments"]] == [
        ("SUCCESS", 1, "2030-01-01T10:00:00Z"),
        ("SUCCESS", 2, "2030-01-03T10:00:00Z"),
    ]


def test_without_being_asked_for_a_parcel_is_an_updated_order(shopper: Shopper, app: TinyApp) -> None:
    order = shopper.order()
    shopper.post(f"orders/{order['id']}/fulfil")
    shopper.settle()
    assert app.topics() == ["orders/create", "orders/paid", "orders/updated"]
    assert app.arrivals[-1].json["fulfillment_status"] == "fulfilled"


def test_an_order_can_be_sent_the_moment_it_is_placed(all_topics: Shopper, app: TinyApp) -> None:
    order = all_topics.order(fulfilled=True, source_name="pos")
    all_topics.settle()
    assert order["fulfillment_status"] == "fulfilled"
    assert {"orders/create", "orders/fulfilled", "fulfillments/create"} <= set(app.topics())
    assert "orders/updated" not in app.topics()


def test_what_was_refunded_need_not_be_sent(shopper: Shopper) -> None:
    order = shopper.order("10.00", 3)
    shopper.post(f"orders/{order['id']}/refund", lines=[{"index": 0, "quantity": 1}], restock=False)
    path = f"orders/{order['id']}/fulfil"
    assert "has 2 units left to be sent, not 3" in shopper.refusal(path, {"lines": [{"index": 0, "quantity": 3}]})
    sent = shopper.post(path)["order"]
    assert (sent["fulfillments"][0]["line_items"][0]["quantity"], sent["fulfillment_status"]) == (2, "fulfilled")
    assert "Nothing of order" in shopper.refusal(path, {})


def test_a_cancelled_order_is_not_sent(shopper: Shopper) -> None:
    order = shopper.order()
    shopper.post(f"orders/{order['id']}/cancel")
    assert "is cancelled" in shopper.refusal(f"orders/{order['id']}/fulfil", {})


def test_an_assessment_is_told_and_read(all_topics: Shopper, app: TinyApp) -> None:
    order = all_topics.order()
    assert ask(all_topics, RISK, order) == {"risk": {"recommendation": "NONE", "assessments": []}}
    facts = [{"description": "Two cards tried", "sentiment": "negative"}]
    answer = all_topics.post(f"orders/{order['id']}/risk", level="medium", facts=facts)
    assert answer["recommendation"] == "INVESTIGATE"
    all_topics.post(f"orders/{order['id']}/risk", level="high", provider="Fraud Finder")
    all_topics.settle()
    own, foreign = app.bodies("orders/risk_assessment_changed")
    at = own.pop("created_at")
    assert at[:4].isdecimal()
    assert own == {
        "provider_id": None,
        "provider_title": None,
        "risk_level": "medium",
        "order_id": order["id"],
        "admin_graphql_api_order_id": order["admin_graphql_api_id"],
    }
    assert (foreign["risk_level"], foreign["provider_title"]) == ("high", "Fraud Finder")
    assert ask(all_topics, RISK, order)["risk"] == {
        "recommendation": "CANCEL",
        "assessments": [
            {
                "riskLevel": "MEDIUM",
                "provider": None,
                "facts": [{"description": "Two cards tried", "sentiment": "NEGATIVE"}],
            },
            {"riskLevel": "HIGH", "provider": {"title": "Fraud Finder"}, "facts": []},
        ],
    }


def test_a_providers_new_assessment_replaces_its_old_one(shopper: Shopper) -> None:
    order = shopper.order(risk="high")
    shopper.post(f"orders/{order['id']}/risk", level="low")
    read = ask(shopper, RISK, order)["risk"]
    assert (read["recommendation"], [one["riskLevel"] for one in read["assessments"]]) == ("ACCEPT", ["LOW"])


def test_a_risk_from_the_start_is_told_after_the_order(all_topics: Shopper, app: TinyApp) -> None:
    all_topics.order(risk="pending")
    all_topics.settle()
    assert app.topics()[-1] == "orders/risk_assessment_changed"
    assert app.bodies("orders/risk_assessment_changed")[0]["risk_level"] == "pending"


def test_a_sent_order_is_not_assessed_any_more(shopper: Shopper) -> None:
    order = shopper.order(fulfilled=True)
    assert "is fulfilled" in shopper.refusal(f"orders/{order['id']}/risk", {"level": "high"})


@pytest.mark.parametrize(
    ("levels", "advice"),
    [([], "NONE"), (["none"], "NONE"), (["pending"], "NONE"), (["low", "none"], "ACCEPT"), (["low", "high"], "CANCEL")],
)
def test_the_worst_assessment_decides_the_recommendation(levels: list[str], advice: str) -> None:
    moment: Any = None
    assert recommend([RiskAssessment(level, None, None, moment) for level in levels]) == advice


def test_orders_are_found_by_their_risk_and_disputes(shopper: Shopper) -> None:
    risky, disputed = shopper.order(risk="high"), shopper.order()
    shopper.post(f"orders/{disputed['id']}/dispute")
    document = "query Q($query: String) { orders(first: 5, query: $query) { nodes { id } } }"
    for query, order in (("risk_level:high", risky), ("chargeback_status:needs_response", disputed)):
        found = shopper.graphql(document, query=query)["data"]["orders"]["nodes"]
        assert [one["id"] for one in found] == [order["admin_graphql_api_id"]]


def test_a_chargeback_is_opened_answered_and_lost(all_topics: Shopper, app: TinyApp) -> None:
    order = all_topics.order("30.00")
    made = all_topics.post(f"orders/{order['id']}/dispute", reason="product_not_received", at="2030-01-01T10:00:00Z")
    dispute = made["dispute"]
    path = f"disputes/{dispute['id']}"
    all_topics.post(path, status="under_review", at="2030-01-05T10:00:00Z")
    all_topics.post(path, status="lost", at="2030-02-01T10:00:00Z")
    all_topics.settle()
    assert app.bodies("disputes/create") == [
        {
            "id": dispute["id"],
            "order_id": order["id"],
            "type": "chargeback",
            "amount": "30.00",
            "currency": "USD",
            "reason": "product_not_received",
            "network_reason_code": "4855",
            "status": "needs_response",
            "evidence_due_by": "2030-01-10T05:00:00-05:00",
            "evidence_sent_on": None,
            "finalized_on": None,
            "initiated_at": "2030-01-01T05:00:00-05:00",
        }
    ]
    review, lost = app.bodies("disputes/update")
    assert (review["status"], review["evidence_sent_on"]) == ("under_review", "2030-01-05T05:00:00-05:00")
    assert (lost["status"], lost["finalized_on"]) == ("lost", "2030-02-01T05:00:00-05:00")
    assert app.topics()[-3:] == ["disputes/create", "disputes/update", "disputes/update"]
    read = ask(all_topics, DISPUTED, order)
    assert [(one["initiatedAs"], one["status"]) for one in read["disputes"]] == [("CHARGEBACK", "LOST")]
    assert read["displayFinancialStatus"] == "PAID"
    assert "is lost already" in all_topics.refusal(path, {"status": "won"})
    assert all_topics.get("disputes")["disputes"] == [lost]


def test_an_inquiry_may_become_a_chargeback_over_a_part(all_topics: Shopper, app: TinyApp) -> None:
    order = all_topics.order("30.00")
    made = all_topics.post(f"orders/{order['id']}/dispute", type="inquiry", amount="12.50")["dispute"]
    assert (made["type"], made["amount"]) == ("inquiry", "12.50")
    path = f"disputes/{made['id']}"
    assert all_topics.post(path, type="chargeback")["dispute"]["type"] == "chargeback"
    assert "cannot become an inquiry again" in all_topics.refusal(path, {"type": "inquiry"})
    all_topics.post(path, status="won")
    (node,) = all_topics.graphql(DISPUTES)["data"]["disputes"]["nodes"]
    assert (node["type"], node["status"], node["amount"]) == (
        "CHARGEBACK",
        "WON",
        {"amount": "12.5", "currencyCode": "USD"},
    )
    assert node["reasonDetails"] == {"reason": "FRAUDULENT", "networkReasonCode": "4837"}
    assert node["order"] == {"id": order["admin_graphql_api_id"]}


def test_disputes_need_their_scope(app: TinyApp) -> None:
    with Sandbox(app_url=app.url, scopes="read_orders") as box:
        answer = Shopper(box).graphql(DISPUTES)
        assert "`read_shopify_payments_disputes` access scope" in answer["errors"][0]["message"]


@pytest.mark.parametrize(
    ("verb", "body", "sentence"),
    [
        ("risk", {"level": "extreme"}, "level must be one of high, medium, low, none, pending"),
        ("risk", {}, "level must be one of"),
        ("risk", {"level": "high", "facts": ["bad"]}, "facts must be a list"),
        ("dispute", {"type": "quarrel"}, "type must be one of"),
        ("dispute", {"reason": "mood"}, "reason must be one of"),
        ("dispute", {"status": "won"}, "status must be one of needs_response, under_review"),
        ("dispute", {"amount": "20.01"}, "at most what order"),
        ("dispute", {"amount": "0.00"}, "above zero"),
        ("fulfil", {"lines": [{"index": 0, "quantity": 0}]}, "lines.quantity must be a whole number"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    shopper: Shopper, verb: str, body: dict[str, Any], sentence: str
) -> None:
    order = shopper.order(quantity=2)
    assert sentence in shopper.refusal(f"orders/{order['id']}/{verb}", body)
    assert shopper.get(f"orders/{order['id']}")["order"] == order
    assert shopper.get("disputes")["disputes"] == []


def test_an_unpaid_order_has_nothing_to_dispute(shopper: Shopper) -> None:
    order = shopper.order(paid=False)
    assert "is not paid" in shopper.refusal(f"orders/{order['id']}/dispute", {})
    assert "There is no dispute 5" in shopper.refusal("disputes/5", {})
