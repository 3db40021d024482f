"""How orders, their lines, refunds and payments are read by GraphQL."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sandbox import totals
from sandbox.models import Line, Order, Payment, Refund, RefundLine
from sandbox.money import Money, webhook_text
from sandbox.resolvers import Info, Resolver, bag, gid, listed, plain


def of_order(compute: Callable[[Order], int]) -> Resolver:
    """Return a resolver of an order's MoneyBag."""
    return lambda order, info: bag(compute(order), order.currency)


def _financial_status(order: Order) -> str:
    return totals.financial_status(order).upper()


def _line_quantities(order: Order, current: bool) -> int:
    return sum(line.kept if current else line.quantity for line in order.lines)


def _line_money(compute: Callable[[Line], int]) -> Resolver:
    return lambda line, info, **_: bag(compute(line), line.currency)


def _payment_currency(payment: Payment, info: Info) -> dict[str, Any]:
    return bag(payment.amount_minor, payment.currency)


def _first(read: Callable[[Any], list[Any]]) -> Resolver:
    return lambda value, info, first=None, **_: read(value)[:first]


def _tax_lines(line: Line, info: Info, **_: Any) -> list[dict[str, Any]]:
    if line.tax is None:
        return []
    rate = Decimal(line.tax.rate)
    price = bag(line.tax_minor, line.currency)
    return [{"title": "Tax", "rate": float(rate), "ratePercentage": float(rate * 100), "priceSet": price}]


def _shipping(order: Order) -> dict[str, Any]:
    original = bag(order.shipping_minor, order.currency)
    return {
        "id": gid("ShippingLine", order.shipping_line_id),
        "title": "Standard",
        "isRemoved": False,
        "originalPriceSet": original,
        "discountedPriceSet": original,
        "currentDiscountedPriceSet": bag(totals.current_shipping(order), order.currency),
    }


def _shipping_lines(order: Order) -> list[dict[str, Any]]:
    return [_shipping(order)] if order.shipping_minor else []


def _refund_shipping(refund: Refund) -> list[dict[str, Any]]:
    if not refund.shipping_minor:
        return []
    currency = refund.order.currency
    return [
        {
            "id": gid("RefundShippingLine", refund.shipping_id),
            "shippingLine": _shipping(refund.order),
            "subtotalAmountSet": bag(refund.shipping_minor, currency),
            "taxAmountSet": bag(0, currency),
        }
    ]


def _adjustments(refund: Refund) -> list[dict[str, Any]]:
    if not refund.discrepancy_minor:
        return []
    currency = refund.order.currency
    return [
        {
            "id": gid("OrderAdjustment", refund.adjustment_id),
            "reason": "REFUND_DISCREPANCY",
            "amountSet": bag(refund.discrepancy_minor, currency),
            "taxAmountSet": bag(0, currency),
        }
    ]


def _refund_line_money(compute: Callable[[RefundLine], int]) -> Resolver:
    return lambda line, info: bag(compute(line), line.line.currency)


def _net_payment(order: Order) -> int:
    return totals.received(order) - totals.refunded(order)


def _unit_after_discounts(line: Line) -> int:
    return line.net_minor // line.quantity


def _before_taxes(line: Line) -> int:
    return line.net_minor - (line.tax_minor if line.tax and line.tax.included else 0)


def _variant(line: Line) -> dict[str, Any] | None:
    if line.product is None:
        return None
    return {
        "id": gid("ProductVariant", line.product.variant_id),
        "legacyResourceId": line.product.variant_id,
        "price": webhook_text(Money(line.price_minor, line.currency)),
        "product": line.product,
        "sku": line.sku,
        "title": "Default Title",
    }


ORDER: dict[str, Resolver] = {
    "id": plain(lambda o: gid("Order", o.id)),
    "legacyResourceId": plain(lambda o: o.id),
    "name": plain(lambda o: f"#{o.number}"),
    "cancelReason": plain(lambda o: o.cancel_reason.upper() if o.cancel_reason else None),
    "cancelledAt": plain(lambda o: o.cancelled_at),
    "closed": plain(lambda o: o.closed_at is not None),
    "closedAt": plain(lambda o: o.closed_at),
    "confirmed": plain(lambda o: True),
    "createdAt": plain(lambda o: o.created_at),
    "processedAt": plain(lambda o: o.created_at),
    "updatedAt": plain(lambda o: o.updated_at),
    "currencyCode": plain(lambda o: o.currency),
    "presentmentCurrencyCode": plain(lambda o: o.currency),
    "currentShippingPriceSet": of_order(totals.current_shipping),
    "currentSubtotalLineItemsQuantity": plain(lambda o: _line_quantities(o, True)),
    "subtotalLineItemsQuantity": plain(lambda o: _line_quantities(o, False)),
    "currentSubtotalPriceSet": of_order(totals.current_subtotal),
    "currentTotalDiscountsSet": of_order(lambda o: sum(map(totals.kept_discount, o.lines))),
    "currentTotalPriceSet": of_order(totals.current_total),
    "currentTotalTaxSet": of_order(totals.current_tax),
    "discountCode": plain(lambda o: o.discount.code if o.discount else None),
    "discountCodes": plain(lambda o: [o.discount.code] if o.discount else []),
    "displayFinancialStatus": plain(_financial_status),
    "fullyPaid": plain(lambda o: o.paid_at is not None and totals.outstanding(o) <= 0),
    "unpaid": plain(lambda o: totals.received(o) == 0 and totals.outstanding(o) > 0),
    "lineItems": listed(lambda o: o.lines),
    "netPaymentSet": of_order(_net_payment),
    "note": plain(lambda o: None),
    "originalTotalPriceSet": of_order(totals.total),
    "paymentGatewayNames": plain(lambda o: list(dict.fromkeys(p.gateway for p in o.payments))),
    "refundDiscrepancySet": of_order(lambda o: -totals.discrepancies(o)),
    "refunds": _first(lambda o: o.refunds),
    "shippingLines": listed(_shipping_lines, lambda item: 1),
    "sourceName": plain(lambda o: o.source_name),
    "subtotalPriceSet": of_order(totals.subtotal),
    "taxExempt": plain(lambda o: False),
    "taxesIncluded": plain(lambda o: o.tax is not None and o.tax.included),
    "totalDiscountsSet": of_order(lambda o: sum(line.discount_minor for line in o.lines)),
    "totalOutstandingSet": of_order(totals.outstanding),
    "totalPriceSet": of_order(totals.total),
    "totalReceivedSet": of_order(totals.received),
    "totalRefundedSet": of_order(totals.refunded),
    "totalRefundedShippingSet": of_order(lambda o: sum(r.shipping_minor for r in o.refunds)),
    "totalShippingPriceSet": of_order(lambda o: o.shipping_minor),
    "totalTaxSet": of_order(totals.total_tax),
    "transactions": _first(lambda o: o.payments),
}


