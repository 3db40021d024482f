"""An order's body, as all orders/* topics carry it, becomes an OrderFact."""

from datetime import datetime

from app.engine.rules.facts import CustomerFact, FinancialStatus, OrderFact, OrderLine, RefundFact
from app.webhooks.body import BodyError, Json, clean_text
from app.webhooks.reader import LARGEST_AMOUNT_MINOR, Reader
from app.webhooks.refunds import read_refund


def parse_order(body: Json, triggered_at: datetime | None = None) -> OrderFact:
    """Return what an order's body says. Raises BodyError.

    Accepts every shape since 2017: with or without ``*_set``, discount allocations and current quantities.
    ``triggered_at`` stands in for a missing ``updated_at``.
    """
    order = Reader(body)
    order_id = order.shopify_id()
    currency = order.currency("currency")
    placed_at = order.instant("processed_at", "created_at")
    taxes_included = order.flag("taxes_included")
    refunds = tuple(read_refund(refund, currency, order_id) for refund in order.objects("refunds"))
    lines = _lines(order, currency, taxes_included, refunds)
    return OrderFact(
        order_id=order_id,
        name=order.text("name") or f"#{order_id}",
        currency=currency,
        financial_status=_financial_status(order),
        is_test=order.flag("test"),
        placed_at=placed_at,
        updated_at=order.optional_instant("updated_at") or triggered_at or placed_at,
        cancelled_at=order.optional_instant("cancelled_at"),
        customer=_customer(order),
        lines=lines,
        tags=order.texts("tags") or (),
        taxes_included=taxes_included,
        total_minor=_total(order, currency, lines),
        source_name=order.text("source_name"),
        payment_gateways=_gateways(order),
        refunds=refunds,
    )


def _lines(
    order: Reader, currency: str, taxes_included: bool, refunds: tuple[RefundFact, ...]
) -> tuple[OrderLine, ...]:
    returned: dict[int, int] = {}
    for refund in {refund.refund_id: refund for refund in refunds}.values():
        for line in refund.lines:
            returned[line.line_id] = returned.get(line.line_id, 0) + line.quantity
    lines = tuple(_line(line, currency, taxes_included, returned) for line in order.required_objects("line_items"))
    if sum(line.net_minor + line.tax_minor for line in lines) > LARGEST_AMOUNT_MINOR:
        raise BodyError("line_items add up to more than the books can hold.")
    return lines


def _line(line: Reader, currency: str, taxes_included: bool, returned: dict[int, int]) -> OrderLine:
    line_id, quantity = line.shopify_id(), line.quantity("quantity")
    tax_minor = max(0, sum(tax.minor("price", currency) for tax in line.objects("tax_lines")))
    paid_minor = line.minor("price", currency) * quantity - _discount(line, currency)
    current = line.quantity("current_quantity") if line.has("current_quantity") else quantity
    gone_without_refund = quantity - current - returned.get(line_id, 0)
    return OrderLine(
        line_id=line_id,
        title=line.text("title") or line.text("name") or "",
        quantity=quantity,
        # Shapes without a current quantity know no order edits.
        removed_quantity=max(0, gone_without_refund) if line.has("current_quantity") else 0,
        net_minor=max(0, paid_minor - (tax_minor if taxes_included else 0)),
        tax_minor=tax_minor,
        product_id=line.optional_id("product_id"),
        variant_id=line.optional_id("variant_id"),
        sku=line.text("sku"),
        vendor=line.text("vendor"),
        is_gift_card=line.flag("gift_card"),
    )


def _discount(line: Reader, currency: str) -> int:
    # The line's own total_discount leaves out its share of an order's discount; the allocations have both.
    if line.has("discount_allocations"):
        return sum(part.minor("amount", currency) for part in line.objects("discount_allocations"))
    return line.optional_minor("total_discount", currency)


def _total(order: Reader, currency: str, lines: tuple[OrderLine, ...]) -> int:
    if order.has_amount("total_price"):
        return max(0, order.minor("total_price", currency))
    return sum(line.net_minor + line.tax_minor for line in lines)


def _financial_status(order: Reader) -> FinancialStatus:
    value = order.data.get("financial_status")
    try:
        return FinancialStatus(value.lower() if isinstance(value, str) else "")
    except ValueError as error:
        known = ", ".join(FinancialStatus)
        found = ascii(value[:40]) if isinstance(value, str) else "missing"
        raise BodyError(f"financial_status must be one of {known}; it is {found}.") from error


def _customer(order: Reader) -> CustomerFact | None:
    customer = order.object("customer")
    if customer is None or not customer.has("id"):
        return None
    names = (customer.text("first_name"), customer.text("last_name"))
    return CustomerFact(
        customer_id=customer.shopify_id(),
        email=customer.text("email"),
        name=clean_text(" ".join(name for name in names if name)) or None,
        tags=customer.texts("tags"),
    )


def _gateways(order: Reader) -> tuple[str, ...]:
    named = order.texts("payment_gateway_names")
    if named is not None:
        return named
    gateway = order.text("gateway")  # shapes before there could be several
    return (gateway,) if gateway else ()
