"""A shop whose customers are written to: orders, Shopify's accounts, digests and a real mail server, by one clock."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from flask import Flask
from sqlalchemy import func, select, update

from app.db import db, transaction
from app.engine.flows import earn, mail_states, refund, reminders, tell
from app.engine.rules.digests import Batch, LetterDraft
from app.engine.rules.facts import CustomerFact, OrderFact, RefundFact
from app.engine.rules.letters import News
from app.engine.rules.messages import MessageState
from app.mail.digests import DigestReport, build_due
from app.mail.sending import send_due
from app.models import Customer, Mail, MailSettings, Message, Shop
from tests.flows.builders import ADA, Till, day, reading
from tests.flows.shopify_account import Shopify
from tests.mail.postbox import Postbox, serving

#: The digest times of a day whose story begins at nine, in seconds after that.
MORNING, NOON, EVENING = 1, 4 * 3_600, 9 * 3_600


class Street:
    """The shop, its customers' mailboxes, and what happens on which day."""

    def __init__(self, app: Flask, till: Till, box: Postbox, *people: CustomerFact) -> None:
        self.app = app
        self.till = till
        self.box = box
        self.shopify = Shopify(till, *(people or (ADA,)))
        #: Every letter that was kept, in that order.
        self.letters: list[LetterDraft] = []

    def choose(self, **values: Any) -> None:
        """Change how the shop tells."""
        with transaction() as session:
            session.execute(update(MailSettings).where(MailSettings.shop_id == self.till.id).values(**values))

    def change_shop(self, **values: Any) -> None:
        with transaction() as session:
            session.execute(update(Shop).where(Shop.id == self.till.id).values(**values))

    def speaks(self, who: CustomerFact, locale: str) -> None:
        """Let a customer read a language."""
        with transaction() as session:
            session.execute(update(Customer).where(Customer.shopify_id == who.customer_id).values(locale=locale))

    def hear(self, *facts: OrderFact | RefundFact, at: datetime) -> None:
        """Tell the books of something at a moment."""
        for fact in facts:
            db.session.remove()
            with transaction() as session:
                shop = session.get_one(Shop, self.till.id)
                if isinstance(fact, OrderFact):
                    earn.record_orders(session, shop, [fact], at)
                else:
                    refund.record_refunds(session, shop, [fact], at)

    def remind(self, at: datetime) -> None:
        """Let the calendar look for what it has to say."""
        while self.till.run(lambda session, shop: reminders.remind(session, shop, at)):
            pass

    def build(self, at: datetime, books: Any = None) -> DigestReport:
        """Make the mails that are due, as a worker does."""
        db.session.remove()
        watched = self._watch(books or tell)
        return build_due(self.till.id, watched, catch=ZeroDivisionError, clock=lambda: at, lasts=timedelta(hours=1))

    def send(self, at: datetime) -> None:
        """Send what is to be sent, as a worker does."""
        db.session.remove()
        send_due(self.till.id, mail_states, clock=lambda: at)

    def digest(self, at: datetime) -> list[str]:
        """Make and send the mails of a moment, and again if there were any; return the subjects that arrived."""
        before = len(self.box.taken)
        self.build(at)
        self.send(at)
        if len(self.box.taken) > before:
            self.build(at)
            self.send(at)
        return self.box.subjects[before:]

    def tell(self, at: datetime) -> list[str]:
        """Make and send the mails of a moment; return what each says, such as "earned 1.00 + tier_changed"."""
        before = len(self.letters)
        arrived = len(self.digest(at))
        letters = self.letters[before:]
        assert arrived == len(letters), "each letter arrives once"
        return [" + ".join(in_short(news) for news in each.letter.news) for each in letters]

    def waiting(self) -> int:
        """Return how many messages wait."""
        with reading() as session:
            waits = select(func.count()).where(Message.state == MessageState.WAITING)
            return session.scalar(waits) or 0

    def states(self) -> list[str]:
        """Return the states of all mails, oldest first."""
        with reading() as session:
            return [state.value for state in session.scalars(select(Mail.state).order_by(Mail.id))]

    def _watch(self, books: Any) -> Any:
        def keep(session: Any, shop: Any, run: Any, batch: Batch, letters: Sequence[Any], *rest: Any) -> None:
            books.keep(session, shop, run, batch, letters, *rest)
            self.letters += [each.draft for each in letters]

        return SimpleNamespace(begin_run=books.begin_run, gather=books.gather, keep=keep)


@contextmanager
def open_street(app: Flask, *people: CustomerFact) -> Iterator[Street]:
    """Open a shop in automatic mode whose mails go to a mail server of the test's own."""
    before = app.config["SETTINGS"]
    box = Postbox()
    with app.app_context(), serving(box) as port:
        app.config["SETTINGS"] = replace(
            before,
            mail_url=f"smtp://127.0.0.1:{port}?starttls=no",
            mail_from="cashback@shop.example.com",
            app_url="https://app.example.com",
        )
        till = Till("made-up.myshopify.com")
        with transaction() as session:
            session.add(MailSettings(shop_id=till.id))
        try:
            yield Street(app, till, box, *people)
        finally:
            db.session.remove()
            app.config["SETTINGS"] = before


def in_short(news: News) -> str:
    """Return what is said, and of how much."""
    whole, rest = divmod(news.amount_minor, 100)
    return f"{news.saying} {whole}.{rest:02}" if news.amount_minor else news.saying.value


def moments(first: int, last: int) -> Iterator[tuple[int, datetime]]:
    """Yield the digest times of some days, each with its day."""
    for number in range(first, last + 1):
        for seconds in (MORNING, NOON, EVENING):
            yield number, day(number, seconds)
