"""What a control call may ask for when it places an order: lines, discounts, tax, how it is paid, where it goes."""

from dataclasses import dataclass
from datetime import datetime

from sandbox.address_requests import read_address, read_company
from sandbox.errors import BadInput
from sandbox.models import Discount, Tax
from sandbox.money import parse
from sandbox.order_parts import RISK_LEVELS, Address, Company
from sandbox.requests_in import (
    Json,
    Person,
    read_choice,
    read_currency,
    read_decimal,
    read_flag,
    read_optional_id,
    read_person,
    read_quantity,
    read_tags,
    read_text,
    read_time,
)

GATEWAYS = ("bogus", "shopify_payments", "gift_card", "manual", "paypal")
"""Where money can come from, besides store credit, which is spent from an account."""


@dataclass(frozen=True)
class LineRequest:
    """One line to order."""

    title: str
    price_minor: int
    quantity: int
    product_id: int | None
    is_custom: bool
    variant_id: int | None
    sku: str | None
    vendor: str | None
    product_type: str
    product_tags: tuple[str, ...]
    gift_card: bool
    taxable: bool
    compare_at_minor: int | None = None
    collections: tuple[str, ...] = ()


@dataclass(frozen=True)
class OrderRequest:
    """One order to place; its addresses have no ids yet."""

    person: Person | None
    lines: tuple[LineRequest, ...]
    discount: Discount | None
    fixed_discount_minor: int
    tax: Tax | None
    shipping_minor: int
    store_credit_minor: int
    all_store_credit: bool
    currency: str
    tags: tuple[str, ...]
    paid: bool
    test: bool
    created_at: datetime | None
    source_name: str
    shipping_discount: Discount | None = None
    fixed_shipping_discount_minor: int = 0
    gift_card_minor: int = 0
    gateway: str = "bogus"
    authorize: bool = False
    email: str | None = None
    billing_address: Address | None = None
    shipping_address: Address | None = None
    company: Company | None = None
    risk: str | None = None
    fulfilled: bool = False


def read_order(body: Json, shop_currency: str) -> OrderRequest:
    """Check the body of `POST /sandbox/orders`."""
    currency = read_currency(body.get("currency"), shop_currency)
    discount, fixed_minor = _discount(body.get("discount"), currency, "discount", "WELCOME")
    on_shipping, fixed_shipping_minor = _discount(
        body.get("shipping_discount"), currency, "shipping_discount", "FREESHIP"
    )
    risk = body.get("risk")
    return OrderRequest(
        person=read_person(body.get("customer")),
        lines=read_lines(body.get("lines"), currency),
        discount=discount,
        fixed_discount_minor=fixed_minor,
        tax=_tax(body.get("tax")),
        shipping_minor=parse(body.get("shipping") or "0", currency, "shipping"),
        store_credit_minor=parse(_amount_or_all(body, "store_credit"), currency, "store_credit"),
        all_store_credit=body.get("store_credit") is True,
        currency=currency,
        tags=read_tags(body.get("tags")),
        paid=read_flag(body, "paid", True),
        test=read_flag(body, "test", False),
        created_at=read_time(body.get("created_at"), "created_at"),
        source_name=read_text(body, "source_name") or "web",
        shipping_discount=on_shipping,
        fixed_shipping_discount_minor=fixed_shipping_minor,
        gift_card_minor=parse(body.get("gift_card") or "0", currency, "gift_card"),
        gateway=read_choice(body.get("gateway", "bogus"), "gateway", GATEWAYS),
        authorize=read_flag(body, "authorize", False),
        email=read_text(body, "email"),
        billing_address=read_address(body.get("billing_address"), "billing_address"),
        shipping_address=read_address(body.get("shipping_address"), "shipping_address"),
        company=read_company(body.get("company")),
        fulfilled=read_flag(body, "fulfilled", False),
        risk=None if risk is None else read_choice(risk, "risk", RISK_LEVELS),
    )


def read_lines(value: object, currency: str) -> tuple[LineRequest, ...]:
    """Check a list of lines; at least one."""
    if not isinstance(value, list) or not value:
        raise BadInput('lines must be a list with at least one {"price": "12.34", "quantity": 1}.')
    return tuple(_line(item, currency, f"lines[{index}]") for index, item in enumerate(value))


def _line(value: object, currency: str, name: str) -> LineRequest:
    if not isinstance(value, dict):
        raise BadInput(f'{name} must be an object such as {{"price": "12.34", "quantity": 1}}.')
    if "price" not in value:
        raise BadInput(f'{name} needs a price, a decimal string such as "12.34".')
    gift_card = read_flag(value, "gift_card", False)
    compare_at = value.get("compare_at_price")
    return LineRequest(
        title=read_text(value, "title") or ("Gift card" if gift_card else "Thing"),
        price_minor=parse(value["price"], currency, f"{name}.price"),
        quantity=read_quantity(value.get("quantity", 1), f"{name}.quantity"),
        product_id=read_optional_id(value, "product_id"),
        is_custom="product_id" in value and value["product_id"] is None,
        variant_id=read_optional_id(value, "variant_id"),
        sku=read_text(value, "sku"),
        vendor=read_text(value, "vendor"),
        product_type=read_text(value, "product_type") or "",
        product_tags=read_tags(value.get("product_tags"), "product_tags"),
        gift_card=gift_card,
        taxable=read_flag(value, "taxable", not gift_card),
        compare_at_minor=None if compare_at is None else parse(compare_at, currency, f"{name}.compare_at_price"),
        collections=read_tags(value.get("collections"), "collections"),
    )


def _discount(value: object, currency: str, name: str, usual_code: str) -> tuple[Discount | None, int]:
    if value is None:
        return None, 0
    kinds = ("percentage", "fixed")
    if not isinstance(value, dict) or value.get("type") not in kinds:
        raise BadInput(f'{name} must be {{"type": "percentage" or "fixed", "value": "10"}} or null.')
    text = value.get("value")
    is_automatic = "code" in value and value["code"] is None
    code = None if is_automatic else read_text(value, "code") or usual_code
    if value["type"] == "fixed":
        return Discount("fixed", str(text), code), parse(text, currency, f"{name}.value")
    rate = read_decimal(text, f"{name}.value")
    if rate > 100:
        raise BadInput(f"{name}.value must be a percentage from 0 to 100, not {text}.")
    return Discount("percentage", str(text), code), 0


def _tax(value: object) -> Tax | None:
    if value is None:
        return None
    if not isinstance(value, dict) or "rate" not in value:
        raise BadInput('tax must be {"rate": "0.2", "included": false} or null.')
    rate = read_decimal(value["rate"], "tax.rate")
    if rate > 1:
        raise BadInput(f'tax.rate is a share, so 20 % is "0.2"; it must not be above 1, as {rate} is.')
    return Tax(str(value["rate"]), read_flag(value, "included", False), read_flag(value, "shipping", False))


def _amount_or_all(body: Json, name: str) -> object:
    value = body.get(name)
    return "0" if value is True or not value else value
