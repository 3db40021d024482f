"""What people send, checked at the door. The terms are a document of their own (``app/terms_document.py``)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask
from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate

from app.admin.ways import Way
from app.engine.flows.review import MAX_REASON_LENGTH
from app.fields import InstantField
from app.sentences import marked

_LARGEST_ID = 2**63 - 1
#: A longer body is refused before it is read: the terms of a large shop are well below it. Webhooks have their own.
LARGEST_FORM_BYTES = 4 * 1024 * 1024


def init_forms(app: Flask) -> None:
    """Let no request bring more than a form may be; where there is no session token to ask for, too."""
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_FORM_BYTES


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
        validate=validate.Range(
            0, _LARGEST_ID, error=marked("The version seen must be a whole number; load the page again.")
        ),
        error_messages={
            "required": marked("The decision does not say which version it saw; load the page again."),
            "invalid": marked("The version seen must be a whole number; load the page again."),
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
            validate.Predicate("strip", error=marked("Say why: a rejection needs a reason.")),
            validate.Length(
                max=MAX_REASON_LENGTH,
                error=f"The reason is too long; use at most {MAX_REASON_LENGTH} characters.",
            ),
        ],
        error_messages={"required": marked("Say why: a rejection needs a reason.")},
    )


class PublicationSchema(Schema):
    """A body that publishes terms: the document, the newest version its writer saw, and from when on."""

    error_messages = {
        "unknown": marked("There is no field of this name; there are terms, seen_version and effective_from.")
    }

    terms = fields.Dict(
        required=True,
        error_messages={
            "required": marked("The terms are missing."),
            "invalid": marked("Write the terms as an object."),
        },
    )
    seen_version = fields.Integer(
        required=True,
        strict=True,
        error_messages={
            "required": marked("Say which version is the newest you saw."),
            "invalid": marked("The version seen must be a whole number."),
        },
    )
    effective_from = InstantField(allow_none=True, load_default=None)


class TransferSchema(Schema):
    """What a person found out about a transfer with an unknown outcome."""

    class Meta:
        unknown = EXCLUDE

    arrived = fields.Boolean(required=True)
    transaction_id = fields.String(load_default="", validate=validate.Length(max=255))
    seen = fields.String(load_default=None)


class ProcessSchema(Schema):
    """An order is to be processed in the way it was shown, and for the amount."""

    class Meta:
        unknown = EXCLUDE

    way = fields.Enum(Way, by_value=True, required=True)
    seen_minor = fields.Integer(load_default=0, validate=validate.Range(0, _LARGEST_ID))


decision_schema = DecisionSchema()
process_schema = ProcessSchema()
reject_schema = RejectSchema()
publication_schema = PublicationSchema()
transfer_schema = TransferSchema()


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
