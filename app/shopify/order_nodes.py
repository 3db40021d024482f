"""An Order of Shopify's GraphQL becomes the facts that webhooks tell: the same version gives the same OrderFact.

Where the two differ: GraphQL tells the customer's tags, the payments, disputes and risk, which bodies leave out, so
they stand beside the order; it tells the tax on shipping that was refunded, which bodies leave out, so it is not read.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.engine.rules.facts import (
    CustomerFact,
    DisputeFact,
    DisputeStatus,
    FinancialStatus,
    OrderFact,
    OrderLine,
    PaymentFact,
    RefundFact,
    RefundLine,
    RiskFact,
)
from app.engine.rules.money import to_minor
from app.sentences import say
from app.shopify.nodes import Unreadable, number_of, unreadable
from app.shopify.order_details import highest_level, payments_of
from app.shopify.refund_worth import with_worth
from app.texts import TEXT_LIMIT, clean_text, locale_text

#: As for bodies: far above any order, far below what a bigint column holds.
LARGEST_AMOUNT_MINOR = 10**15
NOTE_LIMIT = 1000
_COUNTRY = re.compile(r"[A-Za-z]{2}")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OrderTold:
    """What Shopify says about an order when it is asked; its refunds are inside the order."""

    order: OrderFact
    payments: tuple[PaymentFact, ...]
    #: A dispute's dates are not told here: the order's version stands in for them.
    disputes: tuple[DisputeFact, ...]
    #: None while an assessment is still awaited and there is no other.
    risk: RiskFact | None
    #: None for an order without a customer.
    customer_tags: tuple[str, ...] | None

    @property
    def details(self) -> tuple[PaymentFact | DisputeFact | RiskFact, ...]:
        """Return what is told beside the order."""
        return (*self.payments, *self.disputes, *(() if self.risk is None else (self.risk,)))


def read_order(node: Json, read_at: datetime) -> OrderTold:
    """Return what an Order with the fields of ``documents/orders.graphql`` says. Raises Unreadable.

    Its connections may be plain lists, as results of bulk operations are put together. One that has another page is
    refused: nothing is ever cut silently. ``read_at`` is when Shopify was asked.
    """
    try:
        order = _order(node)
        tags = None if node["customer"] is None else _texts(node["customer"]["tags"])
        level = highest_level(node["risk"]["assessments"])
        return OrderTold(
            order=order,
            payments=tuple(payments_of(order.order_id, node["transactions"])),
            disputes=tuple(_dispute(told, order) for told in node["disputes"]),
            risk=None if level is None else RiskFact(order.order_id, level, read_at),
            customer_tags=tags,
        )
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise unreadable(error) from error


def all_of(told: Any) -> list[Json]:
    """Return the nodes of a connection that is there to its end, or of a plain list. Raises Unreadable for others."""
    if isinstance(told, list):
        return told
    if told.get("pageInfo", {}).get("hasNextPage"):
        raise Unreadable(say("An order has more lines, shipping lines or refunded lines than were read."))
    nodes: list[Json] = told["nodes"]
    return nodes


def _order(node: Json) -> OrderFact:
    order_id, currency, taxes_included = number_of(node["id"]), node["currencyCode"], bool(node["taxesIncluded"])
    refunds = tuple(_refund(refund, order_id, currency) for refund in node["refunds"])
    shipping_minor, shipping_tax_minor = _shipping(all_of(node["shippingLines"]), currency, taxes_included)
    lines = _lines(all_of(node["lineItems"]), currency, taxes_included, refunds)
    return OrderFact(
        order_id=order_id,
        name=_text(node["name"]) or f"#{order_id}",
        currency=currency,
        financial_status=_financial_status(node),
        is_test=bool(node["test"]),
        placed_at=_instant(node["processedAt"]),
        updated_at=_instant(node["updatedAt"]),
        cancelled_at=_optional_instant(node["cancelledAt"]),
        customer=_customer(node["customer"]),
        lines=lines,
        tags=_texts(node["tags"]),
        taxes_included=taxes_included,
        total_minor=max(0, _minor(node["totalPriceSet"], currency)),
        source_name=_text(node["sourceName"]),
        payment_gateways=_texts(node["paymentGatewayNames"]),
        email=_email(node["email"]),
        is_b2b=(node["purchasingEntity"] or {}).get("__typename") == "PurchasingCompany",
        discount_codes=_texts(node["discountCodes"]),
        shipping_minor=shipping_minor,
        shipping_tax_minor=shipping_tax_minor,
        fulfilled_at=_fulfilled_at(node),
        billing_country=_country(node["billingAddress"]),
        shipping_country=_country(node["shippingAddress"]),
        # A file of Shopify's that was asked for before this field was does not have it.
        locale=locale_text(node.get("customerLocale")),
        refunds=tuple(with_worth(refund, lines, taxes_included) for refund in refunds),
    )


def _financial_status(node: Json) -> FinancialStatus:
    """Return where the payment stands; an order on which none was ever tried, as apps make them, has no status."""
    told = node["displayFinancialStatus"]
    if told is None:
        return FinancialStatus.PENDING if node["cancelledAt"] is None else FinancialStatus.VOIDED
    return FinancialStatus(told.lower())


def _lines(
    nodes: Sequence[Json], currency: str, taxes_included: bool, refunds: tuple[RefundFact, ...]
) -> tuple[OrderLine, ...]:
    returned: dict[int, int] = {}
    for refund in refunds:
        for back in refund.lines:
            returned[back.line_id] = returned.get(back.line_id, 0) + back.quantity
    lines = tuple(_line(line, currency, taxes_included, returned) for line in nodes)
    _check_size(line.net_minor + line.tax_minor for line in lines)
    return lines


def _line(node: Json, currency: str, taxes_included: bool, returned: dict[int, int]) -> OrderLine:
    line_id, quantity = number_of(node["id"]), int(node["quantity"])
    tax_minor = _taxes(node, currency)
    discount_minor = max(0, _discounts(node, currency))
    paid_minor = _minor(node["originalUnitPriceSet"], currency) * quantity - discount_minor
    return OrderLine(
        line_id=line_id,
        title=_text(node["title"]) or _text(node["name"]) or "",
        quantity=quantity,
        removed_quantity=max(0, quantity - int(node["currentQuantity"]) - returned.get(line_id, 0)),
        net_minor=max(0, paid_minor - (tax_minor if taxes_included else 0)),
        tax_minor=tax_minor,
        product_id=_id(node["product"]),
        variant_id=_id(node["variant"]),
        sku=_text(node["sku"]),
        vendor=_text(node["vendor"]),
        is_gift_card=bool(node["isGiftCard"]),
        discount_minor=discount_minor,
    )


def _shipping(nodes: Sequence[Json], currency: str, taxes_included: bool) -> tuple[int, int]:
    """Return what was to pay for shipping after discounts, without tax, and the tax on it."""
    net_minor = taxes_minor = 0
    for node in nodes:
        if node["isRemoved"]:
            continue
        discounted_minor = _minor(node["originalPriceSet"], currency) - _discounts(node, currency)
        paid_minor = min(discounted_minor, _minor(node["discountedPriceSet"], currency))
        tax_minor = _taxes(node, currency)
        net_minor += max(0, paid_minor - (tax_minor if taxes_included else 0))
        taxes_minor += tax_minor
    _check_size((net_minor, taxes_minor))
    return net_minor, taxes_minor


def _refund(node: Json, order_id: int, currency: str) -> RefundFact:
    lines = tuple(_refund_line(line, currency) for line in all_of(node["refundLineItems"]))
    money_minor = sum(
        _minor(paid["amountSet"], currency)
        for paid in all_of(node["transactions"])
        if paid["kind"] == "REFUND" and paid["status"] == "SUCCESS"
    )
    shipping_minor = sum(_minor(part["subtotalAmountSet"], currency) for part in all_of(node["refundShippingLines"]))
    for amounts in ([money_minor], [shipping_minor], [line.subtotal_minor + line.tax_minor for line in lines]):
        _check_size(amounts)
    return RefundFact(
        refund_id=number_of(node["id"]),
        order_id=order_id,
        processed_at=_instant(node["processedAt"]),
        lines=lines,
        money_minor=max(0, money_minor),
        shipping_minor=max(0, shipping_minor),
        note=_text(node["note"], NOTE_LIMIT),
    )


def _refund_line(node: Json, currency: str) -> RefundLine:
    return RefundLine(
        line_id=number_of(node["lineItem"]["id"]),
        quantity=int(node["quantity"]),
        subtotal_minor=max(0, _minor(node["subtotalSet"], currency)),
        tax_minor=max(0, _minor(node["totalTaxSet"], currency)),
    )


def _dispute(node: Json, order: OrderFact) -> DisputeFact:
    told = node["status"].lower()
    # One that never became a contest: where the money went back, that is told as a refund.
    status = DisputeStatus.CHARGE_REFUNDED if told == "prevented" else DisputeStatus(told)
    finalized_at = None if status.is_open else order.updated_at
    return DisputeFact(number_of(node["id"]), order.order_id, status, order.updated_at, finalized_at)


def _customer(node: Json | None) -> CustomerFact | None:
    if node is None:
        return None
    names = (_text(node["firstName"]), _text(node["lastName"]))
    return CustomerFact(
        customer_id=number_of(node["id"]),
        email=_text((node["defaultEmailAddress"] or {}).get("emailAddress")),
        name=clean_text(" ".join(name for name in names if name)) or None,
        created_at=_optional_instant(node["createdAt"]),
    )


def _fulfilled_at(node: Json) -> datetime | None:
    """Return when the last of the order left, or None while something is still to leave."""
    if node["displayFulfillmentStatus"] != "FULFILLED":
        return None
    left = (_instant(parcel["createdAt"]) for parcel in node["fulfillments"] if parcel["status"] == "SUCCESS")
    return max(left, default=None)


def _country(address: Json | None) -> str | None:
    code = (address or {}).get("countryCodeV2") or ""
    return code.upper() if _COUNTRY.fullmatch(code) else None


def _taxes(node: Json, currency: str) -> int:
    return max(0, sum(_minor(tax["priceSet"], currency) for tax in node["taxLines"]))


def _discounts(node: Json, currency: str) -> int:
    return sum(_minor(part["allocatedAmountSet"], currency) for part in node["discountAllocations"])


def _minor(bag: Json, currency: str) -> int:
    money = bag["shopMoney"]
    if money["currencyCode"] != currency:
        raise ValueError(f"an amount in {money['currencyCode']} instead of {currency}")
    return to_minor(money["amount"], currency)


def _check_size(amounts: Iterable[int]) -> None:
    if sum(amounts) > LARGEST_AMOUNT_MINOR:
        raise Unreadable(say("An order adds up to more than the books can hold."))


def _id(node: Json | None) -> int | None:
    return None if node is None else number_of(node["id"])


def _text(value: Any, limit: int = TEXT_LIMIT) -> str | None:
    return (clean_text(value, limit) or None) if isinstance(value, str) else None


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for value in values if (text := clean_text(value))))


def _email(value: Any) -> str | None:
    text = _text(value)
    return text.lower() if text and "@" in text else None


def _optional_instant(text: str | None) -> datetime | None:
    return None if text is None else _instant(text)


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"the time {text} has no offset")
    return instant.astimezone(UTC)
