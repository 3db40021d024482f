"""The sums of an order: as it was placed, and as it stands after edits and refunds."""

from decimal import Decimal

from sandbox.models import Discount, Line, Order, Tax
from sandbox.money import allocate, round_half_up, share


def price_lines(lines: list[Line], discount: Discount | None, tax: Tax | None, discount_minor: int) -> None:
    """Write each line's share of the discount and its tax.

    The discount goes over the lines that are not gift cards by the largest remainder; the tax
    is rounded line by line, half up.
    """
    weights = [0 if line.gift_card else line.gross_minor for line in lines]
    for line, part in zip(lines, allocate(discount_minor if discount else 0, weights), strict=True):
        line.discount_minor = part
        tax_line(line, tax)


def discount_amount(lines: list[Line], discount: Discount | None, fixed_minor: int) -> int:
    """Return what the discount takes off, at most the price of what it applies to."""
    eligible = sum(line.gross_minor for line in lines if not line.gift_card)
    if discount is None:
        return 0
    if discount.type == "percentage":
        return min(eligible, round_half_up(Decimal(eligible) * Decimal(discount.value) / 100))
    return min(eligible, fixed_minor)


def tax_line(line: Line, tax: Tax | None) -> None:
    """Write the tax on a line's net amount: within it when prices include tax, else on top."""
    if tax is not None and line.taxable:
        line.tax = tax
        line.tax_minor = _tax_of(line, tax)


def _tax_of(line: Line, tax: Tax) -> int:
    rate = Decimal(tax.rate)
    if tax.included:
        return round_half_up(Decimal(line.net_minor) * rate / (1 + rate))
    return round_half_up(Decimal(line.net_minor) * rate)


def subtotal(order: Order) -> int:
    """Return what the lines cost after discounts as placed."""
    return sum(line.net_minor for line in order.lines)


def total_tax(order: Order) -> int:
    """Return the tax of all lines as placed."""
    return sum(line.tax_minor for line in order.lines)


def total(order: Order) -> int:
    """Return the price of the order as placed."""
    return subtotal(order) + order.shipping_minor + tax_on_top(order, total_tax(order))


def kept_net(line: Line) -> int:
    """Return the part of the line's net amount that belongs to the units kept."""
    return share(line.net_minor, line.kept, line.quantity)


def kept_tax(line: Line) -> int:
    """Return the part of the line's tax that belongs to the units kept."""
    return share(line.tax_minor, line.kept, line.quantity)


def kept_discount(line: Line) -> int:
    """Return the part of the line's discount that belongs to the units kept."""
    return share(line.gross_minor, line.kept, line.quantity) - kept_net(line)


def current_subtotal(order: Order) -> int:
    """Return what the units kept cost after discounts."""
    return sum(kept_net(line) for line in order.lines)


def current_tax(order: Order) -> int:
    """Return the tax on the units kept."""
    return sum(kept_tax(line) for line in order.lines)


def current_shipping(order: Order) -> int:
    """Return the shipping not given back."""
    return order.shipping_minor - sum(refund.shipping_minor for refund in order.refunds)


def current_total(order: Order) -> int:
    """Return the price of what is kept; money given back for no line does not change it."""
    return current_subtotal(order) + current_shipping(order) + tax_on_top(order, current_tax(order))


def tax_on_top(order: Order, tax_minor: int) -> int:
    """Return the tax that is added to the prices: none when they include it."""
    return 0 if order.tax is not None and order.tax.included else tax_minor


def received(order: Order) -> int:
    """Return all money paid in."""
    return sum(payment.amount_minor for payment in order.payments if payment.kind == "sale")


def refunded(order: Order) -> int:
    """Return all money paid back."""
    return sum(payment.amount_minor for payment in order.payments if payment.kind == "refund")


def discrepancies(order: Order) -> int:
    """Return the money given back for no line, as a positive amount."""
    return -sum(refund.discrepancy_minor for refund in order.refunds)


def outstanding(order: Order) -> int:
    """Return what is still to be paid; negative when an edit left the customer with too much paid."""
    if order.cancelled_at is not None:
        return 0
    return current_total(order) - (received(order) - refunded(order)) - discrepancies(order)


def financial_status(order: Order) -> str:
    """Return the payment state as webhooks name it."""
    paid, back = received(order), refunded(order)
    if paid == 0 and order.paid_at is None:
        return "voided" if order.cancelled_at is not None else "pending"
    if back:
        return "refunded" if back == paid else "partially_refunded"
    return "partially_paid" if outstanding(order) > 0 else "paid"
