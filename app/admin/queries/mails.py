"""The mails of a shop: filtered, paged by number, and what one of them told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import ColumnElement, Text, UnaryExpression, false, select, true
from sqlalchemy.orm import Session, defer

from app.admin.queries.keyset import LARGEST_ID
from app.admin.queries.search import begins_with
from app.engine.mail_stops import list_stops
from app.engine.rules.messages import MailKind, MailState
from app.models import Customer, Mail, MailOutage, MailStop, Message, Order, Reward
from app.models.columns import as_rows

PAGE_SIZE = 50
#: A beginning of an address finds no more addresses than these.
MOST_ADDRESSES = 40
#: So many of the messages that a mail told are listed, and so many mails of a customer.
MOST_MESSAGES = 100
NEWEST = 5
_WITHOUT_WORDS = (defer(Mail.html, raiseload=True), defer(Mail.text, raiseload=True))


class Wanted(NamedTuple):
    """Which mails are listed: by state, kind and address; None is all."""

    state: MailState | None = None
    kind: MailKind | None = None
    #: In small letters.
    addresses: tuple[str, ...] | None = None
    #: There are more addresses that begin so.
    are_more: bool = False


@dataclass(frozen=True, slots=True)
class MailList:
    """One page, newest first, without words; a number to go on from is None where there is nothing further."""

    rows: tuple[Mail, ...]
    newer: int | None
    older: int | None


class ToldRow(NamedTuple):
    """A message that a mail was made of, and the order it is about."""

    message: Message
    order_name: str | None
    order_shopify_id: int | None


@dataclass(frozen=True, slots=True)
class CustomersMails:
    """What the page of a customer says of their mails."""

    rows: Sequence[Mail]
    stops: Sequence[MailStop]
    are_more: bool


def find_addresses(session: Session, shop_id: int, search: str) -> tuple[tuple[str, ...], bool]:
    """Return addresses of mails that begin so, and whether there are more of them."""
    which = select(Mail.address_key).where(Mail.shop_id == shop_id, begins_with(Mail.address_key, search))
    found = session.scalars(which.distinct().order_by(Mail.address_key).limit(MOST_ADDRESSES + 1)).all()
    return tuple(found[:MOST_ADDRESSES]), len(found) > MOST_ADDRESSES


def list_mails(
    session: Session, shop_id: int, wanted: Wanted, *, before: int = 0, after: int = 0, size: int = PAGE_SIZE
) -> MailList:
    """Return a page: the mails before a number, those after one, or the newest."""
    which = [Mail.shop_id == shop_id]
    if wanted.state is not None:
        which.append(Mail.state == wanted.state)
    if wanted.kind is not None:
        which.append(Mail.kind == wanted.kind)
    if after or before:
        which.append(Mail.id > after if after else Mail.id < before)
    order = Mail.id.asc() if after else Mail.id.desc()
    query = select(Mail).where(*which)
    if wanted.addresses is not None:
        query = select(Mail).where(Mail.shop_id == shop_id, _is_to(wanted.addresses, which, order, size + 1))
    query = query.options(*_WITHOUT_WORDS).order_by(order).limit(size + 1)
    found: Sequence[Mail] = session.scalars(query).all()
    has_more, rows = len(found) > size, found[:size]
    if after:
        rows = rows[::-1]
    if not rows:
        return MailList((), None, None)
    is_first = not before and (not after or not has_more)
    return MailList(tuple(rows), None if is_first else rows[0].id, rows[-1].id if after or has_more else None)


def find_mail(session: Session, shop_id: int, mail_id: int) -> Mail | None:
    """Return a mail of the shop with its words."""
    if mail_id > LARGEST_ID:
        return None
    which = (Mail.shop_id == shop_id, Mail.id == mail_id)
    return session.scalars(select(Mail).where(*which).execution_options(populate_existing=True)).one_or_none()


def list_told(session: Session, shop_id: int, mail_id: int) -> list[ToldRow]:
    """Return the messages that a mail was made of, the oldest first."""
    rows = session.execute(
        select(Message, Order.name, Order.shopify_id)
        .outerjoin(Reward, (Reward.id == Message.reward_id) & (Reward.shop_id == Message.shop_id))
        .outerjoin(Order, (Order.id == Reward.order_id) & (Order.shop_id == Message.shop_id))
        .where(Message.shop_id == shop_id, Message.mail_id == mail_id)
        .order_by(Message.id)
        .limit(MOST_MESSAGES)
    )
    return [ToldRow(*row) for row in rows]


def find_reader(session: Session, shop_id: int, customer_id: int | None) -> Customer | None:
    """Return the customer a mail is to."""
    if customer_id is None:
        return None
    which = (Customer.shop_id == shop_id, Customer.id == customer_id)
    return session.scalars(select(Customer).where(*which)).one_or_none()


def find_outage(session: Session, shop_id: int) -> MailOutage | None:
    """Return since when, and why, the mail server takes nothing, or None where it does."""
    return session.scalars(select(MailOutage).where(MailOutage.shop_id == shop_id)).one_or_none()


def has_mails(session: Session, shop_id: int) -> bool:
    """Say whether there was ever a mail."""
    return bool(session.scalar(select(select(Mail.id).where(Mail.shop_id == shop_id).exists())))


def read_customers_mails(session: Session, shop_id: int, customer_id: int, address: str | None) -> CustomersMails:
    """Return the newest mails to a customer, and what their address does not get."""
    mine = select(Mail).where(Mail.shop_id == shop_id, Mail.customer_id == customer_id)
    found = session.scalars(mine.options(*_WITHOUT_WORDS).order_by(Mail.id.desc()).limit(NEWEST + 1)).all()
    stops = list_stops(session, shop_id, address.strip().lower()) if address else []
    return CustomersMails(found[:NEWEST], stops, len(found) > NEWEST)


def _is_to(
    addresses: Sequence[str], which: Sequence[ColumnElement[bool]], order: UnaryExpression[int], most: int
) -> ColumnElement[bool]:
    """Return the condition that a mail is among the first few to one of some addresses: each is looked up by itself."""
    if not addresses:
        return false()
    each = as_rows([(address,) for address in addresses], key=Text)
    first = select(Mail.id).where(*which, Mail.address_key == each.c.key).order_by(order).limit(most).lateral()
    return Mail.id.in_(select(first.c.id).select_from(each.join(first, true())))
