"""Addresses that get no mails, or none that say a certain thing: put down, looked up, lifted."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.rules.messages import Saying, StopReason
from app.models import MailStop


def list_stops(session: Session, shop_id: int, key: str) -> list[MailStop]:
    """Return what an address (``rules.mailing.address_key``) gets no mails about; saying None: nothing at all."""
    found = select(MailStop).where(MailStop.shop_id == shop_id, MailStop.address_key == key)
    return list(session.scalars(found.order_by(MailStop.id).execution_options(populate_existing=True)))


def is_stopped(session: Session, shop_id: int, key: str, sayings: Collection[Saying]) -> bool:
    """Return whether an address gets nothing of what a mail says; part of it wanted is enough to send it."""
    stopped = {stop.saying for stop in list_stops(session, shop_id, key)}
    return None in stopped or (bool(sayings) and stopped.issuperset(sayings))


def put_stop(
    session: Session,
    shop_id: int,
    key: str,
    reason: StopReason,
    now: datetime,
    *,
    saying: Saying | None = None,
    detail: str | None = None,
) -> int:
    """Let an address get nothing any more, or nothing that says ``saying``; return the number of the stop.

    Each reason stands by itself: the customer who wants mails again does not open a mailbox that is not there.
    """
    put = upsert(MailStop).values(shop_id=shop_id, address_key=key, saying=saying, reason=reason, detail=detail, at=now)
    fresh = put.on_conflict_do_nothing(
        index_elements=[MailStop.shop_id, MailStop.address_key, MailStop.saying, MailStop.reason]
    )
    number = session.scalar(fresh.returning(MailStop.id))
    if number is None:
        mine = (MailStop.shop_id == shop_id, MailStop.address_key == key, MailStop.reason == reason)
        same = MailStop.saying.is_(None) if saying is None else MailStop.saying == saying
        number = session.scalars(select(MailStop.id).where(*mine, same)).one()
    return number


def lift_stops(
    session: Session,
    shop_id: int,
    key: str,
    *,
    saying: Saying | None = None,
    reasons: Collection[StopReason] = tuple(StopReason),
) -> list[int]:
    """Let an address get mails again; with ``saying`` those, though not where it gets nothing at all. Return which."""
    gone = delete(MailStop).where(
        MailStop.shop_id == shop_id, MailStop.address_key == key, MailStop.reason.in_(reasons)
    )
    if saying is not None:
        gone = gone.where(MailStop.saying == saying)
    return list(session.scalars(gone.returning(MailStop.id)))
