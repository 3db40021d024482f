"""What is wrong with telling customers: a mail server that takes nothing, mails it refused, templates that fail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from app.engine.rules.mailing import TO_CUSTOMERS, TO_STAFF, Refusal
from app.engine.rules.messages import MailState
from app.languages import translate
from app.models import Mail, MailOutage, MailTemplate, Shop
from app.status.cause import Cause, lasted

#: A mail server may be away for so long before somebody must know.
AWAY_FOR = timedelta(minutes=15)
WINDOW = timedelta(days=1)
#: No more mails of the window are looked at than the newest so many.
NEWEST = 2_000
#: More than one in twenty mails of the last day failed.
FAILED_SHARE = (1, 20)
#: What is the fault of nobody's mailbox.
OUR_TROUBLE = (Refusal.SERVER, Refusal.GAVE_UP)
MAILS = "/mails"
TEMPLATES = "/settings/mails/templates"


@dataclass(frozen=True, slots=True)
class MailFindings:
    """What the tables say about a shop's mails."""

    away_since: datetime | None
    away_because: str | None
    #: Mails of the last day that left, and that failed without their address being to blame.
    sent: int
    failed: int
    #: Why templates of the shop's own cannot be used, by what they say and their language.
    broken: Mapping[tuple[str, str], str | None]


def find_mails(session: Session, shop: Shop, now: datetime) -> MailFindings:
    """Return the findings for a shop."""
    shop_id = shop.id
    outage = _find_outage(session, shop)
    newest = select(Mail.state, Mail.refusal, Mail.created_at).where(Mail.shop_id == shop_id)
    seen = newest.order_by(Mail.id.desc()).limit(NEWEST).subquery()
    is_ours = seen.c.refusal.in_(OUR_TROUBLE) | (seen.c.state == MailState.UNKNOWN)
    counts = select(func.count().filter(seen.c.state == MailState.SENT), func.count().filter(is_ours))
    sent, failed = session.execute(counts.where(seen.c.created_at > now - WINDOW)).one()
    broken = select(MailTemplate.name, MailTemplate.language, MailTemplate.failed_reason).where(
        MailTemplate.shop_id == shop_id, MailTemplate.failed_at.is_not(None)
    )
    return MailFindings(
        away_since=None if outage is None else outage.began_at,
        away_because=None if outage is None else outage.reason,
        sent=sent,
        failed=failed,
        broken={(name, language): reason for name, language, reason in session.execute(broken)},
    )


def _find_outage(session: Session, shop: Shop) -> MailOutage | None:
    """Return the outage of the mail server, while a mail waits for its end: else nobody asks the server any more.

    What is for customers of a paused shop waits for them to go on.
    """
    kinds = TO_STAFF if shop.paused_at is not None else (*TO_STAFF, *TO_CUSTOMERS)
    waits = exists().where(
        Mail.shop_id == shop.id, Mail.state.in_((MailState.PLANNED, MailState.SENDING)), Mail.kind.in_(kinds)
    )
    return session.scalars(select(MailOutage).where(MailOutage.shop_id == shop.id, waits)).one_or_none()


def tell_mails(found: MailFindings, now: datetime) -> list[Cause]:
    """Return what is wrong with a shop's mails; none of it touches money."""
    return [*_server(found, now), *_failing(found), *_templates(found)]


def _server(found: MailFindings, now: datetime) -> Sequence[Cause]:
    if found.away_since is None or now - found.away_since <= AWAY_FOR:
        return ()
    what = _(
        "For %(age)s the mail server has taken no mail: %(reason)s",
        age=lasted(found.away_since, now),
        reason=translate(found.away_because or ""),
    )
    advice = _("Check MAIL_URL and the mail server. Mails wait meanwhile and leave by themselves; no cashback is late.")
    return (Cause("mail_server_away", what, advice, MAILS, is_grave=False),)


def _failing(found: MailFindings) -> Sequence[Cause]:
    numerator, denominator = FAILED_SHARE
    total = found.sent + found.failed
    if found.failed * denominator <= total * numerator:
        return ()
    what = _("%(failed)s of %(total)s mails of the last day could not be delivered.", failed=found.failed, total=total)
    advice = _("Read the mail server's reasons under Mails, and send them again once that is mended.")
    return (Cause("mails_failing", what, advice, MAILS, is_grave=False),)


def _templates(found: MailFindings) -> Sequence[Cause]:
    causes = []
    for (name, language), reason in sorted(found.broken.items()):
        what = _(
            "Your own template “%(name)s” (%(language)s) cannot be used: %(reason)s",
            name=name,
            language=language,
            reason=translate(reason or ""),
        )
        advice = _("Mend it in the settings; until then customers get our words instead.")
        causes.append(Cause(f"template_broken:{name}:{language}", what, advice, TEMPLATES, is_grave=False))
    return causes
