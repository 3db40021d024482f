"""The admin in a real browser, inside the sandbox's frame with real session tokens: by mouse, by keys, by axe."""

from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from app.db import transaction
from app.engine.flows import review
from app.engine.rules.facts import OrderFact
from app.engine.rules.roles import Role
from app.engine.rules.states import RewardState, TransferState
from app.engine.rules.terms import Mode
from app.models import Shop, Transfer
from tests.admin.browsing import assert_accessible, enter, install
from tests.admin.factories import NOON, line, order, publish, reading, reward_of, session_token, tell
from tests.admin.stage import SHOP, Stage
from tests.people import hire

pytestmark = pytest.mark.browser


def fill(page: Page, stage: Stage, count: int = 3) -> tuple[int, list[OrderFact]]:
    """Install the shop and let some orders wait for a decision."""
    shop_id = install(page, stage)
    with reading() as session:
        hire(session, shop_id, "8", Role.MANAGER)
    facts = [order(number, line(net_minor=10_000 * number)) for number in range(1, count + 1)]
    tell(shop_id, *facts)
    return shop_id, facts


def state_of(fact: OrderFact) -> RewardState:
    return reward_of(fact).state


def test_the_first_visit_installs_and_shows_an_empty_room(page: Page, stage: Stage) -> None:
    frame = enter(page, stage, "/")
    expect(frame.get_by_role("heading", name="First steps")).to_be_visible()
    expect(frame.get_by_text("All done: nothing waits for anybody.")).to_be_visible()
    expect(page.locator("#app-nav a")).to_have_text(
        ["Review", "Orders", "Customers", "Programme", "Books", "Activity", "Settings"]
    )


def test_approving_by_mouse(page: Page, stage: Stage) -> None:
    _, facts = fill(page, stage)
    frame = enter(page, stage, "/reviews")
    expect(frame.locator("#waiting")).to_have_text("3 waiting, $12.00 in all")
    frame.get_by_role("button", name="Approve #1002").click()
    expect(frame.locator(".review")).to_have_count(2)
    expect(frame.locator("#waiting")).to_have_text("2 waiting, $8.00 in all")
    expect(page.get_by_text("Approved: $4.00 for #1002")).to_be_visible()
    expect(frame.locator(".review:focus")).to_contain_text("#1003")
    assert [state_of(fact) for fact in facts] == [RewardState.IN_REVIEW, RewardState.SETTLED, RewardState.IN_REVIEW]


def test_rejecting_by_keyboard(page: Page, stage: Stage) -> None:
    _, facts = fill(page, stage)
    frame = enter(page, stage, "/reviews")
    frame.locator("#page").focus()
    for key in ("j", "j", "j", "k", "r"):
        page.keyboard.press(key)
    expect(frame.get_by_role("dialog")).to_contain_text("Reject the cashback for #1002?")
    page.keyboard.type("A reseller, jkahr/?")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(frame.locator(".review")).to_have_count(2)
    expect(frame.locator(".review:focus")).to_contain_text("#1003")
    expect(frame.locator("dialog[open]")).to_have_count(0)
    reward = reward_of(facts[1])
    assert (reward.state, reward.decision_reason) == (RewardState.REJECTED, "A reseller, jkahr/?")
    page.keyboard.press("h")
    expect(frame.locator(".review:focus")).to_contain_text("Held")
    page.keyboard.press("a")
    expect(frame.locator(".review")).to_have_count(1)
    page.keyboard.press("a")
    expect(frame.get_by_text("Nothing to review")).to_be_visible()
    assert [state_of(facts[0]), state_of(facts[2])] == [RewardState.SETTLED, RewardState.SETTLED]


def test_a_rejection_without_a_reason_stays_in_its_dialog(page: Page, stage: Stage) -> None:
    _, facts = fill(page, stage, 1)
    frame = enter(page, stage, "/reviews")
    frame.get_by_role("button", name="Reject #1001").click()
    dialog = frame.get_by_role("dialog")
    dialog.get_by_role("button", name="Reject").click()
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert state_of(facts[0]) is RewardState.IN_REVIEW


def test_the_help_opens_by_its_key(page: Page, stage: Stage) -> None:
    fill(page, stage, 1)
    frame = enter(page, stage, "/reviews")
    frame.locator("#page").focus()
    page.keyboard.press("?")
    expect(frame.get_by_role("dialog")).to_contain_text("Approve the row")
    page.keyboard.press("Enter")
    expect(frame.locator("dialog[open]")).to_have_count(0)
    page.keyboard.press("/")
    expect(frame.locator("h1")).to_have_text("Orders")


