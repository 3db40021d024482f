"""Many shops in one installation: the same ids in two of them mix nothing up, and a busy one makes no other wait."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from flask import Flask
from sqlalchemy import insert, make_url, select, text
from sqlalchemy.orm import Session

from app import create_app
from app.config import Settings
from app.db import db, is_exempt, transaction
from app.engine.flows import adjust
from app.engine.rules.states import TransferKind
from app.engine.rules.terms import Limits
from app.errands.aside import Aside
from app.models import Adjustment, Customer, Delivery, DeliveryState, ReasonCode, Shop
from app.webhooks.inbox import drain
from app.webhooks.turns import MOST_IN_A_TURN, Turns, is_waiting, list_waiting_shops
from tests.flows.builders import ADA, BEN, Till, books, day, line, order, refund_of
from tests.webhooks.sending import example_bytes

NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)


@pytest.fixture
def house(settings: Settings, server_urls: tuple[str, str]) -> Iterator[Flask]:
    """Return the app with the first wall alone: the database shows its user the rows of all shops."""
    database = make_url(settings.database_url).database
    everything = make_url(server_urls[0]).set(database=database).render_as_string(hide_password=False)
    app = create_app(replace(settings, database_url=everything))
    with app.app_context():
        with transaction() as session:
            assert is_exempt(session)
        yield app
        db.session.remove()
        db.engine.dispose()


def story(till: Till, times: int) -> list[Callable[[], object]]:
    """Return what happens in a shop, step by step: the ids are alike in every shop, the amounts are not."""
    first, second, third = (order(n, line(n, 10_000 * times, 4), on=n) for n in (1, 2, 3))
    guest = order(4, line(4, 5_000 * times), on=4, customer=None, email="ben@example.com")
    claimed = replace(guest, customer=BEN, updated_at=guest.updated_at + timedelta(hours=1))

    def give() -> None:
        def flow(session: Session, shop: Shop, now: datetime) -> Adjustment:
            which = select(Customer.id).where(Customer.shop_id == shop.id, Customer.shopify_id == ADA.customer_id)
            ada, why = session.scalars(which).one(), ReasonCode.GOODWILL
            credit, minor = TransferKind.CREDIT, 50 * times
            return adjust.propose(session, shop.id, ada, credit, minor, why, "Sorry.", "staff:1", now, "key")

        till.twice(flow, day(12))

    return [
        lambda: till.publish(limits=Limits(day_minor=350 * times)),
        lambda: till.tell(first),
        lambda: till.tell(second, third),
        lambda: till.pay_back(refund_of(second, units=1, on=5)),
        lambda: till.tell(guest),
        give,
        lambda: till.tell(claimed),
        lambda: till.pay_back(refund_of(first, units=4, on=6)),
        lambda: till.settle_due(on=20),
    ]


def test_two_shops_with_the_same_ids_keep_the_books_each_would_keep_alone(house: Flask) -> None:
    tills = {times: Till(f"shop-{times}.myshopify.com") for times in (1, 3)}
    alone = {times: Till(f"alone-{times}.myshopify.com") for times in (1, 3)}
    for steps in zip(*(story(till, times) for times, till in tills.items()), strict=True):
        for step in steps:
            step()
    for times, till in alone.items():
        for step in story(till, times):
            step()
    for times, till in tills.items():
        assert books(till) == books(alone[times])
        assert books(till)["balances"]
    assert books(tills[1]) != books(tills[3])


@pytest.fixture
def shops(app: Flask) -> Iterator[list[int]]:
    """Return the ids of five shops."""
    with app.app_context():
        yield [Till(f"shop-{number}.myshopify.com").id for number in range(5)]
        db.session.remove()


def let_wait(shop_id: int, count: int, next_attempt_at: datetime | None = None) -> None:
    """Put deliveries into a shop's inbox, newer than all that wait already."""
    body = example_bytes("products/update")
    with transaction() as session:
        newest = session.scalar(text("SELECT COALESCE(MAX(id), 0) FROM inbox")) or 0
        rows = [
            {
                "shop_id": shop_id,
                "webhook_id": f"w{newest + number}",
                "topic": "products/update",
                "received_at": NOW,
                "body": body,
                "state": DeliveryState.RECEIVED,
                "attempts": 0,
                "next_attempt_at": next_attempt_at,
            }
            for number in range(count)
        ]
        session.execute(insert(Delivery), rows)


