"""Mails in a real browser: words are changed, seen at once, tried by a mail, and that mail is found and read."""

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect
from sqlalchemy import select

from app.engine.rules.messages import MailState
from app.models import Mail, MailTemplate
from tests.admin.browsing import assert_accessible, enter, install
from tests.admin.factories import reading, session_token
from tests.admin.mail_rows import add_mail
from tests.admin.stage import SHOP, Stage

pytestmark = pytest.mark.browser
EDITOR = "/settings/mails/templates/earned/de"


def shown_in(frame: FrameLocator) -> FrameLocator:
    """Return the mail inside a page."""
    return frame.frame_locator("iframe.mail__frame")


def test_words_are_changed_seen_tried_and_the_test_mail_is_found(page: Page, stage: Stage) -> None:
    install(page, stage)
    frame = enter(page, stage, EDITOR)
    expect(shown_in(frame).get_by_text("Maria Muster")).to_be_visible()
    box = frame.get_by_label("HTML", exact=True)
    box.fill("<p>Servus {{ name }}, {{ amount }} sind da.</p>")
    expect(shown_in(frame).get_by_text("Servus Maria Muster, 3,00\N{NO-BREAK SPACE}€ sind da.")).to_be_visible()
    box.fill("<p>{{ nam }}</p>")
    expect(frame.locator("#preview .banner--critical")).to_contain_text("nam")
    frame.get_by_role("button", name="Save").click()
    expect(frame.locator("#f-html-error")).to_contain_text("nam")
    box = frame.get_by_label("HTML", exact=True)
    box.fill("<p>Servus {{ name }}, {{ amount }} sind da.</p>")
    expect(shown_in(frame).get_by_text("Servus Maria Muster")).to_be_visible()
    frame.get_by_role("button", name="Save").click()
    expect(frame.get_by_text("Your own words", exact=True)).to_be_visible()
    frame.get_by_label("Test mail to").fill("me@example.com")
    frame.get_by_role("button", name="Send a test").click()
    frame.get_by_role("link", name="See what became of it").click()
    expect(frame.locator("#page")).to_contain_text("me@example.com")
    expect(shown_in(frame).get_by_text("Servus Maria Muster")).to_be_visible()
    frame.get_by_role("link", name="Mails", exact=True).first.click()
    expect(frame.locator("tbody tr")).to_have_count(1)
    with reading() as session:
        assert session.scalars(select(MailTemplate.html)).one() == "<p>Servus {{ name }}, {{ amount }} sind da.</p>"
        assert session.scalars(select(Mail.state)).one() is MailState.KEPT


def test_a_mail_is_looked_at_as_on_a_phone_and_in_the_dark_and_runs_nothing(
    page: Page, browser: Browser, stage: Stage
) -> None:
    shop_id = install(page, stage)
    # Another page than the fixture's, which minds that the browser says what it has blocked.
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    html = (
        '<!doctype html><html lang="en"><head><title>News</title><style>body {background: rgb(255, 255, 255)}'
        "@media (prefers-color-scheme: dark) {body {background: rgb(1, 2, 3)}}</style></head>"
        '<body><p>News</p><script>document.body.append("It ran.")</script></body></html>'
    )
    number = add_mail(shop_id, html=html)
    frame = enter(page, stage, f"/mails/{number}")
    mail = shown_in(frame)
    expect(mail.locator("p")).to_have_text("News")
    expect(mail.locator("body")).not_to_contain_text("It ran.")
    expect(mail.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
    before = page.evaluate("history.length")
    frame.get_by_label("Dark").check()
    expect(mail.locator("body")).to_have_css("background-color", "rgb(1, 2, 3)")
    frame.get_by_label("Phone").check()
    expect(frame.locator(".mail__frame")).to_have_css("width", "375px")
    assert page.evaluate("history.length") == before
    page.close()


def test_a_mail_in_doubt_is_sent_again_by_keys_alone(page: Page, stage: Stage) -> None:
    shop_id = install(page, stage)
    number = add_mail(shop_id, MailState.UNKNOWN)
    frame = enter(page, stage, "/mails")
    frame.locator("h1").click()
    page.keyboard.press("j")
    expect(frame.locator(f"#mail-{number}")).to_be_focused()
    page.keyboard.press("Enter")
    again = frame.get_by_role("button", name="Send again")
    expect(again).to_be_visible()
    again.focus()
    page.keyboard.press("Enter")
    expect(frame.get_by_role("dialog")).to_contain_text("It may have arrived already")
    page.keyboard.press("Escape")
    expect(frame.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(frame.locator("#page header .badge")).to_have_text("Waiting")
    with reading() as session:
        assert session.scalars(select(Mail.state).where(Mail.id == number)).one() is MailState.PLANNED


def test_settings_that_were_refused_say_where_and_are_without_barrier(
    page: Page, browser: Browser, stage: Stage
) -> None:
    install(page, stage)
    frame = enter(page, stage, "/settings/mails")
    frame.get_by_label("Times of the day").fill("09:00, 23:00")
    frame.get_by_role("button", name="Save").first.click()
    expect(frame.locator("#f-digest_times-error")).to_contain_text("23:00 lies in the quiet hours")
    expect(frame.get_by_label("Times of the day")).to_have_value("09:00, 23:00")
    frame.get_by_label("Times of the day").fill("09:00, 20:00")
    frame.get_by_role("button", name="Save").first.click()
    expect(frame.locator("#f-digest_times-error")).to_have_count(0)
    expect(frame.get_by_label("Times of the day")).to_have_value("09:00, 20:00")
    frame.get_by_role("button", name="Make a new key").click()
    expect(frame.locator("#secret")).to_be_visible()
    alone = browser.new_page(viewport={"width": 390, "height": 800})
    app_url = stage.app.config["SETTINGS"].app_url
    for path in ("/settings/mails", EDITOR):
        alone.goto(f"{app_url}{path}?id_token={session_token(SHOP)}&shop={SHOP}")
        assert_accessible(alone)
    alone.close()
