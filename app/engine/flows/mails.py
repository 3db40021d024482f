"""Mails as people meet them: added, sent once more, come back; and the addresses that get none.

How a mail goes over the wire stands in ``mail_states.py``.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, literal, select, update
from sqlalchemy.orm import Session

from app.engine.audit import record
from app.engine.mail_rows import find_locked, move_to, why_not
from app.engine.mail_stops import lift_stops, list_stops, put_stop
from app.engine.rules.letters import Written
from app.engine.rules.mail_choices import Teller, Telling
from app.engine.rules.mailing import TO_CUSTOMERS, Bounce, Refusal, Report, address_key
from app.engine.rules.messages import MailKind, MailState, Saying, StopReason
from app.engine.rules.roles import Duty
from app.engine.staffing import check_may
from app.errors import NotFound, Refused
from app.models import Mail, MailSettings, MailStop, Shop
from app.sentences import say

#: So many mails are emptied in one transaction.
BATCH = 500
#: What a shop that never chose has.
_KEEP_DAYS = Telling(Teller.NOBODY).keep_days
#: A server may have it: a report may come before we have noted that it was taken.
_LEFT = (MailState.SENDING, MailState.SENT, MailState.UNKNOWN)
#: Servers try for five days at most, and then report.
MAY_COME_BACK = timedelta(days=14)


def add_mail(
    session: Session,
    shop: Shop,
    kind: MailKind,
    address: str,
    written: Written,
    language: str,
    now: datetime,
    has_server: bool,
    *,
    customer_id: int | None = None,
    sayings: Sequence[Saying] = (),
    not_before: datetime | None = None,
) -> Mail:
    """Plan a mail, or keep it to be read where there is no mail server. It leaves after the commit."""
    mail = Mail(
        shop_id=shop.id,
        kind=kind,
        customer_id=customer_id,
        address=address,
        address_key=address_key(address),
        language=language,
        sayings=[saying.value for saying in sayings],
        subject=written.subject,
        html=written.html,
        text=written.text,
        template_error=written.error,
        state=MailState.PLANNED if has_server else MailState.KEPT,
        created_at=now,
        next_attempt_at=not_before if has_server else None,
    )
    session.add(mail)
    session.flush()
    return mail


def send_again(session: Session, shop_id: int, mail_id: int, actor: str, now: datetime) -> Mail:
    """Plan a refused, unknown or kept mail once more. Raises NotFound, or Refused with what stands against it."""
    check_may(session, shop_id, actor, Duty.MANAGE)
    mail = find_locked(session, shop_id, mail_id)
    if mail is None:
        raise NotFound(say("This shop has no mail {number}.", number=mail_id))
    if mail.pruned_at is not None:
        raise Refused(say("The words of mail {number} are kept no longer.", number=mail_id))
    if mail.refusal is Refusal.OUTDATED:
        raise Refused(say("What mail {number} says is told anew, as things are now.", number=mail_id))
    if mail.state not in (MailState.REFUSED, MailState.UNKNOWN, MailState.KEPT):
        raise Refused(say("Mail {number} is sent, or about to be; there is nothing to send again.", number=mail_id))
    if mail.kind in TO_CUSTOMERS and (why := why_not(session, mail)):
        raise Refused(why)
    before = {"state": mail.state.value}
    move_to(mail, MailState.PLANNED, None)
    mail.wanted_at = now
    subject = ("mail", mail.id)
    record(session, shop_id, actor, "send_mail_again", subject=subject, before=before, after={}, now=now)
    session.flush()
    return mail


def read_stops(session: Session, shop_id: int, address: str) -> list[MailStop]:
    """Return what an address gets no mails about; a stop whose saying is None means nothing at all."""
    return list_stops(session, shop_id, address_key(address))


def stop_address(
    session: Session,
    shop_id: int,
    address: str,
    actor: str,
    now: datetime,
    *,
    reason: StopReason = StopReason.STAFF,
    saying: Saying | None = None,
) -> None:
    """Let an address get nothing any more, or nothing that says ``saying``.

    ``actor``: the member of staff who wants it; ``customer`` with UNSUBSCRIBED, where they do themselves.
    """
    check_may(session, shop_id, actor, Duty.MANAGE)
    number = put_stop(session, shop_id, address_key(address), reason, now, saying=saying)
    if reason is StopReason.STAFF:
        _note(session, shop_id, actor, "stop_mails", number, saying, now)


def allow_address(
    session: Session, shop_id: int, address: str, actor: str, now: datetime, *, saying: Saying | None = None
) -> None:
    """Let an address get mails again: all, whoever stopped them, or with ``saying`` those.

    Where the address gets nothing at all, that stays as it is unless everything is wanted.
    """
    check_may(session, shop_id, actor, Duty.MANAGE)
    for number in lift_stops(session, shop_id, address_key(address), saying=saying):
        _note(session, shop_id, actor, "allow_mails", number, saying, now)


def choose_mails(
    session: Session, shop_id: int, address: str, unwanted: frozenset[Saying] | None, now: datetime
) -> None:
    """Note what the customer at an address does not want to hear of; None: nothing at all.

    A choice of theirs takes the place of their last one; what a mail server or staff stopped stays stopped.
    """
    key = address_key(address)
    lift_stops(session, shop_id, key, reasons=(StopReason.UNSUBSCRIBED,))
    for saying in [None] if unwanted is None else sorted(unwanted):
        put_stop(session, shop_id, key, StopReason.UNSUBSCRIBED, now, saying=saying)


def find_bounced(session: Session, shop_id: int, address: str, now: datetime) -> int | None:
    """Return the newest mail to an address that a server may have had, if it is so young that it may come back.

    One that came back already counts, too: the same report told twice is not about the mail before it.
    """
    found: int | None = session.scalar(
        select(Mail.id)
        .where(
            Mail.shop_id == shop_id,
            Mail.address_key == address_key(address),
            Mail.state.in_((*_LEFT, MailState.REFUSED)),
            Mail.created_at > now - MAY_COME_BACK,
        )
        .order_by(Mail.id.desc())
        .limit(1)
    )
    return found


def take_back(session: Session, shop_id: int, mail_id: int, report: Report, now: datetime) -> Bounce:
    """Note that a mail came back after a server had taken it.

    For good: it is refused, and where there is no such mailbox the customer's address gets none any more. For the
    time being: that is noted, and the mail is still on its way. Who is just sending it finds it refused.
    """
    mail = find_locked(session, shop_id, mail_id)
    if mail is None or mail.state not in _LEFT:
        return Bounce.OLD_NEWS
    if not report.is_final:
        mail.error = report.reason
        session.flush()
        return Bounce.DELAYED
    refusal = Refusal.RECIPIENT if report.is_dead else Refusal.SERVER
    move_to(mail, MailState.REFUSED, report.reason, refusal)
    mail.sent_at = None
    is_to_stop = report.is_dead and mail.kind in TO_CUSTOMERS and mail.pruned_at is None
    if is_to_stop:
        put_stop(session, shop_id, mail.address_key, StopReason.BOUNCED, now, detail=report.reason)
    session.flush()
    return Bounce.STOPPED if is_to_stop else Bounce.REFUSED


def list_shops_to_prune(session: Session, now: datetime) -> list[int]:
    """Return the shops that keep mails longer than they want to."""
    days = func.coalesce(MailSettings.keep_days, _KEEP_DAYS)
    kept_from = literal(now) - func.make_interval(0, 0, 0, days)
    # The oldest is at the beginning of an index; what is reckoned for each shop cannot be looked up in it.
    oldest = select(Mail.created_at).where(Mail.shop_id == Shop.id, *_is_over()).order_by(Mail.created_at).limit(1)
    settled = select(Shop.id).outerjoin(MailSettings, MailSettings.shop_id == Shop.id)
    return list(session.scalars(settled.where(oldest.scalar_subquery() < kept_from).order_by(Shop.id)))


def prune(session: Session, shop: Shop, now: datetime) -> int:
    """Empty some mails that are kept no longer: words and address go, what became of them stays. Return how many."""
    days = session.scalar(select(MailSettings.keep_days).where(MailSettings.shop_id == shop.id)) or _KEEP_DAYS
    old = (
        select(Mail.id)
        .where(Mail.shop_id == shop.id, *_is_over(), Mail.created_at < now - timedelta(days=days))
        .order_by(Mail.created_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
        # Read once: as a plain subquery it may be read again for every row, each time passing over what it locked.
        .cte("old")
        .prefix_with("MATERIALIZED")
    )
    emptied = {"address": "", "address_key": "", "subject": "", "html": "", "text": "", "error": None}
    gone = update(Mail).where(Mail.shop_id == shop.id, Mail.id.in_(select(old.c.id))).values(**emptied, pruned_at=now)
    return len(session.scalars(gone.returning(Mail.id)).all())


def _is_over() -> tuple[ColumnElement[bool], ...]:
    return Mail.pruned_at.is_(None), Mail.state.not_in((MailState.PLANNED, MailState.SENDING))


def _note(
    session: Session, shop_id: int, actor: str, action: str, number: int, saying: Saying | None, now: datetime
) -> None:
    # Not the address: the trail is kept for good, and people are to be forgotten.
    said = {"saying": None if saying is None else saying.value}
    record(session, shop_id, actor, action, subject=("mail_stop", number), before={}, after=said, now=now)
