"""The queue is an alarm clock: wishes stand once, may be lost, and are found again by the clock's sweeps."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from rq import Queue

from app.clock import utcnow
from app.engine.flows import lifecycle
from app.models import Delivery, DeliveryState, Shop
from app.queue import (
    ANSWER_SECONDS,
    CHORES,
    CONNECT_SECONDS,
    INBOX,
    MOST_WAITING,
    REST_SECONDS,
    TRANSFERS,
    connection,
    enqueue_once,
    wish_granted,
)
from app.schedule import run_clock
from tests.cli.conftest import Waiting, sweep
from tests.flows.builders import Till, day, order, reading

pytestmark = pytest.mark.usefixtures("looked_at")


@pytest.fixture
def far_from_redis(app: Flask, settings: Any) -> Iterator[Flask]:
    """Return an app whose Redis is not there."""
    from app import create_app

    away = create_app(replace(settings, redis_url="redis://127.0.0.1:9/0"))
    with away.app_context():
        yield away


def leave_delivery(shop: Till) -> None:
    """Store a delivery whose wish to be drained got lost."""
    with reading() as session:
        session.add(
            Delivery(
                shop_id=shop.id, webhook_id="made-up", topic="orders/paid", received_at=utcnow(), body=b"{}",
                state=DeliveryState.RECEIVED,
            )
        )  # fmt: skip


def test_a_wish_stands_once_until_its_job_begins(shop: Till, waiting: Waiting) -> None:
    assert [enqueue_once(INBOX, "drain_inbox") for _ in range(3)] == [True] * 3
    assert waiting() == [("app.jobs.drain_inbox", ())]
    wish_granted("drain_inbox")
    enqueue_once(INBOX, "drain_inbox")
    assert waiting() == [("app.jobs.drain_inbox", ())] * 2


def test_wishes_for_two_shops_are_two_wishes(shop: Till, waiting: Waiting) -> None:
    for shop_id in (1, 2, 1):
        enqueue_once(TRANSFERS, "send_transfers", shop_id)
    assert waiting() == [("app.jobs.send_transfers", (1,)), ("app.jobs.send_transfers", (2,))]


def test_a_queue_that_nobody_works_at_does_not_grow_without_end(shop: Till, waiting: Waiting) -> None:
    key = Queue(CHORES, connection=connection()).key
    connection().rpush(key, *(f"made-up-{number}" for number in range(MOST_WAITING)))
    assert enqueue_once(CHORES, "release_holds", shop.id) is False
    assert connection().llen(key) == MOST_WAITING
    connection().delete(key)
    assert enqueue_once(CHORES, "release_holds", 2 * shop.id) is True
    assert waiting() == [("app.jobs.release_holds", (2 * shop.id,))]


def test_without_redis_a_wish_is_lost_and_nothing_is_raised(far_from_redis: Flask) -> None:
    assert enqueue_once(INBOX, "drain_inbox") is False
    wish_granted("drain_inbox")


def test_a_redis_that_keeps_silent_is_waited_for_once_and_not_by_everybody(far_from_redis: Flask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        far_from_redis.extensions["redis"] = Redis.from_url(address, socket_timeout=0.05)
        began = time.monotonic()
        assert enqueue_once(INBOX, "drain_inbox") is False
        assert far_from_redis.extensions["redis_rests_until"] > began + REST_SECONDS
        asked, _ = silent.accept()
        asked.close()

        far_from_redis.extensions["redis_rests_until"] = began + 1_000_000
        assert enqueue_once(INBOX, "drain_inbox") is False
        wish_granted("drain_inbox")
        silent.settimeout(0.2)
        with pytest.raises(TimeoutError):
            silent.accept()


def test_shopify_has_its_answer_in_time_also_while_redis_keeps_silent() -> None:
    assert CONNECT_SECONDS + ANSWER_SECONDS < 5


def test_with_nothing_to_do_the_sweeps_ask_for_nothing(shop: Till, waiting: Waiting) -> None:
    sweep()
    assert waiting() == []


def test_a_delivery_whose_wish_was_lost_is_found(shop: Till, waiting: Waiting) -> None:
    leave_delivery(shop)
    sweep()
    assert waiting() == [("app.jobs.drain_inbox", ())]


def test_a_planned_transfer_is_found(shop: Till, waiting: Waiting) -> None:
    shop.tell(order(1))
    sweep()
    assert waiting() == [("app.jobs.send_transfers", (shop.id,))]


def test_what_is_pending_is_found_once_the_pause_is_over(shop: Till, waiting: Waiting) -> None:
    shop.pause()
    shop.tell(order(1))
    sweep()
    assert waiting() == []
    shop.resume()
    sweep()
    assert waiting() == [("app.jobs.settle_due", (shop.id,))]


def test_nothing_is_asked_for_a_shop_that_took_the_app_away(shop: Till, waiting: Waiting) -> None:
    shop.pause()
    shop.tell(order(1))
    shop.resume()
    shop.run(lambda session, row: lifecycle.uninstall(session, row, day(12)))
    sweep()
    assert waiting() == []


def test_the_clock_finds_what_waits_and_stops_when_told(shop: Till, app: Flask, waiting: Waiting) -> None:
    leave_delivery(shop)
    stop = threading.Event()

    def run() -> None:
        with app.app_context():
            run_clock(stop)

    ticking = threading.Thread(target=run)
    ticking.start()
    deadline = time.monotonic() + 20
    while not waiting() and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    ticking.join(timeout=10)
    assert not ticking.is_alive()
    assert waiting() == [("app.jobs.drain_inbox", ())]


def test_the_clock_goes_on_when_the_database_is_away(settings: Any) -> None:
    from app import create_app

    address = "postgresql+psycopg://nobody:nothing@127.0.0.1:9/nowhere"
    away = create_app(replace(settings, database_url=address))
    stop = threading.Event()
    ended: list[BaseException | None] = []

    def run() -> None:
        with away.app_context():
            try:
                run_clock(stop)
            except BaseException as error:
                ended.append(error)
                raise
            ended.append(None)

    ticking = threading.Thread(target=run)
    ticking.start()
    assert not stop.wait(2.5)
    assert ticking.is_alive()
    stop.set()
    ticking.join(timeout=10)
    assert ended == [None]


def test_a_settled_shop_has_nothing_pending(shop: Till, waiting: Waiting) -> None:
    with reading() as session:
        assert session.get_one(Shop, shop.id).is_active
    shop.tell(order(1))
    assert shop.settle_due() == 0
    sweep()
    assert ("app.jobs.settle_due", (shop.id,)) not in waiting()
