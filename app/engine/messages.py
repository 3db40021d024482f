"""Wishes to tell a customer, written in the transaction that books what happened; what is said is found out later.

==============================================  ==========  ==================================  =====================
What happened                                   Topic       Key                                 Subject
==============================================  ==========  ==================================  =====================
Earned, more, less, void, taken back, set off   reward      ``entry:<ledger key>``              reward
Credit given or taken by hand                   adjustment  ``entry:<ledger key>``              adjustment
Shopify carried a credit or debit out           reward or   ``transfer:<id>:confirmed``         reward or adjustment
                                                adjustment
A guest's reward waits for an account, or       reward      ``guest:<reward>:<its version>``    reward
what waits changed; without a customer
Another tier, but not the first one             tier        ``tier:<tier change>``              tier change
An order was refunded to credit in Shopify      refund      ``move:<credit move>``              credit move
Credit ends in N days                           expiry      ``expiry:<transfer>:<N>``           transfer
A statement's period with movements is over     statement   ``statement:<id>``                  statement
==============================================  ==========  ==================================  =====================

What is said of them stands in ``README.md``. ``reward_id`` is set for the topic reward, and for the expiry of a
reward's credit. Settling, spending and expiring write none: the confirmed transfer tells, or nobody does. Whoever was
merged into another customer is told nothing any more, the other one is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    FromClause,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.rules.messages import DropReason, MessageState, Topic
from app.models import Customer, Message, Shop
from app.models.columns import as_rows

#: Of what happened longer ago nobody is told: it would only puzzle.
TOLD_WITHIN = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class MessageDraft:
    """A message about to be written. ``key`` is made of business facts, so that it can only be written once."""

    key: str
    topic: Topic
    #: None for a guest.
    customer_id: int | None
    reward_id: int | None
    subject_id: int
    #: Nobody is to be told, and this is why: it is kept so that nobody asks again.
    dropped: DropReason | None = None


def write_messages(session: Session, shop_id: int, drafts: Sequence[MessageDraft], now: datetime) -> None:
    """Write the messages whose key is new, in a shop that mails its customers; elsewhere none.

    The rewards they name are stored already.
    """
    if not drafts:
        return
    rows = [
        (draft.key, draft.topic.value, draft.customer_id, draft.reward_id, draft.subject_id, draft.dropped)
        for draft in drafts
    ]
    each = as_rows(
        rows,
        "place",
        key=Text,
        topic=Text,
        customer_id=BigInteger,
        reward_id=BigInteger,
        subject_id=BigInteger,
        drop_reason=Text,
    )
    session.execute(insert_messages(shop_id, each, now))


def insert_messages(shop_id: int, each: FromClause, now: datetime) -> Insert:
    """Return the statement that writes messages of rows with the columns of a draft, ``drop_reason`` for dropped.

    They are numbered by ``place``, and of two with one key the first is written.
    """
    moment = cast(now, DateTime(timezone=True))
    is_dropped = each.c.drop_reason.is_not(None)
    whose = and_(Customer.shop_id == shop_id, Customer.id == each.c.customer_id)
    values = {
        "shop_id": literal(shop_id, BigInteger),
        "key": each.c.key,
        "topic": each.c.topic,
        "customer_id": func.coalesce(Customer.merged_into_id, Customer.id),
        "reward_id": each.c.reward_id,
        "subject_id": each.c.subject_id,
        "created_at": moment,
        "state": case((is_dropped, MessageState.DROPPED.value), else_=MessageState.WAITING.value),
        "done_at": case((is_dropped, moment)),
        "drop_reason": each.c.drop_reason,
    }
    mails = exists().where(Shop.id == shop_id, Shop.mails_customers)
    drafts = select(*values.values()).select_from(each).outerjoin(Customer, whose).where(mails).order_by(each.c.place)
    statement = upsert(Message).from_select(list(values), drafts)
    return statement.on_conflict_do_nothing(index_elements=["shop_id", "key"])


def drop_messages(
    session: Session, shop_id: int, which: ColumnElement[bool], reason: DropReason, now: datetime
) -> None:
    """Tell nobody what waits of these messages; what is done stays as it is."""
    waiting = (Message.shop_id == shop_id, Message.state == MessageState.WAITING, which)
    gone = {"state": MessageState.DROPPED, "done_at": now, "drop_reason": reason}
    session.execute(update(Message).where(*waiting).values(gone))


def move_messages(session: Session, shop_id: int, gone_id: int, kept_id: int) -> None:
    """Let a customer go on with what another one was told and is to be told: Shopify merged the two."""
    theirs = (Message.shop_id == shop_id, Message.customer_id == gone_id)
    session.execute(update(Message).where(*theirs).values(customer_id=kept_id))
