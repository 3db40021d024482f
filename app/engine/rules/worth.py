"""What counts of an order before any rate: the worth of its lines and shipping, and how much was paid with credit."""

from collections.abc import Collection, Iterable

from app.engine.rules.facts import OrderFact, OrderLine, PaymentFact
from app.engine.rules.money import share_half_up
from app.engine.rules.scopes import plain
from app.engine.rules.terms import Terms

#: Shopify's names of the ways to pay that spend credit given earlier.
CREDIT_GATEWAYS = frozenset({"shopify_store_credit", "gift_card"})


def line_worth_minor(line: OrderLine, terms: Terms, taxes_included: bool) -> int:
    """Return what all units of a line count with under the terms, in minor units: with tax and discount or without."""
    if line.quantity <= 0:
        return 0
    worth = max(line.net_minor, 0)
    if terms.includes_tax:
        worth += max(line.tax_minor, 0)
    if terms.before_discounts and line.discount_minor > 0:
        worth += _discount_worth(line, terms, taxes_included)
    return worth


def shipping_worth_minor(order: OrderFact, terms: Terms) -> int:
    """Return what an order's shipping counts with under the terms, in minor units.

    It is what was paid for it: discounts on shipping are not told apart.
    """
    if not terms.includes_shipping or order.shipping_minor <= 0:
        return 0
    return order.shipping_minor + (max(order.shipping_tax_minor, 0) if terms.includes_tax else 0)


def shipping_gross_minor(order: OrderFact) -> int:
    """Return what the customer paid for shipping, tax included, in minor units."""
    return max(order.shipping_minor, 0) + max(order.shipping_tax_minor, 0)


def credit_paid_minor(order: OrderFact, terms: Terms, payments: Iterable[PaymentFact]) -> int:
    """Return what of the order's total was paid with store credit or gift cards and so does not earn.

    An order without a total was not paid at all. Where no payment is known, the ways to pay that the body names
    decide it if all of them are credit.
    """
    total_minor = order.total_minor
    if not terms.excludes_paid_with_credit or total_minor <= 0:
        return 0
    once = {payment.payment_id: payment for payment in payments}
    if not once:
        gateways = order.payment_gateways
        return total_minor if gateways and all(_is_credit(gateway) for gateway in gateways) else 0
    credit_minor = sum(payment.amount_minor for payment in once.values() if _is_credit(payment.gateway))
    return min(max(credit_minor, 0), total_minor)


def lacks_payments(order: OrderFact, terms: Terms, known_gateways: Collection[str]) -> bool:
    """Return whether an order was paid partly with credit and nobody has said yet how much that was.

    ``known_gateways`` are those of the payments that were told. It earns on the rest, so it cannot be decided before.
    """
    if not terms.excludes_paid_with_credit or not order.financial_status.was_paid:
        return False
    credit = {gateway for gateway in order.payment_gateways if _is_credit(gateway)}
    return 0 < len(credit) < len(set(order.payment_gateways)) and not credit.issubset(known_gateways)


def _discount_worth(line: OrderLine, terms: Terms, taxes_included: bool) -> int:
    """Return what a discount took off: with the tax it saved where tax counts, and without it where not.

    A line's own tax tells how much of its price is tax. One that was given away whole has none, and its
    discount counts as it is.
    """
    net, tax, discount = max(line.net_minor, 0), max(line.tax_minor, 0), line.discount_minor
    if net == 0 or taxes_included is terms.includes_tax:
        return discount
    if taxes_included:
        return share_half_up(discount, net, net + tax)
    return discount + share_half_up(discount, tax, net)


def _is_credit(gateway: str) -> bool:
    return plain(gateway) in CREDIT_GATEWAYS
