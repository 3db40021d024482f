"""Made-up orders, refunds and terms for the tests of the rules."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from app.engine.rules.facts import CustomerFact, FinancialStatus, OrderFact, OrderLine, RefundFact, RefundLine
from app.engine.rules.terms import Terms, Tier

#: Day 0 of every story; ids are too large for 53 bits, as Shopify's are.
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
BIG = 2**53
FIVE_PERCENT = Tier("Bronze", 0, 500)
LADDER = (Tier("Bronze", 0, 200), Tier("Silver", 50_000, 400), Tier("Gold", 150_000, 600))


def day(number: int) -> datetime:
    """Return an instant on the given day of the story."""
    return START + timedelta(days=number)


def make_line(line_id: int = 1, net_minor: int = 8000, quantity: int = 1, **changes: Any) -> OrderLine:
    """Return a line of an order; ``net_minor`` is for all its units."""
    values: dict[str, Any] = {"title": f"Thing {line_id}", "removed_quantity": 0, "tax_minor": 0, **changes}
    return OrderLine(line_id=line_id, quantity=quantity, net_minor=net_minor, **values)


def make_order(*lines: OrderLine, **changes: Any) -> OrderFact:
    """Return a paid order of day 0 by a made-up customer."""
    values: dict[str, Any] = {
        "order_id": BIG + 1,
        "name": "#1001",
        "currency": "USD",
        "financial_status": FinancialStatus.PAID,
        "is_test": False,
        "placed_at": day(0),
        "updated_at": day(0),
        "cancelled_at": None,
        "customer": CustomerFact(BIG + 7, "ada@example.com", "Ada Example"),
        "lines": lines or (make_line(),),
    }
    return OrderFact(**{**values, **changes})


def make_refund(number: int = 1, lines: Iterable[RefundLine] = (), **changes: Any) -> RefundFact:
    """Return refund ``number`` of the order, processed that many days after it."""
    values = {"order_id": BIG + 1, "processed_at": day(number), **changes}
    return RefundFact(refund_id=BIG + 100 + number, lines=tuple(lines), **values)


def make_terms(*tiers: Tier, **changes: Any) -> Terms:
    """Return terms in dollars with one tier at 5 % unless told otherwise."""
    return Terms(**{"version": 1, "currency": "USD", "tiers": tiers or (FIVE_PERCENT,), **changes})
