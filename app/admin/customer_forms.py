"""What people send about customers: credit by hand, tiers given and ended, and why."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, partial
from typing import Any

from flask import g
from flask_babel import gettext as _
from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate

from app.admin.display import zone
from app.admin.forms import FormError
from app.engine.flows.adjust import MAX_KEY_LENGTH, MAX_NOTE_LENGTH
from app.engine.flows.tiers import LAST_YEAR
from app.engine.rules.problems import LONGEST_NAME
from app.engine.rules.states import TransferKind
from app.fields import MoneyField
from app.languages import translate
from app.models import ReasonCode
from app.sentences import marked, say

#: So many customers get a tier at once by the list; more by the command line.
MOST_AT_ONCE = 100
_LARGEST_ID = 2**63 - 1
_LARGEST_MINOR = 2**63 - 1
_NUMBERS = re.compile(r"(?:[0-9]{1,18}(?:,[0-9]{1,18}){0,20})?")
_NO_AMOUNT = marked("Write an amount above zero, like 12.34.")


@dataclass(frozen=True, slots=True)
class ByHand:
    """Credit or debit by hand, as a person asks for it; in minor units of the shop's currency."""

    kind: TransferKind
    amount_minor: int
    reason_code: ReasonCode
    note: str
    key: str


@dataclass(frozen=True, slots=True)
class GivenTier:
    """A tier to be given; ``seen`` are the numbers of what the person saw given, None on the list."""

    tier: str
    reason: str
    ends_at: datetime | None
    is_locked: bool
    seen: tuple[int, ...] | None


class _Form(Schema):
    class Meta:
        unknown = EXCLUDE


class _Seen(fields.Field[tuple[int, ...] | None]):
    """The numbers of rows the person saw, with commas between them; None where the form does not say."""

    def __init__(self) -> None:
        super().__init__(load_default=None)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_kwargs: Any) -> tuple[int, ...]:
        if not isinstance(value, str) or not _NUMBERS.fullmatch(value):
            raise ValidationError([marked("The form does not say what it saw; load the page again.")])
        return tuple(int(number) for number in value.split(",") if number)


def _said(most: int, missing: str = "") -> fields.String:
    """Return a field of a text; with ``missing`` it must hold something."""
    checks: list[Callable[[Any], Any]] = [partial(_check_length, most)]
    if missing:
        checks.insert(0, validate.Predicate("strip", error=missing))
        return fields.String(required=True, validate=checks, error_messages={"required": missing})
    return fields.String(load_default="", validate=checks)


def _check_length(most: int, text: str) -> None:
    if len(text) > most:
        raise ValidationError([say("This is too long; use at most {most} characters.", most=most)])


class ReasonSchema(_Form):
    """Why something is decided, and what the person saw: how much was owed, or what was given by hand."""

    reason = _said(MAX_NOTE_LENGTH, marked("Say why; it is kept and shown to your colleagues."))
    seen_minor = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(0, _LARGEST_MINOR))
    seen = _Seen()


class _ByHandSchema(_Form):
    kind = fields.Enum(TransferKind, by_value=True, required=True)
    reason_code = fields.Enum(
        ReasonCode,
        by_value=True,
        required=True,
        error_messages={
            "required": marked("Choose a reason of the list."),
            "unknown": marked("Choose a reason of the list."),
        },
    )
    note = _said(MAX_NOTE_LENGTH)
    key = fields.String(required=True, validate=validate.Length(1, MAX_KEY_LENGTH))

    @post_load
    def _make(self, data: dict[str, Any], **_kwargs: Any) -> ByHand:
        if not data["amount"]:
            raise ValidationError({"amount": [_NO_AMOUNT]})
        if data["reason_code"] is ReasonCode.OTHER and not data["note"].strip():
            raise ValidationError({"note": [marked("Say why in the note when the reason is none of the list.")]})
        return ByHand(data["kind"], data["amount"], data["reason_code"], data["note"], data["key"])


class TierSchema(_Form):
    """A tier to be given until the end of a day of the shop, or for good."""

    tier = _said(LONGEST_NAME, marked("Choose a tier."))
    reason = _said(MAX_NOTE_LENGTH, marked("Say why; it is kept and shown to your colleagues."))
    until = fields.String(load_default="")
    lock = fields.Boolean(load_default=False)
    seen = _Seen()

    @post_load
    def _make(self, data: dict[str, Any], **_kwargs: Any) -> GivenTier:
        return GivenTier(data["tier"], data["reason"], _end_of(data["until"]), data["lock"], data["seen"])


reason_schema = ReasonSchema()
tier_schema = TierSchema()


@cache
def by_hand_schema(currency: str) -> Schema:
    """Return the schema of credit by hand, in a shop with a currency."""
    amount = MoneyField(
        currency, required=True, allow_none=True, error_messages={"required": _NO_AMOUNT, "null": _NO_AMOUNT}
    )
    return _ByHandSchema.from_dict({"amount": amount})()


def chosen_ids(texts: list[str]) -> list[int]:
    """Return the customers that were ticked, or raise FormError."""
    numbers = {int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 20}
    ids = sorted(number for number in numbers if number <= _LARGEST_ID)
    if not ids:
        raise FormError({"customer": [marked("Tick at least one customer of the list.")]})
    if len(ids) > MOST_AT_ONCE:
        raise FormError({"customer": [say("Tick at most {most} customers at once.", most=MOST_AT_ONCE)]})
    return ids


def tier_options(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return tiers as a form offers them."""
    return [("", _("Choose a tier")), *((name, name) for name in names)]


def sentences(error: FormError) -> dict[str, str]:
    """Return the first sentence about each field, in the reader's language."""
    return {
        name: translate(found[0] if isinstance(found, list) else next(iter(found)))
        for name, found in error.errors.items()
    }


def _end_of(day: str) -> datetime | None:
    if not day.strip():
        return None
    try:
        last = date.fromisoformat(day.strip())
    except ValueError as error:
        raise ValidationError({"until": [marked("Write the day like 2026-11-27.")]}) from error
    if not 1970 <= last.year < LAST_YEAR:
        raise ValidationError({"until": [marked("The end is too far away; leave it out for no end.")]})
    return datetime.combine(last + timedelta(days=1), time(), zone(g.shop.timezone)).astimezone(UTC)
