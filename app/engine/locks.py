"""Locks that keep two transactions from deciding about the same money at once.

Everyone takes them in the same order, orders first, then customers, each in ascending order, then the budget, so
that nobody waits in a circle. All end with the transaction.
"""

from collections.abc import Collection
from hashlib import blake2b

from sqlalchemy import cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.types import BigInteger

from app.models import Customer
from app.models.columns import among


def lock_orders(session: Session, shop_id: int, shopify_ids: Collection[int]) -> None:
    """Lock orders by Shopify's id, also ones not known yet: a refund may come before its order."""
    keys = sorted({_key(shop_id, shopify_id) for shopify_id in shopify_ids})
    if not keys:
        return
    key = func.unnest(cast(keys, ARRAY(BigInteger))).column_valued("key")
    session.execute(select(func.pg_advisory_xact_lock(key)))


def lock_customers(session: Session, shop_id: int, customer_ids: Collection[int]) -> None:
    """Lock the rows of customers before their money is read or moved."""
    if not customer_ids:
        return
    session.execute(
        select(Customer.id)
        .where(Customer.shop_id == shop_id, among(Customer.id, customer_ids))
        .order_by(Customer.id)
        # NO KEY UPDATE: rows that only refer to the customer need not wait.
        .with_for_update(key_share=True)
    )


def lock_budget(session: Session, shop_id: int) -> None:
    """Lock what a shop's programme has granted, last of all: customers are locked before."""
    session.execute(select(func.pg_advisory_xact_lock(_number(f"budget:{shop_id}"))))


def lock_mails(session: Session, shop_id: int) -> None:
    """Let one worker at a time take mails of a shop. Whoever holds it takes no other of these locks."""
    session.execute(select(func.pg_advisory_xact_lock(_number(f"mails:{shop_id}"))))


def _key(shop_id: int, shopify_id: int) -> int:
    return _number(f"order:{shop_id}:{shopify_id}")


def _number(text: str) -> int:
    digest = blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
