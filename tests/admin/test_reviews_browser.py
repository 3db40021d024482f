"""The review desk in a real browser: ten orders by keys alone, many by mouse, two people, and one who only looks."""

from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from app.clock import utcnow
from app.db import transaction
from app.engine.flows import settle, staff, terms
from app.engine.rules.facts import OrderFact
from app.engine.rules.roles import Role
from app.engine.rules.states import RewardState
from app.languages import LANGUAGES
from app.models import Shop
from tests.admin.browsing import enter, install
from tests.admin.factories import line, order, publish, reward_of, session_token, tell
from tests.admin.stage import SHOP, Stage

pytestmark = pytest.mark.browser

#: The people of the sandbox, by their ids in Shopify.
RITA, ALI = "902541636", "902541637"


def fill(
    page: Page, stage: Stage, count: int, *, undo_seconds: int = 0, each_minor: int = 10_000
) -> tuple[int, list[OrderFact]]:
    """Install the shop and let orders wait, each larger by the same than the one before."""
    shop_id = install(page, stage, undo_seconds=undo_seconds)
    facts = [order(number, line(net_minor=each_minor * number)) for number in range(1, count + 1)]
    tell(shop_id, *facts)
    return shop_id, facts


def hire(shop_id: int, shopify_id: str, role: Role) -> None:
    """Let somebody of the sandbox have a role in the shop."""
    with transaction() as session:
        staff.arrive(session, shop_id, shopify_id, None, utcnow())
        row = next(row for row in staff.list_staff(session, shop_id) if row.shopify_id == shopify_id)
        row.role = role


def enter_as(browser: Browser, stage: Stage, shopify_id: str) -> tuple[Page, FrameLocator]:
    """Open the desk as another of the sandbox's people, in a browser of their own."""
    page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
    page.add_init_script(f"localStorage.setItem('sandbox-staff', '{shopify_id}')")
    return page, enter(page, stage, "/reviews")


def states(facts: list[OrderFact]) -> list[str]:
    return [reward_of(fact).state.value for fact in facts]


def test_ten_orders_are_decided_about_by_keys_alone(page: Page, stage: Stage) -> None:
    shop_id, facts = fill(page, stage, 10, undo_seconds=300, each_minor=1_000)
    frame = enter(page, stage, "/reviews")
    frame.locator("#page").focus()
    keys = page.keyboard
    rows, focused = frame.locator(".review"), frame.locator(".review:focus")

    # One is approved, and the next has the focus.
    keys.press("j")
    keys.press("a")
    expect(rows).to_have_count(9)
    expect(focused).to_contain_text("#1002")
    # A slip, taken back in time.
    keys.press("a")
    expect(rows).to_have_count(8)
    keys.press("u")
    expect(rows).to_have_count(9)
    expect(focused).to_contain_text("#1002")
    # Rejected for a reason.
    keys.press("r")
    expect(frame.get_by_role("dialog")).to_contain_text("Reject the cashback for #1002?")
    keys.type("Bought for resale, jkarhux")
    keys.press("Enter")
    expect(rows).to_have_count(8)
    expect(focused).to_contain_text("#1003")
    # Held, and on to the next.
    keys.press("h")
    expect(rows.first).to_contain_text("Held by")
    expect(focused).to_contain_text("#1004")
    keys.press("k")
    expect(focused).to_contain_text("#1003")
    keys.press("j")
    # Another amount.
    keys.press("e")
    expect(frame.get_by_role("dialog").get_by_label("Cashback in USD")).to_have_value("0.80")
    keys.press("Control+a")
    keys.type("0.75")
    keys.press("Tab")
    keys.type("Agreed by mail.")
    keys.press("Enter")
    expect(rows.nth(1)).to_contain_text("$0.75 of $0.80")
    keys.press("k")
    keys.press("a")
    expect(rows).to_have_count(7)
    # Three together.
    for key in ("x", "j", "x", "j", "x"):
        keys.press(key)
    expect(frame.locator("#chosen")).to_have_text("3")
    keys.press("a")
    expect(frame.get_by_role("dialog")).to_contain_text("Approve 3 orders?")
    keys.press("Enter")
    expect(frame.locator("#results-title")).to_contain_text("3 orders approved")
    expect(rows).to_have_count(4)
    # The help, and all of the rest.
    keys.press("?")
    expect(frame.get_by_role("dialog")).to_contain_text("Undo the last decision")
    keys.press("Escape")
    # The one that is held, too.
    keys.press("j")
    expect(focused).to_contain_text("Held by")
    for left in (3, 2, 1):
        keys.press("a")
        expect(rows).to_have_count(left)
    keys.press("a")
    expect(frame.get_by_text("Nothing to review")).to_be_visible()
    assert states(facts) == ["pending", "rejected", *["pending"] * 8]
    assert reward_of(facts[1]).decision_reason == "Bought for resale, jkarhux"
    assert reward_of(facts[3]).granted_minor == 75
    with transaction() as session:
        swept = settle.settle_due(session, session.get_one(Shop, shop_id), utcnow() + timedelta(seconds=301))
    assert swept == 9


