"""The log of deliveries and privacy requests in a browser: a file comes down in the frame, axe finds nothing."""

import json
from datetime import UTC, datetime, timedelta
from zipfile import ZipFile

import pytest
from playwright.sync_api import Browser, Page, expect

from app.db import transaction
from app.engine.flows.privacy_requests import open_request
from app.models import Delivery, DeliveryState, PrivacyKind, Shop
from app.personal_data import make_file
from tests.admin.browsing import assert_accessible, enter, install
from tests.admin.factories import ADA, order, session_token, tell
from tests.admin.stage import SHOP, Stage

pytestmark = pytest.mark.browser

BODY = {"id": 1, "name": "#1001", "email": "ada@example.com", "line_items": [{"title": "Linen apron", "quantity": 2}]}


def fill(shop_id: int) -> None:
    """Store deliveries in every state and requests of every kind."""
    tell(shop_id, order(1))
    now = datetime.now(UTC)
    with transaction() as session:
        shop = session.get_one(Shop, shop_id)
        for number in range(60):
            state = list(DeliveryState)[number % 4]
            received_at = now - timedelta(seconds=600 - number)
            session.add(
                Delivery(
                    shop_id=shop_id,
                    webhook_id=f"made-up-{number}",
                    topic=("orders/paid", "refunds/create", "customers/update")[number % 3],
                    triggered_at=received_at - timedelta(milliseconds=300 + number),
                    received_at=received_at,
                    handled_at=received_at + timedelta(milliseconds=80) if state is DeliveryState.HANDLED else None,
                    body=json.dumps(BODY).encode(),
                    state=state,
                    reason="financial_status must be one of pending, paid; it is missing."
                    if state is DeliveryState.FAILED
                    else None,
                )
            )
        file = make_file(session, shop, ADA.customer_id, [], now)
        at = now - timedelta(days=3)
        asked = {"customer_shopify_id": ADA.customer_id}
        open_request(session, shop, PrivacyKind.DATA_REQUEST, "data_request:1", at, file=file, **asked)
        open_request(
            session, shop, PrivacyKind.CUSTOMER_REDACT, "customer:5", at, done_at=at, done_by="system", **asked
        )
        open_request(session, shop, PrivacyKind.SHOP_REDACT, "shop:1", at - timedelta(days=40))


def test_from_the_log_to_a_failed_delivery_that_is_handled_again(page: Page, stage: Stage) -> None:
    fill(install(page, stage))
    frame = enter(page, stage, "/deliveries")
    frame.locator("select[name=state]").select_option("failed")
    expect(frame.locator("tbody .badge--success")).to_have_count(0)
    frame.locator("tbody a").first.click()
    expect(frame.locator("pre")).to_contain_text("Linen apron")
    expect(frame.locator("pre")).not_to_contain_text("ada@")
    frame.get_by_role("button", name="Handle again").click()
    expect(frame.locator(".badge").first).to_have_text("Waiting")


def test_a_customers_file_comes_down_in_the_frame_and_is_marked_as_handed_over(page: Page, stage: Stage) -> None:
    fill(install(page, stage))
    frame = enter(page, stage, "/privacy")
    with page.expect_download() as coming:
        frame.get_by_role("button", name="Download").click()
    assert coming.value.suggested_filename == f"customer-{ADA.customer_id}.zip"
    with ZipFile(coming.value.path()) as packed:
        assert json.loads(packed.read("data.json"))["customer"]["name"] == ADA.name
    frame.get_by_role("button", name="Handed over").click()
    expect(frame.get_by_role("button", name="Handed over")).to_have_count(0)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing(browser: Browser, page: Page, stage: Stage, width: int, scheme: str) -> None:
    shop_id = install(page, stage)
    fill(shop_id)
    app_url = stage.app.config["SETTINGS"].app_url
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    alone = context.new_page()
    with transaction() as session:
        numbers = [row.id for row in session.query(Delivery.id).order_by(Delivery.id).limit(4)]
    paths = ["/deliveries", "/deliveries?state=failed", "/deliveries?order=none", "/privacy"]
    for path in [*paths, *(f"/deliveries/{number}" for number in numbers)]:
        mark = "&" if "?" in path else "?"
        alone.goto(f"{app_url}{path}{mark}id_token={session_token(SHOP)}")
        assert_accessible(alone)
    context.close()
