"""Returns, deleted orders, news of the shop, and requests about people's data, as Shopify tells them."""

import pytest

from tests.sandbox.conftest import Shopper
from tests.sandbox.tiny_app import TinyApp


def test_a_return_goes_its_way_and_each_step_has_its_topic(all_topics: Shopper, app: TinyApp) -> None:
    order = all_topics.order()
    asked = all_topics.post(f"orders/{order['id']}/return", status="requested")["return"]
    states = [
        all_topics.post(f"returns/{asked['id']}", step=step)["return"]["status"]
        for step in ("approve", "process", "close", "reopen", "cancel")
    ]
    all_topics.settle()
    assert states == ["open", "open", "closed", "open", "canceled"]
    steps = ["request", "approve", "process", "close", "reopen", "cancel"]
    assert app.topics()[-6:] == [f"returns/{step}" for step in steps]
    (flat,) = app.bodies("returns/close")
    assert (flat["order_id"], flat["status"]) == (order["id"], "closed")
    (whole,) = app.bodies("returns/approve")
    assert (whole["order"]["id"], whole["status"]) == (order["id"], "open")
    assert whole["admin_graphql_api_id"] == f"gid://shopify/Return/{asked['id']}"


def test_what_is_over_goes_nowhere(shopper: Shopper) -> None:
    order = shopper.order()
    made = shopper.post(f"orders/{order['id']}/return")["return"]
    shopper.post(f"returns/{made['id']}", step="close")
    assert "is closed; only one that is" in shopper.refusal(f"returns/{made['id']}", {"step": "cancel"})
    assert "There is no return 5" in shopper.refusal("returns/5", {"step": "close"})


def test_a_deleted_order_is_unknown_and_only_its_number_is_told(all_topics: Shopper, app: TinyApp) -> None:
    order = all_topics.order()
    all_topics.post(f"orders/{order['id']}/delete")
    all_topics.settle()
    assert app.bodies("orders/delete") == [{"id": order["id"]}]
    asked = "query Gone($id: ID!) { order(id: $id) { id } }"
    assert all_topics.graphql(asked, id=order["admin_graphql_api_id"])["data"]["order"] is None


def test_the_shop_tells_what_it_is_now(all_topics: Shopper, app: TinyApp) -> None:
    all_topics.post("shop", name="Harbour Ltd", timezone="Europe/Oslo", currency="EUR")
    all_topics.settle()
    (told,) = app.bodies("shop/update")
    assert (told["name"], told["iana_timezone"], told["currency"]) == ("Harbour Ltd", "Europe/Oslo", "EUR")


def test_requests_about_people_come_to_every_app_in_their_own_shapes(shopper: Shopper, app: TinyApp) -> None:
    order = shopper.order()
    customer_id = order["customer"]["id"]
    for topic in ("customers/data_request", "customers/redact"):
        shopper.post("privacy", topic=topic, customer_id=customer_id)
    assert "is installed" in shopper.refusal("privacy", {"topic": "shop/redact"})
    shopper.post("uninstall")
    shopper.post("privacy", topic="shop/redact")
    shopper.settle()
    (asked,), (forget,), (shop,) = (
        app.bodies(topic) for topic in ("customers/data_request", "customers/redact", "shop/redact")
    )
    assert asked["orders_requested"] == forget["orders_to_redact"] == [order["id"]]
    assert asked["customer"]["id"] == forget["customer"]["id"] == customer_id
    assert asked["data_request"]["id"]
    assert set(shop) == {"shop_id", "shop_domain"}


@pytest.mark.parametrize("body", [{"topic": "shop/forget"}, {"topic": "customers/redact"}, {}])
def test_other_requests_are_refused(shopper: Shopper, body: dict[str, str]) -> None:
    assert shopper.refusal("privacy", body)
