"""What a person was told and is to be told: found for whoever asks for it, and emptied when the person is forgotten."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, or_, select, update
from sqlalchemy.orm import Session

from app.engine.messages import drop_messages
from app.engine.rules.mailing import TO_CUSTOMERS, Refusal, address_key
from app.engine.rules.messages import DropReason, MailState
from app.models import Customer, Mail, MailStop, Message, Order, Reward
from app.models.columns import among

#: How many mails of a shop are emptied in one transaction.
BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Mailed:
    """Whom mails went to: customers by our ids, addresses as they are looked up, and the rewards of orders."""

    customer_ids: frozenset[int]
    keys: frozenset[str]
    reward_ids: frozenset[int]


def find_mailed(session: Session, shop_id: int, people: Iterable[Customer], orders: Iterable[Order]) -> Mailed:
    """Return by what the mails to these people are found, who may have placed some of these orders as guests.

    Those who were merged into one of the people are among them; call this before anything is taken out.
    """
    given: set[str | None] = set()
    ids, order_ids = set(), set()
    for person in people:
        ids.add(person.id)
        given |= {person.email, person.verified_email}
    for order in orders:
        order_ids.add(order.id)
        given |= {order.guest_email, order.fact.get("email")}
    of_orders = select(Reward.id).where(Reward.shop_id == shop_id, among(Reward.order_id, order_ids))
    known = Mailed(
        frozenset(ids),
        frozenset(address_key(address) for address in given if address),
        frozenset(session.scalars(of_orders)),
    )
    # Addresses they had before, too.
    used = session.scalars(select(Mail.address_key).where(mails_of(shop_id, known), Mail.address_key != ""))
    return Mailed(known.customer_ids, known.keys | set(used), known.reward_ids)


def mails_of(shop_id: int, mailed: Mailed) -> ColumnElement[bool]:
    """Return the condition for mails to these people; another customer's to the same address are not theirs."""
    as_guest = and_(Mail.customer_id.is_(None), Mail.kind.in_(TO_CUSTOMERS))
    by_order = select(Message.mail_id).where(
        Message.shop_id == shop_id, among(Message.reward_id, mailed.reward_ids), Message.mail_id.is_not(None)
    )
    theirs = or_(
        among(Mail.customer_id, mailed.customer_ids),
        and_(as_guest, or_(Mail.address_key.in_(mailed.keys), Mail.id.in_(by_order))),
    )
    return and_(Mail.shop_id == shop_id, theirs)


def messages_of(shop_id: int, mailed: Mailed) -> ColumnElement[bool]:
    """Return the condition for messages to these people."""
    as_guest = and_(Message.customer_id.is_(None), among(Message.reward_id, mailed.reward_ids))
    return and_(Message.shop_id == shop_id, or_(among(Message.customer_id, mailed.customer_ids), as_guest))


def redact_mailed(session: Session, shop_id: int, mailed: Mailed, now: datetime) -> None:
    """Empty the mails to these people, forget what their addresses do not want, and tell them nothing any more."""
    drop_messages(session, shop_id, messages_of(shop_id, mailed), DropReason.NO_ADDRESS, now)
    session.execute(update(Mail).where(mails_of(shop_id, mailed), Mail.pruned_at.is_(None)).values(_emptied(now)))
    session.execute(delete(MailStop).where(MailStop.shop_id == shop_id, MailStop.address_key.in_(mailed.keys)))


def redact_some_mails(session: Session, shop_id: int, now: datetime) -> int:
    """Empty the next mails of a shop whose people are forgotten, also those to its staff; return how many."""
    some = select(Mail.id).where(Mail.shop_id == shop_id, Mail.pruned_at.is_(None)).limit(BATCH)
    gone = update(Mail).where(Mail.shop_id == shop_id, Mail.id.in_(some)).values(_emptied(now))
    return len(session.scalars(gone.returning(Mail.id)).all())


def forget_everybody(session: Session, shop_id: int, now: datetime) -> None:
    """Tell nobody in a shop anything any more, and forget which addresses do not want what."""
    drop_messages(session, shop_id, Message.shop_id == shop_id, DropReason.NO_ADDRESS, now)
    session.execute(delete(MailStop).where(MailStop.shop_id == shop_id))


def _emptied(now: datetime) -> dict[str, Any]:
    """Return the values of an emptied mail. What has not left stays; what is on the wire just now is let go."""
    waits = Mail.state == MailState.PLANNED
    return {
        "address": "",
        "address_key": "",
        "subject": "",
        "html": "",
        "text": "",
        "template_error": None,
        "error": None,
        "pruned_at": now,
        "state": case((waits, MailState.REFUSED), else_=Mail.state),
        "refusal": case((waits, Refusal.STOPPED), else_=Mail.refusal),
        "next_attempt_at": case((waits, None), else_=Mail.next_attempt_at),
        "leased_until": case((waits, None), else_=Mail.leased_until),
    }
