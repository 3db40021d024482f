"""Customers come, change, go and are merged: told by webhooks, read by GraphQL, refused as Shopify refuses."""

from typing import Any

import pytest

from tests.sandbox.conftest import Shopper
from tests.sandbox.tiny_app import TinyApp

CUSTOMER = """query Who($id: ID!) { customer(id: $id) { displayName email verifiedEmail tags note numberOfOrders
    defaultEmailAddress { emailAddress } mergeable { isMergeable errorFields reason } } }"""
DEBIT = """mutation Debit($id: ID!, $input: StoreCreditAccountDebitInput!) {
    storeCreditAccountDebit(id: $id, debitInput: $input) { userErrors { message } } }"""


def add(shopper: Shopper, email: str = "bea@example.com", **more: object) -> dict[str, Any]:
    return shopper.post("customers", email=email, **more)["customer"]


def read(shopper: Shopper, customer_id: int) -> Any:
    return shopper.graphql(CUSTOMER, id=f"gid://shopify/Customer/{customer_id}")["data"]["customer"]


def test_a_new_customer_is_told_without_tags_but_with_the_state_of_the_address(
    all_topics: Shopper, app: TinyApp
) -> None:
    bea = add(all_topics, first_name="Bea", last_name="Example", tags="vip, club", verified_email=False)
    all_topics.settle()
    (body,) = app.bodies("customers/create")
    assert (body["id"], body["email"], body["verified_email"]) == (bea["id"], "bea@example.com", False)
    assert (body["first_name"], body["currency"], body["addresses"]) == ("Bea", "USD", [])
    assert "tags" not in body
    found = read(all_topics, bea["id"])
    assert (found["tags"], found["verifiedEmail"], found["numberOfOrders"]) == (["club", "vip"], False, "0")


def test_a_customer_who_comes_with_an_order_is_told_once(all_topics: Shopper, app: TinyApp) -> None:
    first = all_topics.order()
    second = all_topics.order()
    all_topics.settle()
    assert [body["id"] for body in app.bodies("customers/create")] == [first["customer"]["id"]]
    assert app.topics()[0] == "customers/create"
    assert second["customer"]["verified_email"] is True
    assert second["customer"]["created_at"] == first["customer"]["created_at"]


def test_a_change_tells_the_customer_and_only_the_tags_that_changed(all_topics: Shopper, app: TinyApp) -> None:
    bea = add(all_topics, tags=["vip", "club"])
    path = f"customers/{bea['id']}"
    all_topics.post(path, tags=["club", "gold", "new"], note="Likes tea", verified_email=False)
    all_topics.post(path, add_tags=["vip"], remove_tags=["new", "never"])
    all_topics.settle()
    added, removed = app.bodies("customer.tags_added"), app.bodies("customer.tags_removed")
    gid = f"gid://shopify/Customer/{bea['id']}"
    assert [(body["customerId"], body["tags"]) for body in added] == [(gid, ["gold", "new"]), (gid, ["vip"])]
    assert [(body["customerId"], body["tags"]) for body in removed] == [(gid, ["vip"]), (gid, ["new"])]
    assert all(body["occurredAt"].endswith("Z") for body in added)
    updated = app.bodies("customers/update")
    assert [(body["note"], body["verified_email"]) for body in updated] == [("Likes tea", False)] * 2
    assert read(all_topics, bea["id"])["tags"] == ["club", "gold", "vip"]


def test_a_new_address_is_the_customers_from_then_on(all_topics: Shopper, app: TinyApp) -> None:
    bea = add(all_topics)
    all_topics.post(f"customers/{bea['id']}", email="Bee@example.com")
    assert all_topics.order(customer={"email": "bee@example.com"})["customer"]["id"] == bea["id"]
    assert all_topics.order(customer={"email": "bea@example.com"})["customer"]["id"] != bea["id"]
    all_topics.settle()
    assert app.bodies("customers/update")[0]["email"] == "Bee@example.com"


