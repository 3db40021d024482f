"""Which mails are due, and claiming some: a lease on each row, so that a worker that dies is found out."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, ScalarSelect, and_, bindparam, exists, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.engine.locks import lock_mails
from app.engine.rules.digest_times import is_quiet, quiet_ends
from app.engine.rules.mail_choices import Teller, Telling
from app.engine.rules.mailing import TO_CUSTOMERS, TO_STAFF, MailClaim
from app.engine.rules.messages import MailKind, MailState, Saying
from app.engine.stale_mails import take_back_stale
from app.models import Mail, MailOutage, MailSettings, Shop
from app.models.columns import among
from app.sentences import say

#: So many mails at most are put off, or kept, in one transaction.
BATCH = 1000
_MINUTE = timedelta(minutes=1)
#: As the indexes of what is planned have it.
_due_at = func.greatest(Mail.next_attempt_at, Mail.created_at)


def list_due_shops(session: Session, now: datetime) -> list[int]:
    """Return the shops that have a mail to send, or one that a dead worker left behind."""
    is_left = exists().where(Mail.shop_id == Shop.id, Mail.leased_until <= now)
    to_customers = and_(Shop.paused_at.is_(None), _first_due(TO_CUSTOMERS, now) <= now)
    found = or_(is_left, _first_due(TO_STAFF, now) <= now, to_customers)
    is_away = exists().where(MailOutage.shop_id == Shop.id, MailOutage.next_try_at > now)
    due = select(Shop.id).where(Shop.uninstalled_at.is_(None), ~is_away, found)
    return list(session.scalars(due.order_by(Shop.id)))


def claim_some(session: Session, shop_id: int, now: datetime, lease_seconds: float, most: int) -> list[MailClaim]:
    """Take up to ``most`` due mails of a shop for ``lease_seconds``: oldest first, and no more than may leave a minute.

    One still *sending* when its lease ran out was left by a worker that died: it may have been sent, and nobody can
    ask. In quiet hours what is for customers is put off until they end; of a paused shop it waits, and what waited too
    long is taken back. While the server is away, one mail at a time tries whether it is back.
    """
    # Two workers take turns: what one has taken counts for the other.
    lock_mails(session, shop_id)
    _give_up_on_lost(session, shop_id, now)
    is_more_stale = take_back_stale(session, shop_id, now)
    outage = session.scalars(select(MailOutage).where(MailOutage.shop_id == shop_id)).one_or_none()
    if outage is not None:
        most = 0 if outage.next_try_at > now else 1
    choices = _read_choices(session, shop_id)
    most = min(most, choices.per_minute - _count_underway(session, shop_id, now))
    if most <= 0:
        return []
    with_customers = _may_tell_customers(session, shop_id, choices, now) and not is_more_stale
    rows = _take(session, shop_id, now, most, with_customers=with_customers)
    for row in rows:
        row.attempts += 1
        row.leased_until = now + timedelta(seconds=lease_seconds)
    session.flush()
    return [_claim_of(row) for row in rows]


def keep_planned(session: Session, shop_id: int, now: datetime) -> int:
    """Keep what is planned to be read in the admin, as there is no mail server (any more); return how many.

    What a worker that died was sending while there was one is given up all the same.
    """
    _give_up_on_lost(session, shop_id, now)
    some = _lock_some(session, shop_id, _is_one_of(Mail.state, MailState.PLANNED))
    _change(session, shop_id, some, state=MailState.KEPT, next_attempt_at=None, leased_until=None)
    return len(some)


def _take(session: Session, shop_id: int, now: datetime, most: int, *, with_customers: bool) -> list[Mail]:
    """Lock due mails: staff's before customers', each in the order in which they came to be due."""
    rows: list[Mail] = []
    for kinds in (TO_STAFF, TO_CUSTOMERS) if with_customers else (TO_STAFF,):
        due = select(Mail).where(Mail.shop_id == shop_id, *_is_due(kinds, now))
        due = due.order_by(_due_at, Mail.id).limit(most - len(rows)).with_for_update(skip_locked=True)
        rows += session.scalars(due.execution_options(populate_existing=True))
    return rows


def _may_tell_customers(session: Session, shop_id: int, choices: Telling | MailSettings, now: datetime) -> bool:
    """Return whether customers may get mails now; what is due for them in quiet hours is put off until they end."""
    shop = session.get_one(Shop, shop_id, populate_existing=True)
    zone = ZoneInfo(shop.timezone)
    if shop.paused_at is not None:
        return False
    if not is_quiet(now, choices.quiet_from, choices.quiet_to, zone):
        return True
    later = quiet_ends(now, choices.quiet_from, choices.quiet_to, zone)
    _change(session, shop_id, _lock_some(session, shop_id, *_is_due(TO_CUSTOMERS, now)), next_attempt_at=later)
    return False


def _lock_some(session: Session, shop_id: int, *which: ColumnElement[bool]) -> Sequence[int]:
    some = select(Mail.id).where(Mail.shop_id == shop_id, *which).limit(BATCH)
    return session.scalars(some.with_for_update(skip_locked=True)).all()


def _change(session: Session, shop_id: int, mail_ids: Sequence[int], **values: Any) -> None:
    session.execute(update(Mail).where(Mail.shop_id == shop_id, among(Mail.id, mail_ids)).values(**values))


def _give_up_on_lost(session: Session, shop_id: int, now: datetime) -> None:
    lost = update(Mail).where(Mail.shop_id == shop_id, Mail.state == MailState.SENDING, Mail.leased_until <= now)
    reason = say("The worker that was sending it ended in the midst of it; it may have arrived.")
    session.execute(lost.values(state=MailState.UNKNOWN, leased_until=None, error=reason))


def _count_underway(session: Session, shop_id: int, now: datetime) -> int:
    """Return how many mails have left in the last minute or are in some worker's hands.

    In one statement: between two of them another worker's mail would go from the second to the first, seen by neither.
    """
    sent = select(func.count()).where(
        Mail.shop_id == shop_id, _is_one_of(Mail.state, MailState.SENT), Mail.sent_at > now - _MINUTE
    )
    held = select(func.count()).where(Mail.shop_id == shop_id, Mail.leased_until > now)
    return session.scalar(select(sent.scalar_subquery() + held.scalar_subquery())) or 0


def _read_choices(session: Session, shop_id: int) -> Telling | MailSettings:
    row = session.scalars(select(MailSettings).where(MailSettings.shop_id == shop_id)).one_or_none()
    return row or Telling(Teller.US)


def _claim_of(row: Mail) -> MailClaim:
    assert row.leased_until is not None
    return MailClaim(
        mail_id=row.id,
        shop_id=row.shop_id,
        kind=row.kind,
        address=row.address,
        language=row.language,
        sayings=tuple(Saying(saying) for saying in row.sayings),
        subject=row.subject,
        html=row.html,
        text=row.text,
        attempt=row.attempts,
        leased_until=row.leased_until,
    )


def _first_due(kinds: tuple[MailKind, ...], now: datetime) -> ScalarSelect[datetime]:
    """Return from when on the first mail of a shop may go: the beginning of an index, however much waits behind it."""
    first = select(_due_at).where(Mail.shop_id == Shop.id, *_is_waiting(kinds, now)).order_by(_due_at, Mail.id).limit(1)
    return first.correlate(Shop).scalar_subquery()


def _is_due(kinds: tuple[MailKind, ...], now: datetime) -> tuple[ColumnElement[bool], ...]:
    return *_is_waiting(kinds, now), _due_at <= now


def _is_waiting(kinds: tuple[MailKind, ...], now: datetime) -> tuple[ColumnElement[bool], ...]:
    is_free = or_(Mail.leased_until.is_(None), Mail.leased_until <= now)
    return _is_one_of(Mail.state, MailState.PLANNED), _is_one_of(Mail.kind, *kinds), is_free


def _is_one_of(column: InstrumentedAttribute[Any], *values: StrEnum) -> ColumnElement[bool]:
    # Written into the statement, not bound: only so can the planner see that a partial index fits.
    if len(values) == 1:
        return column == bindparam(None, values[0], column.type, literal_execute=True)
    return column.in_(bindparam(None, list(values), column.type, expanding=True, literal_execute=True))
