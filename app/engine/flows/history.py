"""Past orders are imported: what they spent counts, and their rewards do where somebody asks for them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.aim import reassess
from app.engine.rules.facts import DisputeFact, OrderFact, PaymentFact, RiskFact
from app.engine.tellings import keep_orders
from app.models import Order, Shop


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
    known = set(session.scalars(select(Order.shopify_id).where(Order.shop_id == shop.id, Order.shopify_id.in_(ids))))
    rows = keep_orders(session, shop, orders, now, details=details)
    if reward_asked_at is not None:
        for row in rows:
            if row.is_past and row.reward_asked_at is None:
                row.reward_asked_at = reward_asked_at
        session.flush()
    reassess(session, shop, rows, now)
    return len(ids - known)
