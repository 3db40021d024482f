"""A customer's personal data has to go: what names the person is taken out, amounts and books stay."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.audit import record
from app.engine.locks import lock_customers, lock_orders
from app.engine.privacy import read_deciding_tags
from app.engine.rules.facts_json import order_from_json, to_json
from app.engine.rules.redaction import keep_tags, without_person
from app.models import Customer, Order


def redact(session: Session, shop_id: int, customer_shopify_id: int, order_ids: Collection[int], now: datetime) -> int:
    """Take name, email and needless tags out of a customer and of these and all of the customer's orders.

    Ids are Shopify's. Returns how many orders were changed. Told later, they come in without the person; a customer
    nobody knew yet is remembered by number for that.
    """
    fresh = upsert(Customer).values(shop_id=shop_id, shopify_id=customer_shopify_id, created_at=now)
    whose = (Customer.shop_id == shop_id, Customer.shopify_id == customer_shopify_id)
    theirs = Order.customer_id.in_(select(Customer.id).where(*whose))
    concerned = (Order.shop_id == shop_id, or_(Order.shopify_id.in_(order_ids), theirs))
    lock_orders(session, shop_id, list(session.scalars(select(Order.shopify_id).where(*concerned))))
    session.execute(fresh.on_conflict_do_nothing(index_elements=["shop_id", "shopify_id"]))
    lock_customers(session, shop_id, list(session.scalars(select(Customer.id).where(*whose))))
    row = session.scalars(select(Customer).where(*whose).execution_options(populate_existing=True)).one()
    tags = read_deciding_tags(session, shop_id)
    orders = session.scalars(select(Order).where(*concerned).execution_options(populate_existing=True))
    changed = sum(_redact_order(order, tags) for order in orders)
    if row.redacted_at is None or changed:
        row.redacted_at = row.redacted_at or now
        row.name = row.email = row.verified_email = None
        row.tags = None if row.tags is None else list(keep_tags(row.tags, tags))
        record(
            session,
            shop_id,
            "system",
            "redact",
            subject=("customer", row.id),
            before={},
            after={"orders": changed},
            now=now,
        )
    session.flush()
    return changed


def _redact_order(order: Order, tags: frozenset[str]) -> bool:
    """Take the person out of an order; return whether there was one."""
    before = (order.fact, order.paid_fact, order.guest_email, order.customer_tags)
    order.fact = to_json(without_person(order_from_json(order.fact), tags))
    if order.paid_fact is not None:
        order.paid_fact = to_json(without_person(order_from_json(order.paid_fact), tags))
    if order.customer_tags is not None:
        order.customer_tags = list(keep_tags(order.customer_tags, tags))
    order.guest_email = None
    return before != (order.fact, order.paid_fact, order.guest_email, order.customer_tags)
