"""The sums of an order: as it was placed, and as it stands after edits and refunds."""

from decimal import Decimal

from sandbox.models import Discount, Line, Order, Payment, Tax
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
    """Return what the discount takes off the lines, at most the price of what it applies to."""
    return part_off(sum(line.gross_minor for line in lines if not line.gift_card), discount, fixed_minor)


def part_off(price_minor: int, discount: Discount | None, fixed_minor: int) -> int:
    """Return what a discount takes off a price, at most the whole of it."""
    if discount is None:
        return 0
    if discount.type == "percentage":
        return min(price_minor, round_half_up(Decimal(price_minor) * Decimal(discount.value) / 100))
    return min(price_minor, fixed_minor)


def tax_line(line: Line, tax: Tax | None) -> None:
    """Write the tax on a line's net amount: within it when prices include tax, else on top."""
    if tax is not None and line.taxable:
        line.tax = tax
        line.tax_minor = tax_of(line.net_minor, tax)


def tax_of(net_minor: int, tax: Tax) -> int:
    """Return the tax on an amount: what is in it when prices include tax, else what comes on top."""
    rate = Decimal(tax.rate)
    if tax.included:
        return round_half_up(Decimal(net_minor) * rate / (1 + rate))
    return round_half_up(Decimal(net_minor) * rate)


def subtotal(order: Order) -> int:
    """Return what the lines cost after discounts as placed."""
    return sum(line.net_minor for line in order.lines)


def total_tax(order: Order) -> int:
    """Return the tax of all lines and of shipping as placed."""
    return sum(line.tax_minor for line in order.lines) + order.shipping_tax_minor


def total_discounts(order: Order) -> int:
    """Return all discounts as placed, those on shipping included."""
    return sum(line.discount_minor for line in order.lines) + order.shipping_discount_minor


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
    """Return the tax on the units and the shipping kept."""
    return sum(kept_tax(line) for line in order.lines) + current_shipping_tax(order)


def current_discounts(order: Order) -> int:
    """Return the discounts on the units kept, and those on shipping."""
    return sum(kept_discount(line) for line in order.lines) + order.shipping_discount_minor


def current_shipping(order: Order) -> int:
    """Return the shipping not given back."""
    return order.shipping_minor - sum(refund.shipping_minor for refund in order.refunds)


def current_shipping_tax(order: Order) -> int:
    """Return the tax on the shipping not given back."""
    return order.shipping_tax_minor - sum(refund.shipping_tax_minor for refund in order.refunds)


def current_total(order: Order) -> int:
    """Return the price of what is kept; money given back for no line does not change it."""
    return current_subtotal(order) + current_shipping(order) + tax_on_top(order, current_tax(order))


def tax_on_top(order: Order, tax_minor: int) -> int:
    """Return the tax that is added to the prices: none when they include it."""
    return 0 if order.tax is not None and order.tax.included else tax_minor


def received(order: Order) -> int:
    """Return all money paid in."""
    return sum(payment.amount_minor for payment in order.payments if payment.is_in)


def refunded(order: Order) -> int:
    """Return all money paid back."""
    return sum(payment.amount_minor for payment in order.payments if payment.kind == "refund")


def open_authorization(order: Order) -> Payment | None:
    """Return the authorization that is neither captured nor voided."""
    settled = {payment.parent.id for payment in order.payments if payment.parent and payment.status == "success"}
    authorized = [p for p in order.payments if p.kind == "authorization" and p.status == "success"]
    return next((payment for payment in authorized if payment.id not in settled), None)


def discrepancies(order: Order) -> int:
    """Return the money given back for no line, as a positive amount."""
    return -sum(refund.discrepancy_minor for refund in order.refunds)


def outstanding(order: Order) -> int:
    """Return what is still to be paid; negative when an edit left the customer with too much paid."""
    if order.cancelled_at is not None:
        return 0
    return current_total(order) - (received(order) - refunded(order)) - discrepancies(order)


def capturable(order: Order) -> int:
    """Return what was authorized and not captured yet."""
    authorization = open_authorization(order)
    return authorization.amount_minor if authorization is not None else 0


def shown_outstanding(order: Order) -> int:
    """Return what Shopify shows as outstanding: nothing of what an authorization covers, though it is not paid."""
    left = outstanding(order)
    return max(0, left - capturable(order)) if left > 0 else left


def financial_status(order: Order) -> str:
    """Return the payment state as webhooks name it."""
    paid, back = received(order), refunded(order)
    if paid == 0 and order.paid_at is None:
        if open_authorization(order) is not None:
            return "authorized"
        voided = order.cancelled_at is not None or any(payment.kind == "void" for payment in order.payments)
        return "voided" if voided else "pending"
    if back:
        return "refunded" if back == paid else "partially_refunded"
    return "partially_paid" if outstanding(order) > 0 else "paid"
