"""The customers' inbox: a mail server that takes mails, a page that shows them locked up, and the one click."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from sandbox.inbox import MOST_KEPT
from sandbox.server import Sandbox
from tests.sandbox.conftest import Shopper
from tests.sandbox.tiny_app import TinyApp

HTML = """<!doctype html><html lang="en"><head><title>x</title></head><body><h1>You have 2.00 more</h1>
<a href="http://127.0.0.1:9/page">Look</a><script>document.body.innerHTML = "it ran"</script>
<img src="{url}/sandbox/static/icon.svg?pixel" alt=""></body></html>"""


@pytest.fixture
def box(app: TinyApp) -> Iterator[Sandbox]:
    with Sandbox(app_url=app.url, seed=1, mail_port=0) as sandbox:
        yield sandbox


def send(box: Sandbox, to: str = "ada@example.com", subject: str = "Zwölf €", link: str | None = None) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Shop <cashback@example.com>", to, subject
    if link is not None:
        mail["List-Unsubscribe"], mail["List-Unsubscribe-Post"] = f"<{link}>", "List-Unsubscribe=One-Click"
    mail.set_content("You have 2,00 € more.")
    mail.add_alternative(HTML.format(url=box.url), subtype="html")
    mail["Content-Language"] = "de"
    with smtplib.SMTP("127.0.0.1", box.inbox.port or 0) as post:
        post.send_message(mail)


def test_mails_are_kept_newest_first_and_found_by_address(shopper: Shopper) -> None:
    send(shopper.box)
    send(shopper.box, "Ben@example.com", "Second")
    told = shopper.get("mails")
    assert (told["count"], told["port"]) == (2, shopper.box.inbox.port)
    assert [mail["subject"] for mail in told["mails"]] == ["Second", "Zwölf €"]
    (mail,) = shopper.get("mails", to="ada@example.com")["mails"]
    assert (mail["from"], mail["to"], mail["language"]) == ("Shop <cashback@example.com>", "ada@example.com", "de")
    assert mail["text"].strip() == "You have 2,00 € more."
    assert ["Subject", "Zwölf €"] in mail["headers"]
    assert (mail["has_html"], mail["unsubscribe_url"]) == (True, None)
    assert len(shopper.get("mails", limit=1)["mails"]) == 1


def test_a_mail_without_html_and_without_sense_is_kept_too(shopper: Shopper) -> None:
    with smtplib.SMTP("127.0.0.1", shopper.box.inbox.port or 0) as post:
        post.sendmail("a@example.com", ["b@example.com"], b"\xff\xfe nothing")
    (mail,) = shopper.get("mails")["mails"]
    assert (mail["to"], mail["subject"], mail["has_html"]) == ("b@example.com", "", False)


def test_the_oldest_go_and_a_reset_empties_the_inbox(shopper: Shopper) -> None:
    with smtplib.SMTP("127.0.0.1", shopper.box.inbox.port or 0) as post:
        for number in range(MOST_KEPT + 1):
            post.sendmail("a@example.com", ["b@example.com"], f"Subject: {number}\r\n\r\nx")
    assert shopper.get("mails", limit=1)["count"] == MOST_KEPT
    shopper.post("reset")
    assert shopper.get("mails")["mails"] == []


def test_a_mail_is_shown_locked_up(shopper: Shopper) -> None:
    send(shopper.box)
    answer = shopper.session.get(f"{shopper.box.url}/sandbox/mails/1/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups" in policy
    assert "allow-scripts" not in policy
    assert '<base target="_blank">' in answer.text
    assert shopper.session.get(f"{shopper.box.url}/sandbox/mails/2/html").status_code == 404


def test_one_click_is_posted_as_a_mail_program_does(shopper: Shopper, app: TinyApp) -> None:
    send(shopper.box, link=f"{app.url}/webhooks?a=1")
    send(shopper.box)
    send(shopper.box, link="http://127.0.0.1:9/")
    assert "unsubscribing by one click" in shopper.refusal("mails/2/unsubscribe", {})
    assert "gave no answer" in shopper.refusal("mails/3/unsubscribe", {})
    assert shopper.post("mails/1/unsubscribe")["status"] < 500


def test_without_a_port_there_is_no_mail_server(app: TinyApp) -> None:
    with Sandbox(app_url=app.url, seed=1) as box:
        assert Shopper(box).get("mails") == {"count": 0, "port": None, "mails": []}


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])


@pytest.mark.browser
def test_the_page_shows_what_came_runs_nothing_and_follows_new_mails(shopper: Shopper, browser: Browser) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("response", lambda answer: asked.append(answer.url))
    page.goto(f"{shopper.box.url}/store/boomerang-demo/inbox")
    expect(page.get_by_text("No mail yet.")).to_be_visible()
    send(shopper.box, link="http://127.0.0.1:9/stop")
    frame = page.frame_locator(".inbox__look")
    expect(frame.get_by_role("heading", name="You have 2.00 more")).to_be_visible()
    expect(page.get_by_role("button", name="Unsubscribe by one click")).to_be_visible()
    page.get_by_text("As text").click()
    expect(page.get_by_text("You have 2,00 € more.")).to_be_visible()
    send(shopper.box, "ben@example.com", "Second")
    expect(page.locator(".inbox__entry")).to_have_count(2)
    expect(page.locator(".inbox__top h2")).to_have_text("Second")
    page.get_by_role("button", name="Zwölf").click()
    expect(page.locator(".inbox__top h2")).to_have_text("Zwölf €")
    assert [url for url in asked if "pixel" in url or not url.startswith(shopper.box.url)] == []
    assert any(url.endswith("icon.svg") for url in asked)  # what loads is seen
    page.close()
