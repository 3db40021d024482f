"""A statement says the same to the cent wherever it is read: in mail, page, admin and books.

The histories are drawn at random: months of buying, returning, spending, expiring and credit by hand.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
import time_machine
from flask import Flask
from flask_babel import force_locale
from sqlalchemy import select, update

from app.db import db
from app.engine.flows import tell
from app.engine.flows.statements import StatementRead, read_statement
from app.engine.rules.messages import MailKind, Topic
from app.engine.rules.statements import Amounts
from app.engine.rules.terms import Cycle, Expiry, OwedPolicy, Tier
from app.languages import LANGUAGES, format_money
from app.mail.digests import build_due
from app.models import Customer, Mail, MailSettings, Message, ShopToken, Statement
from app.shopify.scopes import REQUIRED
from tests.admin.factories import Visitor
from tests.flows.builders import Till, day, reading
from tests.flows.test_credit_walk import Walk

STEPS = 40
LINK = re.compile(r'href="([^"]*/told/statement/[^"]*)"')
#: A figure in the text of a mail: "- Store credit: $2.00".
IN_TEXT = re.compile(r"^- [^:]+: (.+)$", re.MULTILINE)
DOMAIN = "made-up.myshopify.com"


class Cells(HTMLParser):
    """The cells of the first table of a page, row after row; headings of rows and columns are none."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._tables = self._cells = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self._tables += tag == "table"
        if tag == "td" and self._tables == 1:
            self._cells += 1
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        self._cells -= tag == "td" and self._tables == 1

    def handle_data(self, data: str) -> None:
        if self._cells:
            self.found[-1] += data.strip()


@pytest.fixture
def shop(app: Flask) -> Iterator[Till]:
    """Return a shop whose statements are of ten days each."""
    with app.app_context():
        till = Till(DOMAIN)
        terms = {"tiers": (Tier("Only", 0, 200),), "expiry": Expiry(days=7), "owed": OwedPolicy.OFFSET}
        with reading() as session:
            later = day(10_000)
            token = ShopToken(shop_id=till.id, access_token="sealed", refresh_token="sealed", expires_at=later)
            token.refresh_expires_at, token.scope, token.updated_at = later, ",".join(REQUIRED), day(0)
            session.add(token)
        till.publish(on=-1, debit_may_owe=True, cycle=Cycle(days=10, starts_on=date(2026, 3, 1)), **terms)
        yield till
        db.session.remove()


def live(till: Till, seed: int, language: str) -> datetime:
    """Let months go by for two customers who read a language; return when it is after the last statement's end."""
    walk = Walk(till, seed, by_hand=True)
    for _ in range(STEPS):
        walk.step()
    walk.end()
    with reading() as session:
        session.execute(update(Customer).values(locale=language))
        ends_at = session.scalars(select(Statement.ends_at).order_by(Statement.ends_at.desc()).limit(1)).one()
    noon = ends_at.replace(hour=12, minute=0, second=0) + timedelta(days=1)
    return max(noon, walk.now.replace(hour=12) + timedelta(days=1))


def mail_statements(app: Flask, till: Till, now: datetime) -> list[tuple[str, str]]:
    """Have every statement told, and return the mails about them: as HTML and as text."""
    with reading() as session:
        session.add(MailSettings(shop_id=till.id, digest_times=[], quiet_from="00:00", quiet_to="00:00"))
        rows = session.execute(select(Statement.id, Statement.customer_id).where(Statement.shop_id == till.id)).all()
        session.add_all(
            Message(
                shop_id=till.id, key=f"statement:{number}", topic=Topic.STATEMENT, customer_id=customer_id,
                subject_id=number, created_at=now - timedelta(minutes=5),
            )
            for number, customer_id in rows
        )  # fmt: skip
    build_due(till.id, tell, catch=AssertionError, clock=lambda: now, lasts=timedelta(minutes=1))
    with reading() as session:
        which = (Mail.shop_id == till.id, Mail.kind == MailKind.STATEMENT)
        mails = session.execute(select(Mail.html, Mail.text).where(*which)).all()
    assert len(mails) == len(rows)
    return [(html, text) for html, text in mails]


def in_words(read: StatementRead, *, owes: bool) -> list[str]:
    """Return a statement's figures in the language that is spoken, cell after cell."""

    def row(amounts: Amounts) -> list[int]:
        owed = [amounts.owed_minor] if owes else []
        return [amounts.pending_minor, amounts.available_minor, *owed, amounts.total_minor]

    figures = read.figures
    rows = [figures.opening, *figures.lines.values(), figures.closing]
    return [format_money(minor, read.currency) for amounts in rows for minor in row(amounts)]


@pytest.mark.parametrize(("seed", "language"), list(enumerate(LANGUAGES)))
def test_mail_page_admin_and_books_say_the_same(app: Flask, shop: Till, seed: int, language: str) -> None:
    now = live(shop, seed, language)
    told = 0
    with time_machine.travel(now, tick=False):
        for html, text in mail_statements(app, shop, now):
            link = LINK.search(html)
            assert link is not None
            parts = urlsplit(link[1])
            page = app.test_client().get(f"{parts.path}?{parts.query}")
            assert page.headers["Content-Language"] == language
            number = find_number(page.text)
            with reading() as session:
                read = read_statement(session, shop.id, number)
            rows = [read.figures.opening, *read.figures.lines.values()]
            owes = any(amounts.owed_minor for amounts in rows)
            with app.test_request_context(), force_locale(language):
                wanted, whole = in_words(read, owes=owes), in_words(read, owes=True)
            assert Cells(html).found == wanted
            assert IN_TEXT.findall(text) == wanted
            assert Cells(page.text).found == wanted
            admin = Visitor(app, DOMAIN).load(f"/statements/{number}", locale=language)
            assert Cells(admin.text).found == whole
            told += len(read.figures.lines)
    # Much has happened, or the test would prove little.
    assert told > 10


def find_number(html: str) -> int:
    found = re.search(r"<title>\D*(\d+)", html)
    assert found is not None
    return int(found[1])
