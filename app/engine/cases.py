"""An order with everything that decides what it earns: its deciding version, refunds, payments, disputes, products."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.rules.facts import (
    DeletionFact,
    Details,
    DisputeFact,
    OrderFact,
    PaymentFact,
    ProductFact,
    RefundFact,
    ReturnFact,
    RiskFact,
)
from app.engine.rules.facts_json import from_json, order_from_json, refund_from_json, to_json
from app.engine.rules.paid_version import decide_version
from app.engine.rules.terms import Terms
from app.engine.rules.worth import lacks_payments
from app.errors import NotYet
from app.models import Customer, DetailKind, Order, OrderDetail, Product, Refund, Shop
from app.models.columns import among
from app.sentences import say


@dataclass(frozen=True, slots=True)
class Case:
    """One order with everything that decides what it earns."""

    order: Order
    fact: OrderFact
    refunds: tuple[RefundFact, ...]
    details: Details

    @property
    def is_past(self) -> bool:
        """Say whether the order is older than the programme and nobody has asked for its reward."""
        return self.order.is_past and self.order.reward_asked_at is None

    @property
    def occurred_at(self) -> datetime:
        """When the newest thing that decides what it earns happened outside."""
        moments = [self.fact.placed_at, *(refund.processed_at for refund in self.refunds)]
        if self.fact.cancelled_at is not None:
            moments.append(self.fact.cancelled_at)
        moments += [dispute.finalized_at for dispute in self.details.disputes if dispute.finalized_at]
        return max(moments)


def read_cases(session: Session, shop: Shop, orders: Sequence[Order]) -> list[Case]:
    """Return the orders' cases, in the same order; refunds oldest first."""
    ids = [order.shopify_id for order in orders]
    refunds: dict[int, list[RefundFact]] = defaultdict(list)
    for row in session.scalars(select(Refund).where(Refund.shop_id == shop.id, among(Refund.order_shopify_id, ids))):
        refunds[row.order_shopify_id].append(refund_from_json(row.fact))
    details: dict[int, list[OrderDetail]] = defaultdict(list)
    told = select(OrderDetail).where(OrderDetail.shop_id == shop.id, among(OrderDetail.order_shopify_id, ids))
    for detail in session.scalars(told.order_by(OrderDetail.shopify_id)):
        details[detail.order_shopify_id].append(detail)
    return [
        Case(
            order,
            _deciding_version(order, details[order.shopify_id]),
            tuple(sorted(refunds[order.shopify_id], key=lambda fact: (fact.processed_at, fact.refund_id))),
            _details(order, details[order.shopify_id]),
        )
        for order in orders
    ]


def with_needed(session: Session, case: Case, terms: Terms) -> Case:
    """Return a case with all that these terms must know; raise NotYet while Shopify has not said it.

    Tags and products are kept with the order as they are now, so that no later change reaches back to it. Of a past
    order nothing must be known: it earns nothing whatever is.
    """
    if case.is_past:
        return case
    if lacks_payments(case.fact, terms, {payment.gateway for payment in case.details.payments}):
        raise NotYet(say("{name} waits for what Shopify says about its payments.", name=case.order.name))
    if terms.excluded_tags or terms.holds.tags:
        case = _with_tags(session, case)
    return _with_products(session, case) if terms.needs_products else case


def _with_tags(session: Session, case: Case) -> Case:
    order, customer = case.order, case.fact.customer
    if customer is None or order.customer_id is None:
        return case
    if order.customer_tags is None:
        known: Sequence[str] | None = customer.tags
        if known is None:
            known = session.scalar(select(Customer.tags).where(Customer.id == order.customer_id))
        if known is None:
            raise NotYet(say("{name} waits for what Shopify says about its customer.", name=order.name))
        order.customer_tags = list(known)
    return replace(case, fact=replace(case.fact, customer=replace(customer, tags=tuple(order.customer_tags))))


def _with_products(session: Session, case: Case) -> Case:
    wanted = {line.product_id for line in case.fact.lines if line.product_id is not None}
    missing = wanted - case.details.products.keys()
    if not missing:
        return case
    order = case.order
    # Nothing is decided on what is told to have changed since; it is asked anew before the next try.
    fresh = (Product.shop_id == order.shop_id, Product.shopify_id.in_(missing), Product.is_stale.is_(False))
    rows = session.scalars(select(Product).where(*fresh))
    found = {
        row.shopify_id: ProductFact(row.shopify_id) if row.fact is None else from_json(ProductFact, row.fact)
        for row in rows
    }
    if missing - found.keys():
        raise NotYet(say("{name} waits for what Shopify says about its products.", name=order.name))
    products = {**case.details.products, **found}
    order.products = [to_json(product) for _, product in sorted(products.items())]
    return replace(case, details=replace(case.details, products=products))


def _deciding_version(order: Order, rows: Sequence[OrderDetail]) -> OrderFact:
    paid = None if order.paid_fact is None else order_from_json(order.paid_fact)
    fact = decide_version(paid, order_from_json(order.fact))
    deleted = next((from_json(DeletionFact, row.fact) for row in rows if row.kind is DetailKind.DELETION), None)
    if deleted is None or fact.cancelled_at is not None:
        return fact
    return replace(fact, cancelled_at=deleted.at)


def _details(order: Order, rows: Sequence[OrderDetail]) -> Details:
    payments = tuple(from_json(PaymentFact, row.fact) for row in rows if row.kind is DetailKind.PAYMENT)
    disputes = tuple(from_json(DisputeFact, row.fact) for row in rows if row.kind is DetailKind.DISPUTE)
    risks = [from_json(RiskFact, row.fact) for row in rows if row.kind is DetailKind.RISK]
    returns = tuple(from_json(ReturnFact, row.fact) for row in rows if row.kind is DetailKind.RETURN)
    products = {data["product_id"]: from_json(ProductFact, data) for data in order.products or ()}
    return Details(payments, disputes, risks[0] if risks else None, returns, products)
