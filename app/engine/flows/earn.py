"""An order was told, by any of its topics: remember its newest version and bring its reward to what it should be."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.aim import reassess
from app.engine.locks import lock_customers, lock_orders
from app.engine.rules.facts import CustomerFact, OrderFact
from app.engine.rules.facts_json import to_json
from app.engine.rules.versions import is_newer, newest
from app.engine.store import find_orders, store_refunds
from app.models import Customer, Order, Shop


def record_orders(session: Session, shop: Shop, facts: Sequence[OrderFact], now: datetime) -> None:
    """Record a batch of order facts; of several versions of one order the newest counts, an old one changes nothing.

    Embedded refunds are recorded with their order. Running it twice, or with the facts in any order, leaves
    the same books.
    """
    versions = newest(facts)
    lock_orders(session, shop.id, versions)
    known = find_orders(session, shop.id, versions)
    customers = _store_customers(session, shop, facts, now)
    lock_customers(
        session,
        shop.id,
        {customer.id for customer in customers.values()}
        | {order.customer_id for order in known.values() if order.customer_id is not None},
    )
    store_refunds(session, shop.id, [refund for fact in facts for refund in fact.refunds], now)
    _store_orders(session, shop, _with_customer(versions, facts), known, customers, now)
    orders = find_orders(session, shop.id, versions)
    reassess(session, shop, list(orders.values()), now)


def _with_customer(
    versions: dict[int, OrderFact], facts: Iterable[OrderFact]
) -> list[tuple[OrderFact, CustomerFact | None]]:
    """Pair each order with its customer: an older version may know one that the newest has lost."""
    told: dict[int, CustomerFact] = {}
    for fact in sorted(facts, key=lambda fact: fact.updated_at):
        if fact.customer is not None:
            told[fact.order_id] = fact.customer
    return [(fact, fact.customer or told.get(fact.order_id)) for fact in versions.values()]


def _store_customers(
    session: Session, shop: Shop, facts: Iterable[OrderFact], now: datetime
) -> dict[int, Customer]:
    """Store who the orders belong to, the newest word about each; return the rows by Shopify's id."""
    told: dict[int, CustomerFact] = {}
    for fact in sorted(facts, key=lambda fact: fact.updated_at):
        if fact.customer is not None:
            told[fact.customer.customer_id] = fact.customer
    if not told:
        return {}
    fresh = [
        {
            "shop_id": shop.id,
            "shopify_id": customer.customer_id,
            "email": customer.email,
            "name": customer.name,
            "tags": None if customer.tags is None else list(customer.tags),
            "created_at": now,
        }
        for customer in sorted(told.values(), key=lambda customer: customer.customer_id)
    ]
    statement = upsert(Customer).values(fresh)
    session.execute(statement.on_conflict_do_nothing(index_elements=["shop_id", "shopify_id"]))
    rows = session.scalars(
        select(Customer).where(Customer.shop_id == shop.id, Customer.shopify_id.in_(told))
    ).all()
    for row in rows:
        customer = told[row.shopify_id]
        row.email = customer.email or row.email
        row.name = customer.name or row.name
        if customer.tags is not None:
            row.tags = list(customer.tags)
    return {row.shopify_id: row for row in rows}


def _store_orders(
    session: Session,
    shop: Shop,
    versions: Sequence[tuple[OrderFact, CustomerFact | None]],
    known: dict[int, Order],
    customers: dict[int, Customer],
    now: datetime,
) -> None:
    for fact, customer in versions:
        order = known.get(fact.order_id)
        if order is None:
            order = Order(
                shop_id=shop.id, shopify_id=fact.order_id, first_seen_at=now, fact={}, customer_id=None
            )
            session.add(order)
        # Whoever an order once belonged to keeps it: the books of that customer hold its reward.
        if order.customer_id is None and customer is not None:
            order.customer_id = customers[customer.customer_id].id
        if not order.fact or is_newer(fact, order.fact):
            for column, value in _columns(fact).items():
                setattr(order, column, value)
    session.flush()


def _columns(fact: OrderFact) -> dict[str, Any]:
    return {
        "name": fact.name,
        "currency": fact.currency,
        "total_minor": fact.total_minor,
        "financial_status": fact.financial_status,
        "placed_at": fact.placed_at,
        "version_at": fact.updated_at,
        "cancelled_at": fact.cancelled_at,
        "fact": to_json(fact),
    }
