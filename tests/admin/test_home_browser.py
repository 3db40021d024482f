"""The front page in the admin's frame: from what needs somebody to the desk and back, and figures that renew."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from app.clock import utcnow
from app.db import transaction
from app.engine.flows import program
from app.engine.rules.terms import Mode
from tests.admin.browsing import enter, install
from tests.admin.factories import order, tell
from tests.admin.stage import Stage

pytestmark = pytest.mark.browser


def test_from_the_front_page_to_the_work_and_charts_that_can_be_read_as_tables(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    with transaction() as session:
        program.set_mode(session, shop_id, Mode.AUTOMATIC, program.Waiting.KEEP, "system", utcnow())
    at = utcnow() - timedelta(days=40)
    tell(shop_id, order(1, placed_at=at, updated_at=at))
    with transaction() as session:
        program.set_mode(session, shop_id, Mode.MANUAL, program.Waiting.KEEP, "system", utcnow())
    tell(shop_id, order(2))
    frame = enter(page, stage, "/")
    expect(frame.locator("h1")).to_have_text("Home")
    expect(frame.locator("p", has_text="No cashback was issued in these days.")).to_be_visible()
    frame.get_by_role("link", name="90 days").click()
    expect(frame.get_by_role("img", name="Cashback issued and taken back")).to_be_visible()
    expect(frame.locator("p", has_text="$2.00 was issued and $0.00 taken back")).to_be_visible()
    frame.get_by_text("Show as table").first.click()
    expect(frame.get_by_role("cell", name="$2.00").first).to_be_visible()
    frame.get_by_role("link", name="1 order waits for approval.").click()
    expect(frame.locator("[data-row]").first).to_contain_text("#1002")


def test_the_business_figures_are_typed_corrected_and_reckoned_with(page: Page, stage: Stage) -> None:
    install(page, stage)
    frame = enter(page, stage, "/settings/business")
    for label, value in (
        ("Share of the price", "140"),
        ("Sending an order costs", "5.00"),
        ("An average order is worth", "80.00"),
        ("Return aimed at", "300"),
    ):
        frame.get_by_label(label).fill(value)
    frame.get_by_role("button", name="Save").click()
    share = frame.get_by_label("Share of the price")
    expect(share).to_have_attribute("aria-invalid", "true")
    expect(share).to_have_value("140")
    share.fill("40")
    frame.get_by_role("button", name="Save").click()
    expect(frame.get_by_text("33.75")).to_be_visible()
    expect(frame.get_by_role("alert")).to_have_count(0)