def test_many_are_rejected_by_mouse_and_taken_back(page: Page, stage: Stage) -> None:
    _, facts = fill(page, stage, 30)
    frame = enter(page, stage, "/reviews")
    frame.get_by_label("Select #1002").check()
    frame.get_by_label("Select #1005").click(modifiers=["Shift"])
    expect(frame.locator("#chosen")).to_have_text("4")
    frame.get_by_role("button", name="Clear").click()
    expect(frame.locator("#bulk")).to_be_hidden()
    frame.get_by_label("Select this page").check()
    expect(frame.locator("#chosen")).to_have_text("25")
    frame.get_by_label("All 30 that match").check()
    frame.get_by_role("button", name="Reject…").click()
    dialog = frame.get_by_role("dialog")
    expect(dialog).to_contain_text("Reject 30 orders?")
    dialog.get_by_role("button", name="Reject").click()
    expect(dialog).to_be_visible()
    dialog.get_by_label("Reason").fill("A test of the shop.")
    dialog.get_by_role("button", name="Reject").click()
    expect(frame.locator("#results-title")).to_contain_text("30 orders rejected")
    assert set(states(facts)) == {"rejected"}
    frame.get_by_role("button", name="Undo").click()
    expect(frame.locator("#results-title")).to_contain_text("30 decisions undone")
    expect(frame.locator(".review")).to_have_count(25)
    assert set(states(facts)) == {"in_review"}


def test_what_was_refused_of_many_stays_selected_with_its_sentence(page: Page, stage: Stage) -> None:
    shop_id, facts = fill(page, stage, 3)
    frame = enter(page, stage, "/reviews")
    frame.get_by_label("Select this page").check()
    tell(shop_id, order(3, line(net_minor=25_000), updated_at=utcnow()))
    frame.get_by_role("button", name="Approve…").click()
    expect(frame.get_by_role("dialog")).to_contain_text("1 cannot be decided about")
    frame.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(frame.locator(".review")).to_have_count(1)
    expect(frame.locator(".review")).to_contain_text("changed meanwhile")
    expect(frame.get_by_label("Select #1003")).to_be_checked()
    expect(frame.locator("#chosen")).to_have_text("1")
    frame.get_by_role("button", name="Approve #1003").click()
    expect(frame.get_by_text("Nothing to review")).to_be_visible()
    assert set(states(facts)) == {"settled"}


