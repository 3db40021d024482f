"""``flask reconcile``, the job and its sweep: what they say, and when they ask again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import responses
from flask import Flask
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import select, update

from app import jobs, schedule
from app.db import db, transaction
from app.models import Delivery, ReconcileRun
from app.queue import CHORES
from app.shopify.gateway import Gateway
from app.shopify.nodes import Unreadable
from app.shopify.reconcile import ChangedOrders
from tests.shopify.deck import Deck
from tests.shopify.desk import Desk

Json = dict[str, Any]
ENDPOINT = "https://made-up.myshopify.com/admin/api/2026-10/graphql.json"
FROM = datetime(2026, 3, 2, 18, tzinfo=UTC)


@pytest.fixture
def deck(desk: Desk) -> Deck:
    return Deck(desk.box.url, seed=3)


def reconcile(desk: Desk, shop: str | None = None) -> str:
    """Type the command; return what it prints."""
    domain = shop or desk.box.options.shop
    return str(desk.app.test_cli_runner().invoke(args=["reconcile", "--shop", domain]).output)


def let_minutes_pass(minutes: int = 20) -> None:
    with transaction() as session:
        earlier = ReconcileRun.started_at - timedelta(minutes=minutes)
        session.execute(update(ReconcileRun).values(started_at=earlier))


def test_the_command_says_what_was_looked_at_and_what_was_missed(desk: Desk, deck: Deck) -> None:
    deck.order()
    printed = reconcile(desk)
    assert "Looked at 1 order changed since" in printed
    assert "Missed webhooks made good: 0 orders, 0 refunds." in printed
    assert "Not readable" not in printed


def test_the_command_looks_also_when_it_is_not_time(desk: Desk, deck: Deck) -> None:
    reconcile(desk)
    deck.order()
    assert "Looked at 1 order " in reconcile(desk)


def test_the_command_says_in_one_sentence_what_is_wrong(desk: Desk) -> None:
    assert "No shop nobody.myshopify.com" in reconcile(desk, "nobody.myshopify.com")
    desk.faults(http_5xx=1.0)
    assert "What was found so far is kept; the rest is looked at later." in reconcile(desk)


def test_the_sweep_asks_when_it_is_time_and_the_job_finishes_it(desk: Desk, deck: Deck, redis_client: Redis) -> None:
    deck.order()
    chores = Queue(CHORES, connection=redis_client, serializer=JSONSerializer)
    with transaction() as session:
        schedule.sweep_reconciliation(session)
    assert [(job.func_name, job.args) for job in chores.jobs] == [("app.jobs.reconcile_orders", [desk.shop_id])]
    chores.empty()
    jobs.reconcile_orders(desk.shop_id)
    assert len(runs()) == 1
    jobs.reconcile_orders(desk.shop_id)
    with transaction() as session:
        schedule.sweep_reconciliation(session)
    assert (len(runs()), chores.jobs) == (1, []), "it is not time yet"
    let_minutes_pass()
    jobs.reconcile_orders(desk.shop_id)
    assert len(runs()) == 2
    assert len(list(db.session.scalars(select(Delivery.id)))) == 1


def test_a_job_that_gets_no_answer_leaves_the_rest_for_later(desk: Desk, deck: Deck) -> None:
    deck.order()
    desk.faults(http_5xx=1.0)
    jobs.reconcile_orders(desk.shop_id)
    (run,) = runs()
    assert (run.finished_at, run.attempts) == (None, 1)
    assert "Shopify failed inside" in str(run.trouble)


def test_an_order_that_cannot_be_read_is_named_and_does_not_stop_the_rest(desk: Desk, deck: Deck) -> None:
    orders = [deck.order(), deck.order()]
    # Its lines are in another currency than it is: nobody can say what it is worth.
    broken = desk.sandbox_shop.get_order(orders[0]["id"])
    broken.currency = "KWD"
    broken.lines[0].currency = "USD"
    printed = reconcile(desk)
    assert f"Not readable: 1 order. Order {orders[0]['id']}:" in printed
    (run,) = runs()
    assert (run.orders_seen, run.orders_unreadable) == (2, 1)
    assert run.finished_at is not None


def runs() -> list[ReconcileRun]:
    db.session.rollback()
    return list(db.session.scalars(select(ReconcileRun).order_by(ReconcileRun.id)))


@pytest.fixture
def shopify() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.mark.parametrize(
    "answer",
    [
        {"orders": None},
        {"orders": {"nodes": [{"id": "gid://shopify/Order/5"}], "pageInfo": {}}},
        {"orders": {"nodes": [{"id": "gid://shopify/Order/5", "updatedAt": "2026-03-02T18:00:00"}], "pageInfo": {}}},
        {"orders": {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": "x"}}},
    ],
)
def test_a_list_that_is_not_as_its_schema_says_is_no_answer(
    app: Flask, shopify: responses.RequestsMock, answer: Json
) -> None:
    shopify.post(ENDPOINT, json={"data": answer})
    gateway = Gateway("https://made-up.myshopify.com", "2026-10", "a-token", 1.0, requests.Session())
    with pytest.raises(Unreadable):
        ChangedOrders(gateway, FROM).next_page()