LINE: dict[str, Resolver] = {
    "id": plain(lambda line: gid("LineItem", line.id)),
    "currentQuantity": plain(lambda line: line.kept),
    "refundableQuantity": plain(lambda line: line.kept),
    "discountAllocations": lambda line, info: (
        [{"allocatedAmountSet": bag(line.discount_minor, line.currency)}] if line.discount_minor else []
    ),
    "discountedUnitPriceAfterAllDiscountsSet": _line_money(_unit_after_discounts),
    "isGiftCard": plain(lambda line: line.gift_card),
    "name": plain(lambda line: line.title),
    "originalTotalSet": _line_money(lambda line: line.gross_minor),
    "originalUnitPriceSet": _line_money(lambda line: line.price_minor),
    "priceAfterAllDiscountsBeforeTaxesSet": _line_money(_before_taxes),
    "requiresShipping": plain(lambda line: not line.gift_card),
    "taxLines": _tax_lines,
    "totalDiscountSet": _line_money(lambda line: 0),
    "variant": plain(_variant),
    "variantTitle": plain(lambda line: None),
}


REFUND: dict[str, Resolver] = {
    "id": plain(lambda r: gid("Refund", r.id)),
    "legacyResourceId": plain(lambda r: r.id),
    "createdAt": plain(lambda r: r.created_at),
    "processedAt": plain(lambda r: r.created_at),
    "updatedAt": plain(lambda r: r.created_at),
    "orderAdjustments": listed(_adjustments, lambda item: 1),
    "refundLineItems": listed(lambda r: r.lines),
    "refundShippingLines": listed(_refund_shipping, lambda item: 1),
    "totalRefundedSet": plain(lambda r: bag(r.total_minor, r.order.currency)),
    "transactions": listed(lambda r: r.payments),
}


REFUND_LINE: dict[str, Resolver] = {
    "id": plain(lambda line: gid("RefundLineItem", line.id)),
    "lineItem": plain(lambda line: line.line),
    "priceSet": _refund_line_money(lambda line: line.line.price_minor),
    "restockType": plain(lambda line: line.restock_type.upper()),
    "restocked": plain(lambda line: line.restock_type != "no_restock"),
    "subtotalSet": _refund_line_money(lambda line: line.subtotal_minor),
    "totalTaxSet": _refund_line_money(lambda line: line.tax_minor),
}


PAYMENT: dict[str, Resolver] = {
    "id": plain(lambda p: gid("OrderTransaction", p.id)),
    "amountSet": _payment_currency,
    "createdAt": plain(lambda p: p.created_at),
    "processedAt": plain(lambda p: p.created_at),
    "formattedGateway": plain(lambda p: p.gateway.replace("_", " ").title()),
    "kind": plain(lambda p: p.kind.upper()),
    "parentTransaction": plain(lambda p: p.parent),
    "status": plain(lambda p: "SUCCESS"),
    "test": plain(lambda p: p.order is not None and p.order.test),
}


PRODUCT: dict[str, Resolver] = {
    "id": plain(lambda p: gid("Product", p.id)),
    "legacyResourceId": plain(lambda p: p.id),
    "createdAt": plain(lambda p: p.created_at),
    "updatedAt": plain(lambda p: p.created_at),
    "handle": plain(lambda p: p.title.lower().replace(" ", "-")),
    "isGiftCard": plain(lambda p: p.gift_card),
    "productType": plain(lambda p: p.product_type),
}


ORDER_OBJECTS: dict[str, dict[str, Resolver]] = {
    "Order": ORDER,
    "LineItem": LINE,
    "Refund": REFUND,
    "RefundLineItem": REFUND_LINE,
    "OrderTransaction": PAYMENT,
    "Product": PRODUCT,
}
