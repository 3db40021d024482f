"""The JSON body of webhooks about refunds, in the shape of API version 2026-10."""

from sandbox.body_parts import Json, line_body, money_set, shipping_line, text
from sandbox.clock import local_text
from sandbox.models import Line, Order, Refund, RefundLine
from sandbox.payment_bodies import embedded_transaction


def refund_body(refund: Refund) -> Json:
    """Return the refund as `refunds/create` carries it, and as it is embedded in its order."""
    order = refund.order
    made_at = local_text(refund.created_at, order.timezone)
    return {
        "id": refund.id,
        "admin_graphql_api_id": f"gid://shopify/Refund/{refund.id}",
        "order_id": order.id,
        "created_at": made_at,
        "processed_at": made_at,
        "note": refund.note,
        "user_id": None,
        "restock": any(line.restock_type != "no_restock" for line in refund.lines),
        "duties": [],
        "total_duties_set": money_set(0, order),
        "additional_fees": [],
        "total_additional_fees_set": money_set(0, order),
        "return": None,
        "refund_line_items": [_refund_line(line, order) for line in refund.lines],
        "refund_shipping_lines": _refund_shipping(refund),
        "order_adjustments": _adjustments(refund),
        "transactions": [embedded_transaction(payment, order) for payment in refund.payments],
    }


def _refund_line(refund_line: RefundLine, order: Order) -> Json:
    return {
        "id": refund_line.id,
        "line_item_id": refund_line.line.id,
        "quantity": refund_line.quantity,
        "restock_type": refund_line.restock_type,
        "location_id": None,
        "subtotal": _number(refund_line.subtotal_minor, order),
        "subtotal_set": money_set(refund_line.subtotal_minor, order),
        "total_tax": _number(refund_line.tax_minor, order),
        "total_tax_set": money_set(refund_line.tax_minor, order),
        "line_item": _embedded(refund_line.line, order),
    }


def _embedded(line: Line, order: Order) -> Json:
    """Return the line as refunds embed it: without what would tell how much of it is kept."""
    body = line_body(line, order)
    for name in ("attributed_staffs", "current_quantity", "sales_line_item_group_id"):
        del body[name]
    return body


def _number(minor: int, order: Order) -> float:
    """Return a JSON number, as Shopify writes these two fields; the text beside it is the exact one."""
    return float(text(minor, order))


def _refund_shipping(refund: Refund) -> list[Json]:
    """Return the shipping given back. The tax on it is not told here, as in bodies of Shopify that are public."""
    if not refund.shipping_minor:
        return []
    return [
        {
            "id": refund.shipping_id,
            "shipping_line_id": refund.order.shipping_line_id,
            "subtotal_amount_set": money_set(refund.shipping_minor, refund.order),
            "shipping_line": shipping_line(refund.order),
        }
    ]


def _adjustments(refund: Refund) -> list[Json]:
    if not refund.discrepancy_minor:
        return []
    order = refund.order
    return [
        {
            "id": refund.adjustment_id,
            "order_id": order.id,
            "refund_id": refund.id,
            "kind": "refund_discrepancy",
            "reason": "Refund discrepancy",
            "amount": text(refund.discrepancy_minor, order),
            "amount_set": money_set(refund.discrepancy_minor, order),
            "tax_amount": text(0, order),
            "tax_amount_set": money_set(0, order),
        }
    ]