def test_what_a_colleague_decided_meanwhile_is_shown_in_the_row(page: Page, stage: Stage) -> None:
    shop_id, facts = fill(page, stage, 2)
    frame = enter(page, stage, "/reviews")
    reward = reward_of(facts[0])
    with transaction() as session:
        review.hold(session, shop_id, reward.id, reward.version, "staff:8", NOON)
    frame.get_by_role("button", name="Approve #1001").click()
    expect(frame.get_by_role("alert")).to_contain_text("changed meanwhile")
    expect(frame.locator(".review").first).to_contain_text("Held by Sam 8 Staff")
    frame.get_by_role("button", name="Approve #1001").click()
    expect(frame.locator(".review")).to_have_count(1)
    assert state_of(facts[0]) is RewardState.SETTLED


def test_switching_the_mode_asks_what_becomes_of_the_waiting(page: Page, stage: Stage) -> None:
    shop_id, facts = fill(page, stage, 2)
    frame = enter(page, stage, "/settings")
    frame.get_by_role("button", name="Switch to automatic").click()
    dialog = frame.get_by_role("dialog")
    expect(dialog).to_contain_text("2 orders wait for approval, $6.00 in all")
    dialog.get_by_label("Release all").check()
    dialog.get_by_role("button", name="Switch to automatic").click()
    expect(frame.locator("[data-mode]")).to_have_text("Automatic")
    expect(page.get_by_text("2 orders were released.")).to_be_visible()
    frame.get_by_role("button", name="Switch to manual").click()
    frame.get_by_role("dialog").get_by_role("button", name="Switch to manual").click()
    expect(frame.locator("[data-mode]")).to_have_text("Manual")
    with reading() as session:
        assert session.get_one(Shop, shop_id).mode is Mode.MANUAL
    assert {state_of(fact) for fact in facts} == {RewardState.PENDING}


def test_from_the_list_to_an_order_and_back(page: Page, stage: Stage) -> None:
    _, facts = fill(page, stage, 3)
    frame = enter(page, stage, "/orders")
    expect(frame.locator("tbody tr")).to_have_count(3)
    frame.get_by_label("Status").select_option("rejected")
    expect(frame.get_by_text("No order matches")).to_be_visible()
    frame.get_by_role("link", name="Clear").click()
    expect(frame.locator("tbody tr")).to_have_count(3)
    frame.get_by_role("searchbox").fill("1002")
    page.keyboard.press("Enter")
    expect(frame.locator("tbody tr")).to_have_count(1)
    frame.get_by_role("link", name="#1002").click()
    expect(frame.locator("h1")).to_have_text("#1002")
    expect(frame.get_by_text("2 % of $200.00")).to_be_visible()
    page.go_back()
    expect(frame.locator("tbody tr")).to_have_count(1)
    frame.get_by_role("link", name="#1002").click()
    frame.get_by_role("button", name="Approve $4.00").click()
    expect(frame.locator("h1 + .badge")).to_have_text("Sending")
    expect(frame.get_by_text("Credit $4.00")).to_be_visible()
    assert state_of(facts[1]) is RewardState.SETTLED


def test_a_refused_transfer_is_retried(page: Page, stage: Stage) -> None:
    shop_id, facts = fill(page, stage, 1)
    reward = reward_of(facts[0])
    with transaction() as session:
        review.approve(session, shop_id, reward.id, reward.version, "staff:8", NOON)
        transfer = session.scalars(select(Transfer)).one()
        transfer.state, transfer.error, transfer.sent_at = TransferState.REFUSED, "The account is full.", NOON
    frame = enter(page, stage, f"/orders/{facts[0].order_id}")
    expect(frame.locator(".banner").get_by_text("The account is full.").first).to_be_visible()
    frame.get_by_role("button", name="Retry").click()
    expect(frame.locator("h1 + .badge")).to_have_text("Sending")
    with reading() as session:
        assert session.scalars(select(Transfer)).one().state is TransferState.PLANNED


