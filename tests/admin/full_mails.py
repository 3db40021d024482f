"""The mailbox of the full shop: a mail in each state, as our templates write them, and words of its own that broke."""

from datetime import datetime, timedelta

from app.db import db, transaction
from app.engine.rules.letters import OwnTemplate
from app.engine.rules.mailing import Refusal, address_key
from app.engine.rules.messages import MailKind, MailState, Saying
from app.mail.checks import preview
from app.mail.ready import default_template
from app.models import Mail, MailTemplate

_STATES = (
    (MailState.SENT, MailKind.DIGEST, "earned", "en", "ada@example.com"),
    (MailState.SENT, MailKind.DIGEST, "frame", "de", "ben@example.com"),
    (MailState.REFUSED, MailKind.DIGEST, "credited", "en", "cleo@example.com"),
    (MailState.UNKNOWN, MailKind.STATEMENT, "statement_ready", "en", "dario@example.com"),
    (MailState.PLANNED, MailKind.DIGEST, "reversed", "fr", "edith@example.com"),
    (MailState.KEPT, MailKind.TEST, "earned", "es", "olga@example.com"),
)
_ERRORS = {
    MailState.REFUSED: "550 5.1.1 There is no such mailbox.",
    MailState.UNKNOWN: "The connection ended before the mail server answered.",
}


def add_mailbox(shop_id: int, now: datetime) -> None:
    """Add the mails and the words."""
    with transaction() as session:
        for place, (state, kind, name, language, address) in enumerate(_STATES):
            at = now - timedelta(minutes=7 * place + 2)
            written = preview(default_template(name, language))
            mail = Mail(
                shop_id=shop_id, kind=kind, address=address, address_key=address_key(address), language=language,
                sayings=[] if name not in list(Saying) else [name], subject=written.subject, html=written.html,
                text=written.text, state=state, created_at=at, error=_ERRORS.get(state), attempts=1,
                sent_at=at if state is MailState.SENT else None,
                refusal=Refusal.RECIPIENT if state is MailState.REFUSED else None,
            )  # fmt: skip
            session.add(mail)
        own: OwnTemplate = default_template("reversed", "de")
        words = MailTemplate(
            shop_id=shop_id, name=own.name, language=own.language, subject=own.subject, html=own.html,
            text=own.text, saved_at=now - timedelta(days=3), saved_by="staff:9",
            failed_at=now - timedelta(hours=2), failed_reason="There is no variable amuont; there is amount.",
        )  # fmt: skip
        session.add(words)
    db.session.remove()
