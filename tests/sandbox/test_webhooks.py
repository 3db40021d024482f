"""Webhooks are signed over the raw bytes, retried, kept in order for each customer, and logged."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from sandbox.options import Options
from sandbox.server import Sandbox
from tests.sandbox.conftest import Shopper, wait_for
from tests.sandbox.tiny_app import SECRET, TinyApp

HEADERS = ("Topic", "Hmac-Sha256", "Shop-Domain", "Api-Version", "Webhook-Id", "Event-Id", "Triggered-At")
OLD_SECRET = Options(app_url="").old_client_secret


def signature(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


def test_a_paid_order_sends_create_and_paid_with_shopifys_headers(shopper: Shopper, app: TinyApp) -> None:
    order = shopper.order()
    shopper.settle()
    assert app.topics() == ["orders/create", "orders/paid"]
    for arrival in app.arrivals:
        assert all(arrival.headers[f"X-Shopify-{name}"] for name in HEADERS)
        assert arrival.headers["X-Shopify-Hmac-Sha256"] == signature(arrival.body)
        assert arrival.headers["X-Shopify-Shop-Domain"] == "boomerang-demo.myshopify.com"
        assert json.loads(arrival.body) == order
    ids = [arrival.headers["X-Shopify-Webhook-Id"] for arrival in app.arrivals]
    assert len(set(ids)) == 2
    assert len({arrival.headers["X-Shopify-Event-Id"] for arrival in app.arrivals}) == 1


def act(shopper: Shopper, app: TinyApp, path: str, **body: object) -> list[str]:
    """Do one thing with a settled sandbox and return the topics it sent."""
    shopper.settle()
    app.arrivals.clear()
    shopper.post(path, **body)
    shopper.settle()
    return app.topics()


def test_each_change_of_an_order_fires_its_topics(shopper: Shopper, app: TinyApp) -> None:
    order = shopper.order(quantity=3, paid=False)
    path = f"orders/{order['id']}"
    assert act(shopper, app, f"{path}/customer", customer={"email": "bea@example.com"}) == ["orders/updated"]
    assert act(shopper, app, f"{path}/pay") == ["orders/paid", "orders/updated"]
    edit = {"set_quantity": [{"index": 0, "quantity": 2}]}
    assert act(shopper, app, f"{path}/edit", **edit) == ["orders/edited", "orders/updated"]
    refund = {"lines": [{"index": 0, "quantity": 1}]}
    assert act(shopper, app, f"{path}/refund", **refund) == ["refunds/create", "orders/updated"]
    cancelled = ["refunds/create", "orders/cancelled", "orders/updated"]
    assert act(shopper, app, f"{path}/cancel") == cancelled


def test_an_edit_tells_ids_and_changes_only(shopper: Shopper, app: TinyApp) -> None:
    order = shopper.order(quantity=3)
    line = order["line_items"][0]["id"]
    act(
        shopper,
        app,
        f"orders/{order['id']}/edit",
        set_quantity=[{"line_item_id": line, "quantity": 1}],
        add=[{"price": "1.00"}],
    )
    told = json.loads(app.arrivals[0].body)["order_edit"]
    updated = json.loads(app.arrivals[1].body)
    assert told["order_id"] == order["id"]
    assert told["line_items"]["removals"] == [{"id": line, "delta": 2}]
    assert told["line_items"]["additions"] == [{"id": updated["line_items"][1]["id"], "delta": 1}]
    assert updated["updated_at"] > order["updated_at"]


def test_a_webhook_body_has_no_customer_tags(shopper: Shopper) -> None:
    order = shopper.order(customer={"email": "vip@example.com", "tags": ["vip"]})
    assert "tags" not in order["customer"]
    assert shopper.order(customer=None)["customer"] is None


def test_a_refused_delivery_is_retried_with_the_same_id_and_bytes(shopper: Shopper, app: TinyApp) -> None:
    app.answers = [500, 302]
    shopper.order(paid=False)
    shopper.settle()
    assert app.topics() == ["orders/create"] * 3
    assert len({(a.body, a.headers["X-Shopify-Webhook-Id"]) for a in app.arrivals}) == 1
    (delivery,) = shopper.get("deliveries")["deliveries"]
    assert (delivery["status"], delivery["attempts"], delivery["http_status"]) == ("delivered", 3, 200)


def test_after_eight_retries_a_delivery_is_given_up(app: TinyApp) -> None:
    app.answers = [500] * 20
    with Sandbox(app_url=app.url, retry_seconds=0.001) as box:
        shopper = Shopper(box)
        shopper.order(paid=False)
        shopper.settle()
        (delivery,) = shopper.get("deliveries", status="failed")["deliveries"]
    assert (delivery["attempts"], len(app.arrivals)) == (9, 9)


def test_an_app_that_is_not_there_is_retried_until_it_is(app: TinyApp) -> None:
    with Sandbox(app_url="http://127.0.0.1:9", retry_seconds=0.5) as box:
        shopper = Shopper(box)
        shopper.order(paid=False)
        wait_for(lambda: shopper.get("deliveries")["deliveries"][0]["attempts"] > 1)
        delivery = shopper.get("deliveries")["deliveries"][0]
    assert delivery["status"] == "retrying"
    assert "ConnectionRefused" in delivery["error"]


def test_the_events_of_one_customer_arrive_in_order(shopper: Shopper, app: TinyApp) -> None:
    placed = [shopper.order()["id"] for _ in range(20)]
    shopper.settle()
    assert [json.loads(a.body)["id"] for a in app.arrivals if a.topic == "orders/paid"] == placed


def test_the_log_can_be_read_by_topic_and_from_a_point(shopper: Shopper) -> None:
    shopper.order()
    shopper.settle()
    first = shopper.get("deliveries", topic="orders/paid")
    assert [one["topic"] for one in first["deliveries"]] == ["orders/paid"]
    assert json.loads(first["deliveries"][0]["body"])["financial_status"] == "paid"
    shopper.order(paid=False)
    shopper.settle()
    later = shopper.get("deliveries", since=first["last_seq"])["deliveries"]
    assert [one["topic"] for one in later] == ["orders/create"]


@pytest.mark.parametrize("body", ['{"id": 1}', "not json", '{"name": "é"}', ""])
def test_deliver_signs_and_sends_exactly_the_bytes_given(shopper: Shopper, app: TinyApp, body: str) -> None:
    app.answers = [401]
    answer = shopper.post("deliver", topic="orders/paid", body=body, webhook_id="w-1", headers={"X-Extra": "yes"})
    (arrival,) = app.arrivals
    assert (answer["status"], arrival.body, arrival.headers["X-Extra"]) == (401, body.encode(), "yes")
    assert arrival.headers["X-Shopify-Webhook-Id"] == "w-1"
    assert arrival.headers["X-Shopify-Hmac-Sha256"] == signature(body.encode())


def test_deliver_can_send_any_bytes_for_any_shop_with_the_old_secret(shopper: Shopper, app: TinyApp) -> None:
    raw = b"\xff\x00\xfe"
    shopper.post(
        "deliver", topic="x/y", shop="gone.myshopify.com", secret="old", body_base64=base64.b64encode(raw).decode()
    )
    (arrival,) = app.arrivals
    assert (arrival.body, arrival.headers["X-Shopify-Shop-Domain"]) == (raw, "gone.myshopify.com")
    assert arrival.headers["X-Shopify-Hmac-Sha256"] == signature(raw, OLD_SECRET)


def test_a_history_is_told_from_the_oldest_to_the_newest(shopper: Shopper, app: TinyApp) -> None:
    shopper.post("history", orders=60, days=90)
    shopper.settle()
    bodies: list[Any] = [json.loads(a.body) for a in app.arrivals if a.topic == "orders/create"]
    assert len(bodies) == 60
    numbers = sorted((body["order_number"], body["created_at"]) for body in bodies)
    assert [at for _, at in numbers] == sorted(at for _, at in numbers)
    assert {"orders/create", "orders/paid", "refunds/create", "orders/updated"} <= set(app.topics())
    assert any(body["customer"] is None for body in bodies)
    assert any(body["discount_codes"] for body in bodies)
    assert shopper.get("history") == {"running": False, "orders": 60, "wanted": 60, "waiting": 0}


def test_a_sandbox_ends_at_once_in_the_middle_of_a_history() -> None:
    started = time.monotonic()
    with Sandbox(app_url="http://127.0.0.1:9", retry_seconds=60) as box:
        box.traffic.start_history(box.world.main, 5_000, 30)
        wait_for(lambda: box.dispatcher.waiting >= 300)
    assert time.monotonic() - started < 50


def test_live_traffic_comes_and_stops(shopper: Shopper) -> None:
    shopper.post("traffic", every_seconds=0.01)
    wait_for(lambda: shopper.get("orders")["count"] > 3)
    shopper.post("traffic", every_seconds=0)
    shopper.post("reset")
    assert shopper.get("orders")["count"] == 0
