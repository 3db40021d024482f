"""Calls that go through a proxy: was the request sent, or was it not?"""

import json
import socket

import pytest

from app.shopify.documents import SHOP
from app.shopify.errors import NoAnswer, NotSent
from tests.shopify.test_gateway import gateway, read_request, server


def test_a_connection_that_a_proxy_breaks_after_the_request_leaves_the_outcome_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    received: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        received.append(read_request(connection))

    with server(behave) as proxy:
        use_proxy(monkeypatch, proxy)
        with pytest.raises(NoAnswer):
            gateway("http://made-up.myshopify.com", timeout_seconds=5).execute(SHOP)
    assert json.loads(received[0])["query"] == SHOP.text


def test_a_proxy_that_cannot_be_reached_was_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    use_proxy(monkeypatch, f"http://127.0.0.1:{port}")

    with pytest.raises(NotSent):
        gateway("http://made-up.myshopify.com").execute(SHOP)


def use_proxy(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, address)
