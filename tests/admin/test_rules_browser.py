"""The rules in a real browser: goods picked in Shopify's window, rates tried, versions scheduled and called off."""

from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, expect

from app.clock import utcnow
from app.engine.flows import terms
from app.models import Shop
from tests.admin.browsing import assert_accessible, enter, install
from tests.admin.factories import reading, session_token
from tests.admin.stage import SHOP, Stage
from tests.admin.test_terms_form import current
from tests.admin.test_terms_page import schedule

pytestmark = pytest.mark.browser


def test_a_product_is_excluded_in_shopifys_window(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    made = page.request.post(f"{stage.sandbox.url}/sandbox/products", data={"title": "Enamel mug"})
    assert made.status == 201, made.text()
    frame = enter(page, stage, "/rules")
    frame.locator("#fold-exclusions > summary").click()
    field = frame.locator(".field").filter(has=frame.get_by_label("Product ids", exact=True)).first
    field.get_by_role("button", name="choose in Shopify").click()
    page.locator("#picker").get_by_label("Enamel mug").check()
    page.locator("#picker").get_by_role("button", name="Choose").click()
    expect(field.locator("[data-names]")).to_have_text("Enamel mug")
    chosen = int(field.locator("textarea").input_value())
    # Choosing again begins with what is chosen; leaving the window changes nothing.
    field.get_by_role("button", name="choose in Shopify").click()
    expect(page.locator("#picker").get_by_label("Enamel mug")).to_be_checked()
    page.locator("#picker").get_by_role("button", name="Cancel").click()
    # What is not saved is known to the admin around the frame, whose own button saves it.
    expect(page.locator("#save-bar")).to_be_visible()
    page.locator("#save-bar").get_by_role("button", name="Save").click()
    expect(frame.get_by_text("Version 2, since")).to_be_visible()
    expect(page.locator("#save-bar")).to_have_count(0)
    assert current(shop_id).excluded_product_ids == {chosen}


def test_what_is_discarded_is_as_it_was(page: Page, stage: Stage) -> None:
    install(page, stage)
    frame = enter(page, stage, "/rules")
    frame.locator("#fold-order > summary").click()
    frame.get_by_label("Minimum order").fill("12")
    frame.locator("#fold-rates > summary").click()
    frame.get_by_role("button", name="Add a rate").click()
    # A link asks before it leaves, and this browser says no to every question.
    frame.get_by_role("link", name="Versions", exact=True).click()
    expect(frame.get_by_label("Minimum order")).to_have_value("12")
    page.locator("#save-bar").get_by_role("button", name="Discard").click()
    expect(frame.locator("#rates [data-item]")).to_have_count(0)
    expect(frame.get_by_label("Minimum order")).to_have_value("0.00")
    expect(page.locator("#save-bar")).to_have_count(0)


def test_a_campaign_that_meets_a_rate_is_tried_scheduled_and_compared(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    frame = enter(page, stage, "/rules")
    frame.locator("#fold-rates > summary").click()
    frame.get_by_role("button", name="Add a rate").click()
    rate = frame.locator("#rates [data-item]")
    rate.get_by_label("Name").fill("Kiln")
    rate.get_by_label("Cashback").fill("8")
    rate.get_by_text("Which goods: everything").click()
    rate.get_by_label("Vendors").fill("Kiln, Ltd.")
    frame.get_by_role("button", name="Add a campaign").click()
    campaign = frame.locator("#campaigns [data-item]")
    campaign.get_by_label("Name").fill("Black Friday")
    campaign.get_by_label("Begins").fill("2190-11-27T00:00")
    campaign.get_by_label("Ends before").fill("2190-11-27T00:00")
    campaign.get_by_label("Times").fill("2")
    frame.get_by_text("More about the goods").click()
    frame.locator("#try-vendor").fill("kiln, ltd.")
    frame.get_by_label("Bought on").fill("2190-11-28T12:00")
    frame.get_by_role("button", name="Try", exact=True).click()
    expect(frame.locator("#tried")).to_contain_text("must end after it begins")
    campaign.get_by_label("Ends before").fill("2190-11-30T00:00")
    frame.get_by_role("button", name="Try", exact=True).click()
    expect(frame.locator("#tried")).to_contain_text("It earns 16 %.")
    expect(frame.locator("#tried li").filter(has_text="Black Friday")).to_contain_text("Counts")
    expect(frame.locator("#tried li").filter(has_text="Rate Kiln")).not_to_contain_text("Counts")
    frame.get_by_label("In force from").fill("2190-11-01T00:00")
    frame.get_by_role("button", name="Publish", exact=True).click()
    expect(frame.get_by_text("Version 2 takes over on")).to_be_visible()
    assert current(shop_id).version == 1
    frame.get_by_role("link", name="Versions", exact=True).click()
    row = frame.locator("[data-version='2']")
    expect(row).to_contain_text("Scheduled")
    expect(row).to_contain_text("Campaign 'Black Friday' is new")
    row.get_by_role("link", name="Version 2").click()
    expect(frame.get_by_role("heading", name="Compared with version 1")).to_be_visible()
    expect(frame.locator(".changes")).to_contain_text("Rate 'Kiln' is new: cashback 8 %, goods vendors 'Kiln, Ltd.'.")
    frame.get_by_role("button", name="Call off").click()
    frame.get_by_role("dialog").get_by_role("button", name="Call off").click()
    expect(frame.locator("[data-version='2']")).to_contain_text("Replaced")
    with reading() as session:
        versions = terms.list_versions(session, shop_id, utcnow())
        begins = versions[0].effective_from
        kept = terms.get_current(session, shop_id, begins)
        assert session.get_one(Shop, shop_id).timezone != "UTC"
    assert replace(kept, version=1) == current(shop_id)
    assert begins.hour != 0


def test_a_text_that_is_wrong_stays_with_its_sentences(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    frame = enter(page, stage, "/terms/text")
    box = frame.get_by_label("Terms as JSON")
    text = box.input_value()
    box.fill(text.replace('"claim_days": 90', '"claim_days": "soon"'))
    frame.get_by_role("button", name="Publish this text").click()
    expect(frame.get_by_text("claim_days: Write a whole number, like 14.")).to_be_visible()
    box.fill(text.replace('"claim_days": 90', '"claim_days": 45'))
    frame.get_by_role("button", name="Publish this text").click()
    expect(frame.get_by_text("Version 2, since")).to_be_visible()
    assert current(shop_id).claim_days == 45


def test_a_version_is_started_from(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    schedule(shop_id, 30, claim_days=10)
    frame = enter(page, stage, "/terms/2")
    frame.get_by_role("link", name="Start from this version").click()
    expect(frame.get_by_text("Filled in from version 2")).to_be_visible()
    frame.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Nothing to publish")).to_be_visible()
    with reading() as session:
        assert len(terms.list_versions(session, shop_id, utcnow())) == 2


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing_in_any_section(browser: Browser, page: Page, stage: Stage, width: int, scheme: str) -> None:
    shop_id = install(page, stage)
    schedule(shop_id, 30, claim_days=10)
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    alone = context.new_page()
    app_url = stage.app.config["SETTINGS"].app_url
    for path in ("/rules", "/terms/2"):
        alone.goto(f"{app_url}{path}?id_token={session_token(SHOP)}")
        for add in alone.locator("[data-adds]").all():
            add.evaluate("(button) => button.click()")
        alone.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
        alone.evaluate("document.documentElement.classList.add('has-picker')")
        assert_accessible(alone)
    alone.locator("[data-opens^=call-off]").click()
    assert_accessible(alone)
    context.close()
