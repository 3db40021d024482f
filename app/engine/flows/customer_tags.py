"""Customers' tags as last asked of Shopify; forgotten when they change, so that they are asked anew when needed.

Orders are decided with these tags and keep them (``orders.customer_tags``), so nothing here changes an order that
was decided before.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.locks import lock_customers
from app.models import Customer, Shop


def record_tags(session: Session, shop: Shop, tags: Mapping[int, Sequence[str]], asked_at: datetime) -> None:
    """Remember the tags of customers, by Shopify's id; one not known yet is about to come with an order.

    An answer from before they changed is not remembered: they are asked anew.
    """
    fresh = [
        {"shop_id": shop.id, "shopify_id": shopify_id, "tags": list(tags[shopify_id]), "created_at": asked_at}
        for shopify_id in sorted(tags)
    ]
    if fresh:
        statement = upsert(Customer).values(fresh)
        session.execute(statement.on_conflict_do_nothing(index_elements=["shop_id", "shopify_id"]))
        for row in _lock(session, shop, tags):
            if row.tags_forgotten_at is not None and row.tags_forgotten_at > asked_at:
                continue
            # A person who asked to be forgotten stays so: no tags are known tags, too.
            row.tags = list(tags[row.shopify_id]) if row.redacted_at is None else []
        session.flush()


def forget_tags(session: Session, shop: Shop, shopify_ids: Collection[int], now: datetime) -> None:
    """Have the tags of customers asked anew before their next order is decided: what changed is only half the word."""
    for row in _lock(session, shop, shopify_ids):
        row.tags, row.tags_forgotten_at = None, now
    session.flush()


def _lock(session: Session, shop: Shop, shopify_ids: Collection[int]) -> Sequence[Customer]:
    known = (Customer.shop_id == shop.id, Customer.shopify_id.in_(list(shopify_ids)))
    lock_customers(session, shop.id, session.scalars(select(Customer.id).where(*known)).all())
    return session.scalars(select(Customer).where(*known).execution_options(populate_existing=True)).all()
