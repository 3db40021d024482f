"""The engine's status: what is wrong is found where it is, and said with what to do."""

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from app import create_app
from app.clock import utcnow
from app.config import Settings
from app.engine.rules.states import TransferKind, TransferState
from app.models import Customer, Delivery, DeliveryState, ReconcileRun, Shop, ShopToken, Transfer
from app.shopify.scopes import REQUIRED
from app.status.causes import Level, find_status
from tests.admin.factories import NOON, Page, Visitor, reading


def status_of(shop_id: int) -> Any:
    with reading() as session:
        return find_status(session, session.get_one(Shop, shop_id), utcnow())


def add_delivery(session: Session, shop_id: int, state: DeliveryState, seconds_ago: int, number: int = 0) -> None:
    session.add(
        Delivery(
            shop_id=shop_id, webhook_id=f"{state}{seconds_ago}{number}", topic="orders/paid", body=b"{}", state=state,
            received_at=utcnow() - timedelta(seconds=seconds_ago), reason="The body is <b>odd</b>.",
        )
    )  # fmt: skip


def add_transfer(session: Session, shop_id: int, state: TransferState, **values: Any) -> None:
    customer = Customer(shop_id=shop_id, shopify_id=1, created_at=NOON)
    session.add(customer)
    session.flush()
    session.add(
        Transfer(
            shop_id=shop_id, key="k", customer_id=customer.id, kind=TransferKind.CREDIT, currency="USD",
            amount_minor=5, state=state, created_at=NOON, **values,
        )
    )  # fmt: skip


def lose_token(session: Session, shop_id: int) -> None:
    session.delete(session.get_one(ShopToken, shop_id))


def refuse_token(session: Session, shop_id: int) -> None:
    token = session.get_one(ShopToken, shop_id)
    token.refused_at, token.refused_reason = utcnow(), "invalid_grant"


def lose_scope(session: Session, shop_id: int) -> None:
    session.get_one(ShopToken, shop_id).scope = ",".join(REQUIRED - {"read_orders"})


def change_currency(session: Session, shop_id: int) -> None:
    session.get_one(Shop, shop_id).other_currency = "EUR"


def lag(session: Session, shop_id: int) -> None:
    add_delivery(session, shop_id, DeliveryState.RECEIVED, 61)


def fail(session: Session, shop_id: int) -> None:
    add_delivery(session, shop_id, DeliveryState.FAILED, 5)


def refuse_transfer(session: Session, shop_id: int) -> None:
    add_transfer(session, shop_id, TransferState.REFUSED)


def doubt_transfer(session: Session, shop_id: int) -> None:
    add_transfer(session, shop_id, TransferState.UNKNOWN, needs_person=True, sent_at=utcnow())


def lose_transfer(session: Session, shop_id: int) -> None:
    add_transfer(session, shop_id, TransferState.UNKNOWN, sent_at=utcnow() - timedelta(minutes=11))


def look_for_nothing(session: Session, shop_id: int) -> None:
    """Let the last look for missed webhooks lie 46 minutes back, and the one begun since get no answer."""
    ended = utcnow() - timedelta(minutes=46)
    session.query(ReconcileRun).filter_by(shop_id=shop_id).update({"finished_at": ended})
    session.add(
        ReconcileRun(shop_id=shop_id, started_at=ended, from_at=ended, reached_at=ended, trouble="Shopify is silent.")
    )


TROUBLES = [
    (look_for_nothing, "looked for orders whose webhooks never came. The last try: Shopify is silent."),
    (lose_token, "no access token"),
    (refuse_token, "refused our access token (invalid_grant)"),
    (lose_scope, "Shopify does not let Boomerang read orders (read_orders)."),
    (change_currency, "the shop's currency is EUR now; its books are kept in USD"),
    (lag, "has been waiting for"),
    (fail, "1 of 1 deliveries of the last hour failed. The last one: The body is"),
    (refuse_transfer, "There is 1 transfer refused by Shopify."),
    (doubt_transfer, "only a person can decide about"),
    (lose_transfer, "outcome has been unknown for 11 minutes"),
]


@pytest.mark.parametrize(("trouble", "sentence"), TROUBLES)
def test_each_trouble_is_an_error_with_its_cause(
    shop_id: int, trouble: Callable[[Session, int], None], sentence: str
) -> None:
    with reading() as session:
        trouble(session, shop_id)
    status = status_of(shop_id)
    assert status.level is Level.ERROR
    assert [sentence in cause.what for cause in status.causes] == [True]
    assert all(cause.advice for cause in status.causes)


@pytest.mark.parametrize(("trouble", "sentence"), TROUBLES)
def test_anothers_trouble_is_not_ours(
    shop_id: int, other_shop_id: int, trouble: Callable[[Session, int], None], sentence: str
) -> None:
    with reading() as session:
        trouble(session, other_shop_id)
    assert status_of(shop_id).level is Level.ACTIVE


def test_what_is_normal_is_no_trouble(shop_id: int) -> None:
    with reading() as session:
        add_delivery(session, shop_id, DeliveryState.RECEIVED, 30)
        add_delivery(session, shop_id, DeliveryState.FAILED, 3700)
        add_delivery(session, shop_id, DeliveryState.FAILED, 10)
        for number in range(19):
            add_delivery(session, shop_id, DeliveryState.HANDLED, 20, number)
        add_transfer(session, shop_id, TransferState.UNKNOWN, sent_at=utcnow() - timedelta(minutes=5))
    assert status_of(shop_id).level is Level.ACTIVE
    with reading() as session:
        add_delivery(session, shop_id, DeliveryState.FAILED, 11)
    assert status_of(shop_id).level is Level.ERROR


def test_a_paused_engine_is_paused_and_still_says_what_is_wrong(shop_id: int) -> None:
    with reading() as session:
        session.get_one(Shop, shop_id).paused_at = utcnow()
    assert status_of(shop_id).level is Level.PAUSED
    with reading() as session:
        lag(session, shop_id)
    assert status_of(shop_id).level is Level.ERROR


def test_an_unreachable_queue_is_an_error(settings: Settings, shop_id: int) -> None:
    app = create_app(dataclasses.replace(settings, redis_url="redis://127.0.0.1:9/0"))
    with app.app_context():
        status = status_of(shop_id)
        assert status.level is Level.ERROR
        assert "queue cannot be reached" in status.causes[0].what
        page = Page(Visitor(app).load("/").text)
    assert "Error" in page.text
    assert "REDIS_URL" in page.text


def test_a_healthy_engine_is_active(app: Flask, visitor: Visitor, shop_id: int) -> None:
    assert status_of(shop_id).level is Level.ACTIVE
    assert "Active" in Page(visitor.load("/settings").text).text


def test_a_look_that_is_not_yet_three_times_late_is_no_trouble(shop_id: int) -> None:
    with reading() as session:
        look_for_nothing(session, shop_id)
        session.get_one(Shop, shop_id).reconcile_minutes = 16
    assert status_of(shop_id).level is Level.ACTIVE


def test_a_shop_that_came_back_has_time_for_its_first_look(shop_id: int) -> None:
    with reading() as session:
        look_for_nothing(session, shop_id)
        session.get_one(Shop, shop_id).installed_at = utcnow() - timedelta(minutes=44)
    assert status_of(shop_id).level is Level.ACTIVE


def test_without_a_token_nobody_is_told_besides_that_nothing_was_looked_for(shop_id: int) -> None:
    with reading() as session:
        look_for_nothing(session, shop_id)
        refuse_token(session, shop_id)
    assert len(status_of(shop_id).causes) == 1
