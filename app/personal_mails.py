"""What one person was told by mail and is to be told, as plain data for the file that they can ask for."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.engine.mailed import Mailed, find_mailed, mails_of, messages_of
from app.models import Customer, Mail, MailStop, Message, Order, Shop

Json = dict[str, Any]


def gather_mailed(session: Session, shop: Shop, row: Customer | None, orders: Sequence[Order]) -> Json:
    """Return what the person was told and is to be told, also as whoever was merged into them, and as a guest."""
    people = [] if row is None else _one_person(session, row)
    mailed = find_mailed(session, shop.id, people, orders)
    return {
        "messages": [
            {
                "at": each.created_at.isoformat(),
                "about": each.topic,
                "state": each.state,
                "done": None if each.done_at is None else each.done_at.isoformat(),
            }
            for each in session.scalars(select(Message).where(messages_of(shop.id, mailed)).order_by(Message.id))
        ],
        "mails": [
            {
                "at": mail.created_at.isoformat(),
                "to": mail.address,
                "subject": mail.subject,
                "text": mail.text,
                "state": mail.state,
                "sent": None if mail.sent_at is None else mail.sent_at.isoformat(),
            }
            for mail in session.scalars(select(Mail).where(mails_of(shop.id, mailed)).order_by(Mail.id))
        ],
        "mail_stops": _stops(session, shop, mailed),
    }


def _one_person(session: Session, row: Customer) -> Sequence[Customer]:
    which = or_(Customer.id == row.id, Customer.merged_into_id == row.id)
    return session.scalars(select(Customer).where(Customer.shop_id == row.shop_id, which)).all()


def _stops(session: Session, shop: Shop, mailed: Mailed) -> list[Json]:
    rows = select(MailStop).where(MailStop.shop_id == shop.id, MailStop.address_key.in_(mailed.keys))
    return [
        {
            "at": stop.at.isoformat(),
            "address": stop.address_key,
            "about": stop.saying or "anything",
            "reason": stop.reason,
        }
        for stop in session.scalars(rows.order_by(MailStop.id))
    ]
