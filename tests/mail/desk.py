"""Whoever writes a shop's mails and has them sent, with a clock moved by hand."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select

from app.db import db, transaction
from app.engine.flows import mail_states, mails
from app.engine.rules.letters import Written
from app.engine.rules.mailing import Refusal
from app.engine.rules.messages import MailKind, MailState, Saying
from app.mail.sending import SendReport, send_due
from app.models import Mail, MailOutage, MailSettings, MailStop, Shop
from tests.flows.builders import Till, day, reading


@dataclass(frozen=True, slots=True)
class SeenMail:
    """A mail's row as it stood when it was looked at."""

    state: MailState
    refusal: Refusal | None
    error: str | None
    attempts: int
    next_attempt_at: datetime | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class SeenOutage:
    """An outage as its row stood when it was looked at."""

    began_at: datetime
    next_try_at: datetime
    reason: str


class MailDesk:
    """One shop's mails."""

    def __init__(self, app: Flask, till: Till) -> None:
        self.app = app
        self.till = till
        self.now = day(0)

    def lead_to(self, url: str) -> None:
        """Let mails leave by another server."""
        self.app.config["SETTINGS"] = replace(self.app.config["SETTINGS"], mail_url=url)

    def write(
        self,
        address: str = "ada@example.com",
        subject: str = "Your cashback",
        kind: MailKind = MailKind.DIGEST,
        sayings: tuple[Saying, ...] = (Saying.EARNED,),
        **more: Any,
    ) -> int:
        """Plan a mail; return its number."""
        written = Written(subject, "<p>You have 2.00 more.</p>", "You have 2.00 more.")
        with transaction() as session:
            shop = session.get_one(Shop, self.till.id)
            mail = mails.add_mail(session, shop, kind, address, written, "en", self.now, True, sayings=sayings, **more)
            return mail.id

    def choose(self, **values: Any) -> None:
        """Change how the shop tells."""
        with transaction() as session:
            row = session.scalars(select(MailSettings).where(MailSettings.shop_id == self.till.id)).one_or_none()
            if row is None:
                row = MailSettings(shop_id=self.till.id)
                session.add(row)
            for name, value in values.items():
                setattr(row, name, value)

    def change_shop(self, **values: Any) -> None:
        """Change the shop itself."""
        with transaction() as session:
            for name, value in values.items():
                setattr(session.get_one(Shop, self.till.id), name, value)

    def send(self) -> SendReport:
        """Have what is due sent."""
        db.session.remove()
        return send_due(self.till.id, mail_states, clock=lambda: self.now)

    def wait(self, **how_long: float) -> None:
        """Let time pass."""
        self.now += timedelta(**how_long)

    def due_shops(self) -> list[int]:
        """Return the shops a sweep would ask for."""
        with reading() as session:
            return mail_states.list_due_shops(session, self.now)

    def look(self, mail_id: int) -> SeenMail:
        """Return a mail's row."""
        with reading() as session:
            row = session.get_one(Mail, mail_id)
            return SeenMail(row.state, row.refusal, row.error, row.attempts, row.next_attempt_at, row.sent_at)

    def outage(self) -> SeenOutage | None:
        """Return what is noted of a server that is away."""
        with reading() as session:
            row = session.scalars(select(MailOutage)).one_or_none()
            return None if row is None else SeenOutage(row.began_at, row.next_try_at, row.reason)

    def stops(self) -> list[tuple[str, str, str | None]]:
        """Return the stops: address, reason, and of what."""
        with reading() as session:
            rows = session.scalars(select(MailStop).order_by(MailStop.id))
            return [(row.address_key, row.reason.value, row.saying and row.saying.value) for row in rows]
