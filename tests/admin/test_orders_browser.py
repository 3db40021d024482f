"""A failed order in a browser: found by search, looked at, processed, and seen to have arrived."""

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.db import transaction
from app.engine.flows import review
from app.engine.rules.states import TransferState
from app.models import Transfer
from tests.admin.browsing import enter, install
from tests.admin.factories import NOON, order, reading, reward_of, tell
from tests.admin.stage import Stage

pytestmark = pytest.mark.browser


def fail_the_credit_of(shop_id: int, number: int) -> None:
    """Approve an order's cashback, and let Shopify refuse its credit."""
    fact = order(number)
    reward = reward_of(fact)
    with transaction() as session:
        review.approve(session, shop_id, reward.id, reward.version, "system", NOON)
    change_transfers(state=TransferState.REFUSED, error="The account is full.", sent_at=NOON)


def change_transfers(**values: object) -> None:
    with reading() as session:
        for row in session.scalars(select(Transfer)):
            for name, value in values.items():
                setattr(row, name, value)


def test_a_failed_order_is_found_processed_and_seen_to_arrive(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    tell(shop_id, *(order(number) for number in range(1, 40)))
    fail_the_credit_of(shop_id, 7)
    frame = enter(page, stage, "/orders")
    expect(frame.get_by_role("link", name="Failed 1")).to_be_visible()
    frame.get_by_role("searchbox").fill("1007")
    frame.get_by_role("searchbox").press("Enter")
    expect(frame.locator("[data-row]")).to_have_count(1)
    frame.get_by_role("link", name="#1007").click()
    expect(frame.get_by_role("heading", level=1)).to_have_text("#1007")
    expect(frame.get_by_text("Credit refused by Shopify")).to_be_visible()
    frame.get_by_role("link", name="Process cashback").click()
    expect(frame.get_by_role("heading", level=1)).to_have_text("Process the cashback of #1007")
    expect(frame.get_by_text("The account is full.")).to_be_visible()
    frame.get_by_role("button", name="Send it again").click()
    expect(frame.locator(".page-head .badge")).to_have_text("Sending")
    expect(frame.locator(".timeline")).to_contain_text("Retry asked for by")
    change_transfers(state=TransferState.CONFIRMED, confirmed_at=NOON, error=None)
    expect(frame.locator(".page-head .badge")).to_have_text("Processed")
    expect(frame.locator(".timeline")).to_contain_text("Credit confirmed by Shopify")


def test_the_orders_filters_work_by_mouse_and_lead_back(page: Page, stage: Stage) -> None:
    tell(install(page, stage), *(order(number) for number in range(1, 40)))
    frame = enter(page, stage, "/orders")
    frame.get_by_text("Date and amount").click()
    frame.get_by_label("Placed until").fill("2026-02-01")
    frame.get_by_role("button", name="Search").click()
    expect(frame.get_by_role("heading", name="No order matches")).to_be_visible()
    expect(frame.get_by_label("Placed until")).to_have_value("2026-02-01")
    frame.get_by_role("link", name="Show all orders").click()
    expect(frame.locator("[data-row]")).to_have_count(25)
    with page.expect_download() as download:
        frame.get_by_role("button", name="Export").click()
    assert download.value.path().read_text("utf-8-sig").count("\n") == 40
