"""The admin frame: the app opened signed and with a token, App Bridge's stand-in, the sandbox's own pages."""

import hashlib
import hmac
import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from sandbox.staff import STAFF
from tests.sandbox.conftest import Shopper, wait_for
from tests.sandbox.tiny_app import SECRET, TinyApp

FRAME = "/store/boomerang-demo/apps/boomerang"
#: What is expected of a page is waited for as long as an action is: a busy machine is no failure.
expect.set_options(timeout=30_000)


def test_the_first_address_leads_to_the_app_in_its_frame(shopper: Shopper) -> None:
    answer = shopper.session.get(shopper.box.url)
    assert urlsplit(answer.url).path == FRAME
    assert '<iframe id="app"' in answer.text
    assert not re.search(r"(src|href)=\"(https?:)?//", answer.text), "a page of the sandbox asks another host"


def test_another_name_of_this_machine_leads_to_the_address_that_may_frame(shopper: Shopper) -> None:
    headers = {"Host": f"localhost:{shopper.box.port}"}
    answer = shopper.session.get(f"{shopper.box.url}{FRAME}/orders?a=1", headers=headers, allow_redirects=False)
    assert answer.headers["Location"] == f"{shopper.box.url}{FRAME}/orders?a=1"


def test_the_app_is_opened_signed_and_with_a_token(shopper: Shopper) -> None:
    url = urlsplit(shopper.get("frame-url", path="/orders?badge=held")["url"])
    query = dict(parse_qsl(url.query))
    signed = {name: value for name, value in query.items() if name not in ("hmac", "badge")}
    text = "&".join(f"{name}={value}" for name, value in sorted(signed.items()))
    assert query["hmac"] == hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    assert (url.path, query["badge"], query["embedded"]) == ("/orders", "held", "1")
    assert {"host", "id_token", "locale", "session", "shop", "timestamp"} <= query.keys()
    assert "path must be a path" in shopper.session.get(f"{shopper.box.url}/sandbox/frame-url?path=//evil").text


@pytest.mark.parametrize("room", ["orders", "customers", "deliveries", "faults"])
def test_every_room_has_its_page(shopper: Shopper, room: str) -> None:
    assert shopper.session.get(f"{shopper.box.url}/store/boomerang-demo/{room}").ok


@pytest.mark.parametrize("path", ["/store/boomerang-demo/cellar", "/store/nobody/orders"])
def test_a_room_that_is_not_there_is_not_found(shopper: Shopper, path: str) -> None:
    assert shopper.session.get(f"{shopper.box.url}{path}").status_code == 404


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert errors == []


@pytest.mark.browser
def test_the_app_lives_in_the_frame_as_in_shopifys_admin(page: Page, shopper: Shopper, app: TinyApp) -> None:
    page.goto(shopper.box.url)
    inside = page.frame_locator("#app")
    inside.get_by_role("heading", name="Tiny /", exact=True).wait_for()
    expect(inside.locator("s-app-nav")).to_be_hidden()
    # What is clicked before the page's script has come is lost.
    inside.locator("html").evaluate(
        "() => document.readyState === 'complete' || new Promise((done) => addEventListener('load', done))"
    )

    app.reject_next_fetch = True  # App Bridge fetches another token and sends the same request again
    inside.get_by_role("button", name="Ask").click()
    inside.get_by_text("data sent").wait_for()
    page.get_by_text("Asked and answered").wait_for()
    assert len(set(app.tokens_seen)) == 2

    page.locator("#app-nav").get_by_role("link", name="Orders").click()
    inside.get_by_role("heading", name="Tiny /orders").wait_for()
    wait_for(lambda: urlsplit(page.url).path == f"{FRAME}/orders")
    page.wait_for_function("document.title.startsWith('Tiny /orders')")
    page.go_back()
    inside.get_by_role("heading", name="Tiny /", exact=True).wait_for()

    inside.get_by_role("link", name="Plain link").click()  # no token: the bounce page fetches one
    inside.get_by_role("heading", name="Tiny /orders").wait_for()


