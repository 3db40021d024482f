"""What a control call may ask for, read from JSON: everything checked, each refusal one sentence."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from babel.core import get_global

from sandbox.errors import BadInput
from sandbox.models import Discount, Tax
from sandbox.money import parse

Json = Mapping[str, object]
HIGHEST_QUANTITY = 100_000


@dataclass(frozen=True)
class Person:
    """A customer named by id, or described; neither means a guest."""

    id: int | None
    email: str | None = None
    first_name: str = ""
    last_name: str = ""
    tags: tuple[str, ...] = ()


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


@dataclass(frozen=True)
class OrderRequest:
    """One order to place."""

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


def read_order(body: Json, shop_currency: str) -> OrderRequest:
    """Check the body of `POST /sandbox/orders`."""
    currency = read_currency(body.get("currency"), shop_currency)
    discount, fixed_minor = _discount(body.get("discount"), currency)
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
        source_name=_text(body, "source_name") or "web",
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
    return LineRequest(
        title=_text(value, "title") or ("Gift card" if gift_card else "Thing"),
        price_minor=parse(value["price"], currency, f"{name}.price"),
        quantity=read_quantity(value.get("quantity", 1), f"{name}.quantity"),
        product_id=_optional_id(value, "product_id"),
        is_custom="product_id" in value and value["product_id"] is None,
        variant_id=_optional_id(value, "variant_id"),
        sku=_text(value, "sku"),
        vendor=_text(value, "vendor"),
        product_type=_text(value, "product_type") or "",
        product_tags=read_tags(value.get("product_tags"), "product_tags"),
        gift_card=gift_card,
        taxable=read_flag(value, "taxable", not gift_card),
    )


def read_person(value: object) -> Person | None:
    """Check a customer: an id, a description with a mail address, or null for a guest."""
    if value is None:
        return None
    if isinstance(value, dict):
        if "id" in value:
            return Person(read_id(value["id"], "customer.id"))
        email = _text(value, "email")
        if not email:
            raise BadInput('customer needs an "email" (or give its id, or null for a guest).')
        first, last = _text(value, "first_name") or "", _text(value, "last_name") or ""
        return Person(None, email, first, last, read_tags(value.get("tags")))
    return Person(read_id(value, "customer"))


def read_id(value: object, name: str) -> int:
    """Check an id: a number, its text, or Shopify's gid."""
    text = str(value).rsplit("/", 1)[-1]
    if isinstance(value, bool) or not isinstance(value, int | str) or not text.isdecimal():
        raise BadInput(f"{name} must be an id such as 1234567890, not {value!r}.")
    return int(text)


def read_quantity(value: object, name: str, lowest: int = 1) -> int:
    """Check a whole number of units."""
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= HIGHEST_QUANTITY:
        raise BadInput(f"{name} must be a whole number from {lowest} to {HIGHEST_QUANTITY}, not {value!r}.")
    return value


def read_tags(value: object, name: str = "tags") -> tuple[str, ...]:
    """Check tags: a list, or one string with commas."""
    if value is None:
        return ()
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise BadInput(f"{name} must be a list of strings or one string with commas, not {value!r}.")
    return tuple(part.strip() for part in parts if part.strip())


def read_flag(body: Json, name: str, default: bool) -> bool:
    """Check a yes or no."""
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise BadInput(f"{name} must be true or false, not {value!r}.")
    return value


def read_time(value: object, name: str) -> datetime | None:
    """Check a moment with its offset from UTC, such as 2026-03-01T10:00:00Z."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadInput(f"{name} must be a time such as 2026-03-01T10:00:00Z, not {value!r}.")
    return moment.astimezone(UTC)


def read_currency(value: object, default: str) -> str:
    """Check a three-letter currency code."""
    if value is None:
        return default
    if not isinstance(value, str) or value not in get_global("all_currencies"):
        raise BadInput(f"currency must be a code such as USD, JPY or KWD, not {value!r}.")
    return value


def _discount(value: object, currency: str) -> tuple[Discount | None, int]:
    if value is None:
        return None, 0
    kinds = ("percentage", "fixed")
    if not isinstance(value, dict) or value.get("type") not in kinds:
        raise BadInput('discount must be {"type": "percentage" or "fixed", "value": "10"} or null.')
    text = value.get("value")
    code = _text(value, "code") or "WELCOME"
    if value["type"] == "fixed":
        return Discount("fixed", str(text), code), parse(text, currency, "discount.value")
    rate = _decimal(text, "discount.value")
    if rate > 100:
        raise BadInput(f"discount.value must be a percentage from 0 to 100, not {text}.")
    return Discount("percentage", str(text), code), 0


def _tax(value: object) -> Tax | None:
    if value is None:
        return None
    if not isinstance(value, dict) or "rate" not in value:
        raise BadInput('tax must be {"rate": "0.2", "included": false} or null.')
    rate = _decimal(value["rate"], "tax.rate")
    if rate > 1:
        raise BadInput(f'tax.rate is a share, so 20 % is "0.2"; it must not be above 1, as {rate} is.')
    return Tax(str(value["rate"]), read_flag(value, "included", False))


def _decimal(value: object, name: str) -> Decimal:
    try:
        number = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or number < 0:
        raise BadInput(f'{name} must be a decimal string such as "10", not {value!r}.')
    return number


def _amount_or_all(body: Json, name: str) -> object:
    value = body.get(name)
    return "0" if value is True or not value else value


def _text(body: Json, name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise BadInput(f"{name} must be a string, not {value!r}.")
    return value


def _optional_id(body: Json, name: str) -> int | None:
    value = body.get(name)
    return None if value is None else read_id(value, name)
