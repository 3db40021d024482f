"""Customers in a browser, in the sandbox's frame: find one, give credit, propose more, and agree as somebody else."""

import re
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.clock import utcnow
from app.db import transaction
from app.engine.flows import terms
from app.engine.rules.roles import Role
from app.engine.staffing import find_member
from app.models import Customer, LedgerEntry, Statement
from tests.admin.browsing import enter, install
from tests.admin.factories import Visitor, order, reading, tell
from tests.admin.stage import SHOP, Stage

pytestmark = pytest.mark.browser


def test_credit_is_given_by_hand_and_above_the_limit_agreed_by_a_second_person(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    tell(shop_id, order(1))
    let_two_decide_above(shop_id, 5_000)
    frame = enter(page, stage, "/customers")
    frame.get_by_role("searchbox").fill("ada@")
    frame.get_by_role("button", name="Search").click()
    expect(frame.get_by_role("link", name="Clear")).to_be_visible()
    frame.get_by_role("link", name="Ada Example").click()
    expect(frame.locator("h1")).to_have_text("Ada Example")

    frame.get_by_text("Give or take credit", exact=True).click()
    frame.get_by_label("Amount").fill("10.00")
    expect(frame.locator("#preview")).to_contain_text("Available after it: $10.00")
    frame.locator("#by-hand").get_by_label("Note").fill("The parcel was late.")
    frame.get_by_role("button", name="Book it").click()
    expect(frame.locator("#available")).to_have_text("$10.00")
    expect(frame.get_by_role("table").last).to_contain_text("By hand")

    frame.get_by_text("Give or take credit", exact=True).click()
    frame.get_by_label("Amount").fill("60")
    expect(frame.locator("#preview")).to_contain_text("Above $50.00 a second person has to agree.")
    frame.get_by_role("button", name="Book it").click()
    expect(frame.get_by_role("heading", name="Waiting for a second person")).to_be_visible()
    expect(frame.get_by_text("You proposed this, so somebody else has to agree.")).to_be_visible()
    expect(frame.get_by_role("button", name="Agree")).to_have_count(0)
    expect(frame.locator("#available")).to_have_text("$10.00")

    proposal = frame.locator("[id^=proposal-]").get_attribute("id") or ""
    with reading() as session:
        (number,) = session.scalars(select(Customer.id)).all()
    second = Visitor(stage.app, SHOP, staff="somebody-else")
    assert second.load(f"/customers/{number}").status_code == 200
    promote(shop_id, "somebody-else")
    answer = second.post(f"/adjustments/{proposal.rpartition('-')[2]}/agree")
    assert answer.status_code == 200, answer.text
    frame = enter(page, stage, f"/customers/{number}")
    expect(frame.locator("#available")).to_have_text("$70.00")
    expect(frame.get_by_role("heading", name="Waiting for a second person")).to_have_count(0)
    with reading() as session:
        assert len(session.scalars(select(LedgerEntry).where(LedgerEntry.kind == "adjustment")).all()) == 2


def let_two_decide_above(shop_id: int, minor: int) -> None:
    """Publish terms from now on: those that the first visit made begin today."""
    with transaction() as session:
        current = terms.get_current(session, shop_id, utcnow())
        terms.publish(session, shop_id, replace(current, second_person_above_minor=minor), "system", utcnow())


def promote(shop_id: int, shopify_id: str) -> None:
    """Make somebody who has come to the desk a manager."""
    with transaction() as session:
        row = find_member(session, shop_id, shopify_id)
        assert row is not None
        row.role = Role.MANAGER


def test_many_get_a_tier_and_a_proposal_is_declined_with_a_reason(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    tell(shop_id, order(1))
    let_two_decide_above(shop_id, 100)
    frame = enter(page, stage, "/customers")
    frame.get_by_label("Choose Ada Example").check()
    frame.get_by_text("Give the ticked ones a tier").click()
    frame.locator("#assign").get_by_label("Tier", exact=True).select_option("Gold")
    frame.locator("#assign").get_by_label("Reason").fill("A friend of the house.")
    frame.get_by_role("button", name="Give the tier").click()
    expect(frame.locator("tbody tr")).to_contain_text("Gold")
    frame.get_by_role("link", name="Ada Example").click()
    frame.get_by_text("Give or take credit", exact=True).click()
    frame.get_by_label("Amount").fill("20")
    frame.get_by_role("button", name="Book it").click()
    frame.get_by_role("button", name="Decline").click()
    frame.locator("dialog[open]").get_by_label("Reason").fill("Twice already.")
    frame.locator("dialog[open]").get_by_role("button", name="Decline").click()
    expect(frame.get_by_text("Twice already.")).to_be_visible()
    expect(frame.locator("dialog[open]")).to_have_count(0)


def test_a_statement_comes_down_as_a_file_and_goes_on_paper_without_the_frame(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    tell(shop_id, order(1))
    with reading() as session:
        number = session.scalars(select(Statement.id)).one()
    frame = enter(page, stage, "/statements")
    frame.get_by_role("row", name="Ada Example").get_by_role("link").click()
    expect(frame.get_by_role("heading", name="Figures")).to_be_visible()
    with page.expect_download() as coming:
        frame.get_by_role("button", name="Export CSV").click()
    assert coming.value.suggested_filename == f"statement-{number}.csv"
    assert re.search(r"closing.*2\.00", coming.value.path().read_text(encoding="utf-8-sig"))
    page.emulate_media(media="print")
    expect(frame.get_by_role("button", name="Print")).to_be_hidden()
    expect(frame.get_by_role("heading", name="Figures")).to_be_visible()
