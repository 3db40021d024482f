"""What Shopify says about customers: remember it, let them claim what they earned as guests, and let them go."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.aim import reassess
from app.engine.claims import claim, find_claimable
from app.engine.locks import lock_customers, lock_orders
from app.engine.messages import drop_messages
from app.engine.rules.facts import CustomerGone, CustomerTold
from app.engine.rules.messages import DropReason
from app.engine.rules.states import BOOKED_PENDING
from app.engine.store import find_orders
from app.models import Customer, Message, Order, Reward, Shop
from app.models.columns import among


def record_customers(session: Session, shop: Shop, facts: Sequence[CustomerTold], now: datetime) -> None:
    """Remember customers, of several versions the newest, and give them the guests' orders of their email.

    Only an email that Shopify has verified claims anything, and it is one customer's: the last who is told to have
    it. A customer who was deleted, merged or redacted is not changed any more.
    """
    in_order = sorted(facts, key=lambda fact: fact.updated_at)
    told = {fact.customer_id: fact for fact in in_order}
    emails = _holders(told[fact.customer_id] for fact in in_order)
    guests = find_claimable(session, shop, emails, now)
    lock_orders(session, shop.id, guests)
    _add(session, shop, told, now)
    concerned = (Customer.shop_id == shop.id, or_(Customer.shopify_id.in_(told), Customer.verified_email.in_(emails)))
    ids = set(session.scalars(select(Customer.id).where(*concerned)))
    lock_customers(session, shop.id, ids)
    known = select(Customer).where(Customer.id.in_(ids)).execution_options(populate_existing=True)
    rows = {row.shopify_id: row for row in session.scalars(known)}
    news = [told[fact.customer_id] for fact in in_order if _is_news(rows[fact.customer_id], told[fact.customer_id])]
    for fact in news:
        _remember(rows[fact.customer_id], fact)
    holders = _holders(news)
    for shopify_id, row in rows.items():
        if row.verified_email in holders and holders[row.verified_email] != shopify_id:
            row.verified_email = None
    session.flush()
    claim(session, shop, guests, ids, now)


def record_deleted(session: Session, shop: Shop, facts: Sequence[CustomerGone], now: datetime) -> None:
    """Note that customers are no more. What was not settled yet is void; what was settled stays as it is.

    A customer nobody knew yet is remembered as deleted: orders that are told later earn nothing.
    """
    gone = {fact.customer_id: fact for fact in sorted(facts, key=lambda fact: fact.at, reverse=True)}
    unsettled = (
        select(Order.shopify_id)
        .join(Reward, Reward.order_id == Order.id)
        .join(Customer, Customer.id == Order.customer_id)
        .where(Order.shop_id == shop.id, Customer.shopify_id.in_(gone), Reward.state.in_(BOOKED_PENDING))
    )
    order_ids = list(session.scalars(unsettled))
    lock_orders(session, shop.id, order_ids)
    _add(session, shop, gone, now)
    whose = (Customer.shop_id == shop.id, Customer.shopify_id.in_(gone))
    ids = list(session.scalars(select(Customer.id).where(*whose)))
    lock_customers(session, shop.id, ids)
    for row in session.scalars(select(Customer).where(*whose).execution_options(populate_existing=True)):
        row.deleted_at = row.deleted_at or gone[row.shopify_id].at
        row.verified_email = None
    session.flush()
    orders = find_orders(session, shop.id, order_ids)
    if orders:
        reassess(session, shop, list(orders.values()), now)
    drop_messages(session, shop.id, among(Message.customer_id, ids), DropReason.NO_ADDRESS, now)


def is_closed(row: Customer) -> bool:
    """Say whether a customer is not changed any more, whatever is told late."""
    return any(mark is not None for mark in (row.deleted_at, row.merged_into_id, row.redacted_at))


def _holders(told: Iterable[CustomerTold]) -> dict[str | None, int]:
    """Return who has which verified email: of several customers the last."""
    emails = ((_verified(fact), fact.customer_id) for fact in told)
    return {email: customer_id for email, customer_id in emails if email is not None}


def _verified(told: CustomerTold) -> str | None:
    return told.email.strip().lower() if told.email and told.verified_email else None


def _is_news(row: Customer, told: CustomerTold) -> bool:
    return not is_closed(row) and (row.told_at is None or told.updated_at >= row.told_at)


def _remember(row: Customer, told: CustomerTold) -> None:
    row.told_at = told.updated_at
    row.email, row.name, row.verified_email = told.email, told.name, _verified(told)
    if told.tags is not None:
        row.tags = list(told.tags)


def _add(session: Session, shop: Shop, shopify_ids: Iterable[int], now: datetime) -> None:
    """Add the customers not known yet, with nothing about them. Known ones are not touched: no lock yet."""
    rows: list[dict[str, Any]] = [
        {"shop_id": shop.id, "shopify_id": shopify_id, "created_at": now} for shopify_id in sorted(shopify_ids)
    ]
    session.execute(upsert(Customer).values(rows).on_conflict_do_nothing(index_elements=["shop_id", "shopify_id"]))
