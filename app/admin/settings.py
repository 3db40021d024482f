"""The settings: the feature manager with its modes and pause, and what the page shows of everything else."""

from dataclasses import asdict, replace
from typing import Any

from flask import g, make_response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from sqlalchemy.orm import Session

from app.admin import answers, bp
from app.admin.display import zone
from app.admin.forms import FormError, load
from app.admin.people import needs
from app.admin.queries.permissions import list_permissions
from app.admin.queries.reviews import count_waiting
from app.admin.settings_forms import mode_schema
from app.admin.terms_form import text_of
from app.admin.terms_summary import summarise
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import program, terms
from app.engine.rules.money import to_decimal_string
from app.engine.rules.roles import Duty
from app.engine.rules.states import RewardState
from app.engine.rules.terms import Mode, Terms
from app.engine.seen import ChangedMeanwhile, check_seen, mark
from app.errors import NotAllowed, Refused
from app.languages import translate
from app.queue import INBOX, enqueue_once
from app.status.causes import Level, find_status

#: What a mode is called, and what it does.
MODE_WORDS = {
    Mode.AUTOMATIC: (
        lazy_gettext("Automatic"),
        lazy_gettext("Cashback is sent as soon as it is due. What a hold rule stops still waits for a look."),
    ),
    Mode.MIXED: (
        lazy_gettext("Mixed"),
        lazy_gettext("Some cashback is sent by itself, all other waits until somebody approves or rejects it."),
    ),
    Mode.MANUAL: (
        lazy_gettext("Manual"),
        lazy_gettext("Every paid order waits until somebody approves or rejects its cashback."),
    ),
}
LEVEL_WORDS = {
    Level.ACTIVE: (lazy_gettext("Active"), "success"),
    Level.PAUSED: (lazy_gettext("Paused"), "warning"),
    Level.ERROR: (lazy_gettext("Error"), "critical"),
}


@bp.get("/settings")
def settings() -> ResponseReturnValue:
    """Show the settings."""
    return show_settings()


@bp.post("/settings/mode")
@needs(Duty.MANAGE)
def set_mode() -> ResponseReturnValue:
    """Switch between automatic, mixed and manual; to mixed with what it does without a person."""
    typed = {**request.form, "automatic_tiers": request.form.getlist("automatic_tiers")}
    try:
        form = load(mode_schema(g.shop.currency), typed)
        with transaction() as session:
            if form["mode"] is Mode.MIXED:
                _publish_mixed(session, form["automatic_up_to"], frozenset(form["automatic_tiers"]), form["seen_mixed"])
            released = program.set_mode(
                session, g.shop.id, form["mode"], form["waiting"], g.actor, utcnow(), seen=form["seen"]
            )
    except (FormError, Refused) as error:
        return refuse(error)
    _ask_to_settle()
    return show_settings(toast=_tell_mode(form["mode"], released))


@bp.post("/settings/pause")
@needs(Duty.MANAGE)
def pause() -> ResponseReturnValue:
    """Stop settling and sending."""
    with transaction() as session:
        program.pause(session, g.shop.id, g.actor, utcnow())
    return show_settings(toast=_("Paused"))


@bp.post("/settings/resume")
@needs(Duty.MANAGE)
def resume() -> ResponseReturnValue:
    """Go on settling and sending."""
    with transaction() as session:
        program.resume(session, g.shop.id, g.actor, utcnow())
    _ask_to_settle()
    return show_settings(toast=_("Running again"))


def refuse(error: FormError | Refused) -> ResponseReturnValue:
    """Answer a form that was not taken: with what was typed, or, where somebody was faster, with what is there now."""
    if isinstance(error, NotAllowed):
        raise error
    if isinstance(error, ChangedMeanwhile):
        return show_settings(409, error=translate(error))
    errors = error.errors if isinstance(error, FormError) else {}
    wrong = {name: translate(said[0]) for name, said in errors.items() if isinstance(said, list)}
    return show_settings(422, error=translate(error), wrong=wrong)


