"""The app gets what it always got, and of the rest only what it has asked for."""

from pathlib import Path

import pytest
import requests

from sandbox.server import Sandbox
from sandbox.subscriptions import ON_REQUEST, topics_of_toml
from tests.sandbox.conftest import Shopper
from tests.sandbox.tiny_app import TinyApp

TOML = """
[webhooks]
api_version = "2026-10"
[[webhooks.subscriptions]]
topics = ["orders/paid", "order_transactions/create"]
uri = "/webhooks/shopify"
[[webhooks.subscriptions]]
topics = ["products/update", "themes/publish"]
uri = "/webhooks/shopify"
[[webhooks.subscriptions]]
compliance_topics = ["shop/redact"]
uri = "/webhooks/shopify"
"""


def test_nothing_new_is_sent_unless_it_is_asked_for(shopper: Shopper, app: TinyApp) -> None:
    order = shopper.order(risk="high", fulfilled=True)
    shopper.post(f"orders/{order['id']}/dispute")
    shopper.post("products", title="New", price="1.00")
    shopper.post(f"customers/{order['customer']['id']}", add_tags=["vip"])
    shopper.settle()
    assert app.topics() == ["orders/create", "orders/paid"]
    assert shopper.get("subscriptions")["topics"] == []


def test_a_control_call_says_what_the_app_gets(shopper: Shopper, app: TinyApp) -> None:
    asked = shopper.post("subscriptions", topics=["order_transactions/create", "customers/create"])
    assert asked["topics"] == ["customers/create", "order_transactions/create"]
    shopper.order(paid=False, gift_card="1.00")
    shopper.settle()
    assert app.topics() == ["customers/create", "orders/create", "order_transactions/create"]
    shopper.post("subscriptions", topics=[])
    shopper.order()
    shopper.settle()
    assert app.topics()[3:] == ["orders/create", "orders/paid"]


def test_all_is_every_topic_the_sandbox_knows(shopper: Shopper) -> None:
    assert shopper.post("subscriptions", topics="all")["topics"] == list(ON_REQUEST)


@pytest.mark.parametrize("topics", [None, "orders/paid", [1], ["orders/baked"]])
def test_an_unknown_topic_is_refused(shopper: Shopper, topics: object) -> None:
    sentence = shopper.refusal("subscriptions", {"topics": topics})
    assert "topics must be a list" in sentence or "sends no orders/baked" in sentence


def test_a_reset_returns_to_what_was_asked_for_at_the_start(app: TinyApp) -> None:
    with Sandbox(app_url=app.url, topics=("products/update",)) as box:
        shopper = Shopper(box)
        shopper.post("subscriptions", topics="all")
        shopper.post("reset")
        assert shopper.get("subscriptions")["topics"] == ["products/update"]


def test_the_topics_are_read_from_the_apps_own_file(tmp_path: Path, app: TinyApp) -> None:
    path = tmp_path / "shopify.app.toml"
    path.write_text(TOML)
    topics = topics_of_toml(path)
    assert topics == ("order_transactions/create", "orders/paid", "products/update", "themes/publish")
    with Sandbox(app_url=app.url, topics=topics) as box:
        known = requests.get(f"{box.url}/sandbox/subscriptions", timeout=10).json()["topics"]
    assert known == ["order_transactions/create", "products/update"]


def test_a_file_without_webhooks_asks_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "shopify.app.toml"
    path.write_text('name = "Boomerang"')
    assert topics_of_toml(path) == ()
