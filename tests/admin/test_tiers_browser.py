"""The tiers in a real browser: a tier is added with a mistake, mended, looked at, published, and everybody moves."""

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.clock import utcnow
from app.jobs import recalculate_tiers
from tests.admin.browsing import assert_accessible, enter, install
from tests.admin.factories import Visitor, line, order, publish, tell
from tests.admin.stage import SHOP, Stage
from tests.admin.test_rooms import KEPT
from tests.admin.test_tiers import LADDER, tell_two
from tests.admin.test_tiers_edit import GOOD, current, row

pytestmark = pytest.mark.browser


def test_a_tier_is_added_mended_previewed_published_and_reached(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    tell(shop_id, order(1, line(net_minor=30_000), placed_at=utcnow() - timedelta(days=3)))
    frame = enter(page, stage, "/tiers")
    expect(frame.get_by_role("row", name="Bronze").get_by_role("link", name="1", exact=True)).to_be_visible()
    frame.get_by_role("link", name="Edit tiers").click()
    expect(frame.get_by_role("group", name="Tier 1").get_by_text("In use")).to_be_visible()
    frame.get_by_role("group", name="Tier 2").get_by_label("From net spend").fill("450")
    frame.get_by_role("group", name="Tier 3").get_by_role("button", name="Remove this tier").click()
    frame.get_by_role("button", name="Add a tier").click()
    added = frame.get_by_role("group", name="New tier")
    expect(added.get_by_label("Name")).to_be_focused()
    added.get_by_label("Name").fill("Copper")
    added.get_by_label("From net spend").fill("250")
    added.get_by_label("Cashback").fill("3")
    added.get_by_label("Icon").select_option("Gem")
    expect(added.get_by_label("Its code")).to_be_hidden()
    added.get_by_label("Colour").select_option("Another…")
    added.get_by_label("Its code").fill("#a86432")
    expect(added.locator(".swatch rect")).to_have_attribute("fill", "#a86432")
    frame.get_by_role("button", name="See what would change").click()
    # The new tier stands last, and is reached before the one above it.
    mistaken = frame.get_by_role("group", name="Tier 3")
    expect(mistaken).to_contain_text("The thresholds must rise")
    expect(mistaken.get_by_label("Name")).to_have_value("Copper")
    mistaken.get_by_label("From net spend").fill("2000")
    frame.get_by_role("group", name="Tier 2").get_by_label("From net spend").fill("250")
    frame.get_by_role("button", name="See what would change").click()
    expect(frame.get_by_role("heading", name="What would change")).to_be_visible()
    expect(frame.get_by_text("1 of 1")).to_be_visible()
    expect(frame.get_by_role("link", name="Ada Example")).to_be_visible()
    expect(frame.get_by_text("$6.00")).to_be_visible()
    assert current(shop_id).version == 1
    frame.get_by_role("button", name="Publish").click()
    expect(frame.get_by_role("row", name="Copper")).to_be_visible()
    assert [tier.name for tier in current(shop_id).tiers] == ["Bronze", "Silver", "Copper"]
    expect(frame.get_by_text("Tiers changed since everybody was last looked at")).to_be_visible()
    frame.get_by_role("button", name="Recalculate now").click()
    expect(frame.get_by_text("Under way")).to_be_visible()
    recalculate_tiers(shop_id)
    expect(frame.get_by_text("Under way")).to_have_count(0)
    expect(frame.get_by_role("row", name="Silver").get_by_role("link", name="1", exact=True)).to_be_visible()
    expect(frame.get_by_text("Tiers changed since")).to_have_count(0)
    frame.get_by_role("link", name="Log of moves").click()
    moved = frame.get_by_role("row", name="Ada Example").first
    expect(moved).to_contain_text("Bronze")
    expect(moved).to_contain_text("Silver")
    expect(moved).to_contain_text("Up")
    frame.get_by_label("Kind").select_option("First tier")
    expect(frame.get_by_role("row", name="Ada Example")).to_have_count(1)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)])
def test_the_pages_that_only_a_form_leads_to_have_no_barrier(
    browser: Browser, page: Page, stage: Stage, scheme: str, width: int, screens: Path | None
) -> None:
    shop_id = install(page, stage)
    tell_two(shop_id)
    visitor = Visitor(stage.app, SHOP)
    looks = {
        "tiers-preview": visitor.post("/tiers/preview?customers=1", GOOD).text,
        "tiers-mistakes": visitor.post("/tiers/preview", row(threshold=["5", "", "x"], name=["A", "A", ""])).text,
    }
    publish(shop_id, tiers=LADDER)
    looks["tiers-overtaken"] = visitor.post("/tiers", GOOD).text
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    alone = context.new_page()
    for name, html in looks.items():
        address = f"{stage.app.config['SETTINGS'].app_url}/{name}"
        alone.route(address, lambda route, _, html=html: route.fulfill(body=html, content_type="text/html"))
        alone.goto(address)
        assert_accessible(alone)
        if screens is not None and (scheme, width) in KEPT:
            alone.screenshot(path=screens / f"{name}-{scheme}-{width}.png", full_page=True)
    context.close()
