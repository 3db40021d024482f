"""Returns, deleted orders, goodbyes and comebacks, and people who want to be forgotten, on both sides of the wire."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import jobs, schedule
from app.clock import utcnow
from app.config import Settings
from app.db import db, transaction
from app.engine.flows import terms
from app.engine.flows.check_books import check_books
from app.engine.rules.holds import HoldReason
from app.engine.rules.states import RewardState, TransferState
from app.engine.rules.terms import HoldRules, Release, ReleaseKind
from app.models import Customer, Delivery, DeliveryState, Order, PrivacyRequest, Reward, Shop, ShopToken, Transfer
from tests.stories.town import Town, open_town

ADA = {"email": "ada@example.com", "first_name": "Ada", "last_name": "Example"}


@pytest.fixture
def town(settings: Settings) -> Iterator[Town]:
    """Return a house with the app installed and told of all that the sandbox knows."""
    with open_town(settings, seed=9) as open_one:
        open_one.install()
        open_one.post("subscriptions", topics="all")
        yield open_one


def publish(**changes: Any) -> None:
    """Publish the current terms with some changes, for the orders from now on."""
    with transaction() as session:
        shop_id = session.scalars(select(Shop.id)).one()
        current = terms.get_current(session, shop_id, utcnow())
        now = utcnow()
        terms.publish(session, shop_id, replace(current, **changes), "test", now)
    # Orders are dated in whole seconds, so the next one must wait for a second that begins after this moment.
    while utcnow().replace(microsecond=0) < now:
        time.sleep(0.02)


def order(town: Town, price: str = "100.00", **more: Any) -> dict[str, Any]:
    placed = town.post("orders", customer=ADA, lines=[{"price": price, "quantity": 2}], **more)
    town.wait_until_quiet()
    return placed


def reward(order_id: int) -> tuple[RewardState, HoldReason | None, int]:
    """Return state, hold and kept amount of an order's reward, after checking that all books add up."""
    db.session.remove()
    with transaction() as session:
        assert list(check_books(session)) == []
        found = select(Reward).join(Order, Order.id == Reward.order_id).where(Order.shopify_id == order_id)
        row = session.scalars(found).one()
        return row.state, row.hold_reason, row.kept_minor


def people() -> list[str | None]:
    db.session.remove()
    with transaction() as session:
        return list(session.scalars(select(Customer.name)))


def test_an_open_return_holds_and_lets_go_by_itself(town: Town) -> None:
    publish(holds=HoldRules(open_return=True), release=Release(ReleaseKind.DAYS_AFTER_PAID, 14))
    placed = order(town)
    assert reward(placed["id"]) == (RewardState.PENDING, None, 400)
    asked = town.post(f"orders/{placed['id']}/return", status="requested")["return"]["id"]
    town.wait_until_quiet()
    assert reward(placed["id"]) == (RewardState.HELD, HoldReason.OPEN_RETURN, 400)
    for step in ("approve", "process"):
        town.post(f"returns/{asked}", step=step)
    town.wait_until_quiet()
    assert reward(placed["id"])[0] is RewardState.HELD
    town.post(f"returns/{asked}", step="close")
    town.wait_until_quiet()
    assert reward(placed["id"]) == (RewardState.PENDING, None, 400)
    town.post("clock", advance_seconds=1)  # of two words of one second the one that closes counts
    town.post(f"returns/{asked}", step="reopen")
    town.wait_until_quiet()
    assert reward(placed["id"])[0] is RewardState.HELD


def test_a_deleted_order_gives_everything_back(town: Town) -> None:
    placed = order(town)
    assert reward(placed["id"]) == (RewardState.SETTLED, None, 400)
    town.post(f"orders/{placed['id']}/delete")
    town.wait_until_quiet()
    assert reward(placed["id"]) == (RewardState.REVERSED, None, 0)


def test_the_shop_says_anew_who_it_is_and_its_books_keep_their_currency(town: Town) -> None:
    town.post("shop", name="Harbour Ltd", timezone="Europe/Oslo", currency="EUR")
    town.wait_until_quiet()
    with transaction() as session:
        shop = session.scalars(select(Shop)).one()
        assert (shop.name, shop.timezone, shop.currency, shop.other_currency) == (
            "Harbour Ltd",
            "Europe/Oslo",
            "USD",
            "EUR",
        )


