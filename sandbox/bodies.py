"""The JSON bodies of webhooks about orders, in the shape of API version 2026-10."""

from datetime import datetime

from sandbox import totals
from sandbox.aftermath import fulfillment_status
from sandbox.body_parts import Json, line_body, money_set, priced, shipping_line, tax_lines, text
from sandbox.clock import local_text
from sandbox.customer_bodies import embedded_customer
from sandbox.models import Line, Order
from sandbox.order_part_bodies import (
    address_body,
    company_part,
    discount_applications,
    discount_codes,
    embedded_fulfillment,
)
from sandbox.refund_bodies import refund_body


def order_body(order: Order) -> Json:
    """Return the order as `orders/*` webhooks carry it."""

    def time(moment: datetime | None) -> str | None:
        return local_text(moment, order.timezone)

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
        "customer_locale": order.locale,
        "device_id": None,
        "discount_codes": discount_codes(order),
        "duties_included": False,
        "email": order.email,
        "estimated_taxes": False,
        "financial_status": totals.financial_status(order),
        "fulfillment_status": fulfillment_status(order),
        "landing_site": None,
        "landing_site_ref": None,
        "location_id": None,
        "merchant_business_entity_id": "MTU0ODM4MDAwOQ",
        "merchant_of_record_app_id": None,
        "name": name,
        "note": None,
        "note_attributes": [],
        "number": order.number - 1000,
        "order_number": order.number,
        "order_status_url": f"https://{order.shop_domain}/orders/{order.id}",
        "payment_gateway_names": order.gateways,
        "phone": None,
        "po_number": None,
        "presentment_currency": order.currency,
        "processed_at": time(order.created_at),
        "reference": None,
        "referring_site": None,
        "source_identifier": None,
        "source_name": order.source_name,
        "source_url": None,
        "tags": ", ".join(order.tags),
        "tax_exempt": False,
        "tax_lines": tax_lines(order, totals.total_tax(order)),
        "taxes_included": order.tax is not None and order.tax.included,
        "test": order.test,
        "token": f"{order.id:032x}",
        "total_outstanding": text(totals.shown_outstanding(order), order),
        "total_tip_received": text(0, order),
        "total_weight": 0,
        "updated_at": time(order.updated_at),
        "user_id": None,
        **priced(order, "current_subtotal_price", totals.current_subtotal(order)),
        **priced(order, "current_total_discounts", totals.current_discounts(order)),
        **priced(order, "current_total_price", current_total),
        **priced(order, "current_total_tax", totals.current_tax(order)),
        **priced(order, "subtotal_price", totals.subtotal(order)),
        **priced(order, "total_discounts", totals.total_discounts(order)),
        **priced(order, "total_line_items_price", sum(line.gross_minor for line in order.lines)),
        **priced(order, "total_price", total),
        **priced(order, "total_tax", totals.total_tax(order)),
        "current_shipping_price_set": money_set(totals.current_shipping(order), order),
        "current_total_additional_fees_set": None,
        "current_total_duties_set": None,
        "original_total_additional_fees_set": None,
        "original_total_duties_set": None,
        "total_cash_rounding_payment_adjustment_set": money_set(0, order),
        "total_cash_rounding_refund_adjustment_set": money_set(0, order),
        "total_shipping_price_set": money_set(order.shipping_price_minor, order),
        "billing_address": address_body(order.billing_address),
        **company_part(order),
        "customer": _customer(order),
        "discount_applications": discount_applications(order),
        "fulfillments": [embedded_fulfillment(sent) for sent in order.fulfillments],
        "line_items": [line_body(line, order) for line in order.lines],
        "line_item_groups": [],
        "payment_terms": None,
        "refunds": [refund_body(refund) for refund in order.refunds],
        "returns": [],
        "shipping_address": address_body(order.shipping_address),
        "shipping_lines": _shipping_lines(order),
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


def _customer(order: Order) -> Json | None:
    return embedded_customer(order.customer, order.currency, order.timezone) if order.customer else None


def _shipping_lines(order: Order) -> list[Json]:
    return [shipping_line(order)] if order.shipping_price_minor else []
