"""What people send from the review desk: one decision, or one about many; and which part of the queue they look at."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

from flask import g
from marshmallow import EXCLUDE, Schema, fields, post_load, validate

from app.admin.filters import asked_amount, asked_choice, asked_text
from app.admin.forms import DecisionSchema, RejectSchema
from app.admin.queries.reviews import Show, Sort, Wanted
from app.clock import utcnow
from app.engine.flows.review import MAX_REASON_LENGTH, MOST_PICKS, Pick
from app.engine.rules.holds import HoldReason
from app.fields import MoneyField
from app.sentences import marked

#: What can be asked for by age: from so many hours on.
AGES = {"24": timedelta(hours=24), "72": timedelta(hours=72)}
_LONG = f"The reason is too long; use at most {MAX_REASON_LENGTH} characters."


class HoldSchema(DecisionSchema):
    """A decision that may have a reason."""

    reason = fields.String(load_default="", validate=validate.Length(max=MAX_REASON_LENGTH, error=_LONG))


@dataclass(frozen=True, slots=True)
class Amount:
    """Another amount for a reward, as somebody saw it, and why."""

    seen_version: int
    reason: str
    amount: int


class AmountSchema(RejectSchema):
    """A decision that sets an amount."""

    @post_load
    def _make(self, data: dict[str, Any], **_kwargs: Any) -> Amount:
        return Amount(**data)


@dataclass(frozen=True, slots=True)
class Many:
    """A decision about many rewards: those that were ticked, or all that are looked for."""

    picks: list[Pick] = field(default_factory=list)
    all: bool = False
    reason: str = ""


class PickField(fields.Field[Pick]):
    """A reward and the version of it that was seen, like ``7:3``."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_kwargs: Any) -> Pick:
        reward_id, _, version = str(value).partition(":")
        if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in (reward_id, version)):
            raise self.make_error("invalid")
        return Pick(int(reward_id), int(version))

    default_error_messages = {"invalid": marked("The choice was not understood; load the page again.")}


class ManySchema(Schema):
    """A decision about many."""

    class Meta:
        unknown = EXCLUDE

    picks = fields.List(
        PickField(),
        data_key="pick",
        load_default=list,
        validate=validate.Length(max=MOST_PICKS, error=f"Decide about at most {MOST_PICKS} rewards at once."),
    )
    all = fields.Boolean(load_default=False)
    reason = fields.String(load_default="", validate=validate.Length(max=MAX_REASON_LENGTH, error=_LONG))

    @post_load
    def _make(self, data: dict[str, Any], **_kwargs: Any) -> Many:
        return Many(**data)


hold_schema = HoldSchema()
many_schema = ManySchema()


@cache
def amount_schema(currency: str) -> Schema:
    """Return the schema of another amount, in a shop with a currency."""
    return AmountSchema.from_dict({"amount": MoneyField(currency, required=True)})()


def read_wanted() -> tuple[Wanted, dict[str, str]]:
    """Return which part of the queue this request looks at, and the same as it stands in an address."""
    older = AGES.get(asked_text("older"))
    wanted = Wanted(
        g.actor,
        show=asked_choice("show", Show),
        why=asked_choice("why", HoldReason),
        tier=asked_text("tier"),
        above_minor=asked_amount("above"),
        before=None if older is None else utcnow() - older,
        sort=asked_choice("sort", Sort),
    )
    chosen = {
        "show": wanted.show or "",
        "why": wanted.why or "",
        "tier": wanted.tier,
        "above": asked_text("above") if wanted.above_minor is not None else "",
        "older": asked_text("older") if older is not None else "",
        "sort": wanted.sort or "",
    }
    return wanted, chosen
