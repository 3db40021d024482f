"""How orders and their transactions are read by GraphQL."""

from collections.abc import Callable
from typing import Any

from sandbox import totals
from sandbox.line_fields import LINE, shipping, tax_lines
from sandbox.models import Order, Payment
from sandbox.order_part_fields import ORDER_PARTS, PART_OBJECTS
from sandbox.refund_fields import REFUND, REFUND_LINE
from sandbox.resolvers import Info, Resolver, bag, first_of, gid, listed, plain


def of_order(compute: Callable[[Order], int]) -> Resolver:
    """Return a resolver of an order's MoneyBag."""
    return lambda order, info: bag(compute(order), order.currency)


def _financial_status(order: Order) -> str | None:
    """Return the payment state, none while no payment was ever tried, as Shopify tells of orders that apps make."""
    is_untouched = not order.payments and order.paid_at is None
    return None if is_untouched else totals.financial_status(order).upper()


def _line_quantities(order: Order, current: bool) -> int:
    return sum(line.kept if current else line.quantity for line in order.lines)


def _payment_currency(payment: Payment, info: Info) -> dict[str, Any]:
    return bag(payment.amount_minor, payment.currency)


def _shipping_lines(order: Order) -> list[dict[str, Any]]:
    return [shipping(order)] if order.shipping_price_minor else []


def _net_payment(order: Order) -> int:
    return totals.received(order) - totals.refunded(order)


def _current_tax_lines(order: Order) -> list[dict[str, Any]]:
    minor = totals.current_tax(order)
    return tax_lines(order.tax, minor, order.currency) if minor else []


def _codes(order: Order) -> list[str]:
    return [one.code for one in (order.discount, order.shipping_discount) if one is not None and one.code is not None]


ORDER: dict[str, Resolver] = {
    "id": plain(lambda o: gid("Order", o.id)),
    "legacyResourceId": plain(lambda o: o.id),
    "name": plain(lambda o: f"#{o.number}"),
    "capturable": plain(lambda o: totals.capturable(o) > 0),
    "cancelReason": plain(lambda o: o.cancel_reason.upper() if o.cancel_reason else None),
    "cancelledAt": plain(lambda o: o.cancelled_at),
    "closed": plain(lambda o: o.closed_at is not None),
    "closedAt": plain(lambda o: o.closed_at),
    "confirmed": plain(lambda o: True),
    "createdAt": plain(lambda o: o.created_at),
    "processedAt": plain(lambda o: o.created_at),
    "updatedAt": plain(lambda o: o.updated_at),
    "currencyCode": plain(lambda o: o.currency),
    "customerLocale": plain(lambda o: o.locale),
    "presentmentCurrencyCode": plain(lambda o: o.currency),
    "currentShippingPriceSet": of_order(totals.current_shipping),
    "currentSubtotalLineItemsQuantity": plain(lambda o: _line_quantities(o, True)),
    "subtotalLineItemsQuantity": plain(lambda o: _line_quantities(o, False)),
    "currentSubtotalPriceSet": of_order(totals.current_subtotal),
    "currentTotalDiscountsSet": of_order(totals.current_discounts),
    "currentTotalPriceSet": of_order(totals.current_total),
    "currentTotalTaxSet": of_order(totals.current_tax),
    "currentTaxLines": plain(_current_tax_lines),
    "discountCode": plain(lambda o: next(iter(_codes(o)), None)),
    "discountCodes": plain(_codes),
    "displayFinancialStatus": plain(_financial_status),
    "fullyPaid": plain(lambda o: o.paid_at is not None and totals.outstanding(o) <= 0),
    "unpaid": plain(lambda o: totals.received(o) == 0 and totals.outstanding(o) > 0),
    "lineItems": listed(lambda o: o.lines),
    "netPaymentSet": of_order(_net_payment),
    "note": plain(lambda o: None),
    "originalTotalPriceSet": of_order(totals.total),
    "paymentGatewayNames": plain(lambda o: o.gateways),
    "refundDiscrepancySet": of_order(lambda o: -totals.discrepancies(o)),
    "refunds": first_of(lambda o: o.refunds),
    "shippingLines": listed(_shipping_lines, lambda item: 1),
    "sourceName": plain(lambda o: o.source_name),
    "subtotalPriceSet": of_order(totals.subtotal),
    "taxExempt": plain(lambda o: False),
    "taxesIncluded": plain(lambda o: o.tax is not None and o.tax.included),
    "totalCapturableSet": of_order(totals.capturable),
    "totalDiscountsSet": of_order(totals.total_discounts),
    "totalOutstandingSet": of_order(totals.shown_outstanding),
    "totalPriceSet": of_order(totals.total),
    "totalReceivedSet": of_order(totals.received),
    "totalRefundedSet": of_order(totals.refunded),
    "totalRefundedShippingSet": of_order(lambda o: sum(r.shipping_minor for r in o.refunds)),
    "totalShippingPriceSet": of_order(lambda o: o.shipping_price_minor),
    "totalTaxSet": of_order(totals.total_tax),
    "transactions": first_of(lambda o: o.payments),
    **ORDER_PARTS,
}


PAYMENT: dict[str, Resolver] = {
    "id": plain(lambda p: gid("OrderTransaction", p.id)),
    "amountSet": _payment_currency,
    "createdAt": plain(lambda p: p.created_at),
    "processedAt": plain(lambda p: p.created_at),
    "formattedGateway": plain(lambda p: p.gateway.replace("_", " ").title()),
    "kind": plain(lambda p: p.kind.upper()),
    "order": lambda p, info: p.order if p.order is not None and info.context.sees(p.order) else None,
    "parentTransaction": plain(lambda p: p.parent),
    "status": plain(lambda p: p.status.upper()),
    "manualPaymentGateway": plain(lambda p: p.gateway == "manual"),
    "paymentId": plain(lambda p: f"#{p.order.number}.{p.id}" if p.order else None),
    "test": plain(lambda p: p.order is not None and p.order.test),
}


ORDER_OBJECTS: dict[str, dict[str, Resolver]] = {
    "Order": ORDER,
    "LineItem": LINE,
    "Refund": REFUND,
    "RefundLineItem": REFUND_LINE,
    "OrderTransaction": PAYMENT,
    **PART_OBJECTS,
}
