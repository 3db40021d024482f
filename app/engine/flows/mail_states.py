"""Moves a mail through its states: claimed, sent or refused, put back, or lost sight of.

``app/mail/sending.py`` carries the network part between the steps; each runs in a transaction of its own. Once another
worker has taken over the lease a step changes nothing any more, with one exception: that a server took or refused a
mail is a fact and is noted whoever brings it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.due_mails import claim_some, keep_planned, list_due_shops
from app.engine.locks import lock_mails
from app.engine.mail_rows import find_locked, move_to, why_not
from app.engine.mail_stops import put_stop
from app.engine.rules.mailing import MailClaim, Refusal, outage_wait, wait_after
from app.engine.rules.messages import MailState, StopReason
from app.models import Mail, MailOutage

_UNDERWAY = (MailState.PLANNED, MailState.SENDING, MailState.UNKNOWN)


def mark_sending(session: Session, claim: MailClaim, now: datetime, lease_seconds: float) -> MailClaim | None:
    """Note that a mail goes over the wire now, and return the claim with its new lease.

    None when it must not go: the lease is lost, or nobody wants it any more, which is looked at here once more.
    """
    mail = _get_ours(session, claim)
    if mail is None or mail.state is not MailState.PLANNED:
        return None
    if claim.is_to_customer and (why := why_not(session, mail)):
        move_to(mail, MailState.REFUSED, why, Refusal.STOPPED)
        session.flush()
        return None
    mail.state, mail.leased_until = MailState.SENDING, now + timedelta(seconds=lease_seconds)
    session.flush()
    return replace(claim, leased_until=mail.leased_until)


def mark_sent(session: Session, claim: MailClaim, now: datetime) -> None:
    """Note that the server took a mail."""
    mail = _get_attempt(session, claim)
    if mail is not None and mail.state in (MailState.SENDING, MailState.UNKNOWN):
        move_to(mail, MailState.SENT, None)
        mail.sent_at = now
        session.flush()


def refuse(session: Session, claim: MailClaim, refusal: Refusal, reason: str, now: datetime) -> None:
    """Close a mail that will not be sent; where there is no such mailbox the customer's address gets none any more."""
    mail = _get_attempt(session, claim)
    if mail is None or mail.state not in _UNDERWAY:
        return
    move_to(mail, MailState.REFUSED, reason, refusal)
    # Whoever was forgotten meanwhile has no address here any more.
    if refusal is Refusal.RECIPIENT and claim.is_to_customer and mail.pruned_at is None:
        put_stop(session, claim.shop_id, mail.address_key, StopReason.BOUNCED, now, detail=reason)
    session.flush()


def put_back(session: Session, claim: MailClaim, reason: str, now: datetime) -> None:
    """Plan a mail again that certainly was not taken, after a wait that grows; after too many it is given up."""
    mail = _get_ours(session, claim)
    if mail is None or mail.state not in (MailState.PLANNED, MailState.SENDING):
        return
    wait = wait_after(claim.attempt)
    if wait is None:
        move_to(mail, MailState.REFUSED, reason, Refusal.GAVE_UP)
    else:
        move_to(mail, MailState.PLANNED, reason)
        mail.next_attempt_at = now + wait
    session.flush()


def mark_unknown(session: Session, claim: MailClaim, reason: str) -> None:
    """Note that a sending got no answer at its very end: only a person sends it again."""
    mail = _get_ours(session, claim)
    if mail is not None and mail.state is MailState.SENDING:
        move_to(mail, MailState.UNKNOWN, reason)
        session.flush()


def release(session: Session, claims: Sequence[MailClaim]) -> None:
    """Give mails back that were claimed and not tried."""
    for claim in claims:
        mail = _get_ours(session, claim)
        if mail is not None and mail.state is MailState.PLANNED:
            mail.attempts, mail.leased_until = mail.attempts - 1, None
    session.flush()


def note_outage(session: Session, shop_id: int, reason: str, now: datetime) -> bool:
    """Note that the server takes nothing from a shop; return True if that is new. It is asked again after a while."""
    row = _find_outage(session, shop_id)
    is_new = row is None
    if row is None:
        row = MailOutage(shop_id=shop_id, began_at=now, tries=0)
        session.add(row)
    row.tries, row.reason = row.tries + 1, reason
    row.next_try_at = now + outage_wait(row.tries)
    session.flush()
    return is_new


def end_outage(session: Session, shop_id: int) -> datetime | None:
    """Note that the server is back; return since when it was away, None if it was there."""
    row = _find_outage(session, shop_id)
    if row is None:
        return None
    session.delete(row)
    session.flush()
    return row.began_at


def _get_ours(session: Session, claim: MailClaim) -> Mail | None:
    """Return the claimed row, locked, or None when the lease is somebody else's by now."""
    mail = find_locked(session, claim.shop_id, claim.mail_id)
    return mail if mail is not None and mail.leased_until == claim.leased_until else None


def _get_attempt(session: Session, claim: MailClaim) -> Mail | None:
    """Return the claimed row, locked, whoever has it in hands now, or None when it was tried again since."""
    mail = find_locked(session, claim.shop_id, claim.mail_id)
    return mail if mail is not None and mail.attempts == claim.attempt else None


def _find_outage(session: Session, shop_id: int) -> MailOutage | None:
    lock_mails(session, shop_id)
    return session.scalars(select(MailOutage).where(MailOutage.shop_id == shop_id)).one_or_none()


# What the sender asks for and ``due_mails`` answers.
__all__ = [
    "claim_some",
    "end_outage",
    "keep_planned",
    "list_due_shops",
    "mark_sending",
    "mark_sent",
    "mark_unknown",
    "note_outage",
    "put_back",
    "refuse",
    "release",
]
