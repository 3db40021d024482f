"""Every mail in a real browser: light and dark, wide and narrow, without a barrier, asking nobody for anything.

``make screenshots`` runs this with ``--screens docs/screens``; the pictures are written into its folder ``mails``.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

from app.engine.rules.letters import Written
from app.engine.rules.postings import Line
from app.engine.rules.statements import Amounts, Figures
from app.languages import LANGUAGES
from app.mail.examples import SENDER, example_letter
from app.mail.merchant_words import Bullets, Button, Paragraph, Table, write_to_merchant
from app.mail.render import write
from app.mail.variables import FRAME, TEMPLATES

pytestmark = pytest.mark.browser

#: What is looked at: by colours and width, and whether a picture of it is kept.
LOOKS = [("light", 700, True), ("dark", 390, True), ("light", 390, False), ("dark", 700, False)]


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield browser
        browser.close()


def alert() -> Written:
    parts = (
        Paragraph("Since 10:14 Shopify has refused 3 credits, €14.20 in all. Customers wait for them."),
        Paragraph("Open each of them: it says why Shopify refused it. Most often an account is gone.", "What to do"),
        Bullets(("#1001: €3.00", "#1007: €9.20", "#1012: €2.00")),
        Button("Open the refused credits", "https://boomerang.example/orders"),
    )
    return write_to_merchant("Shopify refuses credits", parts, shop_name="Alpine Goods", language="en")


def summary() -> Written:
    rows = (("Orders", "38", "41"), ("Cashback earned", "€112.40", "€98.00"), ("Taken back", "€4.10", "€0.00"))
    parts = (
        Paragraph("This was March 3, 2027 at Alpine Goods."),
        Table(("Figure", "That day", "The day before"), rows),
        Paragraph("Nothing is wrong at the moment."),
        Button("Open Boomerang", "https://boomerang.example/"),
    )
    return write_to_merchant("Your cashback on March 3, 2027", parts, shop_name="Alpine Goods", language="en")


def great_statement() -> Written:
    """Return a statement of great figures, which a phone cannot show side by side."""
    figures = Figures(Amounts(10**9, 10**9, -(10**9)), {line: Amounts(10**8, -(10**8), 10**8) for line in Line})
    letter = example_letter("statement_ready", "de")
    return write(replace(letter, currency="IDR", news=(replace(letter.news[0], figures=figures),)), SENDER)


def mails() -> dict[str, Written]:
    """Return every mail by the name of its picture: all kinds in English, the longest ones in the other languages."""
    found = {name: write(example_letter(name, "en"), SENDER) for name in TEMPLATES}
    found |= {f"{name}-bare": write(example_letter(name, "en", bare=True), SENDER) for name in TEMPLATES}
    for language in LANGUAGES[1:]:
        for name in (FRAME, "statement_ready"):
            found[f"{name}-{language}"] = write(example_letter(name, language), SENDER)
    return {**found, "statement-great": great_statement(), "alert": alert(), "summary": summary()}


@pytest.mark.parametrize(("scheme", "width", "is_kept"), LOOKS)
def test_no_mail_has_a_barrier(browser: Browser, scheme: str, width: int, is_kept: bool, screens: Path | None) -> None:
    context = browser.new_context(viewport={"width": width, "height": 200}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: asked.append(str(error)))
    for name, written in mails().items():
        page.set_content(written.html)
        results = Axe().run(page)
        assert results.violations_count == 0, f"{name}: {results.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"
        assert asked == [], name
        if screens is not None and is_kept and _is_shown(name, scheme):
            folder = screens / "mails"
            folder.mkdir(exist_ok=True)
            kept = name.replace(FRAME, "digest").replace("_", "-")
            page.screenshot(path=folder / f"{kept}-{scheme}-{width}.png", full_page=True)
    context.close()


def _is_shown(name: str, scheme: str) -> bool:
    """Say whether a picture of a mail tells something that the others do not."""
    _, _, rest = name.partition("-")
    return not rest or (rest in LANGUAGES and scheme == "light")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_are_those_of_the_reader(browser: Browser, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_content(write(example_letter(FRAME, "en"), SENDER).html)
    card = page.locator(".card").evaluate("element => getComputedStyle(element).backgroundColor")
    assert card == {"light": "rgb(255, 255, 255)", "dark": "rgb(29, 31, 34)"}[scheme]
    context.close()


def test_what_is_shown_beside_the_subject_is_not_shown_in_the_mail(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content(write(example_letter(FRAME, "en"), SENDER).html)
    assert page.locator(".preview").is_hidden()
    assert page.locator("h1").is_visible()
    page.close()