def show_settings(
    status: int = 200, *, toast: str | None = None, error: str | None = None, wrong: dict[str, str] | None = None
) -> ResponseReturnValue:
    """Return the page, or JSON for a script; after bad input with what was typed and, by field, what is wrong."""
    if not answers.wants_html():
        return answers.as_json({"errors": wrong or error} if status >= 400 else {"mode": g.shop.mode}, status)
    session, now = db.session(), utcnow()
    current = terms.get_current(session, g.shop.id, now)
    response = answers.show(
        "admin/settings.html",
        status,
        engine=find_status(session, g.shop, now),
        permissions=list_permissions(session, g.shop.id),
        waiting=count_waiting(session, g.shop.id, RewardState.IN_REVIEW),
        mixed=_read_mixed(current),
        began=_began_text(),
        ranges={
            "minutes": program.RECONCILE_MINUTES,
            "days": program.KEEP_DELIVERIES_DAYS,
            "undo": program.UNDO_SECONDS,
        },
        marks=_marks(current),
        typed=request.form if status == 422 else {},
        wrong=wrong or {},
        error=error,
        level_words=LEVEL_WORDS,
        mode_words=MODE_WORDS,
    )
    message = toast or error
    return answers.add_toast(response, message, is_error=error is not None) if message else make_response(response)


def _marks(current: Terms) -> dict[str, str]:
    """Return what each form says it saw."""
    shop = g.shop
    return {
        "mode": mark({"mode": shop.mode}),
        "mixed": mark(_mixed_of(current)),
        "connection": mark(asdict(program.get_connection(shop))),
        "undo": mark({"undo_seconds": shop.undo_seconds}),
        "began": mark({"began_at": shop.began_at}),
    }


def _mixed_of(current: Terms) -> dict[str, Any]:
    """Return what the mark of mixed mode is made of."""
    return {"up_to_minor": current.automatic_up_to_minor, "tiers": sorted(current.automatic_tiers)}


def _read_mixed(current: Terms) -> dict[str, Any]:
    """Return what mixed mode does without a person, in a line and as the form has it."""
    up_to = current.automatic_up_to_minor
    return {
        "line": summarise(current)["mixed"],
        "up_to": "" if up_to is None else to_decimal_string(up_to, current.currency),
        "tiers": [(tier.name, tier.name in current.automatic_tiers) for tier in current.tiers],
    }


def _began_text() -> str:
    return "" if g.shop.began_at is None else text_of(g.shop.began_at, zone(g.shop.timezone))


def _tell_mode(mode: Mode, released: int) -> str:
    if released:
        return str(ngettext("%(num)s order was released.", "%(num)s orders were released.", released))
    if mode is Mode.MANUAL:
        return str(_("Manual: new orders wait for your approval."))
    return str(_("Mixed: the others wait for your approval.") if mode is Mode.MIXED else _("Automatic from now on."))


def _publish_mixed(session: Session, up_to_minor: int | None, tiers: frozenset[str], seen: str | None) -> None:
    """Publish what mixed mode does without a person, where that changes and is what was ``seen`` until now."""
    if up_to_minor is None and not tiers:
        raise Refused("Say up to which amount, or for which tiers, cashback is sent without a person.")
    now = utcnow()
    newest, current = terms.find_newest(session, g.shop.id), terms.get_current(session, g.shop.id, now)
    check_seen(seen, _mixed_of(current))
    wanted = replace(current, automatic_up_to_minor=up_to_minor, automatic_tiers=tiers)
    try:
        terms.publish(session, g.shop.id, wanted, g.actor, now, seen_version=newest)
    except terms.Overtaken as overtaken:
        # Whoever published just now would lose all they changed.
        raise ChangedMeanwhile from overtaken


def _ask_to_settle() -> None:
    """Wake a worker for what is pending now; the sweep would find it too."""
    enqueue_once(INBOX, "settle_due", g.shop.id)
