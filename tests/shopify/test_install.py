"""Opening the app in a shop installs it: once, whole, and again after it was taken away."""

import json
import re
import threading
from datetime import UTC, datetime, timedelta

import pytest
import responses
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.config import current_settings
from app.db import db, transaction
from app.engine.flows.lifecycle import uninstall
from app.engine.flows.terms import get_current, publish_default
from app.engine.rules.terms import Mode
from app.models import Delivery, Reward, Shop, ShopToken, TermsVersion
from app.shopify.connect import gateway_to
from app.shopify.errors import TokenRefused
from app.shopify.install import ensure_installed, read_shop
from app.shopify.scopes import find_missing
from app.shopify.session_tokens import verify_session_token
from app.webhooks.inbox import Arrival, DrainReport, drain, store_delivery
from sandbox.server import Sandbox
from tests.shopify.deck import Deck
from tests.shopify.desk import install, session_token

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def shop_row(shop_id: int) -> Shop:
    db.session.rollback()
    return db.session.get(Shop, shop_id, populate_existing=True)


def how_many(table: type) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_the_first_opening_makes_the_shop_with_tokens_and_terms(app_context: Flask, box: Sandbox) -> None:
    shop_id = install(box, NOW)

    shop = shop_row(shop_id)
    assert (shop.domain, shop.currency, shop.timezone) == (box.options.shop, "USD", "America/New_York")
    assert (shop.mode, shop.installed_at, shop.uninstalled_at) == (Mode.MANUAL, NOW, None)
    assert shop.name == box.world.main.name
    assert how_many(ShopToken) == 1
    terms = get_current(db.session(), shop_id, NOW)
    assert [(tier.name, tier.threshold_minor, tier.rate_bps) for tier in terms.tiers] == [
        ("Bronze", 0, 200),
        ("Silver", 50_000, 400),
        ("Gold", 150_000, 600),
    ]
    published = db.session.scalar(select(TermsVersion))
    assert (published.effective_from, published.published_by) == (NOW, "staff:7")


def test_opening_it_again_asks_shopify_nothing(app_context: Flask, box: Sandbox) -> None:
    shop_id = install(box, NOW)
    given = len(box.world.main.tokens._refresh)

    assert install(box, NOW + timedelta(days=1)) == shop_id
    assert len(box.world.main.tokens._refresh) == given


