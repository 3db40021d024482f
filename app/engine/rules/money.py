"""Money: whole minor units with a currency, its text, and the only two functions that divide it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.sentences import say

#: ISO 4217 exponents that are not 2. Babel's differ for some (it rounds for display), so books never ask it.
_EXPONENTS = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0,
    "RWF": 0, "UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
    "CLF": 4, "UYW": 4,
}  # fmt: skip
#: The codes of ISO 4217 that are money, and the older ones that shops of Shopify may still carry.
_CODES = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BYR BZD CAD
CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD
GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JEP JMD JOD JPY KES KGS KHR KID KMF KPW KRW KWD KYD KZT
LAK LBP LKR LRD LSL LTL LVL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR
NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STD STN
SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VEF VES VND VUV WST XAF XCD
XCG XOF XPF YER ZAR ZMW ZWG
"""
_CURRENCIES = frozenset(_CODES.split())
_AMOUNT = re.compile(r"(-?)([0-9]{1,19})(?:\.([0-9]{1,19}))?")
_CURRENCY = re.compile(r"[A-Z]{3}")
#: What a bigint column holds.
LARGEST_MINOR = 2**63 - 1


class MoneyError(ValueError):
    """An amount or a currency that cannot be taken exactly; the message says why."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents, yen, fils) of a currency."""

    minor: int
    currency: str

    def __str__(self) -> str:
        return format(self)


def exponent(currency: str) -> int:
    """Return how many decimals a currency has (ISO 4217): USD 2, JPY 0, KWD 3."""
    if not _CURRENCY.fullmatch(currency):
        raise MoneyError(f"{currency!r} is not a currency code: it must be three capital letters, like USD.")
    return _EXPONENTS.get(currency, 2)


def is_currency(code: str) -> bool:
    """Return whether a code is that of a currency."""
    return code in _CURRENCIES


def parse(text: str, currency: str) -> Money:
    """Return the amount a decimal text says, exactly. Raises MoneyError.

    Digits beyond the currency's decimals are accepted only when they are zeros: Shopify writes "100.0" for
    yen, while "12.345" in dollars is no amount of money.
    """
    places = exponent(currency)
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise MoneyError(
            say("{text} is not an amount: write it in digits with a point, like 12.34.", text=repr(text[:40]))
        )
    sign, whole, fraction = match[1], match[2], match[3] or ""
    if fraction[places:].strip("0"):
        raise MoneyError(
            say(
                "{text} has more decimals than {currency}, which has {places}.",
                text=text,
                currency=currency,
                places=places,
            )
        )
    minor = int(whole + fraction[:places].ljust(places, "0"))
    if minor > LARGEST_MINOR:
        raise MoneyError(say("{text} {currency} is more than the books can hold.", text=text, currency=currency))
    return Money(-minor if sign else minor, currency)


def to_minor(value: str | int | Decimal, currency: str) -> int:
    """Return an amount as it stands in a body (text, or a JSON number as int or Decimal) in minor units.

    Raises MoneyError for anything that is not an exact amount. A float is refused: it has lost digits.
    """
    if isinstance(value, str):
        return parse(value, currency).minor
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise MoneyError(f"An amount comes as text, int or Decimal, not as {type(value).__name__}.")
    number = Decimal(value)
    # Asked before it is written out: "1e999999999" is a small body and a huge number.
    if not number.is_finite() or not -18 <= number.adjusted() <= 18:
        raise MoneyError(f"{str(number)[:40]} is not an amount of money.")
    return parse(f"{number:f}", currency).minor


def to_decimal_string(minor: int, currency: str) -> str:
    """Return minor units as plain decimal text: 1234 USD → "12.34", 1234 JPY → "1234"."""
    return decimal_text(minor, exponent(currency))


def format(money: Money) -> str:  # noqa: A001 - the house's word for Money → text; callers write money.format(...)
    """Return money as text with its currency: "12.34 USD"."""
    return f"{to_decimal_string(money.minor, money.currency)} {money.currency}"


def decimal_text(value: int, places: int) -> str:
    """Return an integer as decimal text with its point ``places`` digits from the right."""
    digits = str(abs(value)).rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


@dataclass(frozen=True, slots=True)
class Rate:
    """A share, in basis points."""

    bps: int

    def __str__(self) -> str:
        return rate_text(self.bps)


@dataclass(frozen=True, slots=True)
class Exact:
    """An amount before it is rounded, as decimal text."""

    text: str
    currency: str

    def __str__(self) -> str:
        return f"{self.text} {self.currency}"


def rate_text(rate_bps: int) -> str:
    """Return basis points as a percentage: 250 → "2.5 %"."""
    whole, point, fraction = decimal_text(rate_bps, 2).partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}{point if fraction else ''}{fraction} %"


def exact_share_text(amount_minor: int, rate_bps: int, currency: str) -> str:
    """Return amount times rate before rounding, as decimal text: 9980 USD at 250 bps → "2.495"."""
    places = exponent(currency)
    whole, _, fraction = decimal_text(amount_minor * rate_bps, places + 4).partition(".")
    fraction = fraction.rstrip("0").ljust(places, "0")
    return f"{whole}.{fraction}" if fraction else whole


def share_half_up(amount_minor: int, numerator: int, denominator: int) -> int:
    """Return amount times numerator / denominator, rounded half up (away from zero for negative amounts)."""
    if denominator <= 0:
        raise ValueError(f"A share is taken of a positive whole, not of {denominator}.")
    product = amount_minor * numerator
    rounded = (2 * abs(product) + denominator) // (2 * denominator)
    return -rounded if product < 0 else rounded


def allocate(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Split an amount over weights so that the parts sum to it: largest remainder, ties to the earlier part.

    Weights that are all zero count as equal. Negative amounts are split like positive ones. Raises
    ValueError for a negative weight, and for money with nobody to give it to.
    """
    if any(weight < 0 for weight in weights):
        raise ValueError("Weights must not be negative.")
    if not weights:
        if amount_minor:
            raise ValueError(f"There is nothing to split {amount_minor} over.")
        return []
    shares = list(weights) if any(weights) else [1] * len(weights)
    total = sum(shares)
    sign = -1 if amount_minor < 0 else 1
    divided = [divmod(abs(amount_minor) * share, total) for share in shares]
    parts = [floor for floor, _ in divided]
    left = abs(amount_minor) - sum(parts)
    for index in sorted(range(len(parts)), key=lambda i: -divided[i][1])[:left]:
        parts[index] += 1
    return [sign * part for part in parts]
