"""Pieces of webhook bodies that orders and refunds share: amounts, lines, taxes, shipping."""

from sandbox import totals
from sandbox.models import Line, Order
from sandbox.money import Money, webhook_text

Json = dict[str, object]


def line_body(line: Line, order: Order) -> Json:
    """Return one line; `total_discount` holds line-level discounts only, of which there are none."""
    product = line.product if line.product and not line.product.is_deleted else None
    return {
        "id": line.id,
        "admin_graphql_api_id": f"gid://shopify/LineItem/{line.id}",
        "attributed_staffs": [],
        "current_quantity": line.kept,
        "fulfillable_quantity": line.fulfillable,
        "fulfillment_service": "manual",
        "fulfillment_status": _sent(line),
        "gift_card": line.gift_card,
        "grams": 0,
        "name": line.title,
        **priced(order, "price", line.price_minor),
        "product_exists": product is not None,
        "product_id": product.id if product else None,
        "properties": [],
        "quantity": line.quantity,
        "requires_shipping": not line.gift_card,
        "sales_line_item_group_id": None,
        "sku": line.sku,
        "taxable": line.taxable,
        "title": line.title,
        **priced(order, "total_discount", 0),
        "variant_id": line.variant.id if line.variant and product else None,
        "variant_inventory_management": None,
        "variant_title": None,
        "vendor": line.vendor,
        "tax_lines": tax_lines(order, line.tax_minor) if line.tax_minor else [],
        "duties": [],
        "discount_allocations": _line_allocations(line, order),
    }


def _line_allocations(line: Line, order: Order) -> list[Json]:
    """Return the line's share of the order's discount, and what was taken off it by hand."""
    common = line.discount_minor - line.by_hand_minor
    found = [_allocation(common, order, 0)] if common else []
    if line.by_hand_minor:
        by_hand = [one.id for one in order.lines if one.by_hand_minor]
        others = sum(discount is not None for discount in (order.discount, order.shipping_discount))
        found.append(_allocation(line.by_hand_minor, order, others + by_hand.index(line.id)))
    return found


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


def _allocation(minor: int, order: Order, index: int) -> Json:
    return {
        "amount": text(minor, order),
        "amount_set": money_set(minor, order),
        "discount_application_index": index,
    }


def _sent(line: Line) -> str | None:
    if not line.fulfilled:
        return None
    return "partial" if line.fulfillable else "fulfilled"


def tax_lines(order: Order, minor: int) -> list[Json]:
    """Return the one tax line, if the order is taxed."""
    if order.tax is None:
        return []
    tax: Json = {"title": "Tax", "rate": float(order.tax.rate), "channel_liable": False}
    return [{**tax, **priced(order, "price", minor)}]


def shipping_line(order: Order) -> Json:
    """Return the one shipping line; its discount is the last of the order's."""
    off, tax = order.shipping_discount_minor, order.shipping_tax_minor
    allocations = [_allocation(off, order, 1 if order.discount else 0)] if off else []
    return {
        "id": order.shipping_line_id,
        "carrier_identifier": None,
        "code": "Standard",
        "current_discounted_price_set": money_set(totals.current_shipping(order), order),
        **priced(order, "discounted_price", order.shipping_minor),
        "is_removed": False,
        "phone": None,
        **priced(order, "price", order.shipping_price_minor),
        "requested_fulfillment_service_id": None,
        "source": "shopify",
        "title": "Standard",
        "tax_lines": tax_lines(order, tax) if tax else [],
        "discount_allocations": allocations,
    }