def test_first_openings_at_once_make_one_shop(connected: Flask, box: Sandbox) -> None:
    start = threading.Barrier(4)
    ids: list[int] = []

    def open_app() -> None:
        with connected.app_context():
            start.wait(10)
            ids.append(install(box, NOW))

    threads = [threading.Thread(target=open_app) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    with connected.app_context():
        assert len(ids) == 4
        assert len(set(ids)) == 1
        assert (how_many(Shop), how_many(ShopToken), how_many(TermsVersion)) == (1, 1, 1)


def test_installing_again_goes_on_where_the_shop_was(app_context: Flask, box: Sandbox) -> None:
    shop_id = install(box, NOW)
    with transaction() as session:
        uninstall(session, session.get_one(Shop, shop_id), NOW)
        session.get_one(Shop, shop_id).mode = Mode.AUTOMATIC
    assert how_many(ShopToken) == 0

    again = NOW + timedelta(days=1)
    assert install(box, again) == shop_id

    shop = shop_row(shop_id)
    assert (shop.uninstalled_at, shop.installed_at, shop.mode) == (None, again, Mode.AUTOMATIC)
    assert (how_many(ShopToken), how_many(TermsVersion)) == (1, 1)


def test_what_still_waited_when_the_app_was_taken_away_is_handled_once_it_is_back(
    app_context: Flask, box: Sandbox
) -> None:
    began = box.world.clock.now()
    shop_id = install(box, began)
    order = Deck(box.url, 1).order(paid=True, test=False)
    told = Arrival(box.options.shop, "made-up", "orders/paid", json.dumps(order).encode(), began)
    news = Arrival(box.options.shop, "unknown", "themes/publish", b"{}", began)
    with transaction() as session:
        for arrival in (told, news):
            assert store_delivery(session, arrival) is not None
        uninstall(session, session.get_one(Shop, shop_id), began)
    assert drain(lambda: began) == DrainReport(ignored=1)

    later = began + timedelta(days=1)
    assert install(box, later) == shop_id

    assert drain(lambda: later) == DrainReport(handled=1)
    assert how_many(Reward) == 1
    assert how_many(Delivery) == 2


def test_a_shop_whose_token_was_refused_gets_a_new_one_when_the_app_is_opened(app_context: Flask, box: Sandbox) -> None:
    shop_id = install(box, NOW)
    with transaction() as session:
        session.get_one(ShopToken, shop_id).refused_at = NOW

    install(box, NOW)

    db.session.rollback()
    assert db.session.get(ShopToken, shop_id, populate_existing=True).refused_at is None


def scope_of(shop_id: int) -> str:
    db.session.rollback()
    return db.session.get_one(ShopToken, shop_id, populate_existing=True).scope


def test_a_shop_that_allows_too_little_is_installed_and_asked_again_when_it_is_opened(
    app_context: Flask, box: Sandbox
) -> None:
    grants = box.world.main.grants
    grants.change([], ["write_app_proxy"], force=True)
    shop_id = install(box, NOW)
    assert [one.scope for one in find_missing(scope_of(shop_id))] == ["write_app_proxy"]
    grants.change(["write_app_proxy"], [])

    install(box, NOW + timedelta(minutes=4))
    assert find_missing(scope_of(shop_id))
    install(box, NOW + timedelta(minutes=6))

    assert find_missing(scope_of(shop_id)) == ()
    given = len(box.world.main.tokens._refresh)
    install(box, NOW + timedelta(minutes=20))
    assert len(box.world.main.tokens._refresh) == given


def test_a_shop_that_allows_too_little_is_let_in_while_shopify_is_down(app_context: Flask, box: Sandbox) -> None:
    box.world.main.grants.change([], ["write_app_proxy"], force=True)
    shop_id = install(box, NOW)

    with responses.RequestsMock() as mock:
        mock.post(f"{box.url}/admin/oauth/access_token", status=503)
        assert install(box, NOW + timedelta(minutes=6)) == shop_id
    assert find_missing(scope_of(shop_id))


def test_a_refused_exchange_leaves_nothing_behind(app_context: Flask, box: Sandbox) -> None:
    raw = session_token(box)
    verified = verify_session_token(raw, current_settings())
    box.world.main.installed = False

    with pytest.raises(TokenRefused, match="whether the app is installed"):
        ensure_installed(verified, raw, NOW, publish_default)
    assert (how_many(Shop), how_many(ShopToken)) == (0, 0)


def test_what_fails_while_publishing_terms_leaves_nothing_behind(app_context: Flask, box: Sandbox) -> None:
    class Failed(Exception):
        pass

    def fail(session: Session, shop: Shop, actor: str, now: datetime) -> None:
        raise Failed

    raw = session_token(box)
    with pytest.raises(Failed):
        ensure_installed(verify_session_token(raw, current_settings()), raw, NOW, fail)
    assert (how_many(Shop), how_many(ShopToken), how_many(TermsVersion)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("told", "kept"), [("Europe/Berlin", "Europe/Berlin"), ("Mars/Olympus Mons", "UTC"), ("", "UTC")]
)
def test_a_time_zone_that_nobody_knows_is_not_kept(app_context: Flask, told: str, kept: str) -> None:
    with responses.RequestsMock() as wire:
        shop = {"name": "A shop", "currencyCode": "USD", "ianaTimezone": told}
        wire.post(re.compile(".*"), json={"data": {"shop": shop}})
        assert read_shop(gateway_to("made-up.myshopify.com", "token")).timezone == kept