def test_a_customer_without_orders_can_be_deleted(all_topics: Shopper, app: TinyApp) -> None:
    bea = add(all_topics)
    all_topics.post(f"customers/{bea['id']}/delete")
    all_topics.settle()
    gid = f"gid://shopify/Customer/{bea['id']}"
    assert app.bodies("customers/delete") == [{"id": bea["id"], "tax_exemptions": [], "admin_graphql_api_id": gid}]
    assert read(all_topics, bea["id"]) is None
    assert add(all_topics)["id"] != bea["id"]


def test_a_customer_with_orders_is_deleted_only_by_force(all_topics: Shopper, app: TinyApp) -> None:
    order = all_topics.order()
    path = f"customers/{order['customer']['id']}/delete"
    assert "only customers without orders" in all_topics.refusal(path, {})
    all_topics.post(path, force=True)
    assert all_topics.get(f"orders/{order['id']}")["order"]["customer"] is None
    all_topics.settle()
    assert len(app.bodies("customers/delete")) == 1


def test_a_merge_gives_orders_and_tags_to_the_customer_who_stays(all_topics: Shopper, app: TinyApp) -> None:
    order = all_topics.order(customer={"email": "away@example.com", "tags": "vip"})
    away, kept = order["customer"]["id"], add(all_topics, tags="club")["id"]
    all_topics.settle()  # the two had lanes of their own until now
    merged = all_topics.post("customers/merge", keep=kept, away=away)["customer"]
    all_topics.settle()
    assert (merged["id"], merged["tags"], merged["number_of_orders"]) == (kept, ["club", "vip"], 1)
    (body,) = app.bodies("customers/merge")
    job = body.pop("admin_graphql_api_job_id")
    assert job.startswith("gid://shopify/Job/")
    assert body == {
        "admin_graphql_api_customer_kept_id": f"gid://shopify/Customer/{kept}",
        "admin_graphql_api_customer_deleted_id": f"gid://shopify/Customer/{away}",
        "status": "completed",
        "errors": [],
    }
    assert app.topics()[-2:] == ["customers/merge", "customers/update"]
    assert read(all_topics, away) is None
    assert all_topics.get(f"orders/{order['id']}")["order"]["customer"]["id"] == kept


@pytest.mark.parametrize("rich", ["keep", "away"])
def test_store_credit_on_either_side_prevents_a_merge(all_topics: Shopper, app: TinyApp, rich: str) -> None:
    people = {
        "keep": all_topics.order()["customer"],
        "away": all_topics.order(customer={"email": "b@example.com"})["customer"],
    }
    all_topics.credit(people[rich], "5.00")
    ids = {name: person["id"] for name, person in people.items()}
    sentence = all_topics.refusal("customers/merge", ids)
    assert sentence.startswith("STORE_CREDIT")
    assert str(ids[rich]) in sentence
    mergeable = read(all_topics, ids[rich])["mergeable"]
    assert (mergeable["isMergeable"], mergeable["errorFields"]) == (False, ["STORE_CREDIT"])
    debit = {"debitAmount": {"amount": "5.00", "currencyCode": "USD"}}
    all_topics.graphql(DEBIT, id=people[rich]["admin_graphql_api_id"], input=debit)
    assert read(all_topics, ids[rich])["mergeable"] == {"isMergeable": True, "errorFields": [], "reason": None}
    all_topics.post("customers/merge", **ids)
    all_topics.settle()
    assert len(app.bodies("customers/merge")) == 1


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("customers", {}, 'needs an "email"'),
        ("customers", {"email": "ADA@example.com"}, "has already been taken"),
        ("customers", {"email": "x@example.com", "verified_email": "yes"}, "verified_email must be true or false"),
        ("customers/5", {}, "There is no customer 5"),
        ("customers/5/delete", {}, "There is no customer 5"),
        ("customers/merge", {"keep": 5, "away": 6}, "There is no customer 5"),
        ("customers/merge", {"keep": 5}, "away must be an id"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    shopper: Shopper, path: str, body: dict[str, Any], sentence: str
) -> None:
    shopper.order()
    assert sentence in shopper.refusal(path, body)


def test_nobody_is_merged_with_themselves(shopper: Shopper) -> None:
    bea = add(shopper)
    assert "with itself" in shopper.refusal("customers/merge", {"keep": bea["id"], "away": bea["id"]})
