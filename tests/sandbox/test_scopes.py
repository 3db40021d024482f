"""What a shop allows: fields and webhooks without their scope are refused, changes are told, and a code installs."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox.scopes import Grants
from tests.sandbox.conftest import Shopper
from tests.sandbox.tiny_app import CLIENT_ID, TinyApp

SHOP = "boomerang-demo.myshopify.com"
ORDER = "query A($id: ID!) { order(id: $id) { id customer { id } } }"


def codes(answer: dict[str, list[dict[str, dict[str, str]]]]) -> list[str]:
    return [error["extensions"]["code"] for error in answer.get("errors", [])]


def test_a_field_whose_scope_lacks_is_denied_and_the_rest_is_answered(shopper: Shopper) -> None:
    placed = shopper.order()
    shopper.post("scopes", revoke=["read_customers"], force=True)
    answer = shopper.graphql(ORDER, id=placed["admin_graphql_api_id"])
    assert answer["data"]["order"] == {"id": placed["admin_graphql_api_id"], "customer": None}
    assert codes(answer) == ["ACCESS_DENIED"]
    assert answer["errors"][0]["path"] == ["order", "customer"]
    assert "`read_customers` access scope" in answer["errors"][0]["message"]
    shopper.post("scopes", grant=["read_customers"])
    assert shopper.graphql(ORDER, id=placed["admin_graphql_api_id"])["data"]["order"]["customer"] is not None


@pytest.mark.parametrize(
    ("scope", "document"),
    [
        ("read_orders", "{ orders(first: 1) { nodes { id } } }"),
        ("read_products", "{ products(first: 1) { nodes { id } } }"),
        ("read_customers", "{ customers(first: 1) { nodes { id } } }"),
        ("read_shopify_payments_disputes", "{ disputes(first: 1) { nodes { id } } }"),
    ],
)
def test_a_list_whose_scope_lacks_is_denied_whole(shopper: Shopper, scope: str, document: str) -> None:
    assert codes(shopper.graphql(document)) == []
    shopper.post("scopes", revoke=[scope], force=True)
    assert codes(shopper.graphql(document)) == ["ACCESS_DENIED"]


def test_a_scope_to_write_opens_what_the_one_to_read_does(shopper: Shopper) -> None:
    shopper.post("scopes", revoke=["read_orders"], grant=["write_orders"], force=True)
    assert codes(shopper.graphql("{ orders(first: 1) { nodes { id } } }")) == []


def test_a_change_is_told_once_with_what_was_before(all_topics: Shopper, app: TinyApp) -> None:
    for _ in range(2):
        all_topics.post("scopes", revoke=["read_returns"])
    all_topics.settle()
    assert app.topics() == ["app/scopes_update"]
    body = app.bodies("app/scopes_update")[0]
    assert set(body["previous"]) - set(body["current"]) == {"read_returns"}
    assert {"id", "shop_id", "updated_at"} <= body.keys()


def test_only_optional_scopes_are_revoked_without_force(shopper: Shopper) -> None:
    assert "force" in shopper.refusal("scopes", {"revoke": ["read_orders"]})
    assert "list of scopes" in shopper.refusal("scopes", {"grant": "read_orders"})
    shown = shopper.get("scopes")
    assert "read_orders" in shown["required"]
    assert "read_returns" in shown["optional"]
    assert set(shown["granted"]) == {*shown["required"], *shown["optional"]}


def test_webhooks_stay_away_without_their_scope(all_topics: Shopper, app: TinyApp) -> None:
    all_topics.post("scopes", revoke=["read_orders"], force=True)
    all_topics.order()
    all_topics.settle()
    assert not [topic for topic in app.topics() if topic.startswith("orders/")]
    assert Grants("", "").allows_topic("customers/redact")


def test_a_token_tells_the_scopes_of_its_moment(shopper: Shopper) -> None:
    shopper.post("scopes", revoke=["read_returns"])
    assert "read_returns" not in shopper.exchange().json()["scope"]


def authorize(shopper: Shopper, **changes: str) -> tuple[int, str]:
    given = {
        "client_id": CLIENT_ID,
        "scope": "read_orders,write_app_proxy",
        "redirect_uri": f"{shopper.box.options.app_url}/auth/callback",
        "state": "a-state",
        **changes,
    }
    address = f"{shopper.box.url}/admin/oauth/authorize"
    shown = shopper.session.get(address, params=given)
    if not shown.ok:
        return shown.status_code, shown.text
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', shown.text))
    answer = shopper.session.post(address, data={**form, "answer": "install"}, allow_redirects=False)
    return answer.status_code, answer.headers["Location"]


def test_agreeing_leads_back_to_the_app_with_a_code_for_one_exchange(shopper: Shopper) -> None:
    shopper.post("uninstall")
    status, address = authorize(shopper)
    query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert (status, query["shop"], query["state"]) == (302, SHOP, "a-state")
    assert {"code", "hmac", "timestamp"} <= query.keys()
    given = shopper.ask_token(code=query["code"], expiring="1").json()
    assert (given["scope"], given["expires_in"]) == (
        "read_all_orders,read_customer_merge,read_orders,read_returns,read_shopify_payments_disputes,write_app_proxy",
        3600,
    )
    refused = shopper.ask_token(code=query["code"], expiring="1")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "changes", [{"client_id": "another"}, {"redirect_uri": "https://evil.example.com/auth/callback"}]
)
def test_an_app_that_is_not_known_gets_no_code(shopper: Shopper, changes: dict[str, str]) -> None:
    status, page = authorize(shopper, **changes)
    assert status == 400
    assert "invalid_request" in page