def test_two_people_approve_a_large_one(browser: Browser, page: Page, stage: Stage) -> None:
    shop_id, facts = fill(page, stage, 2)
    with transaction() as session:
        wanted = replace(terms.get_current(session, shop_id, utcnow()), second_person_above_minor=300)
        terms.publish(session, shop_id, wanted, "system", utcnow())
    hire(shop_id, RITA, Role.APPROVER)
    frame = enter(page, stage, "/reviews")
    frame.get_by_role("button", name="Approve #1002").click()
    expect(frame.locator(".review").nth(1)).to_contain_text("needs a second person")
    frame.get_by_role("button", name="Approve #1002").click()
    expect(frame.get_by_role("alert")).to_contain_text("a second person must agree")
    theirs, second = enter_as(browser, stage, RITA)
    second.get_by_label("Show").select_option("second")
    expect(second.locator(".review")).to_have_count(1)
    second.get_by_role("button", name="Approve #1002").click()
    expect(second.get_by_text("Nothing matches")).to_be_visible()
    theirs.context.close()
    assert states(facts) == ["in_review", "settled"]


def test_who_may_only_look_sees_no_buttons(browser: Browser, page: Page, stage: Stage) -> None:
    shop_id, _ = fill(page, stage, 2)
    hire(shop_id, ALI, Role.VIEWER)
    theirs, frame = enter_as(browser, stage, ALI)
    expect(frame.locator(".review")).to_have_count(2)
    expect(frame.get_by_role("button", name="Approve")).to_have_count(0)
    expect(frame.get_by_role("checkbox")).to_have_count(0)
    for key in ("j", "a", "x", "h"):
        theirs.keyboard.press(key)
    expect(frame.locator(".review")).to_have_count(2)
    theirs.context.close()


def test_the_seconds_to_undo_run_out_and_the_credit_follows(page: Page, stage: Stage) -> None:
    shop_id, facts = fill(page, stage, 2, undo_seconds=8)
    frame = enter(page, stage, "/reviews")
    frame.get_by_role("button", name="Approve #1001").click()
    expect(frame.get_by_role("button", name="Undo")).to_be_visible()
    expect(frame.get_by_role("button", name="Undo")).to_have_count(0)
    until = reward_of(facts[0]).undo_until
    assert until is not None
    with transaction() as session:
        settle.settle_due(session, session.get_one(Shop, shop_id), until)
    assert reward_of(facts[0]).state is RewardState.SETTLED


#: The texts of a row that a button stands upon, though both are to be read.
COVERED = """() => [...document.querySelectorAll(".review")].flatMap((row) =>
  [...row.querySelectorAll("dt, strong, time, .review__who .badge")].flatMap((text) => {
    const range = document.createRange();
    range.selectNodeContents(text);
    const one = range.getBoundingClientRect();
    return [...row.querySelectorAll("button")].filter((button) => {
      const other = button.getBoundingClientRect();
      return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
    }).map((button) => `${text.textContent} / ${button.textContent}`);
  }))"""


@pytest.mark.parametrize("width", [1280, 1010, 900])
def test_no_button_covers_a_figure_in_any_language(page: Page, stage: Stage, width: int) -> None:
    shop_id = install(page, stage)
    publish(shop_id, hold_above_minor=15_000)
    tell(shop_id, order(1, line(net_minor=123_450)), order(2, line(net_minor=10_000)))
    page.set_viewport_size({"width": width, "height": 900})
    for language in LANGUAGES:
        asked = f"id_token={session_token(SHOP)}&shop={SHOP}&locale={language}"
        page.goto(f"{stage.app.config['SETTINGS'].app_url}/reviews?{asked}")
        expect(page.locator("html")).to_have_attribute("lang", language)
        expect(page.locator(".review")).to_have_count(2)
        assert page.evaluate(COVERED) == [], language


#: So many pixels of the window's lower edge Shopify's toasts stand upon, for half the time there is to undo.
TOASTS = 81


@pytest.mark.parametrize("width", [1280, 390])
def test_a_toast_leaves_the_button_that_undoes_free(page: Page, stage: Stage, width: int) -> None:
    fill(page, stage, 2, undo_seconds=300)
    page.set_viewport_size({"width": width, "height": 700})
    frame = enter(page, stage, "/reviews")
    frame.get_by_role("button", name="Approve #1001", exact=True).click()
    bar = frame.locator(".undo__bar").bounding_box()
    assert bar is not None
    assert bar["y"] + bar["height"] <= 700 - TOASTS
