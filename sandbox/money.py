"""Amounts in minor units: how they are read, written in Shopify's two ways, and divided."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import NamedTuple

from babel.numbers import get_currency_precision

from sandbox.errors import BadInput


class Money(NamedTuple):
    """An amount in minor units of its currency."""

    minor: int
    currency: str


@lru_cache
def exponent(currency: str) -> int:
    """Return how many decimals the currency has: JPY 0, USD 2, KWD 3."""
    return get_currency_precision(currency)


def parse(text: object, currency: str, name: str) -> int:
    """Return the minor units of a decimal string, or refuse it with a sentence about `name`."""
    if not isinstance(text, str):
        raise BadInput(f'{name} must be a decimal string such as "12.34", not {text!r}.')
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise BadInput(f'{name} must be a decimal string such as "12.34", not {text!r}.') from None
    minor = to_minor(amount, currency)
    if minor is None:
        raise BadInput(f"{name} {text} has more decimals than {currency} knows ({exponent(currency)}).")
    if minor < 0:
        raise BadInput(f"{name} must not be negative; it is {text}.")
    return minor


def to_minor(amount: Decimal, currency: str) -> int | None:
    """Return the minor units of an exact amount, or None when it has a finer part than the currency."""
    if not amount.is_finite():
        return None
    scaled = amount.scaleb(exponent(currency))
    return int(scaled) if scaled == scaled.to_integral_value() else None


def webhook_text(money: Money) -> str:
    """Write an amount as webhook bodies do: "12.30" USD, "1230" JPY."""
    places = exponent(money.currency)
    return f"{Decimal(money.minor).scaleb(-places):.{places}f}"


def graphql_text(money: Money) -> str:
    """Write an amount as GraphQL answers do: "2.0", "7.23", never without a decimal."""
    text = webhook_text(money)
    if "." not in text:
        return text + ".0"
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.rstrip('0') or '0'}"


def round_half_up(amount: Decimal) -> int:
    """Round to a whole number of minor units, halves away from zero."""
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def share(total: int, part: int, whole: int) -> int:
    """Return `part` of `whole` equal units of a total, rounded half up.

    Taken as a difference of two such shares, consecutive parts always add up to the total.
    """
    return (2 * total * part + whole) // (2 * whole) if whole else 0


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Divide a total in proportion to weights by the largest remainder, so that the parts add up to it."""
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: (-(total * weights[index] % whole), index))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts
