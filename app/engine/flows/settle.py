"""What is pending and due becomes the customer's credit, and holds whose time is over end, batch after batch."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.engine.aim import settle_reward
from app.engine.audit import SYSTEM
from app.engine.decisions import Decision
from app.engine.locks import lock_customers
from app.engine.programme import Programme
from app.engine.rules.states import RewardState
from app.engine.settlement import Journal
from app.models import Order, Reward, Shop


def is_due(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a reward is to be settled: its day has come, and it cannot be undone any more."""
    over = or_(Reward.undo_until.is_(None), Reward.undo_until <= now)
    return and_(Reward.state == RewardState.PENDING, Reward.release_at <= now, over)


def settle_due(session: Session, shop: Shop, now: datetime, limit: int = 500) -> int:
    """Settle up to ``limit`` pending rewards of a shop whose day has come, and return how many; none while paused.

    One that waits for its fulfilment has no day yet.
    """
    if not shop.is_active:
        return 0
    rows = _lock_due(session, shop, limit, is_due(now), Reward.release_at)
    journal = Journal(session, shop, {reward.customer_id or 0 for reward, _ in rows}, actor=SYSTEM, now=now)
    for reward, order in rows:
        reward.version += 1
        settle_reward(reward, order, journal, now, now)
    session.flush()
    journal.write()
    return len(rows)


def release_holds(session: Session, shop: Shop, now: datetime, limit: int = 500) -> int:
    """Let up to ``limit`` held rewards go on whose hold ends by itself, and return how many; none while paused.

    They go into review or become pending, as the programme's mode says; ``settle_due`` does the rest.
    """
    if not shop.is_active:
        return 0
    is_over = and_(Reward.state == RewardState.HELD, Reward.held_until <= now)
    rows = _lock_due(session, shop, limit, is_over, Reward.held_until)
    programme = Programme(session, shop)
    for reward, order in rows:
        decision = Decision.on(session, shop, order, reward, SYSTEM, now)
        decision.leave_hold(programme)
        decision.close("release_hold")
    return len(rows)


def _lock_due(
    session: Session,
    shop: Shop,
    limit: int,
    is_due: ColumnElement[bool],
    due_at: InstrumentedAttribute[datetime | None],
) -> Sequence[tuple[Reward, Order]]:
    """Return rewards that something is due for, with their customers locked, those due longest first."""
    due = (Reward.shop_id == shop.id, is_due)
    found = session.execute(
        select(Reward.id, Reward.customer_id).where(*due).order_by(due_at, Reward.id).limit(limit)
    ).all()
    customers = {customer_id for _, customer_id in found if customer_id is not None}
    lock_customers(session, shop.id, customers)
    rows = session.execute(
        select(Reward, Order)
        .join(Order, Order.id == Reward.order_id)
        # One that moved to a customer who is not locked waits for the next run.
        .where(*due, Reward.id.in_([reward_id for reward_id, _ in found]), Reward.customer_id.in_(customers))
        .order_by(Reward.id)
        .with_for_update(of=Reward)
        .execution_options(populate_existing=True)
    )
    return [(reward, order) for reward, order in rows]
