"""The JSON bodies of webhooks about orders and refunds, in the shape of API version 2026-10."""

from datetime import datetime

from sandbox import totals
from sandbox.clock import local_text
from sandbox.models import Customer, Line, Order, Payment, Refund, RefundLine
from sandbox.money import Money, webhook_text

Json = dict[str, object]


def order_body(order: Order) -> Json:
    """Return the order as `orders/*` webhooks carry it."""
    time = _times(order)
    name = f"#{order.number}"
    total, current_total = totals.total(order), totals.current_total(order)
    return {
        "id": order.id,
        "admin_graphql_api_id": f"gid://shopify/Order/{order.id}",
        "app_id": 580111,
        "browser_ip": None,
        "buyer_accepts_marketing": False,
        "cancel_reason": order.cancel_reason,
        "cancelled_at": time(order.cancelled_at),
        "cart_token": None,
        "checkout_token": None,
        "client_details": None,
        "closed_at": time(order.closed_at),
        "confirmation_number": f"SB{order.number:07d}",
        "confirmed": True,
        "contact_email": order.email,
        "created_at": time(order.created_at),
        "currency": order.currency,
        "customer_locale": "en",
        "device_id": None,
        "discount_codes": _discount_codes(order),
        "duties_included": False,
        "email": order.email,
        "estimated_taxes": False,
        "financial_status": totals.financial_status(order),
        "fulfillment_status": None,
        "landing_site": None,
        "location_id": None,
        "merchant_business_entity_id": "MTU0ODM4MDAwOQ",
        "merchant_of_record_app_id": None,
        "name": name,
        "note": None,
        "note_attributes": [],
        "number": order.number - 1000,
        "order_number": order.number,
        "order_status_url": f"https://{order.shop_domain}/orders/{order.id}",
        "payment_gateway_names": _gateways(order),
        "phone": None,
        "po_number": None,
        "presentment_currency": order.currency,
        "processed_at": time(order.created_at),
        "referring_site": None,
        "source_identifier": None,
        "source_name": order.source_name,
        "source_url": None,
        "tags": ", ".join(order.tags),
        "tax_exempt": False,
        "tax_lines": _tax_lines(order, totals.total_tax(order)),
        "taxes_included": order.tax is not None and order.tax.included,
        "test": order.test,
        "token": f"{order.id:032x}",
        "total_outstanding": _text(totals.outstanding(order), order),
        "total_tip_received": _text(0, order),
        "total_weight": 0,
        "updated_at": time(order.updated_at),
        "user_id": None,
        **_priced(order, "current_subtotal_price", totals.current_subtotal(order)),
        **_priced(order, "current_total_discounts", sum(map(totals.kept_discount, order.lines))),
        **_priced(order, "current_total_price", current_total),
        **_priced(order, "current_total_tax", totals.current_tax(order)),
        **_priced(order, "subtotal_price", totals.subtotal(order)),
        **_priced(order, "total_discounts", sum(line.discount_minor for line in order.lines)),
        **_priced(order, "total_line_items_price", sum(line.gross_minor for line in order.lines)),
        **_priced(order, "total_price", total),
        **_priced(order, "total_tax", totals.total_tax(order)),
        "current_shipping_price_set": _money_set(totals.current_shipping(order), order),
        "current_total_additional_fees_set": None,
        "current_total_duties_set": None,
        "original_total_additional_fees_set": None,
        "original_total_duties_set": None,
        "total_cash_rounding_payment_adjustment_set": _money_set(0, order),
        "total_cash_rounding_refund_adjustment_set": _money_set(0, order),
        "total_shipping_price_set": _money_set(order.shipping_minor, order),
        "billing_address": None,
        "customer": customer_body(order.customer, order) if order.customer else None,
        "discount_applications": _discount_applications(order),
        "fulfillments": [],
        "line_items": [line_body(line, order) for line in order.lines],
        "line_item_groups": [],
        "payment_terms": None,
        "refunds": [refund_body(refund) for refund in order.refunds],
        "returns": [],
        "shipping_address": None,
        "shipping_lines": _shipping_lines(order),
    }


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
        "total_duties_set": _money_set(0, order),
        "additional_fees": [],
        "total_additional_fees_set": _money_set(0, order),
        "return": None,
        "refund_line_items": [_refund_line(line, order) for line in refund.lines],
        "refund_shipping_lines": _refund_shipping(refund),
        "order_adjustments": _adjustments(refund),
        "transactions": [_payment_body(payment, order) for payment in refund.payments],
    }


