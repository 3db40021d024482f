"""What stands in a stage of its journey for too long, counted by the indexes of what is not done yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, exists, func, literal, select, union_all
from sqlalchemy.orm import Session, aliased

from app.engine.journeys import ORDER_TOPICS
from app.engine.rules.messages import MailKind, MailState, MessageState, Stage, Topic
from app.engine.rules.states import RewardState, TransferKind, TransferState
from app.models import Delivery, DeliveryState, Mail, Message, Reward, Shop, Transfer

#: No more are counted, the oldest first. What moves on is not among them, so that it hides nothing behind it.
MOST = 1_000
#: What a pause stops; what stands there then waits for a person.
PAUSED = (Stage.RELEASED, Stage.SENT, Stage.TOLD)


@dataclass(frozen=True, slots=True)
class Stuck:
    """How many stand in a stage for longer than its limit, and since when the oldest does."""

    count: int
    oldest_at: datetime


def find_stuck(
    session: Session, shop: Shop, limits: Mapping[Stage, timedelta], now: datetime, most: int = MOST
) -> dict[Stage, Stuck]:
    """Return what stands in which stage for longer than the stage's limit, where a machine's work is waited for.

    So many at most are counted in each.
    """
    counts = []
    for stage, waiting in _QUESTIONS.items():
        if stage in limits and not (stage in PAUSED and shop.paused_at is not None):
            since = waiting(shop, now - limits[stage], most).limit(most).subquery()
            counts.append(select(literal(stage.value), func.count(), func.min(since.c[0])).select_from(since))
    if not counts:
        return {}
    # One statement: the front page asks for this each time.
    found = session.execute(union_all(*counts))
    return {Stage(name): Stuck(count, oldest_at) for name, count, oldest_at in found if count}


# Each is in the order of the index that finds it, which is that of time.
def _undecided(shop: Shop, before: datetime, _most: int) -> Select[Any]:
    waiting = select(Delivery.received_at.label("since")).where(
        Delivery.shop_id == shop.id,
        Delivery.state == DeliveryState.RECEIVED,
        Delivery.topic.in_(ORDER_TOPICS),
        Delivery.received_at < before,
    )
    return waiting.order_by(Delivery.id)


def _unreleased(shop: Shop, before: datetime, _most: int) -> Select[Any]:
    due_at = func.greatest(Reward.release_at, Reward.undo_until, Reward.state_at)
    due = select(due_at.label("since")).where(
        Reward.shop_id == shop.id, Reward.state == RewardState.PENDING, Reward.release_at < before, due_at < before
    )
    return due.order_by(Reward.release_at)


def _unsent(shop: Shop, before: datetime, _most: int) -> Select[Any]:
    """Return the credits that wait to be sent, but for those behind one that a person must decide about."""
    other = aliased(Transfer)
    blocked = exists().where(
        other.shop_id == shop.id,
        other.customer_id == Transfer.customer_id,
        other.state.in_((TransferState.SENDING, TransferState.UNKNOWN)),
        other.needs_person,
    )
    planned = select(Transfer.created_at.label("since")).where(
        Transfer.shop_id == shop.id,
        Transfer.state == TransferState.PLANNED,
        Transfer.kind == TransferKind.CREDIT,
        Transfer.created_at < before,
        ~blocked,
    )
    return planned.order_by(Transfer.id)


def _unconfirmed(shop: Shop, before: datetime, _most: int) -> Select[Any]:
    underway = select(Transfer.sent_at.label("since")).where(
        Transfer.shop_id == shop.id,
        Transfer.state.in_((TransferState.SENDING, TransferState.UNKNOWN)),
        Transfer.kind == TransferKind.CREDIT,
        Transfer.needs_person.is_(False),
        Transfer.sent_at < before,
    )
    return underway.order_by(Transfer.sent_at)


def _untold(shop: Shop, before: datetime, most: int) -> Select[Any]:
    messages = select(Message.created_at.label("since")).where(
        Message.shop_id == shop.id,
        Message.state == MessageState.WAITING,
        Message.topic == Topic.REWARD,
        Message.created_at < before,
        literal(shop.mails_customers),
    )
    # One state at a time: so each is read in the order of its index.
    mails = [
        select(Mail.created_at)
        .where(Mail.shop_id == shop.id, Mail.state == state, Mail.kind == MailKind.DIGEST, Mail.created_at < before)
        .order_by(Mail.id)
        .limit(most)
        for state in (MailState.PLANNED, MailState.SENDING)
    ]
    both = union_all(messages.order_by(Message.created_at).limit(most), *mails).subquery()
    return select(both.c.since).order_by(both.c.since)


_QUESTIONS = {
    Stage.DECIDED: _undecided,
    Stage.RELEASED: _unreleased,
    Stage.SENT: _unsent,
    Stage.CONFIRMED: _unconfirmed,
    Stage.TOLD: _untold,
}
