"""The first run: a page with five steps, and the card about it on the front page."""

from flask import Flask, g, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from app.admin import answers, bp
from app.admin.forms import FormError, load
from app.admin.headers import DEFAULT_ORIGIN
from app.admin.people import may_do, needs
from app.admin.queries.first_run import FirstRun, find_first_run
from app.admin.settings import MODE_WORDS
from app.admin.settings_forms import first_step_schema, mode_schema
from app.clock import utcnow
from app.config import current_settings
from app.db import db, transaction
from app.engine.flows import first_run as flow
from app.engine.flows import program
from app.engine.flows.first_run import FirstStep
from app.engine.rules.roles import Duty
from app.engine.seen import mark
from app.errors import NotAllowed, Refused
from app.languages import translate

#: What each step is called, and what it is about.
STEP_WORDS = {
    FirstStep.CONNECTION: (
        lazy_gettext("Check the connection"),
        lazy_gettext("Boomerang needs some permissions, and hears of orders by webhooks."),
    ),
    FirstStep.RATE: (
        lazy_gettext("Choose what customers get back"),
        lazy_gettext("A share of each order, by the tier the customer has reached."),
    ),
    FirstStep.MODE: (
        lazy_gettext("Choose who decides"),
        lazy_gettext("Cashback is sent by itself, or somebody looks at each order first."),
    ),
    FirstStep.START: (
        lazy_gettext("Begin with past orders, or with new ones only"),
        lazy_gettext("Past orders can count for the tiers, and earn cashback if you want that."),
    ),
    FirstStep.ORDER: (
        lazy_gettext("See the first order"),
        lazy_gettext("Place an order and watch its cashback."),
    ),
}


def init_first_run(app: Flask) -> None:
    """Give the templates ``first_run()``: how far the shop is, or None where nothing of it is to be shown."""
    app.jinja_env.globals.update(first_run=_find_to_show, first_step_words=STEP_WORDS, FirstStep=FirstStep)


@bp.get("/first-run")
def show_first_run() -> ResponseReturnValue:
    """Show the five steps, also after they were closed."""
    return show_steps()


@bp.post("/first-run/step")
@needs(Duty.MANAGE)
def settle_first_step() -> ResponseReturnValue:
    """Note that a step suits as it is, or is left out."""
    try:
        form = load(first_step_schema, request.form)
    except FormError as error:
        return show_steps(422, error=translate(error))
    with transaction() as session:
        flow.settle_step(session, g.shop.id, form["step"], g.actor, utcnow())
    return show_steps()


@bp.post("/first-run/mode")
@needs(Duty.MANAGE)
def choose_first_mode() -> ResponseReturnValue:
    """Choose the mode; whatever waits already goes on waiting."""
    try:
        form = load(mode_schema(g.shop.currency), request.form)
        with transaction() as session:
            now = utcnow()
            if form["mode"] is not g.shop.mode:
                keep = program.Waiting.KEEP
                program.set_mode(session, g.shop.id, form["mode"], keep, g.actor, now, seen=form["seen"])
            flow.settle_step(session, g.shop.id, FirstStep.MODE, g.actor, now)
    except NotAllowed:
        raise
    except FormError as error:
        return show_steps(422, error=translate(error))
    except Refused as error:
        return show_steps(409, error=translate(error))
    return show_steps(toast=_("Saved"))


@bp.post("/first-run/close")
@needs(Duty.MANAGE)
def close_first_run() -> ResponseReturnValue:
    """Do not show the card any more; the page stays."""
    with transaction() as session:
        flow.close(session, g.shop.id, g.actor, utcnow())
    return show_steps(toast=_("Closed. You find these steps in the settings."))


def show_steps(status: int = 200, *, toast: str | None = None, error: str | None = None) -> ResponseReturnValue:
    """Return the page, or JSON for a script."""
    run = find_first_run(db.session(), g.shop, utcnow())
    if not answers.wants_html():
        told = {"done": sorted(run.done), "skipped": sorted(run.skipped), "next": run.next_step}
        return answers.as_json({"error": error} if error else told, status)
    response = answers.show(
        "admin/first_run.html",
        status,
        run=run,
        mode_words=MODE_WORDS,
        mode_seen=mark({"mode": g.shop.mode}),
        is_sandbox=current_settings().shopify_admin_origin != DEFAULT_ORIGIN,
        error=error,
    )
    message = toast or error
    return answers.add_toast(response, message, is_error=error is not None) if message else response


def _find_to_show() -> FirstRun | None:
    if g.shop.first_run_closed_at is not None or not may_do(Duty.MANAGE):
        return None
    return find_first_run(db.session(), g.shop, utcnow())
