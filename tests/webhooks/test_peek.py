"""What is read ahead of waiting deliveries, and what is left alone."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.db import db, transaction
from app.models import DeliveryState, Shop
from app.webhooks.inbox import drain
from app.webhooks.peek import Ahead, peek
from tests.webhooks.conftest import Inbox, NewShop
from tests.webhooks.sending import Sender, example

NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)
ORDER_ID = 9007199254740995


def look(curious: bool = True, **options: Any) -> dict[int, Ahead]:
    db.session.rollback()
    with transaction() as session:
        return peek(session, options.pop("now", NOW), is_curious=lambda _session, _shop: curious, **options)


def order(number: int, *gateways: str) -> dict[str, Any]:
    ids = {"id": number, "admin_graphql_api_id": None}
    return {**example("orders/paid"), **ids, "payment_gateway_names": list(gateways)}


def test_orders_and_assessments_are_read_ahead_and_nothing_of_them_is_marked(
    shop: Shop, sender: Sender, inbox: Inbox
) -> None:
    for topic in ("orders/paid", "orders/risk_assessment_changed", "refunds/create", "products/update"):
        sender.send(topic)
    (ahead,) = look().values()
    assert [fact.order_id for fact in ahead.orders] == [ORDER_ID]
    assert ahead.reassessed == {ORDER_ID}
    assert {(row.state, row.attempts) for row in inbox()} == {(DeliveryState.RECEIVED, 0)}


@pytest.mark.parametrize("spaces", [None, 2])
def test_of_shops_that_are_not_curious_only_orders_paid_with_credit_are_read(
    shop: Shop, sender: Sender, spaces: int | None
) -> None:
    bodies = [
        order(1, "shopify_payments"),
        order(2, "gift_card", "paypal"),
        order(3, "paypal", "shopify_store_credit"),
        {**order(4, "paypal"), "note": "gift_card, please"},
    ]
    for body in bodies:
        sender.send("orders/paid", json.dumps(body, indent=spaces).encode())
    sender.send("orders/risk_assessment_changed")
    (ahead,) = look(curious=False).values()
    assert [fact.order_id for fact in ahead.orders] == [2, 3]
    assert ahead.reassessed == set()


def test_what_cannot_be_read_is_left_to_the_drain(shop: Shop, sender: Sender) -> None:
    sender.send("orders/paid", {**example("orders/paid"), "currency": "Dollars"})
    sender.send("orders/risk_assessment_changed", {"order_id": 5, "risk_level": "pending"})
    assert look() == {}


def test_customers_are_read_once_their_news_had_to_wait(shop: Shop, sender: Sender, inbox: Inbox) -> None:
    for topic in ("customers/update", "customers/merge"):
        sender.send(topic)
    assert look() == {}
    for waiting in inbox():
        waiting.attempts = 1
    db.session.commit()
    (ahead,) = look().values()
    assert ahead.customer_ids == {8200000000017, 8200000000018}
    assert look(curious=False) == {}


def test_what_was_handled_or_waits_for_its_time_is_not_read(shop: Shop, sender: Sender, inbox: Inbox) -> None:
    sender.send("orders/paid")
    drain(lambda: NOW)
    sender.send("orders/paid", order(5))
    (_, waiting) = inbox()
    waiting.next_attempt_at = NOW + timedelta(seconds=2)
    db.session.commit()
    assert look() == {}
    assert len(look(now=NOW + timedelta(seconds=2))) == 1


def test_no_more_than_the_limit_is_read_and_the_oldest_first(shop: Shop, sender: Sender) -> None:
    for number in (3, 1, 2):
        sender.send("orders/paid", order(number))
    (ahead,) = look(limit=2).values()
    assert [fact.order_id for fact in ahead.orders] == [3, 1]


def test_shops_that_are_gone_or_silent_are_left_out(new_shop: NewShop, sender: Sender) -> None:
    gone = new_shop("gone.myshopify.com", uninstalled_at=NOW)
    silent, here = new_shop("silent.myshopify.com"), new_shop("here.myshopify.com")
    for shop in (gone, silent, here):
        sender.send("orders/paid", shop=shop.domain)
    assert look(skip={silent.id}).keys() == {here.id}
