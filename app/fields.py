"""Fields for what people write, checked at the border: money, rates, instants, ids and words as text, exactly.

Used by forms, by documents in a file and by bodies of requests. Each refuses with a sentence that says what to do.
"""

import re
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from marshmallow import ValidationError, fields

from app.engine.rules.money import MoneyError, parse
from app.engine.rules.problems import LARGEST_ID
from app.sentences import marked, say

_RATE = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?\s*%?")
_MULTIPLIER = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,4}))?")
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_ID = re.compile(r"(?:gid://shopify/([A-Za-z]+)/)?([0-9]{1,19})")
NO_VALUE = marked("Write a value, or leave the field out.")
#: What is said of a word that is no id, by Shopify's kind.
_NO_ID = {
    "Product": marked("{word} is no product id: take the number at the end of its address."),
    "ProductVariant": marked("{word} is no product variant id: take the number at the end of its address."),
    "Collection": marked("{word} is no collection id: take the number at the end of its address."),
}
_MESSAGES: dict[str, Any] = {"required": marked("This is missing; write it."), "null": NO_VALUE}


class MoneyField(fields.Field[int | None]):
    """A decimal text in a currency, as minor units; an empty text is None. Numbers are not taken, only text."""

    default_error_messages = {**_MESSAGES, "required": marked("Write an amount, like 12.34; 0 for nothing.")}

    def __init__(self, currency: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.currency = currency

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_kwargs: Any) -> int | None:
        if not isinstance(value, str):
            raise ValidationError("Write the amount as text, like 12.34.")
        if not value.strip() and self.allow_none:
            return None
        try:
            amount = parse(value.strip(), self.currency)
        except MoneyError as error:
            raise ValidationError(error.args[0]) from error
        if amount.minor < 0:
            raise ValidationError("The amount must not be negative.")
        return amount.minor


class RateField(fields.Field[int]):
    """A percentage as text with at most two decimals, as basis points."""

    _like = marked("Write the rate in percent with at most two decimals, like 2.5.")
    default_error_messages = {**_MESSAGES, "required": _like}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_kwargs: Any) -> int:
        match = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            raise ValidationError(self._like)
        rate_bps = int(match[1] + (match[2] or "").ljust(2, "0"))
        if rate_bps > 10_000:
            raise ValidationError("A rate is at most 100 percent.")
        return rate_bps


class MultiplierField(fields.Field[int]):
    """A factor as text with at most four decimals, as ten-thousandths: "2" doubles and is 20,000."""

    default_error_messages = _MESSAGES

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_kwargs: Any) -> int:
        match = _MULTIPLIER.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            raise ValidationError("Write the multiplier as text with at most four decimals, like 1.5.")
        return int(match[1] + (match[2] or "").ljust(4, "0"))


class WholeField(fields.Field[int]):
    """A whole number, as a number or as text."""

    default_error_messages = _MESSAGES

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_kwargs: Any) -> int:
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str) or not _WHOLE.fullmatch(text.strip()):
            raise ValidationError("Write a whole number, like 14.")
        return int(text)


class FlagField(fields.Field[bool]):
    """Yes or no, as a JSON boolean."""

    default_error_messages = _MESSAGES

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Write true or false.")
        return value


class ChoiceField(fields.Field[StrEnum]):
    """One of a few words."""

    default_error_messages = _MESSAGES

    def __init__(self, choices: type[StrEnum], **settings: Any) -> None:
        super().__init__(**settings)
        self.choices = choices

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_kwargs: Any) -> StrEnum:
        if not isinstance(value, str) or value not in list(self.choices):
            raise ValidationError(say("Choose one of: {choices}.", choices=", ".join(self.choices)))
        return self.choices(value)


class TextField(fields.Field[str]):
    """A text without outer blanks."""

    default_error_messages = {**_MESSAGES, "required": marked("This needs a name; write one.")}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("Write a text.")
        return value.strip()


class InstantField(fields.Field[datetime]):
    """An instant in ISO 8601 with its time zone, as UTC."""

    default_error_messages = {**_MESSAGES, "required": marked("Say the moment, like 2026-11-27T00:00+01:00.")}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_kwargs: Any) -> datetime:
        try:
            at = datetime.fromisoformat(value.strip() if isinstance(value, str) else "")
            if at.tzinfo is None:
                raise ValidationError(
                    say("{moment} has no time zone; write it like 2026-11-27T00:00+01:00.", moment=value)
                )
            return at.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise ValidationError("Write the moment like 2026-11-27T00:00+01:00.") from error


class DayField(fields.Field[date]):
    """A day in ISO 8601."""

    default_error_messages = _MESSAGES

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_kwargs: Any) -> date:
        try:
            return date.fromisoformat(value.strip() if isinstance(value, str) else "")
        except ValueError as error:
            raise ValidationError("Write the day like 2026-11-27.") from error


class IdsField(fields.Field[frozenset[int]]):
    """A list of Shopify's ids of one kind, as numbers, as text of digits, or whole (``gid://shopify/Product/1``)."""

    default_error_messages = _MESSAGES

    def __init__(self, kind: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.kind = kind

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_kwargs: Any) -> frozenset[int]:
        if not isinstance(value, list):
            raise ValidationError('Write a list of ids, like ["1234", "5678"].')
        return frozenset(map(self._read, value))

    def _read(self, word: Any) -> int:
        is_text = isinstance(word, str | int) and not isinstance(word, bool)
        match = _ID.fullmatch(str(word).strip()) if is_text else None
        if match is None or match[1] not in (None, self.kind) or not 0 < int(match[2]) <= LARGEST_ID:
            raise ValidationError(say(_NO_ID[self.kind], word=repr(str(word)[:60])))
        return int(match[2])


class WordsField(fields.Field[frozenset[str]]):
    """A list of texts without outer blanks."""

    default_error_messages = _MESSAGES

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_kwargs: Any) -> frozenset[str]:
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise ValidationError('Write a list of texts, like ["one", "two"].')
        return frozenset(word.strip() for word in value)
