"""The books and the trail in a browser: one customer's entries come down as a file, and a switch can be read."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from app.clock import utcnow
from app.db import transaction
from app.engine.flows import program
from app.engine.flows.program import Waiting
from app.engine.rules.facts import CustomerFact
from app.engine.rules.terms import Mode
from tests.admin.browsing import enter, install
from tests.admin.factories import BIG, order, tell
from tests.admin.stage import Stage

pytestmark = pytest.mark.browser

BEN = CustomerFact(BIG + 702, "ben@example.com", "Ben Example")


def test_one_customers_entries_come_down_as_a_file(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    tell(shop_id, order(1), order(2, customer=BEN))
    frame = enter(page, stage, "/ledger")
    expect(frame.locator("tbody tr")).to_have_count(2)
    frame.locator("#search").fill("ben@example.com")
    frame.get_by_role("button", name="Search").click()
    expect(frame.locator("tbody tr")).to_have_count(1)
    expect(frame.get_by_role("heading", name="Ben Example")).to_be_visible()
    frame.locator("tbody summary").click()
    expect(frame.get_by_text("Entry 1 of this customer")).to_be_visible()
    with page.expect_download() as coming:
        frame.get_by_role("button", name="Export").click()
    text = coming.value.path().read_text("utf-8-sig")
    assert "#1002" in text
    assert "#1001" not in text
    frame.get_by_role("link", name="Show everybody").click()
    expect(frame.locator("tbody tr")).to_have_count(2)


def test_a_switch_of_the_mode_is_read_in_the_trail(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    with transaction() as session:
        # Later than everything that the visits themselves leave in the trail.
        later = utcnow() + timedelta(seconds=5)
        program.set_mode(session, shop_id, Mode.MANUAL, Waiting.KEEP, "cli", later - timedelta(seconds=4))
        program.set_mode(session, shop_id, Mode.AUTOMATIC, Waiting.KEEP, "cli", later)
    frame = enter(page, stage, "/activity")
    frame.locator("select[name=action]").select_option("set_mode")
    newest = frame.locator("tbody tr").first
    expect(newest).to_contain_text("Switched the mode")
    expect(newest).to_contain_text("Manual → Automatic")
    expect(newest).to_contain_text("the command line")
    frame.get_by_role("link", name="Deliveries").click()
    expect(frame.locator("#page h1")).to_have_text("Deliveries")
