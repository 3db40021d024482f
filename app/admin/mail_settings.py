"""Settings → Mails: who tells customers, when and of what, and where the merchant hears of trouble."""

from dataclasses import asdict, replace
from typing import Any

from flask import current_app, g, make_response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.admin import answers, bp
from app.admin.forms import FormError, load
from app.admin.mail_settings_forms import alerting_schema, read_alerting, read_telling, telling_schema
from app.admin.mail_words import STAGE_WORDS, TELLER_WORDS
from app.admin.people import may_do, needs
from app.clock import utcnow
from app.config import current_settings
from app.db import db, transaction
from app.engine.flows import incidents
from app.engine.flows import mail_settings as flow
from app.engine.rules.mail_choices import (
    CAP_PER_RUN,
    KEEP_DAYS,
    LONGEST_ADDRESS,
    LONGEST_NAME,
    LONGEST_URL,
    PER_MINUTE,
    Alerting,
    Telling,
    hide_path,
)
from app.engine.rules.messages import Saying
from app.engine.rules.roles import Duty
from app.engine.rules.stage_limits import DEFAULT_LIMITS, TIMED
from app.engine.seen import ChangedMeanwhile, mark
from app.errors import NotAllowed, Refused
from app.languages import translate

#: Which of the two forms was not taken, so that what was typed stays in that one.
TELLING, ALERTING = "telling", "alerting"
_MINUTE = 60


@bp.get("/settings/mails")
def mail_settings() -> ResponseReturnValue:
    """Show how customers and merchant are told."""
    return _show()


@bp.post("/settings/mails")
@needs(Duty.MANAGE)
def set_telling() -> ResponseReturnValue:
    """Choose who tells customers, when, and of what."""
    typed = {**request.form, "hears": request.form.getlist("hears")}
    try:
        form = load(telling_schema, typed)
        wanted = read_telling(form)
        with transaction() as session:
            flow.set_telling(session, g.shop.id, wanted, g.actor, utcnow(), seen=form["seen"])
    except (FormError, Refused) as error:
        return _refuse(TELLING, error)
    return _show(toast=_("Saved"))


@bp.post("/settings/mails/alerts")
@needs(Duty.MANAGE)
def set_alerting() -> ResponseReturnValue:
    """Choose where and when the merchant is told."""
    try:
        form = load(alerting_schema, request.form)
        wanted, is_local = read_alerting(form), current_settings().is_local
        with transaction() as session:
            flow.set_alerting(session, g.shop.id, wanted, g.actor, utcnow(), seen=form["seen"], is_local=is_local)
    except (FormError, Refused) as error:
        return _refuse(ALERTING, error)
    return _show(toast=_("Saved"))


@bp.post("/settings/mails/secret")
@needs(Duty.MANAGE)
def make_secret() -> ResponseReturnValue:
    """Make a new key that signs what the merchant's address gets; it is shown this once."""
    seal = current_app.extensions["vault"].encrypt
    with transaction() as session:
        secret = incidents.new_secret(session, g.shop.id, g.actor, utcnow(), seal)
    return _show(toast=_("A new key was made"), secret=secret)


def _refuse(which: str, error: Exception) -> ResponseReturnValue:
    """Answer a form that was not taken: with what was typed, or with what is there now where somebody was faster."""
    if isinstance(error, NotAllowed):
        raise error
    if isinstance(error, ChangedMeanwhile):
        return _show(409, error=translate(error))
    wrong: dict[str, Any] = getattr(error, "errors", {})
    return _show(422, which=which, wrong={name: translate(_first(said)) for name, said in wrong.items()})


def _first(said: Any) -> str:
    """Return the first sentence of what a schema or a flow says of a field, however deep it lies."""
    while not isinstance(said, str):
        said = next(iter(said.values())) if isinstance(said, dict) else said[0]
    return said


def _show(
    status: int = 200,
    *,
    toast: str | None = None,
    error: str | None = None,
    which: str = "",
    wrong: dict[str, str] | None = None,
    secret: str | None = None,
) -> ResponseReturnValue:
    """Return the page, or JSON for a script; ``which`` form was typed in and not taken, ``wrong`` says why by field."""
    session, settings = db.session(), current_settings()
    telling, alerting = flow.get_telling(session, g.shop), flow.get_alerting(session, g.shop.id)
    if not may_do(Duty.MANAGE):
        alerting = replace(alerting, alert_url=hide_path(alerting.alert_url))
    message = error or next(iter((wrong or {}).values()), None)
    if not answers.wants_html():
        told = {**asdict(telling), **asdict(alerting), **({"secret": secret} if secret else {})}
        return answers.as_json({"errors": wrong or message} if message else told, status)
    response = answers.show(
        "admin/mail_settings.html",
        status,
        telling=_typed_telling() if which == TELLING else _write_telling(telling),
        alerting=_typed_alerting() if which == ALERTING else _write_alerting(alerting),
        marks={TELLING: mark(asdict(telling)), ALERTING: mark(asdict(alerting))},
        ranges={"cap": CAP_PER_RUN, "minute": PER_MINUTE, "keep": KEEP_DAYS},
        longest={"name": LONGEST_NAME, "address": LONGEST_ADDRESS, "url": LONGEST_URL},
        teller_words=TELLER_WORDS,
        stages=[(stage.value, STAGE_WORDS[stage]) for stage in TIMED],
        has_server=bool(settings.mail_url),
        mail_from=settings.mail_from,
        has_secret=flow.has_secret(session, g.shop.id),
        secret=secret,
        errors=wrong or {},
        error=message,
    )
    said = toast or message
    return answers.add_toast(response, said, is_error=message is not None) if said else make_response(response)


def _write_telling(chosen: Telling) -> dict[str, Any]:
    """Return what stands in the fields."""
    return {
        **asdict(chosen),
        "teller": chosen.teller.value,
        "digest_times": ", ".join(chosen.digest_times),
        "remind_days": ", ".join(map(str, chosen.remind_days)),
        "hears": [saying.value for saying in Saying if saying.value not in chosen.switched_off],
    }


def _typed_telling() -> dict[str, Any]:
    return {**request.form, "hears": request.form.getlist("hears")}


def _write_alerting(chosen: Alerting) -> dict[str, Any]:
    seconds = {stage.value: chosen.stage_limits.get(stage.value, DEFAULT_LIMITS.get(stage)) for stage in TIMED}
    return {
        **asdict(chosen),
        "alert_addresses": ", ".join(chosen.alert_addresses),
        # What is no whole number of minutes can only have been set elsewhere, and is shown as the next one.
        "limits": {name: "" if number is None else str(-(-number // _MINUTE)) for name, number in seconds.items()},
    }


def _typed_alerting() -> dict[str, Any]:
    return {**request.form, "limits": {one.value: request.form.get(f"limit_{one.value}", "") for one in TIMED}}
