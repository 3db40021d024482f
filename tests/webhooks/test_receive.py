"""The one route: what it stores, what it refuses, and with which answer."""

import http.client
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from flask import Flask
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from werkzeug.serving import make_server

from app import create_app
from app.config import Settings
from app.models import DeliveryState, Shop
from app.webhooks.receive import LARGEST_BODY_BYTES
from app.webhooks.topics import PRIVACY_TOPICS
from tests.webhooks.conftest import Inbox, NewShop
from tests.webhooks.sending import ROUTE, Sender, example_bytes

REQUIRED = ("X-Shopify-Hmac-Sha256", "X-Shopify-Topic", "X-Shopify-Shop-Domain", "X-Shopify-Webhook-Id")


def waiting_jobs(redis: "Redis") -> list[str | None]:
    return [job.func_name for job in Queue("inbox", connection=redis, serializer=JSONSerializer).jobs]


def test_a_delivery_is_stored_as_it_came_and_the_drain_is_woken(
    shop: Shop, sender: Sender, inbox: Inbox, redis_client: "Redis"
) -> None:
    response = sender.send("orders/paid", webhook_id="b1f0")
    assert (response.status_code, response.get_json()) == (200, {})
    (row,) = inbox()
    assert (row.webhook_id, row.api_version, row.state, row.attempts, row.reason) == (
        "b1f0",
        "2026-10",
        DeliveryState.RECEIVED,
        0,
        None,
    )
    assert row.triggered_at == datetime(2026, 3, 2, 17, 31, 8, 123456, UTC)
    assert waiting_jobs(redis_client) == ["app.jobs.drain_inbox"]


def test_the_same_delivery_again_is_answered_200_and_not_stored_again(shop: Shop, sender: Sender, inbox: Inbox) -> None:
    answers = [sender.send("orders/paid", webhook_id="same").status_code for _ in range(3)]
    assert answers == [200, 200, 200]
    assert len(inbox()) == 1


def test_two_shops_may_use_the_same_webhook_id(new_shop: NewShop, sender: Sender, inbox: Inbox) -> None:
    first, second = new_shop("first.myshopify.com"), new_shop("second.myshopify.com")
    for shop in (first, second):
        sender.send("orders/paid", webhook_id="same", shop=shop.domain)
    assert {row.shop_id for row in inbox()} == {first.id, second.id}


def test_duplicates_that_arrive_at_the_same_moment_are_stored_once(
    shop: Shop, app: Flask, settings: Settings, inbox: Inbox
) -> None:
    start, answers = threading.Barrier(4), []

    def send() -> None:
        sender = Sender(app.test_client(), settings.shopify_client_secret)
        start.wait()
        answers.append(sender.send("orders/paid", webhook_id="at once").status_code)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 4
    assert len(inbox()) == 1


@pytest.mark.parametrize("missing", REQUIRED)
@pytest.mark.parametrize("blank", [None, "   "])
def test_a_missing_header_is_a_400_that_names_it(
    shop: Shop, sender: Sender, inbox: Inbox, missing: str, blank: str | None
) -> None:
    raw = example_bytes("orders/paid")
    headers = sender.headers(raw, "orders/paid")
    del headers[missing]
    if blank:
        headers[missing] = blank
    response = sender.client.post(ROUTE, data=raw, headers=headers)
    assert (response.status_code, response.get_json()) == (400, {"error": f"The request lacks the header {missing}."})
    assert inbox() == []


@pytest.mark.parametrize("unneeded", ["X-Shopify-API-Version", "X-Shopify-Triggered-At"])
def test_headers_we_can_do_without_may_be_missing_or_nonsense(
    shop: Shop, sender: Sender, inbox: Inbox, unneeded: str
) -> None:
    raw = example_bytes("orders/paid")
    headers = sender.headers(raw, "orders/paid")
    del headers[unneeded]
    assert sender.client.post(ROUTE, data=raw, headers=headers).status_code == 200
    headers |= {unneeded: "n" * 3000, "X-Shopify-Webhook-Id": "another"}
    assert sender.client.post(ROUTE, data=raw, headers=headers).status_code == 200
    assert len(inbox()) == 2


def test_the_newer_header_family_is_understood(shop: Shop, sender: Sender, inbox: Inbox) -> None:
    raw = example_bytes("orders/paid")
    headers = {
        name.replace("X-Shopify", "shopify").lower(): value
        for name, value in sender.headers(raw, "orders/paid", "new family").items()
    }
    assert sender.client.post(ROUTE, data=raw, headers=headers).status_code == 200
    (row,) = inbox()
    assert (row.webhook_id, row.topic, row.api_version) == ("new family", "orders/paid", "2026-10")
    assert row.triggered_at is not None


def test_topic_and_shop_are_compared_without_case(shop: Shop, sender: Sender, inbox: Inbox) -> None:
    assert sender.send("Orders/PAID", example_bytes("orders/paid"), shop=shop.domain.upper()).status_code == 200
    assert [row.topic for row in inbox()] == ["orders/paid"]


@pytest.mark.parametrize("header", ["X-Shopify-Topic", "X-Shopify-Webhook-Id", "X-Shopify-Shop-Domain"])
def test_a_header_of_absurd_length_is_a_400(shop: Shop, sender: Sender, inbox: Inbox, header: str) -> None:
    raw = example_bytes("orders/paid")
    headers = {**sender.headers(raw, "orders/paid"), header: "x" * 5000}
    assert sender.client.post(ROUTE, data=raw, headers=headers).status_code == 400
    assert inbox() == []


