"""Imports and incidents in a browser: the past is counted, then brought in with cashback; trouble leads to itself."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import requests
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.clock import utcnow
from app.engine.flows import imports
from app.errands.history import import_step
from app.models import HistoryImport, ImportState, Reward, Shop
from tests.admin.browsing import enter, install
from tests.admin.factories import reading
from tests.admin.full_incidents import add_incidents
from tests.admin.stage import Stage

pytestmark = pytest.mark.browser
MOST_STEPS = 50


def sell_before_the_app_came(stage: Stage, price: str, days_ago: int) -> None:
    """Place an order in the sandbox whose news the app never gets."""
    body = {
        "customer": {"email": "ada@example.com", "first_name": "Ada", "last_name": "Example"},
        "lines": [{"price": price, "quantity": 1}],
        "created_at": (utcnow() - timedelta(days=days_ago)).isoformat(),
    }
    with requests.Session() as http:
        http.trust_env = False
        http.post(f"{stage.sandbox.url}/sandbox/orders", json=body, timeout=30).raise_for_status()


def carry(stage: Stage, shop_id: int) -> HistoryImport:
    """Do a worker's part: carry the newest import to its end, and return it."""
    row = _newest(shop_id)
    for _ in range(MOST_STEPS):
        if row.state.is_over:
            return row
        assert stage.sandbox.world.main.bulk.wait_idle(30)
        import_step(shop_id, lasts=None, clock=_not_before(row.next_step_at))
        row = _newest(shop_id)
    raise AssertionError(f"The import does not end: {row.state}, {row.error}")


def _newest(shop_id: int) -> HistoryImport:
    with reading() as session:
        row = imports.find_newest(session, shop_id)
        assert row is not None
        session.expunge(row)
        return row


def _not_before(due: datetime | None) -> Callable[[], datetime]:
    return lambda: max(utcnow(), due or utcnow())


def test_past_orders_are_counted_and_brought_in_with_their_cashback(page: Page, stage: Stage) -> None:
    frame = enter(page, stage, "/imports")
    with reading() as session:
        shop_id = session.scalars(select(Shop.id)).one()
    for price, days_ago in (("100.00", 20), ("50.00", 10)):
        sell_before_the_app_came(stage, price, days_ago)
    expect(frame.get_by_text("No imports yet")).to_be_visible()
    frame.get_by_label("The last 30 days").check()
    frame.get_by_role("button", name="Count the orders first").click()
    expect(frame.get_by_role("heading", name="Count: The last 30 days")).to_be_visible()
    assert carry(stage, shop_id).state is ImportState.FINISHED

    # The page follows by itself.
    expect(frame.get_by_role("heading", name="Counted: The last 30 days")).to_be_visible()
    counted = frame.get_by_role("region", name="Counted: The last 30 days")
    expect(counted).to_contain_text("$150.00")
    expect(counted).to_contain_text("$3.00")
    with reading() as session:
        assert session.scalars(select(Reward.id)).all() == [], "counting changes nothing"
    counted.get_by_role("button", name="Import and give cashback for them").click()
    dialog = frame.get_by_role("dialog")
    expect(dialog).to_contain_text("Give about $3.00 of cashback?")
    dialog.get_by_role("button", name="Import and give cashback").click()
    expect(frame.get_by_role("button", name="Cancel the import").first).to_be_visible()
    assert carry(stage, shop_id).state is ImportState.FINISHED

    expect(frame.get_by_role("row", name="Finished")).to_have_count(2)
    with reading() as session:
        assert sorted(session.scalars(select(Reward.granted_minor))) == [100, 200]


def test_open_trouble_leads_to_what_is_concerned(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    add_incidents(shop_id, utcnow())
    frame = enter(page, stage, "/incidents")
    expect(frame.locator("tbody tr")).to_have_count(3)
    open_one = frame.get_by_role("row").filter(has_text="Open")
    expect(open_one).to_have_count(1)
    expect(open_one).to_contain_text("There is 1 transfer refused by Shopify.")
    expect(frame.get_by_role("row").filter(has_text="Ended")).to_have_count(3)
    open_one.get_by_role("link").click()
    expect(frame.locator("#page h1")).to_have_text("Orders")
    expect(frame.get_by_label("Status")).to_have_value("failed")
