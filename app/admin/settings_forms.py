"""What the settings' forms send: the feature manager's switches, the programme's beginning, people and languages."""

from functools import cache
from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

from app.engine.flows.staff import LANGUAGES
from app.engine.rules.roles import Role
from app.fields import MoneyField

_LONGEST_MARK = 64


class SeenSchema(Schema):
    """A form that says what it showed; a script that has looked at nothing leaves that out."""

    class Meta:
        unknown = EXCLUDE

    seen = fields.String(load_default=None, validate=validate.Length(max=_LONGEST_MARK))


class RoleSchema(SeenSchema):
    """A person's role; ``limit`` comes with the shop's currency."""

    role = fields.Enum(
        Role,
        by_value=True,
        required=True,
        error_messages={"required": "Choose a role.", "unknown": "Choose a role."},
    )
    #: Somebody gives up their own role as owner and has read what that means.
    confirmed = fields.Boolean(load_default=False)


class NewcomersSchema(SeenSchema):
    """What people become who open the app for the first time."""

    role = fields.Enum(
        Role,
        by_value=True,
        required=True,
        error_messages={"required": "Choose a role.", "unknown": "Choose a role."},
    )


class LanguageSchema(Schema):
    """The language of one person; empty: that of their Shopify admin."""

    class Meta:
        unknown = EXCLUDE

    language = fields.String(
        required=True,
        validate=validate.OneOf(("", *LANGUAGES), error="Choose one of the languages of the list."),
        error_messages={"required": "Choose one of the languages of the list."},
    )


newcomers_schema = NewcomersSchema()
language_schema = LanguageSchema()


@cache
def role_schema(currency: str) -> Schema:
    """Return the schema of a person's role in a shop with a currency."""
    made: dict[str, Any] = {"limit": MoneyField(currency, allow_none=True, load_default=None)}
    return RoleSchema.from_dict(made)()
