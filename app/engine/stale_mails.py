"""Mails that waited too long to leave: taken back, and what they told is told anew, as things are by then."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from app.engine.rules.mailing import TO_CUSTOMERS, Refusal
from app.engine.rules.messages import MailState, MessageState
from app.models import Mail, Message
from app.models.columns import among

#: So long may a customer's mail wait for a pause or an outage to end; after that it may say what is true no more.
SENT_WITHIN = timedelta(days=3)
#: The mails of so many people at most are taken back in one transaction.
BATCH = 500
#: As the index of what is planned has it.
_planned_at = func.greatest(Mail.wanted_at, Mail.created_at)


def take_back_stale(session: Session, shop_id: int, now: datetime) -> bool:
    """Take back what was planned for some customers too long ago; return True if there may be more.

    All that is planned for them is taken back, since a later mail rests on what the earlier one says. None of it has
    left. What these mails tell waits again, and the next digest says of it what is true then.
    """
    theirs = (Mail.shop_id == shop_id, *_is_planned(now))
    stale = select(Mail.customer_id, Mail.address_key).where(*theirs, _planned_at < now - SENT_WITHIN)
    people = session.execute(stale.order_by(_planned_at).limit(BATCH)).all()
    if not people:
        return False
    guests = {key for customer_id, key in people if customer_id is None}
    whose = or_(
        among(Mail.customer_id, {customer_id for customer_id, _ in people if customer_id is not None}),
        and_(Mail.customer_id.is_(None), Mail.address_key.in_(guests)),
    )
    ids = session.scalars(select(Mail.id).where(*theirs, whose).with_for_update(skip_locked=True)).all()
    session.execute(
        update(Mail)
        .where(Mail.shop_id == shop_id, among(Mail.id, ids))
        .values(state=MailState.REFUSED, refusal=Refusal.OUTDATED, error=None, next_attempt_at=None, leased_until=None)
    )
    session.execute(
        update(Message)
        .where(Message.shop_id == shop_id, among(Message.mail_id, ids))
        .values(state=MessageState.WAITING, done_at=None, mail_id=None, said=None)
    )
    return len(people) == BATCH


def _is_planned(now: datetime) -> tuple[ColumnElement[bool], ...]:
    # Written into the statement, not bound: only so can the planner see that a partial index fits.
    planned = bindparam(None, MailState.PLANNED, Mail.state.type, literal_execute=True)
    kinds = bindparam(None, list(TO_CUSTOMERS), Mail.kind.type, expanding=True, literal_execute=True)
    is_free = or_(Mail.leased_until.is_(None), Mail.leased_until <= now)
    return Mail.state == planned, Mail.kind.in_(kinds), is_free
