"""``flask replay`` and ``flask prune``, and the chores that do the same by themselves."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app import jobs
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows.privacy_requests import open_request
from app.models import Delivery, DeliveryState, PrivacyKind, PrivacyRequest, Shop
from app.schedule import sweep_deliveries, sweep_redactions
from tests.admin.factories import DOMAIN, make_shop


@pytest.fixture
def shop_id(app: Flask) -> Any:
    with app.app_context():
        yield make_shop()
        db.session.remove()


def store(shop_id: int, name: str, state: DeliveryState, topic: str = "themes/publish") -> int:
    with transaction() as session:
        row = Delivery(
            shop_id=shop_id,
            webhook_id=name,
            topic=topic,
            received_at=utcnow() - timedelta(days=31),
            body=b"{}",
            state=state,
        )
        session.add(row)
        session.flush()
        return row.id


def states() -> list[DeliveryState]:
    db.session.remove()
    return list(db.session.scalars(select(Delivery.state).order_by(Delivery.id)))


def run(app: Flask, *words: str) -> tuple[int, str]:
    answer = app.test_cli_runner().invoke(args=list(words))
    return answer.exit_code, answer.output.strip()


def test_failed_deliveries_are_replayed_one_of_a_topic_or_all(app: Flask, shop_id: int) -> None:
    first = store(shop_id, "one", DeliveryState.FAILED)
    store(shop_id, "two", DeliveryState.FAILED, "refunds/create")
    store(shop_id, "three", DeliveryState.FAILED)
    failed, received = DeliveryState.FAILED, DeliveryState.RECEIVED
    said = "1 delivery waits to be handled again."
    assert run(app, "replay", "--shop", DOMAIN, "--delivery", str(first)) == (0, said)
    assert states() == [received, failed, failed]
    assert run(app, "replay", "--shop", DOMAIN, "--topic", "refunds/create") == (0, said)
    assert states() == [received, received, failed]
    store(shop_id, "four", failed)
    assert run(app, "replay", "--shop", DOMAIN) == (0, "2 deliveries wait to be handled again.")
    assert states() == [received] * 4
    assert run(app, "replay", "--shop", DOMAIN) == (0, "0 deliveries wait to be handled again.")


def test_what_cannot_be_replayed_is_said(app: Flask, shop_id: int) -> None:
    code, said = run(app, "replay", "--shop", DOMAIN, "--delivery", "77")
    assert (code, said) == (1, "Error: This shop has no delivery 77.")
    code, said = run(app, "replay", "--shop", "nobody.myshopify.com")
    assert (code, "has installed the app" in said) == (1, True)


def test_old_bodies_are_removed_by_hand(app: Flask, shop_id: int) -> None:
    store(shop_id, "one", DeliveryState.HANDLED)
    store(shop_id, "two", DeliveryState.FAILED)
    assert run(app, "prune", "--shop", DOMAIN) == (0, "1 body removed.")
    assert run(app, "prune", "--shop", DOMAIN) == (0, "0 bodies removed.")


def test_the_chores_find_what_is_to_go_and_do_it(app: Flask, shop_id: int) -> None:
    store(shop_id, "one", DeliveryState.HANDLED)
    with transaction() as session:
        shop = session.get_one(Shop, shop_id)
        shop.uninstalled_at = utcnow()
        open_request(session, shop, PrivacyKind.SHOP_REDACT, "shop:1", utcnow())
        sweep_deliveries(session)
        sweep_redactions(session)
    jobs.prune_deliveries(shop_id)
    jobs.redact_shop(shop_id)
    db.session.remove()
    assert db.session.scalars(select(Delivery.body)).all() == [b""]
    assert db.session.scalars(select(PrivacyRequest.done_by)).all() == ["system"]
    assert db.session.get_one(Shop, shop_id).redacted_at is not None
