"""What is pending and due becomes the customer's credit: after a pause, or when a waiting queue is released."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.aim import SYSTEM, settle_reward
from app.engine.locks import lock_customers
from app.engine.rules.states import RewardState
from app.engine.settlement import Journal
from app.models import Order, Reward, Shop


def settle_due(session: Session, shop: Shop, now: datetime, limit: int = 500) -> int:
    """Settle up to ``limit`` pending rewards of a shop, oldest first, and return how many; none while it is paused."""
    if not shop.is_active:
        return 0
    due = (Reward.shop_id == shop.id, Reward.state == RewardState.PENDING)
    found = session.execute(select(Reward.id, Reward.customer_id).where(*due).order_by(Reward.id).limit(limit)).all()
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
    ).all()
    journal = Journal(session, shop, customers, actor=SYSTEM, now=now)
    for reward, order in rows:
        reward.version += 1
        settle_reward(reward, order, journal, now, now)
    session.flush()
    journal.write()
    return len(rows)