@pytest.mark.parametrize(
    "domain",
    ["nobody.myshopify.com", "example.com", "harbour-and-loom.myshopify.com.example.com", "ü.myshopify.com", "'; --"],
)
def test_a_shop_we_do_not_know_is_a_404(shop: Shop, sender: Sender, inbox: Inbox, domain: str) -> None:
    response = sender.send("orders/paid", shop=domain)
    assert (response.status_code, response.get_json()) == (404, {"error": "No shop of that name uses this app."})
    assert inbox() == []


def test_a_wrong_signature_does_not_tell_which_shops_exist(shop: Shop, sender: Sender) -> None:
    stranger = Sender(sender.client, "a-wrong-secret")
    assert stranger.send("orders/paid").status_code == 401
    assert stranger.send("orders/paid", shop="nobody.myshopify.com").status_code == 401


def test_an_uninstalled_shop_is_still_known(new_shop: NewShop, sender: Sender, inbox: Inbox) -> None:
    new_shop(uninstalled_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert sender.send("orders/paid").status_code == 200
    assert len(inbox()) == 1


@pytest.mark.parametrize("topic", sorted(PRIVACY_TOPICS))
def test_privacy_topics_wait_to_be_handled_like_all_others(
    shop: Shop, sender: Sender, inbox: Inbox, topic: str
) -> None:
    assert sender.send(topic).status_code == 200
    assert [(row.topic, row.state, row.reason) for row in inbox()] == [(topic, DeliveryState.RECEIVED, None)]


@pytest.mark.parametrize("topic", sorted(PRIVACY_TOPICS))
@pytest.mark.parametrize("domain", ["nobody.myshopify.com", "{shop}.myshopify.com"])
def test_privacy_topics_are_answered_200_for_shops_we_do_not_know(
    sender: Sender, inbox: Inbox, topic: str, domain: str
) -> None:
    assert sender.send(topic, shop=domain).status_code == 200
    assert inbox() == []


@pytest.mark.parametrize("topic", sorted(PRIVACY_TOPICS))
def test_privacy_topics_need_a_signature_like_all_others(sender: Sender, topic: str) -> None:
    assert Sender(sender.client, "a-wrong-secret").send(topic).status_code == 401


def test_an_unknown_topic_is_stored_as_ignored_with_a_reason(
    shop: Shop, sender: Sender, inbox: Inbox, redis_client: "Redis"
) -> None:
    assert sender.send("themes/publish", {"id": 1}).status_code == 200
    (row,) = inbox()
    assert row.state is DeliveryState.IGNORED
    assert row.reason is not None
    assert "themes/publish" in row.reason
    assert waiting_jobs(redis_client) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "The body is empty."),
        (b"  \n", "The body is empty."),
        (b"[]", "The body must be a JSON object; it is a list."),
        (b'"paid"', "The body must be a JSON object; it is text."),
        (b"17", "The body must be a JSON object; it is a number."),
        (b"null", "The body must be a JSON object; it is nothing."),
        (b"id=1&name=%231001", "The body is not JSON."),
        (b'{"id": 1', "The body is not JSON."),
        (b'{"id": NaN}', "The body is not JSON."),
        (b'{"id": -Infinity}', "The body is not JSON."),
        (b'{"id": 1e9999999999999999999}', "The body is not JSON."),
        (b'{"id": ' + b"9" * 5000 + b"}", "The body is not JSON."),
        (b'{"name": "\xff\xfe"}', "The body is not UTF-8 text."),
        (b'{"a":' * 100_000, "The body is nested too deeply to be read."),
    ],
)
def test_a_body_that_is_no_json_object_is_stored_as_failed_with_the_reason(
    shop: Shop, sender: Sender, inbox: Inbox, body: bytes, reason: str
) -> None:
    assert sender.send("orders/paid", body).status_code == 200
    assert [(row.body, row.state, row.reason) for row in inbox()] == [(body, DeliveryState.FAILED, reason)]


def test_a_body_of_the_largest_size_is_stored_and_one_byte_more_is_a_413(
    shop: Shop, sender: Sender, inbox: Inbox
) -> None:
    largest = b'{"note": "' + b"x" * (LARGEST_BODY_BYTES - 12) + b'"}'
    assert sender.send("orders/paid", largest + b" ").status_code == 413
    assert inbox() == []
    assert sender.send("orders/paid", largest).status_code == 200
    assert [len(row.body) for row in inbox()] == [LARGEST_BODY_BYTES]


@pytest.fixture
def server_port(app: Flask) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()


def _post_in_chunks(port: int, raw: bytes, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    pieces = (raw[at : at + 65_536] for at in range(0, len(raw), 65_536))
    try:
        connection.request("POST", ROUTE, body=pieces, headers=headers, encode_chunked=True)
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_body_in_chunks_without_a_length_is_limited_all_the_same(
    shop: Shop, sender: Sender, inbox: Inbox, server_port: int
) -> None:
    too_large = b'{"note": "' + b"x" * LARGEST_BODY_BYTES + b'"}'
    assert _post_in_chunks(server_port, too_large, sender.headers(too_large, "orders/paid")) == 413
    assert inbox() == []
    raw = example_bytes("orders/paid")
    assert _post_in_chunks(server_port, raw, sender.headers(raw, "orders/paid")) == 200
    assert [row.body for row in inbox()] == [raw]


def test_a_queue_that_cannot_be_reached_fails_no_delivery(shop: Shop, settings: Settings, inbox: Inbox) -> None:
    lonely = create_app(replace(settings, redis_url="redis://127.0.0.1:9/0"))
    sender = Sender(lonely.test_client(), settings.shopify_client_secret)
    assert sender.send("orders/paid").status_code == 200
    assert [row.state for row in inbox()] == [DeliveryState.RECEIVED]


def test_there_is_nothing_to_get(sender: Sender) -> None:
    assert sender.client.get(ROUTE).status_code == 405
