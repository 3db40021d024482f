"""A browser, the stage it looks at, and what all tests in the browser do: enter, install, listen, look for barriers.

``browser``, ``stage`` and ``page`` are fixtures of every test beside it; such a file is marked ``pytest.mark.browser``.
"""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, FrameLocator, Page, Request, expect, sync_playwright
from sqlalchemy import select

from app.clock import utcnow
from app.config import Settings
from app.engine.flows import program
from app.models import Shop
from tests.admin.factories import NOON, reading
from tests.admin.stage import Stage, set_stage

#: What is expected of a page is waited for as long as an action is: a busy machine is no failure.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def stage(settings: Settings) -> Iterator[Stage]:
    with set_stage(settings) as stage:
        yield stage


@pytest.fixture
def page(browser: Browser, stage: Stage, db_clean: None) -> Iterator[Page]:
    """Return a page that fails the test when the browser complains, or asks any other host for anything.

    It complains about every policy that was broken.
    """
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        # Refused decisions are answered with a status of their own, which Chromium calls an error.
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    def watch(request: Request) -> None:
        if is_elsewhere(request.url):
            complaints.append(f"It asked {request.url}")

    page.on("console", listen)
    page.on("request", watch)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    with stage.app.app_context():
        yield page
    page.close()
    assert complaints == [], complaints


def is_elsewhere(url: str) -> bool:
    """Return whether an address leads to another machine; what is part of the page leads nowhere."""
    parts = urlsplit(url)
    return parts.scheme not in ("data", "blob", "about") and parts.hostname != "127.0.0.1"


def enter(page: Page, stage: Stage, path: str) -> FrameLocator:
    """Open a page of the app in the admin's frame."""
    page.goto(stage.address(path))
    return await_app(page)


def await_app(page: Page) -> FrameLocator:
    """Return the admin's frame once the app in it is there, its scripts included: what is done before them is lost."""
    frame = page.frame_locator("#app")
    expect(frame.locator("#page h1")).to_be_visible()
    frame.locator("html").evaluate(
        "() => document.readyState === 'complete' || new Promise((done) => addEventListener('load', done))"
    )
    return frame


def install(page: Page, stage: Stage, *, undo_seconds: int = 0) -> int:
    """Let the first visit install the shop, say that its programme began a year before noon, and return its id.

    What is approved settles at once, unless there is time to undo it.
    """
    enter(page, stage, "/orders")
    with reading() as session:
        shop_id = session.scalars(select(Shop.id)).one()
        # The first visit is today: without this the made-up orders would lie before the programme and earn nothing.
        program.set_began(session, shop_id, NOON - timedelta(days=365), "system", utcnow())
        program.set_undo(session, shop_id, undo_seconds, "system", utcnow())
    return shop_id


def assert_accessible(page: Page) -> None:
    results = Axe().run(page)
    assert results.violations_count == 0, f"{page.url}: {results.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{page.url} is too wide"
