"""How refunds are read by GraphQL."""

from collections.abc import Callable
from typing import Any

from sandbox.line_fields import shipping
from sandbox.models import Refund, RefundLine
from sandbox.resolvers import Resolver, bag, gid, listed, plain


def _refund_shipping(refund: Refund) -> list[dict[str, Any]]:
    if not refund.shipping_minor:
        return []
    currency = refund.order.currency
    return [
        {
            "id": gid("RefundShippingLine", refund.shipping_id),
            "shippingLine": shipping(refund.order),
            "subtotalAmountSet": bag(refund.shipping_minor, currency),
            "taxAmountSet": bag(refund.shipping_tax_minor, currency),
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
