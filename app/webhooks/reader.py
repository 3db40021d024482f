"""Values out of a body that are what they should be, or a sentence that says where and why not."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NoReturn

from app.engine.rules.money import MoneyError, to_minor
from app.sentences import Sentence, say
from app.webhooks.body import TEXT_LIMIT, BodyError, Json, clean_text, kind_of

#: What an amount may be at most, in minor units: far above any order, far below what a bigint column holds.
LARGEST_AMOUNT_MINOR = 10**15
LARGEST_ID = 2**63 - 1
LARGEST_QUANTITY = 10**6
#: How much of a value is quoted in a sentence.
QUOTE_LIMIT = 40
#: Numbers without a ``_set`` may carry the noise of a binary fraction (17.990000000000002): what lies behind the
#: eighth decimal is no money.
_NOISE = Decimal("1e-8")

_CURRENCY = re.compile(r"[A-Z]{3}")
_DIGITS = re.compile(r"[0-9]{1,19}")
_GID = re.compile(r"gid://shopify/([A-Za-z]+)/([0-9]{1,19})(?:\?.*)?")


def parse_instant(text: str) -> datetime | None:
    """Return the instant an ISO 8601 text with an offset says, in UTC; None if it says none."""
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            return None
        instant = instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return instant if 1900 <= instant.year < 3000 else None


@dataclass(frozen=True, slots=True)
class Reader:
    """An object inside a body, together with the way to it. Whatever it cannot return it refuses by BodyError."""

    data: Json
    path: str = ""

    def has(self, name: str) -> bool:
        """Return whether a field is there and not null."""
        return self.data.get(name) is not None

    def shopify_id(self, name: str = "id") -> int:
        """Return a numeric id.

        Where the object's global id is beside it, that one is taken if the number is what is left of it after a
        trip through a double (…154508 → …154500), as in Shopify's own samples. A bare reference such as a
        refund's ``order_id`` has no global id and is taken as it stands.
        """
        number = self.optional_id(name)
        if number is None:
            self._refuse(name, say("an id"))
        gid = self.data.get("admin_graphql_api_id")
        if name == "id" and isinstance(gid, str) and (match := _GID.fullmatch(gid)):
            exact = int(match[2])
            if exact <= LARGEST_ID and _may_be_rounded(exact, number):
                return exact
        return number

    def optional_id(self, name: str) -> int | None:
        """Return a numeric id, or None where there is none."""
        value = self.data.get(name)
        if value is None:
            return None
        number = self._integer(value)
        if number is None or not 0 < number <= LARGEST_ID:
            self._refuse(name, say("an id"))
        return number

    def gid(self, name: str, kind: str) -> int:
        """Return the number in the global id of a thing of a kind."""
        value = self.data.get(name)
        match = _GID.fullmatch(value) if isinstance(value, str) else None
        if match is None or match[1] != kind or not 0 < int(match[2]) <= LARGEST_ID:
            self._refuse(name, say("a global id like {example}", example=f"gid://shopify/{kind}/1"))
        return int(match[2])

    def email(self, name: str) -> str | None:
        """Return an email address in small letters; None if there is none."""
        text = self.text(name)
        return text.lower() if text and "@" in text else None

    def quantity(self, name: str) -> int:
        """Return a number of units, which may be 0."""
        number = self._integer(self.data.get(name))
        if number is None or not 0 <= number <= LARGEST_QUANTITY:
            self._refuse(name, say("a quantity"))
        return number

    def text(self, name: str, limit: int = TEXT_LIMIT) -> str | None:
        """Return a text for display, cleaned and cut; None if there is none or it is no text."""
        value = self.data.get(name)
        return (clean_text(value, limit) or None) if isinstance(value, str) else None

    def texts(self, name: str) -> tuple[str, ...] | None:
        """Return a list of texts, which may also come as one text with commas; None if there is neither."""
        value = self.data.get(name)
        if isinstance(value, str):
            value = value.split(",")
        if not isinstance(value, list):
            return None
        cleaned = (clean_text(item) for item in value if isinstance(item, str))
        return tuple(dict.fromkeys(text for text in cleaned if text))

    def flag(self, name: str) -> bool:
        """Return whether a field is true; 1 and "true" are taken for it."""
        value = self.data.get(name)
        return value is True or value == 1 or (isinstance(value, str) and value.strip().lower() == "true")

    def currency(self, name: str) -> str:
        """Return a currency code."""
        value = self.data.get(name)
        if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
            self._refuse(name, say("a currency code like USD"))
        return value

    def optional_instant(self, name: str) -> datetime | None:
        """Return an instant in UTC, or None where there is none."""
        value = self.data.get(name)
        if value is None:
            return None
        instant = parse_instant(value) if isinstance(value, str) else None
        if instant is None:
            self._refuse(name, say("a time with its offset"))
        return instant

    def instant(self, *names: str) -> datetime:
        """Return the first instant there is among the fields."""
        found = next((instant for name in names if (instant := self.optional_instant(name))), None)
        return found or self._refuse(names[0], say("a time with its offset"))

    def object(self, name: str) -> "Reader | None":
        """Return an inner object; None if there is none or it is empty."""
        value = self.data.get(name)
        if value is None or value == {}:
            return None
        if not isinstance(value, dict):
            self._refuse(name, say("an object"))
        return Reader(value, self._at(name))

    def required_objects(self, name: str) -> list["Reader"]:
        """Return the objects of a list that must be there."""
        if not self.has(name):
            self._refuse(name, say("a list"))
        return list(self.objects(name))

    def objects(self, name: str) -> Iterator["Reader"]:
        """Return the objects of a list; none if there is no list."""
        value = self.data.get(name)
        if value is None:
            return
        if not isinstance(value, list):
            self._refuse(name, say("a list"))
        for index, item in enumerate(value):
            path = f"{self._at(name)}[{index}]"
            if not isinstance(item, dict):
                raise BodyError(say("{path} must be an object; it is {found}.", path=path, found=kind_of(item)))
            yield Reader(item, path)

    def optional_minor(self, name: str, currency: str) -> int:
        """Return an amount like ``minor``; 0 where there is none."""
        return self.minor(name, currency) if self.has_amount(name) else 0

    def minor(self, name: str, currency: str) -> int:
        """Return an amount in minor units of the shop's currency. It may be negative.

        The text in ``<name>_set.shop_money`` is preferred to ``<name>`` itself, which may be a JSON number.
        """
        shop_money = self.money_of(name, "shop_money")
        if shop_money is not None:
            if shop_money.has("currency_code") and shop_money.currency("currency_code") != currency:
                shop_money._refuse("currency_code", currency)
            return shop_money._amount("amount", currency)
        return self._amount(name, currency)

    def has_amount(self, name: str) -> bool:
        """Return whether an amount is there in either form."""
        return self.has(name) or self.money_of(name, "shop_money") is not None

    def money_of(self, name: str, side: str) -> "Reader | None":
        """Return ``<name>_set.<side>`` if it holds an amount; the side is shop_money or presentment_money."""
        both = self.object(f"{name}_set")
        money = both.object(side) if both else None
        return money if money and money.has("amount") else None

    def amount_in(self, currency: str) -> int:
        """Return the ``amount`` of this object in minor units of a currency."""
        return self._amount("amount", currency)

    def _amount(self, name: str, currency: str) -> int:
        value = self.data.get(name)
        if isinstance(value, Decimal) and value.is_finite() and -18 <= value.adjusted() <= 15:
            value = value.quantize(_NOISE)
        try:
            minor = to_minor(value, currency)  # type: ignore[arg-type]  # it refuses what is no amount
        except MoneyError:
            self._refuse(name, say("an amount in {currency}", currency=currency))
        if abs(minor) > LARGEST_AMOUNT_MINOR:
            self._refuse(name, say("an amount the books can hold"))
        return minor

    def _integer(self, value: Any) -> int | None:
        if isinstance(value, str) and _DIGITS.fullmatch(value):
            return int(value)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def _at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def _refuse(self, name: str, wanted: str) -> NoReturn:
        found = _tell(self.data.get(name))
        raise BodyError(say("{at} must be {wanted}; it is {found}.", at=self._at(name), wanted=wanted, found=found))


def read_deleted(body: Reader, kind: str) -> int:
    """Return the id of a thing of a kind that was deleted, from a body that says no more than that.

    Only the body is signed, not the topic: a true word about a thing that lives must not end it.
    """
    living = next((name for name in ("created_at", "updated_at", "name") if name in body.data), None)
    if living is not None:
        raise BodyError(say("The body is no deletion: it has a field {living}.", living=living))
    return body.gid("admin_graphql_api_id", kind) if body.has("admin_graphql_api_id") else body.shopify_id()


def _tell(value: Any) -> Sentence:
    """Return what a value is, with the value itself where it is no longer than people read."""
    kind = kind_of(value)
    if isinstance(value, str):
        return say("{kind} {quoted}", kind=kind, quoted=ascii(value[:QUOTE_LIMIT]))
    if isinstance(value, Decimal):
        return say("{kind} {quoted}", kind=kind, quoted=str(value)[:QUOTE_LIMIT])
    if isinstance(value, int) and not isinstance(value, bool):
        # Not written out when it is huge: Python refuses to turn it into text.
        is_short = value.bit_length() < 128
        return say("{kind} {quoted}", kind=kind, quoted=value) if is_short else say("a number too large to quote")
    return kind


def _may_be_rounded(exact: int, number: int) -> bool:
    # A double has 53 bits; what a writer prints for it lies at most one step of its grid from the integer.
    lost_bits = exact.bit_length() - 53
    return exact == number or (lost_bits > 0 and abs(exact - number) <= 1 << lost_bits)
