"""The settings in a real browser: rows are added and removed, sections fold, and axe finds nothing in any of them."""

import pytest
from playwright.sync_api import Browser, Page, expect

from app.clock import utcnow
from app.engine.flows import terms
from app.engine.rules.terms import Mode
from app.models import Shop
from tests.admin.browsing import assert_accessible, enter, install
from tests.admin.factories import reading, session_token
from tests.admin.stage import SHOP, Stage
from tests.admin.test_terms_form import current
from tests.admin.test_terms_page import schedule

pytestmark = pytest.mark.browser


def test_a_campaign_is_added_and_published(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    frame = enter(page, stage, "/settings")
    frame.get_by_text("Rates and campaigns").click()
    frame.get_by_role("button", name="Add a rate").click()
    frame.get_by_role("button", name="Add a campaign").click()
    campaign = frame.locator("#campaigns [data-item]")
    campaign.get_by_label("Name").fill("Black Friday")
    campaign.get_by_label("Begins").fill("2190-11-27T00:00")
    campaign.get_by_label("Ends before").fill("2190-11-27T00:00")
    campaign.get_by_label("Times").fill("2")
    frame.get_by_role("button", name="Publish", exact=True).click()
    expect(frame.locator("#campaigns [data-item]")).to_contain_text("must end after it begins")
    # The row of a rate that was left empty is gone.
    expect(frame.locator("#rates [data-item]")).to_have_count(0)
    campaign.get_by_label("Ends before").fill("2190-11-30T00:00")
    campaign.get_by_text("Which goods: everything").click()
    campaign.get_by_label("Vendors").fill("Kiln, Ltd.\nLoom")
    frame.get_by_role("button", name="Publish", exact=True).click()
    expect(frame.get_by_text("Version 2, since")).to_be_visible()
    with reading() as session:
        zone = session.get_one(Shop, shop_id).timezone
    made = current(shop_id).campaigns[0]
    assert (made.name, made.multiplier_bps, made.scope.vendors) == ("Black Friday", 20_000, {"Kiln, Ltd.", "Loom"})
    assert f"{made.ends_at - made.starts_at}" == "3 days, 0:00:00"
    assert zone != "UTC"
    assert made.starts_at.hour != 0


def test_the_mode_is_switched_to_mixed_in_its_dialog(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    frame = enter(page, stage, "/settings")
    frame.get_by_role("button", name="Switch to mixed").click()
    dialog = frame.get_by_role("dialog")
    dialog.get_by_label("Cashback up to").fill("5")
    dialog.get_by_label("Gold").check()
    dialog.get_by_role("button", name="Switch to mixed").click()
    expect(frame.locator("[data-mode]")).to_have_text("Mixed")
    expect(frame.get_by_text("Without a person: Up to $5.00, Gold.")).to_be_visible()
    with reading() as session:
        assert session.get_one(Shop, shop_id).mode is Mode.MIXED
    assert (current(shop_id).automatic_up_to_minor, current(shop_id).automatic_tiers) == (500, {"Gold"})


def test_a_text_that_is_wrong_stays_open_with_its_sentences(page: Page, stage: Stage) -> None:
    install(page, stage)
    frame = enter(page, stage, "/settings")
    frame.get_by_text("All terms as text").click()
    box = frame.get_by_label("Terms as JSON")
    text = box.input_value()
    box.fill(text.replace('"claim_days": 90', '"claim_days": "soon"'))
    frame.get_by_role("button", name="Publish this text").click()
    expect(frame.get_by_text("claim_days: Write a whole number, like 14.")).to_be_visible()
    box.fill(text.replace('"claim_days": 90', '"claim_days": 45'))
    frame.get_by_role("button", name="Publish this text").click()
    expect(frame.get_by_text("Days for guests to claim: 45 instead of 90.")).to_be_visible()


def test_a_version_is_started_from(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    schedule(shop_id, 30, claim_days=10)
    frame = enter(page, stage, "/settings")
    frame.get_by_role("link", name="Version 2").click()
    expect(frame.locator("h1")).to_have_text("Terms, version 2")
    frame.get_by_role("link", name="Start from this version").click()
    expect(frame.get_by_text("Filled in from version 2")).to_be_visible()
    frame.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Nothing to publish")).to_be_visible()
    with reading() as session:
        assert len(terms.list_versions(session, shop_id, utcnow())) == 2


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (760, "light"), (390, "dark")])
def test_axe_finds_nothing_in_any_section(browser: Browser, page: Page, stage: Stage, width: int, scheme: str) -> None:
    shop_id = install(page, stage)
    schedule(shop_id, 30, claim_days=10)
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    alone = context.new_page()
    app_url = stage.app.config["SETTINGS"].app_url
    for path in ("/settings", "/settings/terms/2"):
        alone.goto(f"{app_url}{path}?id_token={session_token(SHOP)}")
        for add in alone.locator("[data-adds]").all():
            add.evaluate("(button) => button.click()")
        alone.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
        assert_accessible(alone)
    alone.goto(f"{app_url}/settings?id_token={session_token(SHOP)}")
    for name in ("go-mixed", "go-automatic"):
        alone.locator(f"[data-opens={name}]").click()
        assert_accessible(alone)
        alone.keyboard.press("Escape")
    context.close()
