"""Which version of an order the rules decide on when an edit left part of it unpaid."""

from dataclasses import replace

from app.engine.rules.facts import FinancialStatus, OrderFact, OrderLine

_WAITS_FOR_MONEY = (FinancialStatus.PENDING, FinancialStatus.AUTHORIZED, FinancialStatus.PARTIALLY_PAID)


def decide_version(newest_paid: OrderFact | None, newest: OrderFact) -> OrderFact:
    """Return the order to decide on, from its newest version and the newest that was paid in full.

    Lines added to a paid order make Shopify call it partially paid. What was paid keeps its reward then: the
    lines of the paid version count, less what the newest one took out, and added units wait for their money.
    """
    waits = newest.financial_status in _WAITS_FOR_MONEY
    if newest_paid is None or not waits:
        return newest
    now = {line.line_id: line for line in newest.lines}
    lines = tuple(_paid_line(line, now.get(line.line_id)) for line in newest_paid.lines)
    return replace(
        newest,
        financial_status=newest_paid.financial_status,
        lines=lines,
        total_minor=newest_paid.total_minor,
        shipping_minor=newest_paid.shipping_minor,
        shipping_tax_minor=newest_paid.shipping_tax_minor,
        discount_codes=newest_paid.discount_codes,
        payment_gateways=newest_paid.payment_gateways,
    )


def _paid_line(paid: OrderLine, now: OrderLine | None) -> OrderLine:
    left = 0 if now is None else now.quantity - now.removed_quantity
    return replace(paid, removed_quantity=max(paid.quantity - left, 0))
