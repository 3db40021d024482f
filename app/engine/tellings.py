"""Orders as they were told: locked, and kept in their newest version, with their customers, refunds and details."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.locks import lock_customers, lock_orders
from app.engine.privacy import without_redacted
from app.engine.rules.facts import CustomerFact, DisputeFact, OrderFact, PaymentFact, RiskFact
from app.engine.rules.facts_json import order_from_json, to_json
from app.engine.rules.versions import is_newer, newest
from app.engine.store import find_orders, store_details, store_refunds
from app.models import Customer, Order, Shop
from app.models.columns import among


def keep_orders(
    session: Session,
    shop: Shop,
    facts: Sequence[OrderFact],
    now: datetime,
    *,
    details: Sequence[PaymentFact | DisputeFact | RiskFact] = (),
) -> list[Order]:
    """Lock the orders told and their customers, keep the newest of all that is said, and return the orders.

    Of several versions of one order the newest counts, an old one changes nothing. Embedded refunds are kept with
    their order, and so are ``details`` about these orders.
    """
    order_ids = {fact.order_id for fact in facts}
    lock_orders(session, shop.id, order_ids)
    known = find_orders(session, shop.id, order_ids)
    concerned = _add_customers(session, shop, _newest_customers(facts), now)
    concerned |= {order.customer_id for order in known.values() if order.customer_id is not None}
    lock_customers(session, shop.id, concerned)
    # Only now: whoever forgets a customer at the same time holds these locks, too.
    facts = without_redacted(session, shop, facts)
    versions, paid = newest(facts), newest(fact for fact in facts if fact.financial_status.was_paid)
    customer_ids = _update_customers(session, shop, _newest_customers(facts), _newest_locales(facts))
    lock_customers(session, shop.id, set(customer_ids.values()) - concerned)
    named = _newest_named(facts)
    store_refunds(session, shop.id, [refund for fact in facts for refund in fact.refunds], now)
    if details:
        store_details(session, shop.id, details, now)
    tellings = [_Telling(fact, paid.get(order_id), named.get(order_id)) for order_id, fact in versions.items()]
    _store_orders(session, shop, tellings, known, customer_ids, now)
    return list(find_orders(session, shop.id, versions).values())


@dataclass(frozen=True, slots=True)
class _Telling:
    """What a batch says about one order."""

    newest: OrderFact
    #: The newest version that was paid in full, and the newest that names a customer.
    paid: OrderFact | None
    named: "_Named | None"


class _Locale(NamedTuple):
    """What a customer read when they bought."""

    placed_at: datetime
    locale: str


class _Named(NamedTuple):
    """Whose an order is, said by which version; of two versions of one second the higher id counts."""

    version_at: datetime
    customer_shopify_id: int


def _newest_named(facts: Iterable[OrderFact]) -> dict[int, _Named]:
    named: dict[int, _Named] = {}
    for fact in facts:
        if fact.customer is not None:
            said = _Named(fact.updated_at, fact.customer.customer_id)
            named[fact.order_id] = max(said, named.get(fact.order_id, said))
    return named


def _newest_customers(facts: Iterable[OrderFact]) -> dict[int, CustomerFact]:
    """Return the newest word about each customer, by Shopify's id."""
    told: dict[int, CustomerFact] = {}
    for fact in sorted(facts, key=lambda fact: fact.updated_at):
        if fact.customer is not None:
            told[fact.customer.customer_id] = fact.customer
    return told


def _newest_locales(facts: Iterable[OrderFact]) -> dict[int, "_Locale"]:
    """Return what customers read by the newest order that says it, by Shopify's id."""
    said: dict[int, _Locale] = {}
    for fact in sorted(facts, key=lambda fact: fact.placed_at):
        if fact.customer is not None and fact.locale is not None:
            said[fact.customer.customer_id] = _Locale(fact.placed_at, fact.locale)
    return said


def _add_customers(session: Session, shop: Shop, told: dict[int, CustomerFact], now: datetime) -> set[int]:
    """Add the customers not known yet; return everyone's id. Known ones are not touched: no lock yet."""
    if not told:
        return set()
    which = (Customer.shop_id == shop.id, among(Customer.shopify_id, told))
    known = dict(session.execute(select(Customer.shopify_id, Customer.id).where(*which)).all())
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
        if customer.customer_id not in known
    ]
    if not fresh:
        return set(known.values())
    statement = upsert(Customer).values(fresh)
    session.execute(statement.on_conflict_do_nothing(index_elements=["shop_id", "shopify_id"]))
    return set(session.scalars(select(Customer.id).where(*which)))


