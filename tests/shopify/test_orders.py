"""An order read from Shopify is the same fact as its webhook's body, and nothing of it is ever cut silently."""

from collections.abc import Iterator
from typing import Any

import pytest
import responses

from app.engine.rules.facts import OrderFact
from app.shopify.connect import open_gateway
from app.shopify.gateway import Gateway
from app.shopify.orders import OrderTold, read_orders
from app.webhooks.orders import parse_order
from tests.shopify.deck import Deck
from tests.shopify.desk import Desk

ENDPOINT = "https://made-up.myshopify.com/admin/api/2026-10/graphql.json"
Json = dict[str, Any]


@pytest.fixture
def deck(desk: Desk) -> Deck:
    return Deck(desk.box.url, seed=7)


@pytest.fixture
def gateway(desk: Desk) -> Gateway:
    return open_gateway(desk.shop_id)[0]


@pytest.fixture
def shopify() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def read_one(gateway: Gateway, body: Json) -> OrderTold:
    told = read_orders(gateway, [body["id"]])[body["id"]]
    assert told is not None
    return told


def differences(body: OrderFact, asked: OrderFact) -> list[str]:
    names = OrderFact.__dataclass_fields__
    return [
        f"{name}: {getattr(body, name)} / {getattr(asked, name)}"
        for name in names
        if getattr(body, name) != getattr(asked, name)
    ]


@pytest.mark.parametrize("seed", range(6))
def test_a_hundred_random_orders_are_the_same_facts_by_webhook_and_by_question(
    desk: Desk, gateway: Gateway, seed: int
) -> None:
    deck = Deck(desk.box.url, seed)
    bodies = [deck.live(deck.order()) for _ in range(100)]

    found = read_orders(gateway, [body["id"] for body in bodies])

    for body in bodies:
        told = found[body["id"]]
        assert told is not None
        assert differences(parse_order(body), told.order) == []
