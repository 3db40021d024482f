"""Past orders are imported: what they spent counts, and their rewards do where somebody asks for them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.aim import reassess
from app.engine.rules.facts import DisputeFact, OrderFact, PaymentFact, RiskFact
from app.engine.tellings import keep_orders
from app.models import Order, Shop
from app.models.columns import among


def record_history(
    session: Session,
    shop: Shop,
    orders: Sequence[OrderFact],
    details: Sequence[PaymentFact | DisputeFact | RiskFact],
    now: datetime,
    *,
    reward_asked_at: datetime | None = None,
) -> int:
    """Record a batch of orders that an import found, and return how many were not known before.

    ``reward_asked_at`` is when somebody asked for the rewards of past orders, None where nobody did. An order that
    was asked for once is not asked for again: it keeps the terms of the first time.
    """
    ids = {order.order_id for order in orders}
    known = list_known(session, shop, ids)
    rows = keep_orders(session, shop, orders, now, details=details)
    if reward_asked_at is not None:
        for row in rows:
            if row.is_past and row.reward_asked_at is None:
                row.reward_asked_at = reward_asked_at
        session.flush()
    reassess(session, shop, rows, now)
    return len(ids - known.keys())


def list_known(session: Session, shop: Shop, shopify_ids: Collection[int]) -> dict[int, bool]:
    """Return which of these orders are known, and of each whether it is past and nobody has asked for its reward."""
    known = select(Order.shopify_id, Order.is_past & Order.reward_asked_at.is_(None)).where(
        Order.shop_id == shop.id, among(Order.shopify_id, shopify_ids)
    )
    return {shopify_id: bool(is_past) for shopify_id, is_past in session.execute(known)}
