"""What the forms of Settings → Mails send. What is possible the flow knows; here texts become values."""

from typing import Any

from marshmallow import fields, pre_load

from app.admin.forms import FormError
from app.admin.settings_forms import SeenSchema
from app.engine.rules.mail_choices import Alerting, Teller, Telling, read_time, read_times, split_words
from app.engine.rules.messages import Saying
from app.engine.rules.stage_limits import DEFAULT_LIMITS, TIMED
from app.sentences import marked
from app.texts import clean_text

_WHOLE = marked("Write a whole number, like 14.")
_MINUTE = 60


class _Whole(fields.Integer):
    """A whole number, with one sentence for whatever else was written."""

    default_error_messages = dict.fromkeys(("required", "invalid", "null", "too_large"), _WHOLE)


class TellingSchema(SeenSchema):
    """How customers are told; ``hears`` are the sayings that are ticked."""

    teller = fields.Enum(
        Teller,
        by_value=True,
        required=True,
        error_messages={"required": marked("Choose who tells."), "unknown": marked("Choose who tells.")},
    )
    digest_times = fields.String(load_default="")
    quiet_from = fields.String(load_default="")
    quiet_to = fields.String(load_default="")
    hears = fields.List(fields.String(), load_default=list)
    remind_days = fields.String(load_default="")
    cap_per_run = _Whole(required=True)
    per_minute = _Whole(required=True)
    keep_days = _Whole(required=True)
    sender_name = fields.String(load_default="")
    reply_to = fields.String(load_default="")
    language = fields.String(load_default="")


class AlertingSchema(SeenSchema):
    """How the merchant is told; a field ``limit_<stage>`` for each stage that has a limit, in minutes."""

    alert_addresses = fields.String(load_default="")
    alert_url = fields.String(load_default="")
    summary_time = fields.String(load_default="")
    limits = fields.Dict(keys=fields.String(), values=_Whole(), load_default=dict)

    @pre_load
    def _gather(self, data: Any, **_kwargs: Any) -> dict[str, Any]:
        limits = {stage.value: data.get(f"limit_{stage.value}") for stage in TIMED}
        return {**data, "limits": {name: typed for name, typed in limits.items() if typed}}


def read_telling(form: dict[str, Any]) -> Telling:
    """Return what the form asks for; raises FormError where a text is no list of days."""
    hears = frozenset(form["hears"])
    begin, end = read_time(form["quiet_from"]), read_time(form["quiet_to"])
    return Telling(
        teller=form["teller"],
        digest_times=read_times(form["digest_times"]),
        # Both empty: there are no quiet hours.
        quiet_from=begin if begin or end else "00:00",
        quiet_to=end if begin or end else "00:00",
        switched_off=tuple(saying.value for saying in Saying if saying.value not in hears),
        remind_days=_read_days(form["remind_days"]),
        cap_per_run=form["cap_per_run"],
        per_minute=form["per_minute"],
        sender_name=clean_text(form["sender_name"], limit=1_000),
        reply_to=form["reply_to"].strip(),
        language=form["language"],
        keep_days=form["keep_days"],
    )


def read_alerting(form: dict[str, Any]) -> Alerting:
    """Return what the form asks for; limits are kept where they are not those that hold anyway."""
    limits = {name: minutes * _MINUTE for name, minutes in form["limits"].items()}
    defaults = {stage.value: seconds for stage, seconds in DEFAULT_LIMITS.items()}
    return Alerting(
        alert_addresses=split_words(form["alert_addresses"]),
        alert_url=form["alert_url"].strip(),
        summary_time=read_time(form["summary_time"]),
        stage_limits={name: seconds for name, seconds in limits.items() if defaults.get(name) != seconds},
    )


def _read_days(text: str) -> tuple[int, ...]:
    words = split_words(text)
    if not all(word.isascii() and word.isdigit() and len(word) <= 9 for word in words):
        raise FormError({"remind_days": [marked("Write whole numbers of days, like 30, 7.")]})
    return tuple(sorted({int(word) for word in words}, reverse=True))


telling_schema = TellingSchema()
alerting_schema = AlertingSchema()
