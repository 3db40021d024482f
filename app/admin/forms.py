"""What people send, checked at the door. The terms are a document of their own (``app/terms_document.py``)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate

from app.engine.flows.program import Connection, Waiting
from app.engine.flows.review import MAX_REASON_LENGTH
from app.engine.rules.problems import LONGEST_NAME
from app.engine.rules.terms import Mode
from app.fields import InstantField, MoneyField

_LARGEST_ID = 2**63 - 1


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
    #: What mixed mode does without a person, besides ``automatic_up_to``.
    automatic_tiers = fields.List(fields.String(validate=validate.Length(max=LONGEST_NAME)), load_default=list)


class PublicationSchema(Schema):
    """A body that publishes terms: the document, the newest version its writer saw, and from when on."""

    error_messages = {"unknown": "There is no field of this name; there are terms, seen_version and effective_from."}

    terms = fields.Dict(
        required=True,
        error_messages={"required": "The terms are missing.", "invalid": "Write the terms as an object."},
    )
    seen_version = fields.Integer(
        required=True,
        strict=True,
        error_messages={
            "required": "Say which version is the newest you saw.",
            "invalid": "The version seen must be a whole number.",
        },
    )
    effective_from = InstantField(allow_none=True, load_default=None)


class FarExpirySchema(Schema):
    """The merchant's agreement to a far expiry."""

    class Meta:
        unknown = EXCLUDE

    agreed = fields.Boolean(required=True)


class ConnectionSchema(Schema):
    """How the shop lives with Shopify; a box that is not ticked is not sent. The flow knows the ranges."""

    class Meta:
        unknown = EXCLUDE

    notify_customers = fields.Boolean(load_default=False)
    reconcile_minutes = fields.Integer(
        required=True,
        error_messages={
            "required": "Say how often missed orders are looked for.",
            "invalid": "Write the minutes between two looks as a whole number, such as 15.",
        },
    )
    keep_deliveries_days = fields.Integer(
        required=True,
        error_messages={
            "required": "Say how long deliveries are kept.",
            "invalid": "Write the days that deliveries are kept as a whole number, such as 30.",
        },
    )

    @post_load
    def _make(self, data: dict[str, Any], **_kwargs: Any) -> Connection:
        return Connection(**data)


class TransferSchema(Schema):
    """What a person found out about a transfer with an unknown outcome."""

    class Meta:
        unknown = EXCLUDE

    arrived = fields.Boolean(required=True)
    transaction_id = fields.String(load_default="", validate=validate.Length(max=255))


decision_schema = DecisionSchema()
reject_schema = RejectSchema()
publication_schema = PublicationSchema()
far_expiry_schema = FarExpirySchema()
connection_schema = ConnectionSchema()
transfer_schema = TransferSchema()


@cache
def mode_schema(currency: str) -> Schema:
    """Return the schema of a switch of the mode, in a shop with a currency."""
    schema = ModeSchema.from_dict({"automatic_up_to": MoneyField(currency, allow_none=True, load_default=None)})
    return schema()


def load(schema: Schema, data: Mapping[str, Any]) -> Any:
    """Return what a form says, or raise FormError."""
    try:
        return schema.load(data)
    except ValidationError as error:
        messages = error.messages
        raise FormError(messages if isinstance(messages, dict) else {"form": messages}) from error


def _sentences(errors: Any) -> Any:
    if isinstance(errors, str):
        yield errors
    elif isinstance(errors, Mapping):
        for value in errors.values():
            yield from _sentences(value)
    else:
        for value in errors:
            yield from _sentences(value)
