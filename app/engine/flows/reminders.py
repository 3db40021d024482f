"""What no event brings about is noticed here: credit that ends soon, and statements whose period is over.

Each leaves one message, in a shop that mails its customers. What is too late to be a help is left alone: nobody is
told in the evening of a week that there were seven days left.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    and_,
    any_,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from app.engine.digest_runs import read_choices
from app.engine.lot_books import read_lot_books
from app.engine.messages import TOLD_WITHIN, MessageDraft, write_messages
from app.engine.rules.mail_choices import Teller, Telling
from app.engine.rules.messages import DropReason, Topic
from app.engine.rules.states import TransferKind, TransferState
from app.models import Customer, LedgerEntry, MailSettings, Message, Shop, Statement, Transfer
from app.models.columns import among

#: So many credits for each number of days, and so many statements, are noticed in one transaction.
BATCH = 100
#: A reminder whose time was missed by more, as the clock stood still, is not made any more.
MISSED = timedelta(days=3)
#: What a shop has that never chose.
_DAYS = Telling(Teller.US).remind_days


def list_due_shops(session: Session, now: datetime) -> list[int]:
    """Return the shops that mail their customers and have something to be noticed."""
    chosen = session.scalars(select(func.unnest(MailSettings.remind_days)).distinct())
    days = func.coalesce(MailSettings.remind_days, cast(list(_DAYS), ARRAY(BigInteger)))
    # A question for each number of days: only then is each answered by a short piece of an index.
    ending = [
        and_(literal(number, BigInteger) == any_(days), _endings(Shop.id, number, now).exists())
        for number in sorted({*_DAYS, *chosen})
    ]
    shops = select(Shop.id).outerjoin(MailSettings, MailSettings.shop_id == Shop.id)
    is_due = or_(_ended(Shop.id, now).exists(), *ending)
    return list(session.scalars(shops.where(Shop.uninstalled_at.is_(None), Shop.mails_customers, is_due)))


def remind(session: Session, shop: Shop, now: datetime, limit: int = BATCH) -> int:
    """Notice up to ``limit`` credits that end soon, and as many statements; return how many were noticed.

    Of a credit that is used up and of a statement without any movement nobody is told. The programme may be paused:
    credit ends and periods are over all the same.
    """
    if not shop.mails_customers:
        return 0
    noticed = sum(
        _remind_of_credit(session, shop, number, now, limit) for number in read_choices(session, shop.id).remind_days
    )
    return noticed + _remind_of_statements(session, shop, now, limit)


def _remind_of_credit(session: Session, shop: Shop, days: int, now: datetime, limit: int) -> int:
    endings = _endings(literal(shop.id, BigInteger), days, now)
    found = session.execute(endings.order_by(Transfer.next_attempt_at, Transfer.id).limit(limit)).all()
    if not found:
        return 0
    latest = max(row.next_attempt_at for row in found)
    books = read_lot_books(session, shop, {row.customer_id for row in found}, latest)
    drafts = [
        MessageDraft(
            row.key,
            Topic.EXPIRY,
            row.customer_id,
            row.reward_id,
            row.id,
            None if books[row.customer_id].reckon(now).states[row.id].left_minor else DropReason.NOTHING_NEW,
        )
        for row in found
    ]
    write_messages(session, shop.id, drafts, now)
    return len(found)


def _endings(shop_id: ColumnElement[int] | Any, days: int, now: datetime) -> Select[*tuple[Any, ...]]:
    """Return the credits of which it is time to say that they end in so many days, and nobody has noticed yet.

    Credit that came when less time was left is none of them, and neither is credit with a far expiry of our own
    choosing.
    """
    ahead = timedelta(days=days)
    key = func.concat("expiry:", Transfer.id, f":{days}")
    # Looked up one by one: as a condition that none exists, all messages would be read to find that out.
    noticed = select(Message.id).where(Message.shop_id == Transfer.shop_id, Message.key == key).limit(1)
    return select(
        Transfer.id, Transfer.customer_id, Transfer.reward_id, Transfer.next_attempt_at, key.label("key")
    ).where(
        Transfer.shop_id == shop_id,
        Transfer.kind == TransferKind.CREDIT,
        Transfer.state == TransferState.CONFIRMED,
        # Until it ends, that is when a confirmed credit is looked at again.
        Transfer.next_attempt_at > now + max(ahead - MISSED, timedelta(0)),
        Transfer.next_attempt_at <= now + ahead,
        Transfer.expires_at > now,
        Transfer.credit_expires_at.is_not(None),
        Transfer.confirmed_at <= Transfer.next_attempt_at - ahead,
        noticed.correlate(Transfer).scalar_subquery().is_(None),
    )


def _remind_of_statements(session: Session, shop: Shop, now: datetime, limit: int) -> int:
    ended = _ended(literal(shop.id, BigInteger), now)
    batch = ended.order_by(Statement.ends_at, Statement.id).limit(limit).with_for_update(skip_locked=True)
    ids = session.scalars(batch).all()
    if not ids:
        return 0
    noticed = update(Statement).where(Statement.shop_id == shop.id, among(Statement.id, ids)).values(noticed_at=now)
    session.execute(noticed)
    write_messages(session, shop.id, _told_of_statements(session, shop, ids), now)
    return len(ids)


def _told_of_statements(session: Session, shop: Shop, ids: Sequence[int]) -> list[MessageDraft]:
    """Return the messages of those statements on which something stands, of people who are not gone."""
    moved = exists().where(
        LedgerEntry.shop_id == shop.id,
        LedgerEntry.customer_id == Statement.customer_id,
        LedgerEntry.currency == shop.currency,
        LedgerEntry.recorded_at >= Statement.starts_at,
        LedgerEntry.recorded_at < Statement.ends_at,
    )
    is_there = and_(Customer.deleted_at.is_(None), Customer.merged_into_id.is_(None), Customer.redacted_at.is_(None))
    rows = session.execute(
        select(Statement.id, Statement.customer_id)
        .join(Customer, and_(Customer.shop_id == Statement.shop_id, Customer.id == Statement.customer_id))
        .where(Statement.shop_id == shop.id, among(Statement.id, ids), is_there, moved)
        .order_by(Statement.id)
    )
    return [
        MessageDraft(f"statement:{statement_id}", Topic.STATEMENT, customer_id, None, statement_id)
        for statement_id, customer_id in rows
    ]


def _ended(shop_id: ColumnElement[int] | Any, now: datetime) -> Select[int]:
    return select(Statement.id).where(
        Statement.shop_id == shop_id,
        Statement.noticed_at.is_(None),
        Statement.ends_at <= now,
        Statement.ends_at > now - TOLD_WITHIN,
    )
