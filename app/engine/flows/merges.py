"""Shopify made two customers one: whoever is kept goes on with the orders, the rewards and what was owed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Select, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.aim import reassess
from app.engine.locks import lock_customers, lock_orders
from app.engine.merging import move_money, move_rewards
from app.engine.messages import move_messages
from app.engine.rules.facts import CustomersMerged
from app.models import Customer, Order, Shop


def record_merges(session: Session, shop: Shop, facts: Sequence[CustomersMerged], now: datetime) -> None:
    """Let the customers that are kept go on for those that are gone, as if they had always been one.

    Chains of merges end with the last one kept, in whatever order they are told. Told again, it moves what has come
    to a customer who is gone since.
    """
    in_order = sorted(facts, key=lambda fact: (fact.at, fact.gone_id))
    named = {shopify_id for fact in in_order for shopify_id in (fact.kept_id, fact.gone_id)}
    theirs = select(Order.shopify_id).where(Order.shop_id == shop.id, Order.customer_id.in_(_ids(shop, named)))
    lock_orders(session, shop.id, list(session.scalars(theirs)))
    _add(session, shop, named, now)
    # Twice: those named, and whoever they were merged into by then.
    for _ in range(2):
        lock_customers(session, shop.id, list(session.scalars(_ids(shop, named))))
    rows = session.scalars(
        select(Customer).where(Customer.id.in_(_ids(shop, named))).execution_options(populate_existing=True)
    )
    people = {row.id: row for row in rows}
    by_shopify_id = {row.shopify_id: row for row in people.values()}
    kept_ids = set()
    for fact in in_order:
        gone, kept = by_shopify_id[fact.gone_id], _last(by_shopify_id[fact.kept_id], people)
        if kept is not gone and gone.merged_into_id is None:
            _join(session, shop, gone, kept)
        last = _last(gone, people)
        if last is not gone:
            move_rewards(session, shop, gone, last, fact.at, now)
            move_money(session, shop, gone, last, fact.at, now)
            move_messages(session, shop.id, gone.id, last.id)
        kept_ids.add(last.id)
    of_kept = select(Order).where(Order.shop_id == shop.id, Order.customer_id.in_(kept_ids))
    orders = session.scalars(of_kept.execution_options(populate_existing=True)).all()
    if orders:
        reassess(session, shop, orders, now)


def _ids(shop: Shop, named: Collection[int]) -> Select[int]:
    """Select the ids of the customers named, and of those they were merged into."""
    of_shop = Customer.shop_id == shop.id
    into = select(Customer.merged_into_id).where(of_shop, Customer.shopify_id.in_(named))
    return select(Customer.id).where(of_shop, or_(Customer.shopify_id.in_(named), Customer.id.in_(into)))


def _last(row: Customer, people: Mapping[int, Customer]) -> Customer:
    """Return who goes on for a customer: every merged one names the last of its chain."""
    return row if row.merged_into_id is None else people[row.merged_into_id]


def _join(session: Session, shop: Shop, gone: Customer, kept: Customer) -> None:
    gone.merged_into_id, gone.verified_email = kept.id, None
    session.flush()
    earlier = (Customer.shop_id == shop.id, Customer.merged_into_id == gone.id)
    session.execute(update(Customer).where(*earlier).values(merged_into_id=kept.id))


def _add(session: Session, shop: Shop, shopify_ids: Collection[int], now: datetime) -> None:
    """Add the customers not known yet, with nothing about them: orders that name them may still come."""
    rows = [{"shop_id": shop.id, "shopify_id": shopify_id, "created_at": now} for shopify_id in sorted(shopify_ids)]
    session.execute(upsert(Customer).values(rows).on_conflict_do_nothing(index_elements=["shop_id", "shopify_id"]))
