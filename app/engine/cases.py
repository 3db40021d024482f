"""An order with everything that decides what it earns: its deciding version and all its refunds."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.rules.facts import NO_DETAILS, Details, OrderFact, RefundFact
from app.engine.rules.facts_json import order_from_json, refund_from_json
from app.engine.rules.paid_version import decide_version
from app.models import Order, Refund, Shop


@dataclass(frozen=True, slots=True)
class Case:
    """One order with everything that decides what it earns."""

    order: Order
    fact: OrderFact
    refunds: tuple[RefundFact, ...]
    details: Details = NO_DETAILS


def read_cases(session: Session, shop: Shop, orders: Sequence[Order]) -> list[Case]:
    """Return the orders' cases, in the same order; refunds oldest first."""
    refunds: dict[int, list[RefundFact]] = defaultdict(list)
    rows = session.scalars(
        select(Refund).where(
            Refund.shop_id == shop.id, Refund.order_shopify_id.in_([order.shopify_id for order in orders])
        )
    )
    for row in rows:
        refunds[row.order_shopify_id].append(refund_from_json(row.fact))
    return [
        Case(
            order,
            _deciding_version(order),
            tuple(sorted(refunds[order.shopify_id], key=lambda fact: (fact.processed_at, fact.refund_id))),
        )
        for order in orders
    ]


def _deciding_version(order: Order) -> OrderFact:
    paid = None if order.paid_fact is None else order_from_json(order.paid_fact)
    return decide_version(paid, order_from_json(order.fact))
