"""Permissions in a real browser: asked for by App Bridge, declined, granted, lost, and agreed to again."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, FrameLocator, Page, expect, sync_playwright
from sqlalchemy import select

from app.clock import utcnow
from app.config import Settings
from app.db import db
from app.models import ShopToken
from app.webhooks.inbox import drain
from tests.admin.factories import reading, session_token
from tests.admin.stage import SHOP, Stage, set_stage

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def stage(settings: Settings) -> Iterator[Stage]:
    with set_stage(settings) as stage:
        yield stage


@pytest.fixture
def page(browser: Browser, stage: Stage) -> Iterator[Page]:
    """Return a page that fails the test when the browser complains, as it does about a policy that was broken."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    with stage.app.app_context():
        yield page
    page.close()
    assert complaints == []


def enter(page: Page, stage: Stage) -> FrameLocator:
    """Open the settings in the admin's frame."""
    page.goto(stage.address("/settings"))
    frame = page.frame_locator("#app")
    expect(frame.locator("#permissions")).to_be_visible()
    return frame


def granted() -> str:
    with reading() as session:
        return session.scalars(select(ShopToken.scope)).one()


def test_asking_for_an_optional_permission(page: Page, stage: Stage) -> None:
    stage.sandbox.world.main.grants.change([], ["read_returns"])
    frame = enter(page, stage)
    ask = frame.get_by_role("button", name="Ask for: hear of returns")

    ask.click()
    page.get_by_role("button", name="Decline").click()
    expect(page.locator("#toasts")).to_contain_text("nothing was changed")
    assert "read_returns" not in granted()

    ask.click()
    expect(page.locator("#scopes")).to_contain_text("read_returns")
    page.get_by_role("button", name="Allow").click()
    expect(page.locator("#toasts")).to_contain_text("The permissions have changed")
    expect(ask).to_have_count(0)
    assert "read_returns" in granted()


def change(page: Page, stage: Stage, **body: object) -> None:
    """Change what the shop allows, and let Boomerang hear of it."""
    assert page.request.post(f"{stage.sandbox.url}/sandbox/scopes", data=body).ok
    deadline = time.monotonic() + 20
    while not drain(utcnow).handled:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    db.session.remove()


def test_a_lost_permission_is_agreed_to_on_shopifys_page(page: Page, stage: Stage) -> None:
    stage.sandbox.world.subscriptions.change(["app/scopes_update"])
    enter(page, stage)
    change(page, stage, revoke=["read_orders"], force=True)

    frame = enter(page, stage)
    expect(frame.locator("[data-engine]")).to_have_text("Error")
    frame.get_by_role("link", name="Open Shopify's page").click()
    page.get_by_role("button", name="Install").click()
    page.wait_for_url("**/store/boomerang-demo/apps/boomerang**")

    assert "read_orders" in granted()
    expect(enter(page, stage).locator("[data-engine]")).to_have_text("Active")


def test_what_is_given_back_is_no_error_any_more(page: Page, stage: Stage) -> None:
    stage.sandbox.world.subscriptions.change(["app/scopes_update"])
    enter(page, stage)
    change(page, stage, revoke=["read_orders"], force=True)
    change(page, stage, grant=["read_orders"])

    expect(enter(page, stage).locator("[data-engine]")).to_have_text("Active")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing(browser: Browser, stage: Stage, page: Page, width: int, scheme: Any) -> None:
    enter(page, stage)
    with reading() as session:
        session.scalars(select(ShopToken)).one().scope = "read_orders"
    narrow = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    narrow.goto(f"{stage.app.config['SETTINGS'].app_url}/settings?id_token={session_token(SHOP)}")
    expect(narrow.get_by_role("link", name="Open Shopify's page").first).to_be_visible()
    found = Axe().run(narrow)
    assert found.violations_count == 0, found.generate_report()
    assert narrow.evaluate("document.documentElement.scrollWidth <= innerWidth")
    narrow.close()