def test_an_order_under_way_renews_itself_until_it_is_processed(page: Page, stage: Stage) -> None:
    _, facts = fill(page, stage, 1)
    frame = enter(page, stage, f"/orders/{facts[0].order_id}")
    frame.locator("#page").press("a")
    expect(frame.locator("h1 + .badge")).to_have_text("Sending")
    frame.get_by_role("link", name="Orders").focus()
    with reading() as session:
        transfer = session.scalars(select(Transfer)).one()
        transfer.state, transfer.confirmed_at = TransferState.CONFIRMED, NOON
    expect(frame.locator("h1 + .badge")).to_have_text("Processed")
    expect(frame.locator("[data-live]")).to_have_count(0)
    expect(frame.get_by_role("link", name="Orders")).to_be_focused()


def test_new_orders_come_into_the_list_by_themselves_and_leave_the_focus_alone(page: Page, stage: Stage) -> None:
    shop_id, _ = fill(page, stage, 1)
    frame = enter(page, stage, "/orders")
    expect(frame.locator("tbody tr")).to_have_count(1)
    frame.get_by_role("searchbox").focus()
    tell(shop_id, order(2))
    expect(frame.locator("tbody tr")).to_have_count(2)
    expect(frame.get_by_role("searchbox")).to_be_focused()


def test_a_list_that_was_asked_for_stays_as_it_is(page: Page, stage: Stage) -> None:
    fill(page, stage, 1)
    frame = enter(page, stage, "/orders?search=1001")
    expect(frame.locator("tbody tr")).to_have_count(1)
    expect(frame.locator("[data-live]")).to_have_count(0)


def test_a_document_without_a_token_gets_one_by_the_bounce_page(page: Page, stage: Stage) -> None:
    fill(page, stage, 1)
    enter(page, stage, "/settings")
    app_url = stage.app.config["SETTINGS"].app_url
    page.evaluate("(url) => { document.querySelector('#app').src = url }", f"{app_url}/orders?search=1001")
    frame = page.frame_locator("#app")
    expect(frame.locator("tbody tr")).to_have_count(1)
    assert "id_token" not in page.frames[1].url
    assert "bounced" not in page.frames[1].url
    page.frames[1].evaluate("location.reload()")
    expect(frame.locator("tbody tr")).to_have_count(1)


def test_an_order_that_is_gone_is_a_page_within_the_page(page: Page, stage: Stage) -> None:
    fill(page, stage, 1)
    frame = enter(page, stage, "/orders")
    frame.locator("tbody a").evaluate("(link) => link.setAttribute('href', '/orders/5')")
    frame.locator("tbody a").click()
    expect(frame.locator("h1")).to_have_text("There is nothing here")
    frame.get_by_role("link", name="Go to the orders").click()
    expect(frame.locator("tbody tr")).to_have_count(1)


def test_no_answer_is_said_and_changes_nothing(page: Page, stage: Stage) -> None:
    _, facts = fill(page, stage, 1)
    frame = enter(page, stage, "/reviews")
    page.route("**/approve", lambda route: route.fulfill(status=502, body="Bad gateway", content_type="text/html"))
    frame.get_by_role("button", name="Approve #1001").click()
    expect(page.get_by_text("That did not work")).to_be_visible()
    expect(frame.locator(".review")).to_have_count(1)
    assert state_of(facts[0]) is RewardState.IN_REVIEW


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing_on_any_page(browser: Browser, page: Page, stage: Stage, width: int, scheme: str) -> None:
    shop_id, facts = fill(page, stage, 30)
    publish(shop_id, hold_above_minor=9_000)
    reward, other = reward_of(facts[0]), reward_of(facts[1])
    late = order(31, customer=None, placed_at=NOON + timedelta(days=1))
    tell(shop_id, late, order(32))
    with transaction() as session:
        review.approve(session, shop_id, reward.id, reward.version, "staff:8", NOON)
        transfer = session.scalars(select(Transfer)).one()
        transfer.state, transfer.error, transfer.needs_person = TransferState.UNKNOWN, "Two are alike.", True
        review.reject(session, shop_id, other.id, other.version, "staff:8", NOON, "Resale.")
    app_url = stage.app.config["SETTINGS"].app_url
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    alone = context.new_page()
    paths = ["/orders", "/orders?search=nobody", "/reviews", "/settings", "/orders/5"]
    paths += [f"/orders/{fact.order_id}" for fact in (facts[0], facts[1], facts[2], late)]
    for path in paths:
        mark = "&" if "?" in path else "?"
        alone.goto(f"{app_url}{path}{mark}id_token={session_token(SHOP)}")
        opener = alone.locator("[data-opens=reject], [data-opens=go-automatic]").first
        assert_accessible(alone)
        if opener.count():
            opener.click()
            assert_accessible(alone)
    context.close()
