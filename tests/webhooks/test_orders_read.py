"""Orders that were read from Shopify wait in the inbox like deliveries; nobody outside can put one there."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows.lifecycle import uninstall
from app.engine.rules.facts import DisputeFact, DisputeStatus, PaymentFact, RiskFact
from app.engine.rules.terms import RiskLevel
from app.models import DeliveryState, OrderDetail, Reward, Shop
from app.webhooks.body import BodyError, read_object
from app.webhooks.inbox import UNINSTALLED_REASON, drain
from app.webhooks.orders import parse_order
from app.webhooks.orders_read import TOPIC, OrderRead, parse_read, store_read
from tests.webhooks.conftest import Inbox
from tests.webhooks.sending import Sender, example

NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)
ORDER = parse_order(example("orders/paid"))
DETAILS = (
    PaymentFact(5, ORDER.order_id, "gift_card", 100),
    DisputeFact(6, ORDER.order_id, DisputeStatus.LOST, NOW, NOW),
    RiskFact(ORDER.order_id, RiskLevel.LOW, NOW),
)


def store(shop: Shop, *reads: OrderRead) -> int:
    with transaction() as session:
        return store_read(session, shop.id, reads, NOW)


def test_an_order_that_was_read_is_booked_with_what_was_told_beside_it(shop: Shop, inbox: Inbox) -> None:
    assert store(shop, OrderRead(ORDER, DETAILS)) == 1
    assert drain(utcnow).handled == 1
    (delivery,) = inbox()
    assert (delivery.topic, delivery.state) == (TOPIC, DeliveryState.HANDLED)
    assert delivery.order_shopify_id == ORDER.order_id
    assert ORDER.customer is not None
    assert delivery.customer_shopify_id == ORDER.customer.customer_id
    assert delivery.triggered_at == ORDER.updated_at
    assert len(db.session.scalars(select(OrderDetail)).all()) == 3
    assert len(db.session.scalars(select(Reward)).all()) == 1


def test_what_is_stored_is_read_back_as_it_was(shop: Shop, inbox: Inbox) -> None:
    store(shop, OrderRead(ORDER, DETAILS))
    assert parse_read(read_object(inbox()[0].body)) == OrderRead(ORDER, DETAILS)


def test_each_version_waits_once_and_two_of_one_second_are_two(shop: Shop, inbox: Inbox) -> None:
    later = replace(ORDER, updated_at=ORDER.updated_at + timedelta(seconds=1))
    other = replace(ORDER, name="#other")
    assert store(shop, OrderRead(ORDER, ()), OrderRead(later, ()), OrderRead(other, ())) == 3
    assert store(shop, OrderRead(ORDER, DETAILS), OrderRead(later, ())) == 0
    assert store(shop) == 0
    assert len(inbox()) == 3


def test_nobody_outside_can_put_one_there(shop: Shop, sender: Sender, inbox: Inbox) -> None:
    store(shop, OrderRead(ORDER, ()))
    assert sender.send(TOPIC, inbox()[0].body).status_code == 200
    forged = inbox()[-1]
    assert (forged.state, TOPIC in str(forged.reason)) == (DeliveryState.IGNORED, True)


def test_when_the_app_was_taken_away_meanwhile_that_is_the_reason(shop: Shop, inbox: Inbox) -> None:
    store(shop, OrderRead(ORDER, ()))
    with transaction() as session:
        uninstall(session, session.get_one(Shop, shop.id), utcnow())
    drain(utcnow)
    assert inbox()[0].reason == UNINSTALLED_REASON


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"order": null, "payments": [], "disputes": [], "risks": []}',
        b'{"order": {"order_id": 1}, "payments": [], "disputes": [], "risks": []}',
        b'{"order": {}, "payments": 7, "disputes": [], "risks": []}',
    ],
)
def test_what_is_no_order_we_have_read_is_refused(body: bytes) -> None:
    with pytest.raises(BodyError, match="no order that Boomerang has read"):
        parse_read(read_object(body))
