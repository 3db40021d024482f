"""The rest of the settings, a form each: the connection, undo, when the programme began, far expiry, one's language."""

from flask import Response, g, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.admin import answers, bp
from app.admin.display import zone
from app.admin.forms import FormError, load
from app.admin.people import needs
from app.admin.settings import refuse, show_settings
from app.admin.settings_forms import (
    began_schema,
    connection_schema,
    far_expiry_schema,
    language_schema,
    undo_schema,
)
from app.admin.terms_form import moment_of
from app.clock import utcnow
from app.db import transaction
from app.engine.flows import program, staff
from app.engine.rules.roles import Duty
from app.errors import Refused


@bp.post("/settings/connection")
@needs(Duty.MANAGE)
def set_connection() -> ResponseReturnValue:
    """Change how the shop lives with Shopify: the look for missed orders, and how long deliveries are kept."""
    try:
        form = load(connection_schema, request.form)
        seen = form.pop("seen")
        with transaction() as session:
            program.set_connection(session, g.shop.id, program.Connection(**form), g.actor, utcnow(), seen=seen)
    except (FormError, Refused) as error:
        return refuse(error)
    return show_settings(toast=_("Saved"))


@bp.post("/settings/undo")
@needs(Duty.MANAGE)
def set_undo() -> ResponseReturnValue:
    """Say for how long an approval can be undone."""
    try:
        form = load(undo_schema, request.form)
        with transaction() as session:
            program.set_undo(session, g.shop.id, form["undo_seconds"], g.actor, utcnow(), seen=form["seen"])
    except (FormError, Refused) as error:
        return refuse(error)
    return show_settings(toast=_("Saved"))


@bp.post("/settings/began")
@needs(Duty.MANAGE)
def set_began() -> ResponseReturnValue:
    """Say when the programme began; without a zone the moment is meant in the shop's."""
    typed = {**request.form, "began_at": moment_of(request.form.get("began_at", "").strip(), zone(g.shop.timezone))}
    try:
        form = load(began_schema, typed)
        with transaction() as session:
            program.set_began(session, g.shop.id, form["began_at"], g.actor, utcnow(), seen=form["seen"])
    except (FormError, Refused) as error:
        return refuse(error)
    return show_settings(toast=_("Saved"))


@bp.post("/settings/far-expiry")
@needs(Duty.MANAGE)
def set_far_expiry() -> ResponseReturnValue:
    """Agree, or no longer agree, to a far expiry as the fingerprint of each credit."""
    try:
        form = load(far_expiry_schema, request.form)
        with transaction() as session:
            program.set_far_expiry(session, g.shop.id, form["agreed"], g.actor, utcnow())
    except FormError as error:
        return refuse(error)
    return show_settings(toast=_("Saved"))


@bp.post("/settings/language")
@needs(Duty.LOOK)
def set_language() -> ResponseReturnValue:
    """Let the person read the admin in a language; the whole document is loaded anew, for its frame has words, too."""
    try:
        language = load(language_schema, request.form)["language"]
    except FormError as error:
        return refuse(error)
    with transaction() as session:
        staff.set_language(session, g.shop.id, g.staff_id, language or None)
    if not answers.wants_html():
        return answers.as_json({"language": language or None})
    answer = Response(mimetype="text/html")
    answer.headers["HX-Redirect"] = "/settings"
    answer.headers["Cache-Control"] = "no-store"
    return answer