def _update_customers(
    session: Session, shop: Shop, told: dict[int, CustomerFact], locales: dict[int, _Locale]
) -> dict[int, int]:
    """Store what was told about the customers, who are locked: an update before that would lock out of order.

    Return by Shopify's id who has each one's orders: whoever was merged into another has none any more.
    """
    rows = session.scalars(
        select(Customer)
        .where(Customer.shop_id == shop.id, among(Customer.shopify_id, told))
        .execution_options(populate_existing=True)
    ).all()
    for row in rows:
        customer = told[row.shopify_id]
        row.email = customer.email or row.email
        row.name = customer.name or row.name
        if customer.tags is not None:
            row.tags = list(customer.tags)
    _update_locales(session, shop, rows, locales)
    return {row.shopify_id: row.merged_into_id or row.id for row in rows}


def _update_locales(session: Session, shop: Shop, rows: Iterable[Customer], said: dict[int, _Locale]) -> None:
    """Note what customers read. Where another order said something else, the one placed later counts."""
    other = {}
    for row in rows:
        locale = said.get(row.shopify_id)
        if locale is not None and row.locale is None:
            row.locale = locale.locale
        elif locale is not None and row.locale != locale.locale:
            other[row.id] = (row, locale)
    if not other:
        return
    placed = select(Order.customer_id, func.max(Order.placed_at)).where(
        Order.shop_id == shop.id, among(Order.customer_id, other), Order.fact["locale"].astext.is_not(None)
    )
    latest = dict(session.execute(placed.group_by(Order.customer_id)).all())
    for customer_id, (row, locale) in other.items():
        if customer_id not in latest or locale.placed_at >= latest[customer_id]:
            row.locale = locale.locale


def _store_orders(
    session: Session,
    shop: Shop,
    tellings: Sequence[_Telling],
    known: dict[int, Order],
    customer_ids: dict[int, int],
    now: datetime,
) -> None:
    for telling in tellings:
        order = known.get(telling.newest.order_id)
        if order is None:
            order = Order(shop_id=shop.id, shopify_id=telling.newest.order_id, first_seen_at=now, fact={})
            # Decided once: a programme that is said to have begun later takes no reward back.
            order.is_past = shop.began_at is not None and telling.newest.placed_at < shop.began_at
            session.add(order)
        if telling.named is not None and telling.named > _known_name(session, order):
            customer_id = customer_ids[telling.named.customer_shopify_id]
            if order.customer_id != customer_id:
                order.customer_id, order.customer_tags = customer_id, None
            order.customer_version_at = telling.named.version_at
        _keep_paid(order, telling)
        if not order.fact or is_newer(telling.newest, order.fact):
            for column, value in _columns(telling.newest).items():
                setattr(order, column, value)
    session.flush()


def _known_name(session: Session, order: Order) -> _Named:
    """Return whose the order is so far. A version that names nobody takes it from nobody."""
    if order.customer_id is None or order.customer_version_at is None:
        return _Named(datetime.min.replace(tzinfo=UTC), 0)
    return _Named(order.customer_version_at, session.get_one(Customer, order.customer_id).shopify_id)


def _keep_paid(order: Order, telling: _Telling) -> None:
    """Keep the newest version that was paid in full; the reward of what was paid rests on it."""
    candidates = [] if telling.paid is None else [telling.paid]
    candidates += [order_from_json(fact) for fact in (order.fact, order.paid_fact) if fact]
    paid = [fact for fact in candidates if fact.financial_status.was_paid]
    order.paid_fact = to_json(newest(paid)[order.shopify_id]) if paid else None


def _columns(fact: OrderFact) -> dict[str, Any]:
    return {
        "name": fact.name,
        "currency": fact.currency,
        "total_minor": fact.total_minor,
        "financial_status": fact.financial_status,
        "placed_at": fact.placed_at,
        "version_at": fact.updated_at,
        "cancelled_at": fact.cancelled_at,
        "guest_email": fact.email if fact.customer is None else None,
        "fact": to_json(fact),
    }
