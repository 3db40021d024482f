"""Where each cashback is on its way, for customers; and which stages of the way are too slow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.journeys import DAY, read_journeys
from app.engine.rules.journey import Journey
from app.engine.rules.messages import Stage
from app.engine.rules.stage_limits import Lag
from app.engine.stage_lags import ENOUGH, is_too_slow, read_lags, read_limits
from app.engine.stuck import PAUSED, find_stuck
from app.models import Order, Reward, Shop


class CustomerStage(StrEnum):
    """A station that customers care about. Why one is not reached yet is the shop's own affair."""

    PURCHASED = "purchased"
    #: The shop confirmed that the order earns.
    ORDER_CONFIRMED = "order_confirmed"
    ON_ITS_WAY = "on_its_way"
    ADDED = "added"
    TOLD = "told"


_SHOWN = {
    Stage.PURCHASED: CustomerStage.PURCHASED,
    Stage.DECIDED: CustomerStage.ORDER_CONFIRMED,
    Stage.RELEASED: CustomerStage.ON_ITS_WAY,
    Stage.CONFIRMED: CustomerStage.ADDED,
    Stage.TOLD: CustomerStage.TOLD,
}


@dataclass(frozen=True, slots=True)
class CustomerJourney:
    """How far the cashback of one order has come, as its customer sees it."""

    reward_id: int
    order_name: str
    placed_at: datetime
    #: The stages that were reached, in their order, and when.
    stages: tuple[tuple[CustomerStage, datetime], ...]
    #: When the credit is expected; None where nobody can say, or nothing is expected any more.
    expected_by: datetime | None
    #: It was expected earlier than this: it takes a little longer than usual.
    takes_longer: bool


@dataclass(frozen=True, slots=True)
class SlowStage:
    """A stage that takes longer than the shop allows."""

    stage: Stage
    limit: timedelta
    #: Within which time 95 in 100 of the last 24 hours went through it, and of how many that is said; None: too few.
    most_within: timedelta | None
    samples: int
    #: How many stand in it for longer than the limit now (counted to a thousand), and since when the oldest does.
    standing: int
    oldest_at: datetime | None


def read_customer_journeys(
    session: Session, shop: Shop, customer_id: int, now: datetime, limit: int = 10
) -> tuple[CustomerJourney, ...]:
    """Return the journeys of a customer's newest orders, newest first; ``customer_id`` is our own id."""
    rows = session.execute(
        select(Reward, Order.name, Order.placed_at)
        .join(Order, Order.id == Reward.order_id)
        .where(Reward.shop_id == shop.id, Reward.customer_id == customer_id)
        .order_by(Order.placed_at.desc(), Order.id.desc())
        .limit(limit)
    ).all()
    journeys = read_journeys(session, shop, [reward for reward, *_ in rows], now)
    return tuple(_for_customer(reward.id, name, at, journeys[reward.id]) for reward, name, at in rows)


def find_slow_stages(session: Session, shop: Shop, now: datetime) -> Sequence[SlowStage]:
    """Return the stages that are too slow, or in which something stands for too long, in their order.

    Slow is what took longer than its limit for more than one in twenty of the last 24 hours, of at least five.
    Where a person or the release rule is waited for, nothing is slow; nor is anything while the programme is paused.
    """
    limits = read_limits(session, shop, now)
    lags = read_lags(session, shop.id, DAY)
    stuck = find_stuck(session, shop, limits, now)
    found = []
    for stage, limit in limits.items():
        lag, stands = lags.get(Lag(stage.value)), stuck.get(stage)
        slow = is_too_slow(lag, limit) and not (stage in PAUSED and shop.paused_at is not None)
        if slow or stands is not None:
            most = None if lag is None or lag.samples < ENOUGH else lag.most
            count, oldest_at = (0, None) if stands is None else (stands.count, stands.oldest_at)
            found.append(SlowStage(stage, limit, most, 0 if lag is None else lag.samples, count, oldest_at))
    return found


def _for_customer(reward_id: int, name: str, placed_at: datetime, journey: Journey) -> CustomerJourney:
    stages = tuple((_SHOWN[stamp.stage], stamp.at) for stamp in journey.stamps if stamp.stage in _SHOWN)
    return CustomerJourney(
        reward_id, name, placed_at, stages, journey.expected_by, takes_longer=journey.overdue_since is not None
    )
