"""The settings in a real browser: the mode is switched in dialogs, and axe finds nothing in any of them."""

import pytest
from playwright.sync_api import Browser, Page, expect

from app.engine.rules.terms import Mode
from app.models import Shop
from tests.admin.browsing import assert_accessible, enter, install
from tests.admin.factories import reading, session_token
from tests.admin.stage import SHOP, Stage
from tests.admin.test_terms_form import current

pytestmark = pytest.mark.browser


def test_the_mode_is_switched_to_mixed_in_its_dialog(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    frame = enter(page, stage, "/settings")
    frame.get_by_role("button", name="Switch to mixed").click()
    dialog = frame.get_by_role("dialog")
    dialog.get_by_label("Cashback up to").fill("5")
    dialog.get_by_label("Gold").check()
    dialog.get_by_role("button", name="Switch to mixed").click()
    expect(frame.locator("[data-mode]")).to_have_text("Mixed")
    expect(frame.get_by_text("Without a person: Up to $5.00 · Gold.")).to_be_visible()
    with reading() as session:
        assert session.get_one(Shop, shop_id).mode is Mode.MIXED
    assert (current(shop_id).automatic_up_to_minor, current(shop_id).automatic_tiers) == (500, {"Gold"})


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (760, "light"), (390, "dark")])
def test_axe_finds_nothing_in_any_dialog(browser: Browser, page: Page, stage: Stage, width: int, scheme: str) -> None:
    install(page, stage)
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    alone = context.new_page()
    app_url = stage.app.config["SETTINGS"].app_url
    alone.goto(f"{app_url}/settings?id_token={session_token(SHOP)}")
    assert_accessible(alone)
    for name in ("go-mixed", "go-automatic"):
        alone.locator(f"[data-opens={name}]").click()
        assert_accessible(alone)
        alone.keyboard.press("Escape")
    context.close()
