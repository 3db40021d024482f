"""What the settings' forms send: the feature manager's switches, the programme's beginning, people and languages."""

from functools import cache
from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

from app.engine.flows.first_run import FirstStep
from app.engine.flows.program import Waiting
from app.engine.flows.staff import LANGUAGES
from app.engine.rules.problems import LONGEST_NAME
from app.engine.rules.roles import Role
from app.engine.rules.terms import Mode
from app.fields import InstantField, MoneyField
from app.sentences import marked

_LONGEST_MARK = 64


class SeenSchema(Schema):
    """A form that says what it showed; a script that has looked at nothing leaves that out."""

    class Meta:
        unknown = EXCLUDE

    seen = fields.String(load_default=None, validate=validate.Length(max=_LONGEST_MARK))


class ModeSchema(SeenSchema):
    """A switch of the mode, with what becomes of the waiting rewards; ``automatic_up_to`` comes with the currency."""

    mode = fields.Enum(
        Mode,
        by_value=True,
        required=True,
        error_messages={"required": marked("Choose a mode."), "unknown": marked("Choose a mode.")},
    )
    waiting = fields.Enum(Waiting, by_value=True, load_default=Waiting.KEEP)
    #: What mixed mode does without a person, besides ``automatic_up_to``.
    automatic_tiers = fields.List(fields.String(validate=validate.Length(max=LONGEST_NAME)), load_default=list)
    #: The mark of those two as the form showed them.
    seen_mixed = fields.String(load_default=None, validate=validate.Length(max=_LONGEST_MARK))


class FarExpirySchema(Schema):
    """The merchant's agreement to a far expiry."""

    class Meta:
        unknown = EXCLUDE

    agreed = fields.Boolean(required=True)


class ConnectionSchema(SeenSchema):
    """How the shop lives with Shopify. The flow knows the ranges."""

    reconcile_minutes = fields.Integer(
        required=True,
        error_messages={
            "required": marked("Say how often missed orders are looked for."),
            "invalid": marked("Write the minutes between two looks as a whole number, such as 15."),
        },
    )
    keep_deliveries_days = fields.Integer(
        required=True,
        error_messages={
            "required": marked("Say how long deliveries are kept."),
            "invalid": marked("Write the days that deliveries are kept as a whole number, such as 30."),
        },
    )


class UndoSchema(SeenSchema):
    """For how many seconds an approval can be undone."""

    undo_seconds = fields.Integer(
        required=True,
        error_messages={
            "required": marked("Say for how many seconds an approval can be undone."),
            "invalid": marked("Write the seconds as a whole number, such as 10."),
        },
    )


class BeganSchema(SeenSchema):
    """When the programme began."""

    began_at = InstantField(required=True)


class FirstStepSchema(Schema):
    """The step of the first run that is settled."""

    class Meta:
        unknown = EXCLUDE

    step = fields.Enum(
        FirstStep,
        by_value=True,
        required=True,
        error_messages={"required": marked("Choose a step."), "unknown": marked("Choose a step.")},
    )


class RoleSchema(SeenSchema):
    """A person's role; ``limit`` comes with the shop's currency."""

    role = fields.Enum(
        Role,
        by_value=True,
        required=True,
        error_messages={"required": marked("Choose a role."), "unknown": marked("Choose a role.")},
    )
    #: Somebody gives up their own role as owner and has read what that means.
    confirmed = fields.Boolean(load_default=False)


class NewcomersSchema(SeenSchema):
    """What people become who open the app for the first time."""

    role = fields.Enum(
        Role,
        by_value=True,
        required=True,
        error_messages={"required": marked("Choose a role."), "unknown": marked("Choose a role.")},
    )


class LanguageSchema(Schema):
    """The language of one person; empty: that of their Shopify admin."""

    class Meta:
        unknown = EXCLUDE

    language = fields.String(
        required=True,
        validate=validate.OneOf(("", *LANGUAGES), error=marked("Choose one of the languages of the list.")),
        error_messages={"required": marked("Choose one of the languages of the list.")},
    )


connection_schema = ConnectionSchema()
far_expiry_schema = FarExpirySchema()
undo_schema = UndoSchema()
first_step_schema = FirstStepSchema()
began_schema = BeganSchema()
newcomers_schema = NewcomersSchema()
language_schema = LanguageSchema()


@cache
def mode_schema(currency: str) -> Schema:
    """Return the schema of a switch of the mode, in a shop with a currency."""
    made: dict[str, Any] = {"automatic_up_to": MoneyField(currency, allow_none=True, load_default=None)}
    return ModeSchema.from_dict(made)()


@cache
def role_schema(currency: str) -> Schema:
    """Return the schema of a person's role in a shop with a currency."""
    made: dict[str, Any] = {"limit": MoneyField(currency, allow_none=True, load_default=None)}
    return RoleSchema.from_dict(made)()
