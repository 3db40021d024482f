"""Something was told about orders besides their bodies, such as a dispute or a return. Remember it, and aim anew."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.engine.aim import reassess
from app.engine.locks import lock_customers, lock_orders
from app.engine.rules.facts import DetailFact
from app.engine.store import find_orders, store_details
from app.models import Shop


def record_details(session: Session, shop: Shop, facts: Sequence[DetailFact], now: datetime) -> None:
    """Record a batch of details, deletions included. What is told of an order not known yet waits for it."""
    order_ids = {fact.order_id for fact in facts}
    lock_orders(session, shop.id, order_ids)
    orders = find_orders(session, shop.id, order_ids)
    lock_customers(session, shop.id, {order.customer_id for order in orders.values() if order.customer_id is not None})
    store_details(session, shop.id, facts, now)
    if orders:
        reassess(session, shop, list(orders.values()), now)
