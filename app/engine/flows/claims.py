"""Guests' rewards wait for an account: claimed when one turns up, void when none did in time."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.aim import enter_state
from app.engine.audit import SYSTEM, record
from app.engine.claims import claim, list_matches, lock_matches
from app.engine.locks import lock_orders
from app.engine.rules.states import RewardState, VoidReason
from app.models import Order, Reward, Shop


def claim_waiting(session: Session, shop: Shop, now: datetime, limit: int = 500) -> int:
    """Give up to ``limit`` guests' orders to customers known with the same verified email; return how many.

    This finds orders that were told after their account, or in the same moment.
    """
    matches = list_matches(session, shop, now, limit)
    lock_matches(session, shop.id, matches)
    orders, customers = {order for order, _ in matches}, {customer for _, customer in matches}
    return claim(session, shop, orders, customers, now)


def expire_claims(session: Session, shop: Shop, now: datetime, limit: int = 500) -> int:
    """End up to ``limit`` guests' rewards that nobody claimed in time, and return how many.

    Nothing was booked for them, so nothing is taken back.
    """
    due = (
        Reward.shop_id == shop.id,
        Reward.state == RewardState.AWAITING_CUSTOMER,
        Reward.claim_until <= now,
    )
    found = session.execute(
        select(Reward.id, Order.shopify_id)
        .join(Order, Order.id == Reward.order_id)
        .where(*due)
        .order_by(Reward.claim_until, Reward.id)
        .limit(limit)
    ).all()
    lock_orders(session, shop.id, [shopify_id for _, shopify_id in found])
    rewards = session.scalars(
        select(Reward)
        .where(*due, Reward.id.in_([reward_id for reward_id, _ in found]))
        .order_by(Reward.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for reward in rewards:
        before = {"state": reward.state, "amount_minor": reward.kept_minor}
        enter_state(reward, RewardState.VOIDED, now)
        reward.void_reason, reward.claim_until = VoidReason.UNCLAIMED, None
        reward.reversed_minor = reward.granted_minor
        reward.version += 1
        record(
            session,
            shop.id,
            SYSTEM,
            "expire_claim",
            subject=("reward", reward.id),
            before=before,
            after={"state": reward.state, "amount_minor": reward.kept_minor},
            now=now,
        )
    session.flush()
    return len(rewards)
