"""A shop's own words for its mails: looked up, saved, given up again. Whether they can be used the door finds out."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.engine.audit import record
from app.engine.rules.letters import OwnTemplate
from app.engine.rules.messages import Saying
from app.engine.rules.roles import Duty
from app.engine.seen import check_seen
from app.engine.staffing import check_may
from app.errors import NotFound, Refused
from app.languages import LANGUAGES
from app.models import MailTemplate, Shop
from app.sentences import say

#: What stands around all that is said, besides a template for each saying.
FRAME = "frame"
NAMES = (*(saying.value for saying in Saying), FRAME)
LONGEST_SUBJECT = 300
LONGEST_PART = 50_000


def list_templates(session: Session, shop_id: int) -> list[MailTemplate]:
    """Return a shop's own templates."""
    mine = select(MailTemplate).where(MailTemplate.shop_id == shop_id).order_by(MailTemplate.id)
    return list(session.scalars(mine.execution_options(populate_existing=True)))


def find_template(session: Session, shop_id: int, name: str, language: str) -> MailTemplate | None:
    """Return a shop's own words for something in a language, or None where it has ours."""
    which = (MailTemplate.shop_id == shop_id, MailTemplate.name == name, MailTemplate.language == language)
    return session.scalars(select(MailTemplate).where(*which).execution_options(populate_existing=True)).one_or_none()


def show_words(row: MailTemplate | None) -> Mapping[str, str]:
    """Return what the mark of a template is made of; nothing where the shop has ours."""
    return {} if row is None else {"subject": row.subject, "html": row.html, "text": row.text}


def save(
    session: Session, shop_id: int, wanted: OwnTemplate, actor: str, now: datetime, *, seen: str | None = None
) -> None:
    """Keep a shop's own words. That they can be used is for the door to see to, which knows how they are filled in.

    ``seen`` is the mark of ``show_words`` of what the form showed; raises ChangedMeanwhile where others are there now.
    """
    check_may(session, shop_id, actor, Duty.MANAGE)
    _check_name(wanted.name, wanted.language)
    if len(wanted.subject) > LONGEST_SUBJECT or max(len(wanted.html), len(wanted.text)) > LONGEST_PART:
        raise Refused("These words are too long for a mail; shorten them.")
    _lock(session, shop_id)
    row = find_template(session, shop_id, wanted.name, wanted.language)
    check_seen(seen, show_words(row))
    parts = {"subject": wanted.subject, "html": wanted.html, "text": wanted.text}
    if row is None:
        which = {"shop_id": shop_id, "name": wanted.name, "language": wanted.language}
        row = MailTemplate(**which, **parts, saved_at=now, saved_by=actor)
        session.add(row)
    elif show_words(row) == parts and row.failed_at is None:
        return
    else:
        row.subject, row.html, row.text = wanted.subject, wanted.html, wanted.text
        row.saved_at, row.saved_by = now, actor
        row.failed_at = row.failed_reason = None
    session.flush()
    _note(session, shop_id, "save_mail_template", row.id, wanted.name, wanted.language, actor, now)


def reset(
    session: Session,
    shop_id: int,
    name: str,
    language: str,
    actor: str,
    now: datetime,
    *,
    seen: str | None = None,
) -> None:
    """Go back to our words; a shop that has them already is left as it is."""
    check_may(session, shop_id, actor, Duty.MANAGE)
    _check_name(name, language)
    _lock(session, shop_id)
    row = find_template(session, shop_id, name, language)
    if row is None:
        return
    check_seen(seen, show_words(row))
    session.execute(delete(MailTemplate).where(MailTemplate.shop_id == shop_id, MailTemplate.id == row.id))
    _note(session, shop_id, "reset_mail_template", row.id, name, language, actor, now)


def note_test(session: Session, shop_id: int, name: str, language: str, actor: str, now: datetime) -> None:
    """Ask whether somebody may try a template by a mail, and note that they do; not to which address."""
    check_may(session, shop_id, actor, Duty.MANAGE)
    _check_name(name, language)
    _note(session, shop_id, "test_mail", shop_id, name, language, actor, now)


def _check_name(name: str, language: str) -> None:
    if name not in NAMES or language not in LANGUAGES:
        raise NotFound(say("There is no mail {name} in the language {language}.", name=name, language=language))


def _lock(session: Session, shop_id: int) -> None:
    """Let two who change the words of one shop take turns."""
    if session.scalar(select(Shop.id).where(Shop.id == shop_id).with_for_update(key_share=True)) is None:
        raise NotFound("There is no such shop in this installation.")


def _note(
    session: Session, shop_id: int, action: str, number: int, name: str, language: str, actor: str, now: datetime
) -> None:
    about = {"name": name, "language": language}
    subject = ("shop" if action == "test_mail" else "mail_template", number)
    record(session, shop_id, actor, action, subject=subject, before={}, after=about, now=now)
    session.flush()
