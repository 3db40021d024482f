"""What Shopify says about orders besides their bodies: how they were paid, and how risky they are."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import structlog

from app.engine.rules.facts import PaymentFact, RiskFact
from app.engine.rules.money import to_minor
from app.engine.rules.terms import RiskLevel
from app.shopify.documents import ORDER_PAYMENTS, ORDER_RISKS
from app.shopify.gateway import Gateway
from app.shopify.nodes import number_of, read_nodes, unreadable

log = structlog.get_logger()

#: A query may cost 1,000 points; a transaction with its amount is three objects.
PAYMENTS_BATCH, MOST_TRANSACTIONS = 5, 60
RISKS_BATCH = 50
#: Only these bring money in.
_PAYING = ("SALE", "CAPTURE")
#: A transaction in one of these states may still become a payment.
_OPEN = ("PENDING", "AWAITING_RESPONSE", "UNKNOWN")
_PENDING = "PENDING"
_LEVELS = list(RiskLevel)

Json = dict[str, Any]


def read_payments(gateway: Gateway, order_ids: Collection[int], *, max_wait_seconds: float = 10.0) -> list[PaymentFact]:
    """Return the orders' successful payments, in minor units of the shop's money at the time.

    A gateway that was tried and brought nothing is told by a payment of nothing: so that it is known that there
    is none. Orders that Shopify does not show, or not whole, are left out. Raises the errors of ``app.shopify.errors``.
    """
    asked = read_nodes(
        gateway,
        ORDER_PAYMENTS,
        "Order",
        order_ids,
        batch=PAYMENTS_BATCH,
        max_wait_seconds=max_wait_seconds,
        variables={"first": MOST_TRANSACTIONS},
    )
    try:
        return [
            payment
            for order_id, node in asked
            if node is not None
            for payment in _all_payments(order_id, node["transactions"])
        ]
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise unreadable(error) from error


def read_risks(
    gateway: Gateway, order_ids: Collection[int], asked_at: datetime, *, max_wait_seconds: float = 10.0
) -> list[RiskFact]:
    """Return the highest risk that anyone has found in each order; none is NONE. Pending assessments say nothing."""
    asked = read_nodes(gateway, ORDER_RISKS, "Order", order_ids, batch=RISKS_BATCH, max_wait_seconds=max_wait_seconds)
    try:
        found = [(order_id, highest_level(node["risk"]["assessments"])) for order_id, node in asked if node is not None]
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise unreadable(error) from error
    return [RiskFact(order_id, level, asked_at) for order_id, level in found if level is not None]


def _all_payments(order_id: int, transactions: list[Json]) -> list[PaymentFact]:
    if len(transactions) >= MOST_TRANSACTIONS:
        log.warning("order_with_too_many_transactions", order=order_id)
        return []
    return payments_of(order_id, transactions)


def payments_of(order_id: int, transactions: list[Json]) -> list[PaymentFact]:
    """Return what all transactions of an order say about how it was paid; see ``read_payments``."""
    paid = [
        PaymentFact(number_of(told["id"]), order_id, told["gateway"] or "", _amount(told))
        for told in transactions
        if told["kind"] in _PAYING and told["status"] == "SUCCESS"
    ]
    known = {payment.gateway for payment in paid}
    known |= {told["gateway"] or "" for told in transactions if told["status"] in _OPEN}
    for told in transactions:
        gateway = told["gateway"] or ""
        if gateway not in known:
            known.add(gateway)
            paid.append(PaymentFact(number_of(told["id"]), order_id, gateway, 0))
    return paid


def _amount(told: Json) -> int:
    money = told["amountSet"]["shopMoney"]
    return max(0, to_minor(money["amount"], money["currencyCode"]))


def highest_level(assessments: list[Json]) -> RiskLevel | None:
    """Return the highest level of an order's risk assessments; None while one may still come and none is there yet."""
    told = [assessment["riskLevel"] for assessment in assessments]
    levels = [RiskLevel(level.lower()) for level in told if level != _PENDING]
    if not levels and told:
        return None
    return max(levels, key=_LEVELS.index, default=RiskLevel.NONE)
