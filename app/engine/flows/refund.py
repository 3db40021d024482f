"""A refund was told: remember it, and take exactly the right part of the order's reward back."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.engine.account_books import heed_orders
from app.engine.aim import reassess
from app.engine.locks import lock_customers, lock_orders
from app.engine.privacy import without_redacted_notes
from app.engine.rules.facts import RefundFact
from app.engine.store import find_orders, store_refunds
from app.models import Shop


def record_refunds(session: Session, shop: Shop, facts: Sequence[RefundFact], now: datetime) -> None:
    """Record a batch of refund facts. One whose order is not known yet waits for it and counts from its first day."""
    order_ids = {fact.order_id for fact in facts}
    lock_orders(session, shop.id, order_ids)
    orders = find_orders(session, shop.id, order_ids)
    lock_customers(session, shop.id, {order.customer_id for order in orders.values() if order.customer_id is not None})
    # Only now: whoever forgets a customer at the same time holds these locks, too.
    facts = without_redacted_notes(session, shop, facts)
    store_refunds(session, shop.id, facts, now)
    if orders:
        reassess(session, shop, list(orders.values()), now)
        heed_orders(session, shop, orders.values(), facts, now)
