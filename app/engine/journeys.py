"""The journeys of rewards, many at once, and the pace of a shop that their dates are promised by."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.engine.rules.eligibility import IneligibleReason
from app.engine.rules.journey import Journey, compute_journey
from app.engine.rules.journey_facts import Arrival, Credit, Known, Pace
from app.engine.rules.messages import MailState, MessageState
from app.engine.rules.postings import EntryKind
from app.engine.rules.stage_limits import Lag
from app.engine.rules.states import BOOKED_SETTLED, TransferKind
from app.models import (
    AuditEvent,
    Delivery,
    DeliveryState,
    LedgerEntry,
    Mail,
    Message,
    Order,
    Reward,
    Shop,
    StageLag,
    Transfer,
)
from app.models.columns import among

DAY, WEEK = 24, 168
#: The topic that tells of a payment, and the one of orders that were read because no webhook told of them.
PAID_TOPIC = "orders/paid"
READ_TOPIC = "boomerang/order_read"
#: What tells an order with all that decides about it.
ORDER_TOPICS = ("orders/create", PAID_TOPIC, "orders/updated", READ_TOPIC)


class _News(NamedTuple):
    """When there was first something to tell, when a mail told it, and since when more is to be told."""

    news_at: datetime | None = None
    told_at: datetime | None = None
    unsaid_since: datetime | None = None


class _Word(NamedTuple):
    """A delivery about an order that was handled."""

    topic: str
    triggered_at: datetime | None
    received_at: datetime


def read_journeys(session: Session, shop: Shop, rewards: Sequence[Reward], now: datetime) -> dict[int, Journey]:
    """Return the journeys of some rewards of a shop by their ids, in a handful of statements."""
    if not rewards:
        return {}
    pace = read_pace(session, shop)
    return {number: compute_journey(known, pace, now) for number, known in _read_known(session, shop, rewards).items()}


def read_pace(session: Session, shop: Shop) -> Pace:
    """Return how fast things went in a shop in the last seven days, as it was last measured."""
    query = select(StageLag.what, StageLag.p50_ms, StageLag.p90_ms).where(
        StageLag.shop_id == shop.id, StageLag.hours == WEEK, StageLag.samples > 0
    )
    half, most = {}, {}
    for what, half_ms, most_ms in session.execute(query):
        half[what], most[what] = (timedelta(milliseconds=number or 0) for number in (half_ms, most_ms))
    return Pace(
        most.get(Lag.CREDIT),
        half.get(Lag.DECISION),
        is_paused=shop.paused_at is not None,
        resumed_at=find_resumed(session, shop.id),
    )


def find_resumed(session: Session, shop_id: int) -> datetime | None:
    """Return when the programme last went on after a pause, or None."""
    return session.scalar(
        select(AuditEvent.at)
        .where(AuditEvent.shop_id == shop_id, AuditEvent.action == "resume")
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(1)
    )


def _read_known(session: Session, shop: Shop, rewards: Sequence[Reward]) -> dict[int, Known]:
    ids = [reward.id for reward in rewards]
    rows = session.execute(
        select(Order.id, Order.shopify_id, Order.placed_at, Order.first_seen_at).where(
            Order.shop_id == shop.id, among(Order.id, [reward.order_id for reward in rewards])
        )
    )
    orders = {row.id: row for row in rows}
    words = _read_words(session, shop.id, [row.shopify_id for row in orders.values()])
    booked = _read_booked(session, shop.id, ids)
    credits_, news = _read_credits(session, shop.id, ids), _read_news(session, shop.id, ids)
    found = {}
    for reward in rewards:
        order, told = orders[reward.order_id], news.get(reward.id, _News())
        heard = words[order.shopify_id]
        # What was settled for another customer, before the order turned out to be this one's, is not its journey.
        is_settled = reward.state in BOOKED_SETTLED
        found[reward.id] = Known(
            state=reward.state,
            purchased_at=order.placed_at,
            first_seen_at=order.first_seen_at,
            created_at=reward.created_at,
            booked_at=booked.get(reward.id),
            paid_at=_first_payment(heard),
            arrivals=tuple(Arrival(word.received_at, word.triggered_at) for word in heard),
            is_unpaid=reward.ineligible_reason is IneligibleReason.UNPAID,
            decided_at=reward.decided_at,
            outlasted_hold=reward.hold_cleared,
            state_at=reward.state_at,
            release_at=reward.release_at,
            held_until=reward.held_until,
            undo_until=reward.undo_until,
            settled_at=reward.settled_at if is_settled else None,
            credit=credits_.get(reward.id) if is_settled else None,
            **told._asdict(),
        )
    return found


def _first_payment(heard: Iterable[_Word]) -> datetime | None:
    times = (word.triggered_at for word in heard if word.topic == PAID_TOPIC and word.triggered_at is not None)
    return min(times, default=None)


def _read_words(session: Session, shop_id: int, order_ids: Sequence[int]) -> Mapping[int | None, list[_Word]]:
    query = select(Delivery.order_shopify_id, Delivery.topic, Delivery.triggered_at, Delivery.received_at).where(
        Delivery.shop_id == shop_id,
        among(Delivery.order_shopify_id, order_ids),
        Delivery.order_shopify_id.is_not(None),
        Delivery.state == DeliveryState.HANDLED,
        Delivery.topic.in_(ORDER_TOPICS),
    )
    found: defaultdict[int | None, list[_Word]] = defaultdict(list)
    for order_id, topic, triggered_at, received_at in session.execute(query.order_by(Delivery.id)):
        # Of what was read by ourselves nobody was told.
        found[order_id].append(_Word(topic, None if topic == READ_TOPIC else triggered_at, received_at))
    return found


def _read_booked(session: Session, shop_id: int, reward_ids: Sequence[int]) -> dict[int | None, datetime]:
    query = select(LedgerEntry.reward_id, func.min(LedgerEntry.recorded_at)).where(
        LedgerEntry.shop_id == shop_id,
        among(LedgerEntry.reward_id, reward_ids),
        LedgerEntry.kind == EntryKind.ACCRUAL,
    )
    return dict(session.execute(query.group_by(LedgerEntry.reward_id)).all())


def _read_credits(session: Session, shop_id: int, reward_ids: Sequence[int]) -> dict[int | None, Credit]:
    query = select(Transfer).where(
        Transfer.shop_id == shop_id, among(Transfer.reward_id, reward_ids), Transfer.kind == TransferKind.CREDIT
    )
    return {
        row.reward_id: Credit(
            row.state, row.created_at, row.sent_at, row.confirmed_at, row.next_attempt_at, row.needs_person
        )
        for row in session.scalars(query.order_by(Transfer.id.desc()))
    }


def _read_news(session: Session, shop_id: int, reward_ids: Sequence[int]) -> dict[int | None, _News]:
    """Return what was told of rewards: by mails that were sent, for one that was only kept told nobody."""
    query = (
        select(Message.reward_id, Message.created_at, Message.state, Mail.state, Mail.sent_at)
        .outerjoin(Mail, (Mail.shop_id == Message.shop_id) & (Mail.id == Message.mail_id))
        .where(
            Message.shop_id == shop_id,
            among(Message.reward_id, reward_ids),
            Message.state != MessageState.DROPPED,
        )
    )
    found: dict[int | None, _News] = {}
    for reward_id, at, state, mail_state, sent_at in session.execute(query.order_by(Message.id)):
        before = found.get(reward_id, _News())
        if sent_at is not None and mail_state is MailState.SENT:
            if before.told_at is not None and before.told_at <= sent_at:
                continue
            found[reward_id] = before._replace(news_at=at, told_at=sent_at)
        elif state is MessageState.WAITING or mail_state in (MailState.PLANNED, MailState.SENDING):
            found[reward_id] = before._replace(unsaid_since=before.unsaid_since or at)
    return found
