"""The settings: how the engine is, automatic or manual, paused or running, unmistakable transfers, the terms."""

from typing import Any

from flask import g, make_response, request
from flask.typing import ResponseReturnValue

from app.admin import answers, bp
from app.admin.forms import FormError, far_expiry_schema, load, mode_schema
from app.admin.queries.reviews import count_waiting
from app.admin.queries.status import get_terms_version
from app.admin.status import find_status
from app.admin.terms_form import fields_of, terms_of
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import program
from app.engine.rules.states import RewardState
from app.engine.rules.terms import Mode
from app.errors import Refused
from app.queue import INBOX, enqueue_once


@bp.get("/settings")
def settings() -> ResponseReturnValue:
    """Show the settings."""
    return show_settings()


@bp.post("/settings/mode")
def set_mode() -> ResponseReturnValue:
    """Switch between automatic and manual."""
    try:
        form = load(mode_schema, request.form)
    except FormError as error:
        return show_settings(422, error=str(error))
    with transaction() as session:
        released = program.set_mode(session, g.shop.id, form["mode"], form["waiting"], g.actor, utcnow())
    _ask_to_settle()
    if form["mode"] is Mode.MANUAL:
        return show_settings(toast="Manual: new orders wait for your approval")
    return show_settings(toast=f"Automatic: {released} released" if released else "Automatic")


@bp.post("/settings/pause")
def pause() -> ResponseReturnValue:
    """Stop settling and sending."""
    with transaction() as session:
        program.pause(session, g.shop.id, g.actor, utcnow())
    return show_settings(toast="Paused")


@bp.post("/settings/resume")
def resume() -> ResponseReturnValue:
    """Go on settling and sending."""
    with transaction() as session:
        program.resume(session, g.shop.id, g.actor, utcnow())
    _ask_to_settle()
    return show_settings(toast="Running again")


@bp.post("/settings/far-expiry")
def set_far_expiry() -> ResponseReturnValue:
    """Agree, or no longer agree, to a far expiry as the fingerprint of each credit."""
    try:
        form = load(far_expiry_schema, request.form)
        with transaction() as session:
            program.set_far_expiry(session, g.shop.id, form["agreed"], g.actor, utcnow())
    except FormError as error:
        return show_settings(422, error=str(error))
    except Refused as error:
        return show_settings(409, error=str(error))
    return show_settings(toast="Saved")


def show_settings(
    status: int = 200,
    *,
    toast: str | None = None,
    error: str | None = None,
    terms_fields: dict[str, Any] | None = None,
    terms_errors: dict[str, Any] | None = None,
) -> ResponseReturnValue:
    """Return the page, or JSON for a script; after bad input with what was typed and what is wrong with it."""
    if not answers.wants_html():
        return answers.as_json({"errors": terms_errors or error} if status >= 400 else {"mode": g.shop.mode}, status)
    session, now = db.session(), utcnow()
    version = get_terms_version(session, g.shop.id)
    response = answers.show(
        "admin/settings.html",
        status,
        engine=find_status(session, g.shop, now),
        waiting=count_waiting(session, g.shop.id, RewardState.IN_REVIEW),
        version=version,
        fields=terms_fields or fields_of(terms_of(version, g.shop.currency)),
        errors=terms_errors or {},
        error=error,
    )
    message = toast or error
    return answers.add_toast(response, message, is_error=error is not None) if message else make_response(response)


def _ask_to_settle() -> None:
    """Wake a worker for what is pending now; the sweep would find it too."""
    enqueue_once(INBOX, "settle_due", g.shop.id)
