"""How lines of orders are read by GraphQL, and what they share with shipping: taxes and discounts."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sandbox import totals
from sandbox.models import Line, Order, Tax
from sandbox.resolvers import Info, Resolver, bag, gid, plain
from sandbox.wares import Product, Variant


def shipping(order: Order) -> dict[str, Any]:
    """Return the one shipping line."""
    return {
        "id": gid("ShippingLine", order.shipping_line_id),
        "title": "Standard",
        "isRemoved": False,
        "originalPriceSet": bag(order.shipping_price_minor, order.currency),
        "discountedPriceSet": bag(order.shipping_minor, order.currency),
        "currentDiscountedPriceSet": bag(totals.current_shipping(order), order.currency),
        "discountAllocations": _allocations(order.shipping_discount_minor, order.currency),
        "taxLines": tax_lines(
            order.tax if order.shipping_tax_minor else None, order.shipping_tax_minor, order.currency
        ),
    }


def tax_lines(tax: Tax | None, minor: int, currency: str) -> list[dict[str, Any]]:
    """Return the one tax line, if there is a tax."""
    if tax is None:
        return []
    rate = Decimal(tax.rate)
    price = bag(minor, currency)
    return [{"title": "Tax", "rate": float(rate), "ratePercentage": float(rate * 100), "priceSet": price}]


def _allocations(minor: int, currency: str) -> list[dict[str, Any]]:
    return [{"allocatedAmountSet": bag(minor, currency)}] if minor else []


def _line_allocations(line: Line) -> list[dict[str, Any]]:
    common = _allocations(line.discount_minor - line.by_hand_minor, line.currency)
    return [*common, *_allocations(line.by_hand_minor, line.currency)]


def _line_money(compute: Callable[[Line], int]) -> Resolver:
    return lambda line, info, **_: bag(compute(line), line.currency)


def _tax_lines(line: Line, info: Info, **_: Any) -> list[dict[str, Any]]:
    return tax_lines(line.tax, line.tax_minor, line.currency)


def _unit_after_discounts(line: Line) -> int:
    return line.net_minor // line.quantity


def _before_taxes(line: Line) -> int:
    return line.net_minor - (line.tax_minor if line.tax and line.tax.included else 0)


def _product(line: Line) -> Product | None:
    return line.product if line.product is not None and not line.product.is_deleted else None


def _variant(line: Line) -> Variant | None:
    return line.variant if _product(line) is not None else None


LINE: dict[str, Resolver] = {
    "id": plain(lambda line: gid("LineItem", line.id)),
    "currentQuantity": plain(lambda line: line.kept),
    "refundableQuantity": plain(lambda line: line.kept),
    "discountAllocations": plain(_line_allocations),
    "discountedUnitPriceAfterAllDiscountsSet": _line_money(_unit_after_discounts),
    "isGiftCard": plain(lambda line: line.gift_card),
    "name": plain(lambda line: line.title),
    "originalTotalSet": _line_money(lambda line: line.gross_minor),
    "originalUnitPriceSet": _line_money(lambda line: line.price_minor),
    "product": plain(_product),
    "priceAfterAllDiscountsBeforeTaxesSet": _line_money(_before_taxes),
    "requiresShipping": plain(lambda line: not line.gift_card),
    "taxLines": _tax_lines,
    "totalDiscountSet": _line_money(lambda line: 0),
    "unfulfilledQuantity": plain(lambda line: line.fulfillable),
    "variant": plain(_variant),
    "variantTitle": plain(lambda line: None),
}
