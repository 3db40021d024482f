"""Guests' rewards find their account: the one whose verified email is the one the guest gave."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from app.engine.aim import reassess
from app.engine.locks import lock_customers, lock_orders
from app.engine.rules.states import RewardState
from app.models import Customer, Order, Reward, Shop


def find_claimable(session: Session, shop: Shop, emails: Collection[str | None], now: datetime) -> list[int]:
    """Return Shopify's ids of the guests' orders that gave one of these emails and can still be claimed."""
    waiting = select(Order.shopify_id).join(Reward, Reward.order_id == Order.id)
    return list(session.scalars(waiting.where(_can_be_claimed(shop, now), Order.guest_email.in_(emails))))


def list_matches(session: Session, shop: Shop, now: datetime, limit: int) -> list[tuple[int, int]]:
    """Return up to ``limit`` guests' orders, by Shopify's id, with the customer who may claim each; oldest first."""
    matches = (
        select(Order.shopify_id, Customer.id)
        .join(Reward, Reward.order_id == Order.id)
        .join(Customer, _IS_MATCH)
        .where(_can_be_claimed(shop, now))
        .order_by(Order.id)
        .limit(limit)
    )
    return [(shopify_id, customer_id) for shopify_id, customer_id in session.execute(matches)]


def lock_matches(session: Session, shop_id: int, matches: Sequence[tuple[int, int]]) -> None:
    """Lock the orders and then the customers of matches."""
    lock_orders(session, shop_id, [shopify_id for shopify_id, _ in matches])
    lock_customers(session, shop_id, {customer_id for _, customer_id in matches})


def claim(
    session: Session, shop: Shop, shopify_ids: Collection[int], customer_ids: Collection[int], now: datetime
) -> int:
    """Give these orders, as far as they still can be claimed, to the matching customers; return how many.

    The caller holds the locks of both. What Shopify itself says about whose an order is, before or after, counts
    more than a claim: the claim names no version.
    """
    matches = session.execute(
        select(Order, Customer.id)
        .join(Reward, Reward.order_id == Order.id)
        .join(Customer, _IS_MATCH)
        .where(_can_be_claimed(shop, now), Order.shopify_id.in_(shopify_ids), Customer.id.in_(customer_ids))
        .order_by(Order.id)
        .execution_options(populate_existing=True)
    ).all()
    for order, customer_id in matches:
        order.customer_id = customer_id
    session.flush()
    if matches:
        reassess(session, shop, [order for order, _ in matches], now)
    return len(matches)


_IS_MATCH = and_(Customer.shop_id == Order.shop_id, Customer.verified_email == Order.guest_email)


def _can_be_claimed(shop: Shop, now: datetime) -> ColumnElement[bool]:
    return and_(
        Order.shop_id == shop.id,
        Order.customer_id.is_(None),
        Order.guest_email.is_not(None),
        Reward.state == RewardState.AWAITING_CUSTOMER,
        Reward.claim_until > now,
    )
