"""Mails of a shop as rows, for the tests of the rooms that show them."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.clock import utcnow
from app.engine.rules.mailing import Refusal, address_key
from app.engine.rules.messages import MailKind, MailState
from app.models import Mail
from tests.admin.factories import reading

HTML = '<!doctype html><html lang="en"><title>News</title><body><p style="color:#123456">You earned $3.00.</p></body>'


def add_mail(shop_id: int, state: MailState = MailState.SENT, **changes: Any) -> int:
    """Add a mail and return its number."""
    now = utcnow()
    address = changes.get("address", "ada@example.com")
    values: dict[str, Any] = {
        "kind": MailKind.DIGEST,
        "address": address,
        "address_key": address_key(address),
        "language": "en",
        "sayings": ["earned"],
        "subject": "You earned $3.00",
        "html": HTML,
        "text": "You earned $3.00.",
        "created_at": now - timedelta(minutes=5),
        "sent_at": now if state is MailState.SENT else None,
        "refusal": Refusal.SERVER if state is MailState.REFUSED else None,
        **changes,
    }
    with reading() as session:
        mail = Mail(shop_id=shop_id, state=state, **values)
        session.add(mail)
        session.flush()
        return mail.id


def fill_mailbox(shop_id: int, now: datetime) -> int:
    """Add a mail of each state and kind, and return the one in doubt."""
    kinds = dict(zip(MailState, (*MailKind, MailKind.DIGEST), strict=True))
    said = {
        MailState.REFUSED: "550 5.1.1 There is no such mailbox.",
        MailState.UNKNOWN: "The connection ended before the mail server answered.",
    }
    numbers = {
        state: add_mail(
            shop_id, state, kind=kind, error=said.get(state), created_at=now - timedelta(minutes=10 * place + 3)
        )
        for place, (state, kind) in enumerate(kinds.items())
    }
    return numbers[MailState.UNKNOWN]


def mail_of(number: int) -> Mail:
    """Return a mail as it stands in the table."""
    with reading() as session:
        mail = session.scalars(select(Mail).where(Mail.id == number)).one()
        session.expunge(mail)
        return mail
