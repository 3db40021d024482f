"""An order's body, as all orders/* topics carry it, becomes an OrderFact."""

import re
from datetime import datetime

from app.engine.rules.facts import CustomerFact, FinancialStatus, OrderFact, OrderLine, RefundFact
from app.sentences import say
from app.texts import locale_text
from app.webhooks.body import BodyError, Json, clean_text
from app.webhooks.reader import LARGEST_AMOUNT_MINOR, Reader
from app.webhooks.refunds import read_refund

_COUNTRY = re.compile(r"[A-Za-z]{2}")


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
    shipping_minor, shipping_tax_minor = _shipping(order, currency, taxes_included)
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
        email=order.email("email") or order.email("contact_email"),
        # Shopify puts the company and its location here for what is bought on a company's behalf.
        is_b2b=order.object("company") is not None,
        discount_codes=_discount_codes(order),
        shipping_minor=shipping_minor,
        shipping_tax_minor=shipping_tax_minor,
        fulfilled_at=_fulfilled_at(order),
        billing_country=_country(order, "billing_address"),
        shipping_country=_country(order, "shipping_address"),
        locale=locale_text(order.data.get("customer_locale")),
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
        raise BodyError(say("line_items add up to more than the books can hold."))
    return lines


def _line(line: Reader, currency: str, taxes_included: bool, returned: dict[int, int]) -> OrderLine:
    line_id, quantity = line.shopify_id(), line.quantity("quantity")
    tax_minor = max(0, sum(tax.minor("price", currency) for tax in line.objects("tax_lines")))
    discount_minor = max(0, _discount(line, currency))
    paid_minor = line.minor("price", currency) * quantity - discount_minor
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
        discount_minor=discount_minor,
    )


def _discount(line: Reader, currency: str) -> int:
    # The line's own total_discount leaves out its share of an order's discount; the allocations have both.
    if line.has("discount_allocations"):
        return sum(part.minor("amount", currency) for part in line.objects("discount_allocations"))
    return line.optional_minor("total_discount", currency)


def _shipping(order: Reader, currency: str, taxes_included: bool) -> tuple[int, int]:
    """Return what was to pay for shipping after discounts, without tax, and the tax on it."""
    net_minor = taxes_minor = 0
    for line in order.objects("shipping_lines"):
        if line.flag("is_removed"):
            continue
        price_minor = line.minor("price", currency)
        # The discounted price may leave out an order's discount and the allocations may be missing: the lower counts.
        paid_minor = price_minor - sum(part.minor("amount", currency) for part in line.objects("discount_allocations"))
        if line.has_amount("discounted_price"):
            paid_minor = min(paid_minor, line.minor("discounted_price", currency))
        tax_minor = max(0, sum(tax.minor("price", currency) for tax in line.objects("tax_lines")))
        net_minor += max(0, paid_minor - (tax_minor if taxes_included else 0))
        taxes_minor += tax_minor
    if net_minor + taxes_minor > LARGEST_AMOUNT_MINOR:
        raise BodyError(say("shipping_lines add up to more than the books can hold."))
    return net_minor, taxes_minor


def _discount_codes(order: Reader) -> tuple[str, ...]:
    codes = (discount.text("code") for discount in order.objects("discount_codes"))
    return tuple(dict.fromkeys(code for code in codes if code))


def _fulfilled_at(order: Reader) -> datetime | None:
    """Return when the last of the order left, or None while something is still to leave."""
    if order.data.get("fulfillment_status") != "fulfilled":
        return None
    parcels = (part for part in order.objects("fulfillments") if part.data.get("status") == "success")
    return max((parcel.instant("created_at") for parcel in parcels), default=None)


def _country(order: Reader, name: str) -> str | None:
    address = order.object(name)
    code = (address and address.text("country_code")) or ""
    return code.upper() if _COUNTRY.fullmatch(code) else None


def _total(order: Reader, currency: str, lines: tuple[OrderLine, ...]) -> int:
    if order.has_amount("total_price"):
        return max(0, order.minor("total_price", currency))
    return sum(line.net_minor + line.tax_minor for line in lines)


def _financial_status(order: Reader) -> FinancialStatus:
    value = order.data.get("financial_status")
    if value is None and "financial_status" in order.data:
        # No payment was ever tried, as for an order that another app made.
        return FinancialStatus.VOIDED if order.has("cancelled_at") else FinancialStatus.PENDING
    try:
        return FinancialStatus(value.lower() if isinstance(value, str) else "")
    except ValueError as error:
        known = ", ".join(FinancialStatus)
        found = ascii(value[:40]) if isinstance(value, str) else say("missing")
        raise BodyError(
            say("financial_status must be one of {known}; it is {found}.", known=known, found=found)
        ) from error


def _customer(order: Reader) -> CustomerFact | None:
    customer = order.object("customer")
    if customer is None or not customer.has("id"):
        return None
    return CustomerFact(
        customer_id=customer.shopify_id(),
        email=customer.text("email"),
        name=full_name(customer),
        tags=customer.texts("tags"),
        created_at=customer.optional_instant("created_at"),
    )


def full_name(customer: Reader) -> str | None:
    """Return a customer's first and last name as one text for display."""
    names = (customer.text("first_name"), customer.text("last_name"))
    return clean_text(" ".join(name for name in names if name)) or None


def _gateways(order: Reader) -> tuple[str, ...]:
    named = order.texts("payment_gateway_names")
    if named is not None:
        return named
    gateway = order.text("gateway")  # shapes before there could be several
    return (gateway,) if gateway else ()
