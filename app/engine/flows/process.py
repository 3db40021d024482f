"""A person asks for the cashback of an order that has none, after having seen what it comes to."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.aim import reassess
from app.engine.approvals import limit_now
from app.engine.audit import record
from app.engine.locks import lock_customers, lock_orders
from app.engine.rules.holds import HoldReason
from app.engine.rules.money import Money
from app.engine.rules.roles import Duty
from app.engine.rules.states import RewardState
from app.engine.staffing import check_may
from app.errors import NotFound, Refused
from app.models import Order, Reward, Shop
from app.sentences import say


@dataclass(frozen=True, slots=True)
class Preview:
    """What the cashback of an order would come to, and what would become of it; amounts are minor units."""

    state: RewardState
    currency: str
    eligible_minor: int
    calculated_minor: int
    kept_minor: int
    tier_name: str
    rate_bps: int
    terms_version: int
    hold_reason: HoldReason | None
    release_at: datetime | None
    steps: tuple[dict[str, Any], ...]
    #: It is more than one person may give away.
    takes_two: bool


def can_be_processed(order: Order, reward: Reward | None) -> bool:
    """Return whether an order has no cashback for no other reason than that nobody has asked for it."""
    return reward is None or (order.is_past and order.reward_asked_at is None)


def preview(session: Session, shop_id: int, order_shopify_id: int, actor: str, now: datetime) -> Preview:
    """Return what ``process`` would do now; nothing of it is kept.

    Raises NotFound, Refused where there is nothing to ask for, or NotYet while Shopify has not told enough.
    """
    attempt = session.begin_nested()
    try:
        shop, order, _ = _open(session, shop_id, order_shopify_id, actor)
        reward, takes_two = _ask(session, shop, order, actor, now)
        return Preview(
            state=reward.state,
            currency=reward.currency,
            eligible_minor=reward.eligible_minor,
            calculated_minor=reward.calculated_minor,
            kept_minor=reward.kept_minor,
            tier_name=reward.tier_name,
            rate_bps=reward.rate_bps,
            terms_version=reward.terms_version,
            hold_reason=reward.hold_reason,
            release_at=reward.release_at,
            steps=tuple(reward.steps),
            takes_two=takes_two,
        )
    finally:
        attempt.rollback()


def process(
    session: Session, shop_id: int, order_shopify_id: int, seen_minor: int, actor: str, now: datetime
) -> Reward:
    """Ask for the cashback of an order, which a person saw to be ``seen_minor``; the present terms decide it.

    It goes the way of every reward: held, reviewed or settled, as terms and mode say. What is more than one person
    may give away goes into review, also in automatic mode. Raises Refused where it has become another amount, or
    was asked for before; NotYet while Shopify has not told enough.
    """
    with session.begin_nested():
        shop, order, was = _open(session, shop_id, order_shopify_id, actor)
        before = {} if was is None else {"state": was.state, "amount_minor": was.kept_minor}
        reward, _ = _ask(session, shop, order, actor, now)
        if reward.kept_minor != seen_minor:
            amount = Money(reward.kept_minor, reward.currency)
            raise Refused(say("The amount changed meanwhile: it is {amount} now. Look at it again.", amount=amount))
        after = {"state": reward.state, "amount_minor": reward.kept_minor, "terms_version": reward.terms_version}
        subject = ("reward", reward.id)
        record(session, shop_id, actor, "process", subject=subject, before=before, after=after, now=now)
        session.flush()
    return reward


def _open(session: Session, shop_id: int, order_shopify_id: int, actor: str) -> tuple[Shop, Order, Reward | None]:
    """Return an order that can be asked for, locked, and its reward as it stands."""
    check_may(session, shop_id, actor, Duty.MANAGE)
    lock_orders(session, shop_id, {order_shopify_id})
    which = (Order.shop_id == shop_id, Order.shopify_id == order_shopify_id)
    order = session.scalar(select(Order).where(*which).execution_options(populate_existing=True))
    if order is None:
        raise NotFound("There is no such order in this shop. It may not have arrived yet.")
    lock_customers(session, shop_id, set() if order.customer_id is None else {order.customer_id})
    reward = _find_reward(session, order)
    if not can_be_processed(order, reward):
        raise Refused("The cashback of this order was calculated already; there is nothing to process.")
    return session.get_one(Shop, shop_id), order, reward


def _ask(session: Session, shop: Shop, order: Order, actor: str, now: datetime) -> tuple[Reward, bool]:
    """Bring an order's reward to what it is when it is asked for now; say whether that takes two people."""
    if order.is_past:
        order.reward_asked_at = now
    takes_two = _takes_two(session, shop, order, actor, now)
    return _calculate(session, shop, order, actor, now, to_review={order.id} if takes_two else ()), takes_two


def _takes_two(session: Session, shop: Shop, order: Order, actor: str, now: datetime) -> bool:
    """Return whether the reward comes to more than one person may give away; nothing of the try is kept."""
    limit_minor = limit_now(session, shop, now)
    if limit_minor is None:
        return False
    attempt = session.begin_nested()
    amount_minor = _calculate(session, shop, order, actor, now).kept_minor
    attempt.rollback()
    return amount_minor > limit_minor


def _calculate(
    session: Session, shop: Shop, order: Order, actor: str, now: datetime, to_review: Collection[int] = ()
) -> Reward:
    reassess(session, shop, [order], now, actor, to_review=to_review)
    reward = _find_reward(session, order)
    assert reward is not None
    return reward


def _find_reward(session: Session, order: Order) -> Reward | None:
    which = (Reward.shop_id == order.shop_id, Reward.order_id == order.id)
    return session.scalar(select(Reward).where(*which).execution_options(populate_existing=True))
