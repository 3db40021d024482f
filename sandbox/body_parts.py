"""Pieces of webhook bodies that orders and refunds share: amounts, lines, customers, taxes, shipping."""

from sandbox import totals
from sandbox.clock import local_text
from sandbox.models import Customer, Line, Order
from sandbox.money import Money, webhook_text

Json = dict[str, object]


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
        **priced(order, "price", line.price_minor),
        "product_exists": line.product is not None,
        "product_id": line.product.id if line.product else None,
        "properties": [],
        "quantity": line.quantity,
        "requires_shipping": not line.gift_card,
        "sales_line_item_group_id": None,
        "sku": line.sku,
        "taxable": line.taxable,
        "title": line.title,
        **priced(order, "total_discount", 0),
        "variant_id": line.product.variant_id if line.product else None,
        "variant_inventory_management": None,
        "variant_title": None,
        "vendor": line.vendor,
        "tax_lines": tax_lines(order, line.tax_minor) if line.tax_minor else [],
        "duties": [],
        "discount_allocations": allocations,
    }


def text(minor: int, order: Order) -> str:
    """Write an amount of the order as webhooks do."""
    return webhook_text(Money(minor, order.currency))


def money_set(minor: int, order: Order) -> Json:
    """Return an amount as a `*_set`; both currencies are the shop's."""
    money = {"amount": text(minor, order), "currency_code": order.currency}
    return {"shop_money": money, "presentment_money": money}


def priced(order: Order, name: str, minor: int) -> Json:
    """Return an amount twice: as text, and as the `*_set` beside it."""
    return {name: text(minor, order), f"{name}_set": money_set(minor, order)}


def _allocation(line: Line, order: Order) -> Json:
    return {
        "amount": text(line.discount_minor, order),
        "amount_set": money_set(line.discount_minor, order),
        "discount_application_index": 0,
    }


def tax_lines(order: Order, minor: int) -> list[Json]:
    """Return the one tax line, if the order is taxed."""
    if order.tax is None:
        return []
    tax: Json = {"title": "Tax", "rate": float(order.tax.rate), "channel_liable": False}
    return [{**tax, **priced(order, "price", minor)}]


def shipping_line(order: Order) -> Json:
    """Return the one shipping line."""
    return {
        "id": order.shipping_line_id,
        "carrier_identifier": None,
        "code": "Standard",
        "current_discounted_price_set": money_set(totals.current_shipping(order), order),
        **priced(order, "discounted_price", order.shipping_minor),
        "is_removed": False,
        "phone": None,
        **priced(order, "price", order.shipping_minor),
        "requested_fulfillment_service_id": None,
        "source": "shopify",
        "title": "Standard",
        "tax_lines": [],
        "discount_allocations": [],
    }
