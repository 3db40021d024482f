"""From the installation to the first order's cashback, and roles tried by three people, in the sandbox's frame."""

import time

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.clock import utcnow
from app.db import db
from app.engine.rules.states import RewardState
from app.models import Reward
from app.webhooks.inbox import drain
from tests.admin.browsing import enter, install
from tests.admin.factories import line, order, reading, reward_of, tell
from tests.admin.stage import Stage

pytestmark = pytest.mark.browser


def hear() -> None:
    """Let the app handle what the sandbox has told."""
    deadline = time.monotonic() + 20
    with_reward = select(Reward.id)
    while True:
        drain(utcnow)
        with reading() as session:
            if session.scalars(with_reward).first() is not None:
                break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    db.session.remove()


def test_from_the_installation_to_the_first_orders_cashback(page: Page, stage: Stage) -> None:
    frame = enter(page, stage, "/first-run")
    expect(frame.get_by_text("1 of 5")).to_be_visible()
    frame.get_by_role("button", name="Keep these").click()
    expect(frame.get_by_text("2 of 5")).to_be_visible()
    frame.get_by_label("Automatic").check()
    frame.get_by_role("button", name="Choose", exact=True).click()
    expect(frame.get_by_text("3 of 5")).to_be_visible()
    frame.get_by_role("button", name="Begin with new orders").click()
    expect(frame.get_by_text("4 of 5")).to_be_visible()
    expect(frame.get_by_text("Waiting for the first order…")).to_be_visible()

    page.get_by_label("Price").fill("50.00")
    page.get_by_role("button", name="Pay now").click()
    hear()
    expect(frame.locator("[data-cashback]")).to_have_text("$1.00")
    expect(frame.locator("#first-order .sentences li").first).to_be_visible()

    enter(page, stage, "/")
    frame.locator("#page").get_by_role("button", name="Close").click()
    expect(frame.get_by_text("Closed on the first page since")).to_be_visible()
    frame = enter(page, stage, "/")
    expect(frame.get_by_role("heading", name="First steps")).to_have_count(0)


def be(page: Page, name: str) -> None:
    page.get_by_label("Logged in as").select_option(label=name)


def test_an_owner_makes_an_approver_who_is_refused_above_the_limit(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    small, large = order(1, line(net_minor=25_000)), order(2, line(net_minor=30_000))
    tell(shop_id, small, large)
    frame = enter(page, stage, "/settings")
    expect(frame.get_by_role("button", name="Switch to automatic")).to_be_visible()
    be(page, "Rita Reviewer")
    expect(frame.get_by_text("A manager or an owner can change them.")).to_be_visible()
    expect(frame.get_by_role("button", name="Switch to automatic")).to_have_count(0)

    be(page, "Olivia Owner")
    expect(frame.get_by_role("button", name="Switch to automatic")).to_be_visible()
    frame.get_by_role("link", name="Staff", exact=True).first.click()
    frame.get_by_role("link", name="Rita Reviewer").click()
    frame.get_by_label("Approver").first.check()
    frame.get_by_label("An approver approves up to").fill("5.00")
    frame.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved")).to_be_visible()

    be(page, "Rita Reviewer")
    frame = enter(page, stage, f"/orders/{large.order_id}")
    frame.get_by_role("button", name="Approve").first.click()
    expect(frame.get_by_text("You may approve up to").first).to_be_visible()
    assert reward_of(large).state is RewardState.IN_REVIEW
    frame = enter(page, stage, f"/orders/{small.order_id}")
    frame.get_by_role("button", name="Approve").first.click()
    expect(page.get_by_text("Approved").first).to_be_visible()
    assert reward_of(small).state is not RewardState.IN_REVIEW


def test_switching_to_automatic_releases_what_waits(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    tell(shop_id, order(1))
    frame = enter(page, stage, "/settings")
    frame.get_by_role("button", name="Switch to automatic").click()
    dialog = frame.get_by_role("dialog")
    expect(dialog.get_by_text("1 order waits for approval, $2.00 in all")).to_be_visible()
    dialog.get_by_label("Release all").check()
    dialog.get_by_role("button", name="Switch to automatic").click()
    expect(frame.locator("[data-mode]")).to_have_text("Automatic")
    assert reward_of(order(1)).state is RewardState.PENDING