def test_a_shop_that_leaves_stops_everything_and_goes_on_when_it_comes_back(town: Town) -> None:
    publish(release=Release(ReleaseKind.DAYS_AFTER_PAID, 1))
    placed = order(town)
    town.post("uninstall")
    town.wait_until_quiet()
    with transaction() as session:
        shop = session.scalars(select(Shop)).one()
        assert shop.uninstalled_at is not None
        assert session.scalars(select(ShopToken)).all() == []
        session.scalars(select(Reward)).one().release_at = utcnow()
        for sweep in schedule.SWEEPS:
            sweep.ask(session)
    missed = town.post("orders", customer=ADA, lines=[{"price": "50.00"}])
    town.wait_until_quiet()
    assert reward(placed["id"])[0] is RewardState.PENDING
    with transaction() as session:
        assert session.scalar(select(Order.id).where(Order.shopify_id == missed["id"])) is None
        assert session.scalars(select(Transfer)).all() == []
    town.post("install")
    token = town.post("session-token")["token"]
    town.app.test_client().get("/", query_string={"id_token": token, "embedded": "1"})
    with transaction() as session:
        shop = session.scalars(select(Shop)).one()
        assert shop.uninstalled_at is None
        shop_id = shop.id
    jobs.settle_due(shop_id)
    town.wait_until_quiet()
    assert reward(placed["id"])[0] is RewardState.SETTLED
    with transaction() as session:
        assert session.scalars(select(Transfer.state)).all() == [TransferState.CONFIRMED]


def test_what_was_bought_while_the_app_was_away_waits_for_somebody(town: Town) -> None:
    town.post("uninstall")
    town.wait_until_quiet()
    missed = order(town)
    town.post("install")
    token = town.post("session-token")["token"]
    town.app.test_client().get("/", query_string={"id_token": token, "embedded": "1"})
    with transaction() as session:
        shop_id = session.scalars(select(Shop.id)).one()
    jobs.reconcile_orders(shop_id)
    town.wait_until_quiet()
    assert reward(missed["id"]) == (RewardState.IN_REVIEW, None, 400)
    with transaction() as session:
        assert session.scalars(select(Transfer)).all() == []


def test_a_customer_asks_for_their_data_and_is_forgotten(town: Town) -> None:
    placed = order(town)
    with transaction() as session:
        customer_id = session.scalars(select(Customer.shopify_id)).one()
    town.post("privacy", topic="customers/data_request", customer_id=customer_id)
    town.wait_until_quiet()
    with transaction() as session:
        asked = session.scalars(select(PrivacyRequest)).one()
        assert asked.file
        assert asked.due_at > utcnow() + timedelta(days=29)
    town.post("privacy", topic="customers/redact", customer_id=customer_id)
    town.wait_until_quiet()
    assert people() == [None]
    assert reward(placed["id"]) == (RewardState.SETTLED, None, 400)
    town.post(f"orders/{placed['id']}/fulfil")
    town.wait_until_quiet()
    with transaction() as session:
        bodies = session.scalars(select(Delivery.body)).all()
        assert not any(b"ada@example.com" in body for body in bodies)
        assert "Ada" not in str(session.scalars(select(Order.fact)).all())
        assert [row.done_by for row in session.scalars(select(PrivacyRequest).order_by(PrivacyRequest.id))] == [
            None,
            "system",
        ]


def test_a_shop_is_forgotten_after_its_goodbye_and_only_then(town: Town) -> None:
    placed = order(town)
    assert not town.try_post("privacy", topic="shop/redact")
    town.post("uninstall")
    town.wait_until_quiet()
    town.post("privacy", topic="shop/redact")
    town.wait_until_quiet()
    with transaction() as session:
        shop_id = session.scalars(select(Shop.id)).one()
    jobs.redact_shop(shop_id)
    assert people() == [None]
    assert reward(placed["id"]) == (RewardState.SETTLED, None, 400)
    town.post("install")
    token = town.post("session-token")["token"]
    town.app.test_client().get("/", query_string={"id_token": token, "embedded": "1"})
    order(town, price="20.00")
    assert people() == ["Ada Example"]


def test_an_edit_whose_order_was_never_told_is_asked_for(town: Town) -> None:
    placed = order(town)
    with transaction() as session:
        shop = session.scalars(select(Shop)).one()
        shop.uninstalled_at = utcnow()
    town.post(f"orders/{placed['id']}/edit", set_quantity=[{"index": 0, "quantity": 1}])
    town.wait_until_quiet()
    with transaction() as session:
        session.scalars(select(Shop)).one().uninstalled_at = None
        old = session.scalars(select(Delivery).where(Delivery.topic == "orders/edited")).one()
        assert old.state is DeliveryState.IGNORED
        old.state, old.reason = DeliveryState.RECEIVED, None
    town.wait_until_quiet()
    assert reward(placed["id"]) == (RewardState.SETTLED, None, 200)