def handled() -> Counter[int]:
    """Return how many deliveries of each shop were handled."""
    with transaction() as session:
        return Counter(session.scalars(select(Delivery.shop_id).where(Delivery.state == DeliveryState.HANDLED)))


def test_one_delivery_does_not_wait_for_the_five_thousand_of_another_shop(shops: list[int]) -> None:
    busy, quiet = shops[0], shops[-1]
    let_wait(busy, 5_000)
    let_wait(quiet, 1)
    report = drain(lambda: NOW)
    assert report.handled == 200
    assert handled() == {busy: 199, quiet: 1}


def test_a_worker_goes_on_with_the_shop_after_the_last_one_it_served(shops: list[int]) -> None:
    turns = Turns()
    for shop_id in shops:
        let_wait(shop_id, MOST_IN_A_TURN + 1)
    for served, shop_id in enumerate(shops, start=1):
        drain(lambda: NOW, limit=MOST_IN_A_TURN, turns=turns)
        assert turns.last_shop_id == shop_id
        assert handled() == dict.fromkeys(shops[:served], MOST_IN_A_TURN)
    drain(lambda: NOW, limit=1, turns=turns)
    assert handled()[shops[0]] == MOST_IN_A_TURN + 1


def test_a_shop_alone_is_served_without_pauses(shops: list[int]) -> None:
    let_wait(shops[2], 3 * MOST_IN_A_TURN)
    assert drain(lambda: NOW, limit=1_000).handled == 3 * MOST_IN_A_TURN


def test_a_shop_that_is_being_asked_waits_and_no_other_does(shops: list[int]) -> None:
    for shop_id in shops[:3]:
        let_wait(shop_id, 2)
    assert drain(lambda: NOW, skip={shops[1]}).handled == 4
    assert handled() == {shops[0]: 2, shops[2]: 2}
    assert drain(lambda: NOW).handled == 2


def test_waiting_shops_are_found_by_leaps_however_much_waits(shops: list[int]) -> None:
    for shop_id in shops[1:4]:
        let_wait(shop_id, 2_000)
    let_wait(shops[4], 5, next_attempt_at=NOW + timedelta(seconds=1))
    with transaction() as session:
        session.execute(text("ANALYZE inbox"))
        assert list_waiting_shops(session, NOW) == shops[1:4]
        assert list_waiting_shops(session, NOW, skip={shops[2]}) == [shops[1], shops[3]]
        assert list_waiting_shops(session, NOW + timedelta(seconds=1)) == shops[1:]
        first = select(Delivery.shop_id).where(*is_waiting(NOW)).order_by(Delivery.shop_id).limit(1)
        query = first.compile(session.connection(), compile_kwargs={"literal_binds": True})
        plan = "\n".join(session.scalars(text(f"EXPLAIN (ANALYZE, BUFFERS) {query}")))
    assert "ix_inbox_waiting" in plan
    assert "Seq Scan" not in plan
    assert "Sort" not in plan


def test_a_shop_that_is_slow_to_answer_holds_up_nobody_else(shops: list[int]) -> None:
    answers, asked = Event(), Aside(patience_seconds=0.05)
    slow, quick, mute = shops[:3]
    asked.ask(slow, lambda: answers.wait(timeout=30))
    asked.ask(quick, lambda: True)
    asked.ask(mute, lambda: False)
    while asked.busy() != {slow}:
        asked.wait()
    assert asked.silent() == {mute}
    answers.set()
    while asked.busy():
        asked.wait()
    assert asked.silent() == {mute}


def test_what_a_question_raises_reaches_whoever_waits(shops: list[int]) -> None:
    asked = Aside(patience_seconds=10)
    asked.ask(shops[0], lambda: bool(1 // 0))
    with pytest.raises(ZeroDivisionError):
        asked.wait()
    assert asked.busy() == set()


def test_a_question_sees_its_own_shop_only(shops: list[int]) -> None:
    seen: list[list[int]] = []
    asked = Aside(patience_seconds=10)
    for shop_id in shops:
        let_wait(shop_id, 1)

    def look() -> bool:
        seen.append(list(db.session.scalars(select(Delivery.shop_id))))
        return True

    asked.ask(shops[3], look)
    asked.wait()
    assert seen == [[shops[3]]]
