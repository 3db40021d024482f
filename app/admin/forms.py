"""What people send, checked at the door: decimal strings become minor units, percentages basis points, exactly."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate

from app.engine.flows.program import Waiting
from app.engine.flows.review import MAX_REASON_LENGTH
from app.engine.rules.money import MoneyError, parse
from app.engine.rules.terms import Mode

_LARGEST_ID = 2**63 - 1
_RATE = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?\s*%?")
_PRODUCT = re.compile(r"(?:gid://shopify/Product/)?([0-9]{1,19})")
_LONGEST_LIST = 1_000


class FormError(Exception):
    """A form that cannot be taken; ``errors`` holds sentences by field, the message the first of them."""

    def __init__(self, errors: dict[str, Any]) -> None:
        self.errors = errors
        super().__init__(next(_sentences(errors), "The form was not understood; load the page again."))


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision about a reward: the version the person saw, and the reason if one is needed."""

    seen_version: int
    reason: str = ""


class MoneyField(fields.Field[int | None]):
    """A decimal text in a currency, as minor units; an empty text is None. Numbers are not taken, only text."""

    def __init__(self, currency: str, **settings: Any) -> None:
        super().__init__(allow_none=True, **settings)
        self.currency = currency

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_kwargs: Any) -> int | None:
        if not isinstance(value, str):
            raise ValidationError("Write the amount as text, like 12.34.")
        if not value.strip():
            return None
        try:
            amount = parse(value.strip(), self.currency)
        except MoneyError as error:
            raise ValidationError(str(error)) from error
        if amount.minor < 0:
            raise ValidationError("The amount must not be negative.")
        return amount.minor


class RateField(fields.Field[int]):
    """A percentage as text with at most two decimals, as basis points."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_kwargs: Any) -> int:
        match = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            raise ValidationError("Write the rate in percent with at most two decimals, like 2.5.")
        rate_bps = int(match[1] + (match[2] or "").ljust(2, "0"))
        if rate_bps > 10_000:
            raise ValidationError("A rate is at most 100 percent.")
        return rate_bps


class ProductIds(fields.Field[frozenset[int]]):
    """Product ids divided by commas or line ends, as numbers."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_kwargs: Any) -> frozenset[int]:
        ids = set()
        for word in _split(value, r"[\s,;]+"):
            match = _PRODUCT.fullmatch(word)
            if match is None or not 0 < int(match[1]) <= _LARGEST_ID:
                raise ValidationError(f"{word[:60]!r} is no product id: take the number at the end of its address.")
            ids.add(int(match[1]))
        return frozenset(ids)


class Tags(fields.Field[frozenset[str]]):
    """Tags divided by commas or line ends."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_kwargs: Any) -> frozenset[str]:
        tags = frozenset(_split(value, r"\s*[,\n]\s*"))
        if any(len(tag) > 255 for tag in tags):
            raise ValidationError("A tag has at most 255 characters.")
        return tags


class DecisionSchema(Schema):
    """A decision without a reason."""

    class Meta:
        unknown = EXCLUDE

    seen_version = fields.Integer(
        required=True,
        validate=validate.Range(0, _LARGEST_ID, error="The version seen must be a whole number; load the page again."),
        error_messages={
            "required": "The decision does not say which version it saw; load the page again.",
            "invalid": "The version seen must be a whole number; load the page again.",
        },
    )

    @post_load
    def _make(self, data: dict[str, Any], **_kwargs: Any) -> Decision:
        return Decision(**data)


class RejectSchema(DecisionSchema):
    """A decision that needs a reason."""

    reason = fields.String(
        required=True,
        validate=[
            validate.Predicate("strip", error="Say why: a rejection needs a reason."),
            validate.Length(
                max=MAX_REASON_LENGTH, error=f"The reason is too long; use at most {MAX_REASON_LENGTH} characters."
            ),
        ],
        error_messages={"required": "Say why: a rejection needs a reason."},
    )


class ModeSchema(Schema):
    """A switch of the mode, with what becomes of the waiting rewards."""

    class Meta:
        unknown = EXCLUDE

    mode = fields.Enum(Mode, by_value=True, required=True)
    waiting = fields.Enum(Waiting, by_value=True, load_default=Waiting.KEEP)


class FarExpirySchema(Schema):
    """The merchant's agreement to a far expiry."""

    class Meta:
        unknown = EXCLUDE

    agreed = fields.Boolean(required=True)


class TransferSchema(Schema):
    """What a person found out about a transfer with an unknown outcome."""

    class Meta:
        unknown = EXCLUDE

    arrived = fields.Boolean(required=True)
    transaction_id = fields.String(load_default="", validate=validate.Length(max=255))


class TierSchema(Schema):
    """A row of the tier table. ``Meta.fields`` are made for a currency by ``terms_schema``."""

    name = fields.String(
        required=True,
        validate=[
            validate.Predicate("strip", error="Every tier needs a name."),
            validate.Length(max=60, error="A tier's name has at most 60 characters."),
        ],
    )
    rate = RateField(required=True)


decision_schema = DecisionSchema()
reject_schema = RejectSchema()
mode_schema = ModeSchema()
far_expiry_schema = FarExpirySchema()
transfer_schema = TransferSchema()


@cache
def terms_schema(currency: str) -> Schema:
    """Return the schema of the terms' form in a currency."""
    tier = TierSchema.from_dict({"threshold": MoneyField(currency, required=True)})
    terms = Schema.from_dict(
        {
            "tiers": fields.List(
                fields.Nested(tier),
                required=True,
                validate=[
                    validate.Length(min=1, error="There must be at least one tier."),
                    validate.Length(max=50, error="There may be at most 50 tiers."),
                ],
            ),
            "minimum_order": MoneyField(currency, load_default=None),
            "cap_per_order": MoneyField(currency, load_default=None),
            "hold_above": MoneyField(currency, load_default=None),
            "excluded_product_ids": ProductIds(load_default=frozenset()),
            "excluded_tags": Tags(load_default=frozenset()),
        }
    )
    return terms(unknown=EXCLUDE)


def load(schema: Schema, data: Mapping[str, Any]) -> Any:
    """Return what a form says, or raise FormError."""
    try:
        return schema.load(data)
    except ValidationError as error:
        messages = error.messages
        raise FormError(messages if isinstance(messages, dict) else {"form": messages}) from error


def _split(value: Any, pattern: str) -> list[str]:
    if not isinstance(value, str):
        raise ValidationError("Write a list, divided by commas.")
    words = [word for word in re.split(pattern, value.strip()) if word]
    if len(words) > _LONGEST_LIST:
        raise ValidationError(f"At most {_LONGEST_LIST} can be listed.")
    return words


def _sentences(errors: Any) -> Any:
    if isinstance(errors, str):
        yield errors
    elif isinstance(errors, Mapping):
        for value in errors.values():
            yield from _sentences(value)
    else:
        for value in errors:
            yield from _sentences(value)