def edit_body(edit_id: int, order: Order, changes: list[tuple[Line, int]], at: datetime) -> Json:
    """Return an edit as `orders/edited` carries it: ids and changes of quantity, no money."""
    moment = local_text(at, order.timezone)
    return {
        "order_edit": {
            "id": edit_id,
            "app_id": None,
            "created_at": moment,
            "committed_at": moment,
            "notify_customer": False,
            "order_id": order.id,
            "staff_note": "",
            "user_id": None,
            "line_items": {
                "additions": [{"id": line.id, "delta": by} for line, by in changes if by > 0],
                "removals": [{"id": line.id, "delta": -by} for line, by in changes if by < 0],
            },
            "discounts": {"line_item": {"additions": [], "removals": []}},
            "shipping_lines": {"additions": [], "removals": []},
        }
    }


def customer_body(customer: Customer, order: Order) -> Json:
    """Return the customer as orders embed it; tags are not part of webhooks since 2025-01."""
    made_at = local_text(customer.created_at, order.timezone)
    return {
        "id": customer.id,
        "admin_graphql_api_id": f"gid://shopify/Customer/{customer.id}",
        "created_at": made_at,
        "updated_at": made_at,
        "first_name": customer.first_name or None,
        "last_name": customer.last_name or None,
        "state": "enabled",
        "note": None,
        "verified_email": True,
        "multipass_identifier": None,
        "tax_exempt": False,
        "email": customer.email,
        "phone": None,
        "currency": order.currency,
        "tax_exemptions": [],
        "default_address": None,
    }


def line_body(line: Line, order: Order) -> Json:
    """Return one line; `total_discount` holds line-level discounts only, of which there are none."""
    allocations = [_allocation(line, order)] if line.discount_minor else []
    return {
        "id": line.id,
        "admin_graphql_api_id": f"gid://shopify/LineItem/{line.id}",
        "attributed_staffs": [],
        "current_quantity": line.kept,
        "fulfillable_quantity": line.kept,
        "fulfillment_service": "manual",
        "fulfillment_status": None,
        "gift_card": line.gift_card,
        "grams": 0,
        "name": line.title,
        **_priced(order, "price", line.price_minor),
        "product_exists": line.product is not None,
        "product_id": line.product.id if line.product else None,
        "properties": [],
        "quantity": line.quantity,
        "requires_shipping": not line.gift_card,
        "sales_line_item_group_id": None,
        "sku": line.sku,
        "taxable": line.taxable,
        "title": line.title,
        **_priced(order, "total_discount", 0),
        "variant_id": line.product.variant_id if line.product else None,
        "variant_inventory_management": None,
        "variant_title": None,
        "vendor": line.vendor,
        "tax_lines": _tax_lines(order, line.tax_minor) if line.tax_minor else [],
        "duties": [],
        "discount_allocations": allocations,
    }


def _times(order: Order):  # type: ignore[no-untyped-def]
    return lambda moment: local_text(moment, order.timezone)


def _text(minor: int, order: Order) -> str:
    return webhook_text(Money(minor, order.currency))


def _money_set(minor: int, order: Order) -> Json:
    money = {"amount": _text(minor, order), "currency_code": order.currency}
    return {"shop_money": money, "presentment_money": money}


def _priced(order: Order, name: str, minor: int) -> Json:
    return {name: _text(minor, order), f"{name}_set": _money_set(minor, order)}


def _allocation(line: Line, order: Order) -> Json:
    return {
        "amount": _text(line.discount_minor, order),
        "amount_set": _money_set(line.discount_minor, order),
        "discount_application_index": 0,
    }


