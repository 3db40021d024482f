"""The pages that mails lead to, in a browser: no barrier, no complaint, nothing too wide; and what a customer does.

``make screenshots`` runs this with ``--screens docs/screens``, and the pictures are written there.
"""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect
from sqlalchemy import select, update

from app.clock import utcnow
from app.languages import LANGUAGES
from app.mail.links import cashback_link, guest_link, statement_link, stop_link
from app.models import MailStop, Order, Shop
from tests.admin.browsing import assert_accessible, install
from tests.admin.factories import reading
from tests.admin.full_shop import FullShop, fill_shop
from tests.admin.stage import Stage

pytestmark = pytest.mark.browser

KEPT = {("light", 1280), ("dark", 390)}
TALLEST = 1500


def list_links(shop: FullShop, language: str = "en") -> dict[str, str]:
    """Return the address of each page, by the name of its picture."""
    now = utcnow()
    with reading() as session:
        session.execute(update(Shop).where(Shop.id == shop.id).values(name="Linen & Light"))
        guests = select(Order.id).where(Order.shop_id == shop.id, Order.shopify_id == shop.guest_order_id)
        guest_order_id = session.scalars(guests).one()
    return {
        "told-cashback": cashback_link(shop.id, shop.customer_id, language, now),
        "told-guest": guest_link(shop.id, guest_order_id, language, now),
        "told-statement": statement_link(shop.id, shop.statement_id, language, now),
        "told-stop": stop_link(shop.id, "ada@example.com", None, language),
        "told-nothing": stop_link(shop.id, "ada@example.com", None, language).replace("/stop/", "/cashback/"),
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_has_a_barrier(
    browser: Browser, page: Page, stage: Stage, scheme: str, width: int, screens: Path | None
) -> None:
    shop = fill_shop(install(page, stage))
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    alone, complaints = context.new_page(), list[str]()

    def listen(message: ConsoleMessage) -> None:
        # A page that says that there is nothing has a status of its own, which Chromium calls an error.
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    alone.on("console", listen)
    alone.on("pageerror", lambda error: complaints.append(str(error)))
    for name, link in list_links(shop).items():
        alone.goto(link)
        assert_accessible(alone)
        assert complaints == [], name
        if screens is not None and (scheme, width) in KEPT:
            height = min(alone.evaluate("document.documentElement.scrollHeight"), TALLEST)
            clip = {"x": 0, "y": 0, "width": width, "height": height}
            alone.screenshot(path=screens / f"{name}-{scheme}-{width}.png", full_page=True, clip=clip)  # type: ignore[arg-type]
    assert context.cookies() == []
    context.close()


def test_every_language_fits_on_a_phone(browser: Browser, page: Page, stage: Stage) -> None:
    shop = fill_shop(install(page, stage))
    context = browser.new_context(viewport={"width": 320, "height": 800})
    alone = context.new_page()
    for language in LANGUAGES:
        for name, link in list_links(shop, language).items():
            alone.goto(link)
            assert_accessible(alone)
            expect(alone.locator("html"), name).to_have_attribute("lang", language)
    context.close()


def test_a_statement_is_printed_on_paper_of_its_own(
    browser: Browser, page: Page, stage: Stage, screens: Path | None
) -> None:
    shop = fill_shop(install(page, stage))
    context = browser.new_context(color_scheme="dark", viewport={"width": 794, "height": 1123})
    alone = context.new_page()
    alone.goto(list_links(shop)["told-statement"])
    alone.emulate_media(media="print", color_scheme="dark")
    expect(alone.get_by_role("heading", name="Figures")).to_be_visible()
    expect(alone.get_by_text("made for paper")).to_be_hidden()
    expect(alone.get_by_role("navigation")).to_be_hidden()
    assert alone.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert alone.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    if screens is not None:
        alone.screenshot(path=screens / "told-statement-print.png")
    context.close()


def test_somebody_changes_what_they_hear_with_the_keyboard(page: Page, stage: Stage) -> None:
    shop = fill_shop(install(page, stage))
    link = list_links(shop)["told-stop"]
    page.goto(link)
    earned = page.get_by_label("An order earned you cashback")
    expect(earned).to_be_checked()
    earned.focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Save").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    expect(earned).not_to_be_checked()
    expect(page.get_by_label("A statement is ready")).to_be_checked()

    page.get_by_label("none of this").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("no more mails")

    page.get_by_label("none of this").uncheck()
    earned.check()
    page.get_by_role("button", name="Save").click()
    page.goto(link)
    expect(earned).to_be_checked()
    expect(page.get_by_label("none of this")).not_to_be_checked()
    with reading() as session:
        assert session.scalars(select(MailStop.id).where(MailStop.shop_id == shop.id)).all() == []
