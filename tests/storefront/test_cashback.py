"""The storefront's address: who is asked about is what Shopify signed, and the sandbox's shop can show it."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from flask import Flask
from playwright.sync_api import expect, sync_playwright
from sqlalchemy import update

from app.clock import utcnow
from app.config import Settings
from app.db import db, transaction
from app.engine.rules.states import RewardState
from app.models import Customer, Reward, Shop
from app.webhooks.inbox import drain
from sandbox.signing import signed_proxy_query
from tests.admin.factories import ADA, DOMAIN, OTHER, Visitor, make_shop, order, tell
from tests.admin.stage import SHOP, Stage, set_stage
from tests.flows.builders import all_rows

CUSTOMER = str(ADA.customer_id)


@pytest.fixture(autouse=True)
def _in_the_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield
        db.session.remove()


@pytest.fixture
def shop_id(app: Flask) -> int:
    """Return the id of a shop in which Ada has 2.00 pending."""
    shop_id = make_shop()
    tell(shop_id, order(1))
    return shop_id


def query(*more: tuple[str, str], secret: str | None = None, **changes: str) -> str:
    given = {
        "shop": DOMAIN,
        "logged_in_customer_id": CUSTOMER,
        "path_prefix": "/apps/boomerang",
        "timestamp": str(int(time.time())),
        **changes,
    }
    return signed_proxy_query(secret or "sandbox-client-secret-not-for-production", [*given.items(), *more])


def ask(app: Flask, text: str) -> tuple[int, Any]:
    answer = app.test_client().get(f"/proxy/cashback?{text}")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.mimetype == "application/json"
    return answer.status_code, answer.json


def test_a_customer_is_told_what_they_have(app: Flask, shop_id: int) -> None:
    status, told = ask(app, query())
    assert status == 200
    assert (told["logged_in"], told["currency"], told["pending"], told["available"]) == (True, "USD", "2.00", "0.00")
    (one,) = told["recent"]
    assert (one["order"], one["cashback"], one["stage"]) == ("#1001", "2.00", "on_its_way")
    assert one["sentence"] == "$2.00 is on its way; the shop confirms it first."
    assert one["placed_at"].endswith("+00:00")


def test_each_order_says_how_far_its_cashback_is_and_when_it_is_expected(app: Flask, shop_id: int) -> None:
    _, told = ask(app, query())
    (one,) = told["recent"]
    assert [step["stage"] for step in one["journey"]] == ["purchased"]
    assert one["journey"][0]["at"] == one["placed_at"]
    assert (one["expected_by"], one["takes_longer"]) == (None, False), "A person decides, and nobody knows when."

    def decide(**changes: object) -> None:
        with transaction() as session:
            session.execute(update(Reward).values(state=RewardState.PENDING, **changes))

    decide(release_at=utcnow() + timedelta(days=3), undo_until=None)
    (one,) = ask(app, query())[1]["recent"]
    assert [step["stage"] for step in one["journey"]] == ["purchased", "order_confirmed"]
    assert one["expected_by"] > (utcnow() + timedelta(days=2)).isoformat()
    decide(release_at=utcnow() - timedelta(hours=3))
    (one,) = ask(app, query())[1]["recent"]
    assert (one["expected_by"], one["takes_longer"]) == (None, True)


@pytest.mark.parametrize(
    ("locale", "asked", "language", "sentence"),
    [
        (None, None, "en", "$2.00 is on its way; the shop confirms it first."),
        ("de-AT", None, "de", "2,00\u00a0$ sind unterwegs; der Shop bestätigt sie zuerst."),
        ("de-AT", "fr", "fr", "2,00\u00a0$US sont en route ; la boutique les confirme d\u2019abord."),
        ("pt-BR", "es-MX", "es", "2,00\u00a0US$ están en camino; la tienda los confirma primero."),
        ("pt-BR", "pt", "en", "$2.00 is on its way; the shop confirms it first."),
    ],
)
def test_sentences_are_in_the_language_asked_for_else_in_the_customers_own(
    app: Flask, shop_id: int, locale: str | None, asked: str | None, language: str, sentence: str
) -> None:
    with transaction() as session:
        session.execute(update(Customer).values(locale=locale))
    status, told = ask(app, query(**({"locale": asked} if asked else {})))
    assert (status, told["language"]) == (200, language)
    assert told["recent"][0]["sentence"] == sentence
    # Amounts are for programs: the same in every language.
    assert told["pending"] == "2.00"


def test_nobody_is_told_nothing(app: Flask, shop_id: int) -> None:
    assert ask(app, query(logged_in_customer_id="")) == (200, {"logged_in": False})


def test_somebody_unknown_has_nothing(app: Flask, shop_id: int) -> None:
    status, told = ask(app, query(logged_in_customer_id="77"))
    assert (status, told["pending"], told["available"], told["recent"]) == (200, "0.00", "0.00", [])


def test_the_same_customer_of_another_shop_is_somebody_else(app: Flask, shop_id: int) -> None:
    make_shop(OTHER)
    _, told = ask(app, query(shop=OTHER))
    assert (told["pending"], told["recent"]) == ("0.00", [])


@pytest.mark.parametrize(
    "text",
    [
        "",
        query(secret="somebody-elses-secret"),
        query(timestamp="1700000000"),
        f"logged_in_customer_id=1&{query()}",
        f"{query()}&logged_in_customer_id=1",
        query(("logged_in_customer_id", "1")),
        query(("shop", OTHER)),
        query().replace(CUSTOMER, "1"),
        f"{query()}&page=1",
    ],
)
def test_what_shopify_did_not_sign_is_refused(app: Flask, shop_id: int, text: str) -> None:
    status, told = ask(app, text)
    assert status == 401
    assert list(told) == ["error"]


@pytest.mark.parametrize("customer", ["abc", "-1", "0", "1.5", "9" * 19, "9" * 40, "٣", " 7"])
def test_what_is_no_customers_id_is_refused(app: Flask, shop_id: int, customer: str) -> None:
    assert ask(app, query(logged_in_customer_id=customer))[0] == 400


def test_a_shop_that_took_the_app_away_shows_nothing(app: Flask, shop_id: int) -> None:
    assert ask(app, query(shop="unknown.myshopify.com"))[0] == 404
    with transaction() as session:
        session.execute(update(Shop).values(uninstalled_at=utcnow()))
    assert ask(app, query())[0] == 404


def test_asking_writes_nothing(app: Flask, shop_id: int) -> None:
    before = all_rows()
    for customer in (CUSTOMER, "78", ""):
        ask(app, query(logged_in_customer_id=customer))
    assert all_rows() == before


@pytest.fixture
def stage(settings: Settings) -> Iterator[Stage]:
    with set_stage(settings) as stage, stage.app.app_context():
        yield stage


def buy(stage: Stage) -> int:
    """Let Ada buy something in the sandbox's shop, and Boomerang hear of it; return her id."""
    Visitor(stage.app, SHOP).load("/orders")
    asked = {"customer": {"email": "ada@example.com", "first_name": "Ada"}, "lines": [{"price": "50.00"}]}
    placed = requests.post(f"{stage.sandbox.url}/sandbox/orders", json=asked, timeout=5).json()["order"]
    deadline = time.monotonic() + 20
    while requests.get(f"{stage.sandbox.url}/sandbox/deliveries", timeout=5).json()["waiting"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    drain(utcnow)
    return int(placed["customer"]["id"])


def test_the_shops_own_page_asks_through_the_proxy(stage: Stage) -> None:
    customer = buy(stage)
    address = f"{stage.sandbox.url}/storefront/boomerang-demo/apps/boomerang/cashback"
    told = requests.get(address, headers={"X-Sandbox-Customer": str(customer)}, timeout=5).json()
    assert (told["pending"], told["recent"][0]["order"]) == ("1.00", "#1001")
    assert requests.get(address, timeout=5).json() == {"logged_in": False}
    assert requests.get(f"{address}?logged_in_customer_id={customer}", timeout=5).status_code == 401
    stage.sandbox.world.main.grants.change([], ["write_app_proxy"], force=True)
    assert requests.get(address, timeout=5).status_code == 404


@pytest.mark.browser
def test_the_account_page_shows_it(stage: Stage, chromium_path: str) -> None:
    customer = buy(stage)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{stage.sandbox.url}/storefront/boomerang-demo/account?customer={customer}")
        expect(page.locator("#cashback")).to_contain_text("On its way: 1.00 USD")
        expect(page.locator("#cashback")).to_contain_text("#1001: $1.00 is on its way")
        page.locator("#customer").select_option("")
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("#cashback")).to_have_text("Log in to see your cashback.")
        browser.close()
