"""The books and the trail in a browser: files come down, what differs is looked at, a switch can be read."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.clock import utcnow
from app.db import transaction
from app.engine.flows import program
from app.engine.flows.program import Waiting
from app.engine.rules.facts import CustomerFact, MoveKind
from app.engine.rules.terms import Mode
from app.models import CreditAccount, CreditMoveRow, Customer, Transfer
from tests.admin.browsing import enter, install
from tests.admin.factories import BIG, NOON, order, reading, tell
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


def test_a_calculation_that_gave_nothing_says_why_and_leads_to_its_order(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    tell(shop_id, order(1), order(2, is_test=True))
    frame = enter(page, stage, "/calculations")
    expect(frame.locator("tbody tr")).to_have_count(2)
    frame.get_by_label("What stands out").select_option("nothing")
    expect(frame.locator("tbody tr")).to_have_count(1)
    expect(frame.get_by_label("Why nothing")).to_be_visible()
    only = frame.locator("tbody tr")
    expect(only).to_contain_text("Test orders earn nothing.")
    only.get_by_role("link", name="#1002").click()
    expect(frame.locator("#page h1")).to_have_text("#1002")


def differ(shop_id: int) -> None:
    """Let Ada have 2.50 more in Shopify than in the books, by what looks like her credit a second time."""
    with transaction() as session:
        transfer = session.scalars(select(Transfer).where(Transfer.shop_id == shop_id)).one()
        whose = session.scalars(select(Customer.id).where(Customer.shop_id == shop_id)).one()
        session.query(CreditAccount).filter(CreditAccount.shop_id == shop_id).delete()
        session.add(
            CreditAccount(
                shop_id=shop_id,
                customer_id=whose,
                currency="USD",
                shopify_id=1,
                balance_minor=450,
                read_at=NOON,
                next_read_at=utcnow() + timedelta(hours=2),
                drift_minor=250,
                drift_since=NOON,
            )
        )
        move = {"kind": MoveKind.EXTERNAL_CREDIT, "amount_minor": 250, "at": NOON, "first_seen_at": NOON}
        key = "gid://made-up/1"
        which = {"key": key, "customer_id": whose, "currency": "USD", "repeats_transfer_id": transfer.id}
        session.add(CreditMoveRow(shop_id=shop_id, **which, **move))


def test_an_account_that_differs_is_looked_at_and_read_again(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    with transaction() as session:
        program.set_mode(session, shop_id, Mode.AUTOMATIC, Waiting.KEEP, "system", utcnow())
    tell(shop_id, order(1))
    differ(shop_id)
    frame = enter(page, stage, "/accounts")
    row = frame.get_by_role("row", name="Ada Example")
    expect(row).to_contain_text("$4.50")
    expect(row).to_contain_text("$2.50")
    repeats = frame.get_by_role("region", name="Looks carried out twice")
    repeats.get_by_label("What was done about it").fill("Taken back by hand.")
    repeats.get_by_role("button", name="I looked at it").click()
    expect(repeats).to_have_count(0)
    frame.get_by_role("button", name="Read all again now").click()
    expect(row).to_contain_text("being read")
    with reading() as session:
        assert session.scalars(select(CreditMoveRow.repeat_seen_at)).one() is not None
    row.get_by_role("link", name="Ada Example").click()
    expect(frame.locator("#page h1")).to_have_text("Ada Example")


def test_a_switch_of_the_mode_is_read_in_the_trail(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    with transaction() as session:
        # Later than everything that the visits themselves leave in the trail.
        later = utcnow() + timedelta(seconds=5)
        program.set_mode(session, shop_id, Mode.MANUAL, Waiting.KEEP, "cli", later - timedelta(seconds=4))
        program.set_mode(session, shop_id, Mode.AUTOMATIC, Waiting.KEEP, "cli", later)
    frame = enter(page, stage, "/activity")
    frame.locator("select[name=action]").select_option("set_mode")
    # Not before the list is the chosen one: a link of the page that is about to be replaced leads nowhere.
    expect(frame.locator("tbody tr")).to_have_count(2)
    newest = frame.locator("tbody tr").first
    expect(newest).to_contain_text("Switched the mode")
    expect(newest).to_contain_text("Manual → Automatic")
    expect(newest).to_contain_text("the command line")
    frame.get_by_role("link", name="Deliveries").click()
    expect(frame.locator("#page h1")).to_have_text("Deliveries")
