"""What Shopify must be asked before orders can be decided: their bodies lack payments, risk, tags and the catalogue.

It only reads. What ``app.engine.cases`` insists on (products, payments, tags) is listed here before it is missed;
risk is asked because the terms look at it, but an order does not wait for it.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.programme import Programme
from app.engine.rules.facts import OrderFact
from app.engine.rules.facts_json import terms_from_json
from app.engine.rules.terms import Terms
from app.engine.rules.worth import lacks_payments
from app.models import Customer, DetailKind, Order, OrderDetail, Product, Shop, TermsVersion

#: Collections with rules take up products without a word of it, so no answer is believed for longer.
PRODUCTS_FRESH_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Missing:
    """What to ask of Shopify, by its ids."""

    product_ids: frozenset[int] = frozenset()
    #: Orders whose payments are to be asked, and orders whose risk is.
    payment_order_ids: frozenset[int] = frozenset()
    risk_order_ids: frozenset[int] = frozenset()
    #: Customers whose tags are to be asked.
    customer_ids: frozenset[int] = frozenset()


NOTHING_MISSING = Missing()


def list_missing(
    session: Session,
    shop: Shop,
    orders: Sequence[OrderFact],
    now: datetime,
    *,
    reassessed: Collection[int] = (),
    customers: Collection[int] = (),
    past_earns: bool = False,
) -> Missing:
    """Return what is not known, or not freshly enough, to decide orders that were just told.

    ``reassessed`` are orders of which somebody has said anew how risky they are: one word of several.
    ``customers`` are some to whom orders may come that are known already. Past orders earn nothing, so nothing must be
    known about them, unless ``past_earns``: somebody asks for their rewards. Raises Broken for a shop without terms.
    """
    programme = Programme(session, shop)
    past = _past(session, shop, orders)
    cases = [
        (order, programme.at(now if order.order_id in past else order.placed_at))
        for order in orders
        if past_earns or order.order_id not in past
    ]
    return Missing(
        product_ids=_missing_products(session, shop, cases, now),
        payment_order_ids=_missing_payments(session, shop, cases),
        risk_order_ids=_missing_risks(session, shop, cases) | _reassessed(session, shop, reassessed, programme),
        customer_ids=_missing_tags(session, shop, cases, customers),
    )


def _past(session: Session, shop: Shop, orders: Sequence[OrderFact]) -> set[int]:
    """Return which of the orders are older than the programme, and nobody has asked for their rewards so far."""
    if shop.began_at is None:
        return set()
    known = select(Order.shopify_id, Order.is_past & Order.reward_asked_at.is_(None)).where(
        Order.shop_id == shop.id, Order.shopify_id.in_({order.order_id for order in orders})
    )
    is_past = dict(session.execute(known).all())
    return {order.order_id for order in orders if is_past.get(order.order_id, order.placed_at < shop.began_at)}


def looks_beyond_bodies(session: Session, shop: Shop) -> bool:
    """Return whether the shop's terms look at more than orders' bodies and payments; false without any terms."""
    bodies = session.scalars(select(TermsVersion.body).where(TermsVersion.shop_id == shop.id))
    return any(
        terms.needs_products or terms.holds.risk_from is not None or _looks_at_tags(terms)
        for terms in map(terms_from_json, bodies)
    )


def _looks_at_tags(terms: Terms) -> bool:
    return bool(terms.excluded_tags or terms.holds.tags)


def _missing_products(
    session: Session, shop: Shop, cases: Sequence[tuple[OrderFact, Terms]], now: datetime
) -> frozenset[int]:
    wanted = {
        order.order_id: {line.product_id for line in order.lines if line.product_id is not None}
        for order, terms in cases
        if terms.needs_products
    }
    if not wanted:
        return frozenset()
    kept = select(Order.shopify_id, Order.products).where(Order.shop_id == shop.id, Order.shopify_id.in_(wanted))
    for order_id, products in session.execute(kept.where(Order.products.is_not(None))):
        wanted[order_id] -= {product["product_id"] for product in products}
    product_ids = set[int]().union(*wanted.values())
    fresh = select(Product.shopify_id).where(
        Product.shop_id == shop.id,
        Product.shopify_id.in_(product_ids),
        Product.is_stale.is_(False),
        Product.fetched_at > now - PRODUCTS_FRESH_FOR,
    )
    return frozenset(product_ids - set(session.scalars(fresh)))


def _missing_payments(session: Session, shop: Shop, cases: Sequence[tuple[OrderFact, Terms]]) -> frozenset[int]:
    """Return the orders that were paid partly with credit of which not every such payment is known."""
    told = select(OrderDetail.order_shopify_id, OrderDetail.fact["gateway"].astext).where(
        OrderDetail.shop_id == shop.id,
        OrderDetail.order_shopify_id.in_(
            {order.order_id for order, terms in cases if lacks_payments(order, terms, ())}
        ),
        OrderDetail.kind == DetailKind.PAYMENT,
    )
    known: dict[int, set[str]] = defaultdict(set)
    for order_id, gateway in session.execute(told):
        known[order_id].add(gateway)
    return frozenset(order.order_id for order, terms in cases if lacks_payments(order, terms, known[order.order_id]))


def _missing_risks(session: Session, shop: Shop, cases: Sequence[tuple[OrderFact, Terms]]) -> frozenset[int]:
    wanted = {
        order.order_id
        for order, terms in cases
        if terms.holds.risk_from is not None and order.financial_status.was_paid and order.cancelled_at is None
    }
    if not wanted:
        return frozenset()
    known = select(OrderDetail.order_shopify_id).where(
        OrderDetail.shop_id == shop.id, OrderDetail.order_shopify_id.in_(wanted), OrderDetail.kind == DetailKind.RISK
    )
    return frozenset(wanted - set(session.scalars(known)))


def _reassessed(session: Session, shop: Shop, order_ids: Collection[int], programme: Programme) -> frozenset[int]:
    """Return of these orders those whose terms hold by risk; one that is not known yet is asked about when it comes."""
    if not order_ids:
        return frozenset()
    known = select(Order.shopify_id, Order.placed_at).where(Order.shop_id == shop.id, Order.shopify_id.in_(order_ids))
    return frozenset(
        order_id
        for order_id, placed_at in session.execute(known)
        if programme.at(placed_at).holds.risk_from is not None
    )


def _missing_tags(
    session: Session, shop: Shop, cases: Sequence[tuple[OrderFact, Terms]], customers: Collection[int]
) -> frozenset[int]:
    looked_at = [order for order, terms in cases if _looks_at_tags(terms)]
    wanted = {order.customer.customer_id for order in looked_at if order.customer and order.customer.tags is None}
    wanted |= set(customers)
    if looked_at:
        # Whose a known order is, may have been said by another version than the one that was just told.
        owners = select(Customer.shopify_id).join(Order, Order.customer_id == Customer.id)
        told = [order.order_id for order in looked_at]
        wanted |= set(session.scalars(owners.where(Order.shop_id == shop.id, Order.shopify_id.in_(told))))
    return _without_tags(session, shop, wanted)


def _without_tags(session: Session, shop: Shop, wanted: set[int]) -> frozenset[int]:
    """Return of these customers, and of those they were merged into, the ones whose tags are not known."""
    if not wanted:
        return frozenset()
    known = select(Customer).where(Customer.shop_id == shop.id)
    rows = {row.id: row for row in session.scalars(known.where(Customer.shopify_id.in_(wanted)))}
    missing = wanted - {row.shopify_id for row in rows.values()}
    while rows:
        missing |= {row.shopify_id for row in rows.values() if row.tags is None}
        kept_ids = {row.merged_into_id for row in rows.values() if row.merged_into_id is not None}
        rows = {row.id: row for row in session.scalars(known.where(Customer.id.in_(kept_ids)))}
    return frozenset(missing)
