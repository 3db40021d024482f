"""The settings: how the engine is, the mode, pausing, unmistakable transfers, the connection, the terms."""

from dataclasses import replace

from flask import g, make_response, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.admin import answers, bp
from app.admin.forms import FormError, connection_schema, far_expiry_schema, load, mode_schema
from app.admin.people import needs
from app.admin.queries.permissions import list_permissions
from app.admin.queries.reviews import count_waiting
from app.admin.status import find_status
from app.admin.terms_page import Draft, look_at_terms
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import program, terms
from app.engine.rules.roles import Duty
from app.engine.rules.states import RewardState
from app.engine.rules.terms import Mode
from app.engine.rules.terms_words import CHOICES
from app.errors import Refused
from app.queue import INBOX, enqueue_once

_MODES = {
    Mode.AUTOMATIC: "Automatic",
    Mode.MIXED: "Mixed",
    Mode.MANUAL: "Manual: new orders wait for your approval",
}


@bp.get("/settings")
def settings() -> ResponseReturnValue:
    """Show the settings; with ``start``, the terms of that version to start from."""
    return show_settings(start=request.args.get("start", type=int))


@bp.post("/settings/mode")
@needs(Duty.MANAGE)
def set_mode() -> ResponseReturnValue:
    """Switch between automatic, mixed and manual; to mixed with what it does without a person."""
    typed = {**request.form, "automatic_tiers": request.form.getlist("automatic_tiers")}
    try:
        form = load(mode_schema(g.shop.currency), typed)
        with transaction() as session:
            if form["mode"] is Mode.MIXED:
                _publish_mixed(session, form["automatic_up_to"], frozenset(form["automatic_tiers"]))
            released = program.set_mode(session, g.shop.id, form["mode"], form["waiting"], g.actor, utcnow())
    except (FormError, Refused) as error:
        return show_settings(422, error=str(error))
    _ask_to_settle()
    said = _MODES[form["mode"]]
    return show_settings(toast=f"{said}: {released} released" if released else said)


@bp.post("/settings/pause")
@needs(Duty.MANAGE)
def pause() -> ResponseReturnValue:
    """Stop settling and sending."""
    with transaction() as session:
        program.pause(session, g.shop.id, g.actor, utcnow())
    return show_settings(toast="Paused")


@bp.post("/settings/resume")
@needs(Duty.MANAGE)
def resume() -> ResponseReturnValue:
    """Go on settling and sending."""
    with transaction() as session:
        program.resume(session, g.shop.id, g.actor, utcnow())
    _ask_to_settle()
    return show_settings(toast="Running again")


@bp.post("/settings/far-expiry")
@needs(Duty.MANAGE)
def set_far_expiry() -> ResponseReturnValue:
    """Agree, or no longer agree, to a far expiry as the fingerprint of each credit."""
    try:
        form = load(far_expiry_schema, request.form)
        with transaction() as session:
            program.set_far_expiry(session, g.shop.id, form["agreed"], g.actor, utcnow())
    except FormError as error:
        return show_settings(422, error=str(error))
    return show_settings(toast="Saved")


@bp.post("/settings/connection")
@needs(Duty.MANAGE)
def set_connection() -> ResponseReturnValue:
    """Change how the shop lives with Shopify: mails, the look for missed orders, how long deliveries are kept."""
    try:
        wanted = load(connection_schema, request.form)
        with transaction() as session:
            program.set_connection(session, g.shop.id, wanted, g.actor, utcnow())
    except (FormError, Refused) as error:
        return show_settings(422, error=str(error))
    return show_settings(toast="Saved")


def show_settings(
    status: int = 200,
    *,
    toast: str | None = None,
    error: str | None = None,
    draft: Draft | None = None,
    start: int | None = None,
) -> ResponseReturnValue:
    """Return the page, or JSON for a script; after bad input with what was typed and what is wrong with it."""
    if not answers.wants_html():
        wrong = draft.errors if draft is not None else None
        return answers.as_json({"errors": wrong or error} if status >= 400 else {"mode": g.shop.mode}, status)
    session, now = db.session(), utcnow()
    response = answers.show(
        "admin/settings.html",
        status,
        engine=find_status(session, g.shop, now),
        permissions=list_permissions(session, g.shop.id),
        waiting=count_waiting(session, g.shop.id, RewardState.IN_REVIEW),
        look=look_at_terms(session, g.shop, now, draft or Draft(), start),
        choices={kind.__name__: told for kind, told in CHOICES.items()},
        ranges={"minutes": program.RECONCILE_MINUTES, "days": program.KEEP_DELIVERIES_DAYS},
        error=error,
    )
    message = toast or error
    return answers.add_toast(response, message, is_error=error is not None) if message else make_response(response)


def _publish_mixed(session: Session, up_to_minor: int | None, tiers: frozenset[str]) -> None:
    """Publish what mixed mode does without a person, where that changes."""
    if up_to_minor is None and not tiers:
        raise Refused("Say up to which amount, or for which tiers, cashback is sent without a person.")
    now = utcnow()
    wanted = replace(
        terms.get_current(session, g.shop.id, now), automatic_up_to_minor=up_to_minor, automatic_tiers=tiers
    )
    terms.publish(session, g.shop.id, wanted, g.actor, now)


def _ask_to_settle() -> None:
    """Wake a worker for what is pending now; the sweep would find it too."""
    enqueue_once(INBOX, "settle_due", g.shop.id)