def _discount_codes(order: Order) -> list[Json]:
    if order.discount is None:
        return []
    amount = sum(line.discount_minor for line in order.lines)
    kind = "percentage" if order.discount.type == "percentage" else "fixed_amount"
    return [{"code": order.discount.code, "amount": _text(amount, order), "type": kind}]


def _discount_applications(order: Order) -> list[Json]:
    if order.discount is None:
        return []
    kind = "percentage" if order.discount.type == "percentage" else "fixed_amount"
    return [
        {
            "target_type": "line_item",
            "type": "discount_code",
            "value": order.discount.value,
            "value_type": kind,
            "allocation_method": "across",
            "target_selection": "all",
            "code": order.discount.code,
        }
    ]


def _tax_lines(order: Order, minor: int) -> list[Json]:
    if order.tax is None:
        return []
    tax: Json = {"title": "Tax", "rate": float(order.tax.rate), "channel_liable": False}
    return [{**tax, **_priced(order, "price", minor)}]


def _gateways(order: Order) -> list[str]:
    return list(dict.fromkeys(payment.gateway for payment in order.payments if payment.kind == "sale"))


def _shipping_lines(order: Order) -> list[Json]:
    return [_shipping_line(order)] if order.shipping_minor else []


def _shipping_line(order: Order) -> Json:
    return {
        "id": order.shipping_line_id,
        "carrier_identifier": None,
        "code": "Standard",
        "current_discounted_price_set": _money_set(totals.current_shipping(order), order),
        **_priced(order, "discounted_price", order.shipping_minor),
        "is_removed": False,
        "phone": None,
        **_priced(order, "price", order.shipping_minor),
        "requested_fulfillment_service_id": None,
        "source": "shopify",
        "title": "Standard",
        "tax_lines": [],
        "discount_allocations": [],
    }


def _refund_line(refund_line: RefundLine, order: Order) -> Json:
    return {
        "id": refund_line.id,
        "line_item_id": refund_line.line.id,
        "quantity": refund_line.quantity,
        "restock_type": refund_line.restock_type,
        "location_id": None,
        "subtotal": _number(refund_line.subtotal_minor, order),
        "subtotal_set": _money_set(refund_line.subtotal_minor, order),
        "total_tax": _number(refund_line.tax_minor, order),
        "total_tax_set": _money_set(refund_line.tax_minor, order),
        "line_item": line_body(refund_line.line, order),
    }


def _number(minor: int, order: Order) -> float:
    """Return a JSON number, as Shopify writes these two fields; the text beside it is the exact one."""
    return float(_text(minor, order))


def _refund_shipping(refund: Refund) -> list[Json]:
    if not refund.shipping_minor:
        return []
    return [
        {
            "id": refund.shipping_id,
            "shipping_line_id": refund.order.shipping_line_id,
            "subtotal_amount_set": _money_set(refund.shipping_minor, refund.order),
            "shipping_line": _shipping_line(refund.order),
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
            "amount": _text(refund.discrepancy_minor, order),
            "amount_set": _money_set(refund.discrepancy_minor, order),
            "tax_amount": _text(0, order),
            "tax_amount_set": _money_set(0, order),
        }
    ]


def _payment_body(payment: Payment, order: Order) -> Json:
    moment = local_text(payment.created_at, order.timezone)
    return {
        "id": payment.id,
        "admin_graphql_api_id": f"gid://shopify/OrderTransaction/{payment.id}",
        "order_id": order.id,
        "kind": payment.kind,
        "gateway": payment.gateway,
        "status": "success",
        "message": None,
        "created_at": moment,
        "processed_at": moment,
        "test": order.test,
        "authorization": None,
        "location_id": None,
        "user_id": None,
        "parent_id": payment.parent.id if payment.parent else None,
        "device_id": None,
        "error_code": None,
        "source_name": order.source_name,
        "receipt": {},
        "amount": _text(payment.amount_minor, order),
        "currency": order.currency,
        "payment_id": f"#{order.number}.{payment.id}",
        "total_unsettled_set": _money_set(0, order),
        "manual_payment_gateway": False,
        "amount_rounding": None,
    }