@pytest.mark.browser
def test_on_a_phone_the_app_has_the_screen_and_the_navigation_is_behind_a_button(
    page: Page, shopper: Shopper, app: TinyApp
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(shopper.box.url)
    inside = page.frame_locator("#app")
    inside.get_by_role("heading", name="Tiny /", exact=True).wait_for()
    box = page.locator("#app").bounding_box()
    assert box is not None
    assert (box["y"] + box["height"] <= 844, box["height"] > 700) == (True, True)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    orders = page.locator("#app-nav").get_by_role("link", name="Orders")
    expect(orders).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    orders.click()
    inside.get_by_role("heading", name="Tiny /orders").wait_for()
    expect(orders).to_be_hidden()


@pytest.mark.browser
def test_a_person_places_and_refunds_an_order(page: Page, shopper: Shopper) -> None:
    page.goto(f"{shopper.box.url}/store/boomerang-demo/orders")
    panel = page.get_by_label("Play the customers")
    panel.get_by_label("Price").fill("99.99")
    panel.get_by_label("Pieces").fill("3")
    panel.get_by_role("button", name="Pay now").click()
    page.get_by_text("#1001 over 299.97 USD is placed.").wait_for()
    panel.get_by_role("button", name="Refund one").click()
    page.get_by_text("#1001 is refunded by one piece.").wait_for()
    (order,) = shopper.get("orders")["orders"]
    assert (order["financial_status"], order["current_total_price"]) == ("partially_refunded", "199.98")


@pytest.mark.browser
def test_who_has_bought_once_buys_again_with_the_next_click(page: Page, shopper: Shopper) -> None:
    page.goto(f"{shopper.box.url}/store/boomerang-demo/orders")
    panel = page.get_by_label("Play the customers")
    panel.get_by_label("Name").fill("Grace Example")
    panel.get_by_role("button", name="Pay now").click()
    expect(panel.get_by_label("Who buys")).to_have_value(re.compile("[0-9]+"))
    for number in (1002, 1003):
        panel.get_by_role("button", name="Pay now").click()
        page.get_by_text(f"#{number} over 49.95 USD is placed.").wait_for()
        page.get_by_role("link", name=f"#{number}").first.wait_for()
    buyers = {order["customer"]["id"] for order in shopper.get("orders")["orders"]}
    assert len(buyers) == 1


@pytest.mark.browser
def test_a_person_switches_faults(page: Page, shopper: Shopper) -> None:
    page.goto(f"{shopper.box.url}/store/boomerang-demo/faults")
    page.get_by_label("Webhooks come twice").fill("0.5")
    page.get_by_role("button", name="Apply").click()
    page.get_by_text("The faults are set.").wait_for()
    assert shopper.get("faults")["duplicate"] == 0.5
    page.get_by_role("button", name="Switch all off").click()
    page.get_by_text("All faults are off.").wait_for()
    assert shopper.get("faults")["duplicate"] == 0


@pytest.mark.browser
def test_one_can_be_another_of_the_staff(page: Page, shopper: Shopper, app: TinyApp) -> None:
    page.goto(shopper.box.url)
    page.frame_locator("#app").get_by_role("heading", name="Tiny /", exact=True).wait_for()
    seen = len(app.tokens_seen)
    page.get_by_label("Logged in as").select_option(label="Rita Reviewer")
    page.frame_locator("#app").get_by_role("heading", name="Tiny /", exact=True).wait_for()
    page.frame_locator("#app").get_by_role("button", name="Ask").click()
    wait_for(lambda: len(app.tokens_seen) > seen)
    claims = jwt.decode(app.tokens_seen[-1], options={"verify_signature": False})
    assert claims["sub"] == str(STAFF[1].id)
    page.reload()
    expect(page.get_by_label("Logged in as")).to_have_value(str(STAFF[1].id))
