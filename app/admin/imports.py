"""The import of past orders: counted first, then brought in, watched, paused, ended; and those that were."""

from enum import StrEnum
from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from marshmallow import EXCLUDE, Schema, fields

from app.admin import answers, bp
from app.admin.forms import FormError, load
from app.admin.people import needs
from app.admin.queries.imports import (
    ALL_ORDERS,
    Shown,
    find_import,
    is_within_reach,
    list_imports,
    sees_all_orders,
    show,
)
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import imports
from app.engine.rules.roles import Duty
from app.errors import NotAllowed, NotFound, Refused
from app.languages import translate
from app.models import HistoryImport, ImportState, Window
from app.queue import CHORES, enqueue_once

WINDOW_WORDS = {
    Window.DAYS_30: lazy_gettext("The last 30 days"),
    Window.DAYS_60: lazy_gettext("The last 60 days"),
    Window.DAYS_90: lazy_gettext("The last 90 days"),
    Window.YEAR: lazy_gettext("The last year"),
    Window.ALL: lazy_gettext("All orders"),
}
STATE_WORDS = {
    ImportState.ASKED: (lazy_gettext("Beginning"), "info"),
    ImportState.COLLECTING: (lazy_gettext("Collecting"), "info"),
    ImportState.IMPORTING: (lazy_gettext("Importing"), "info"),
    ImportState.FINISHED: (lazy_gettext("Finished"), "success"),
    ImportState.FAILED: (lazy_gettext("Failed"), "critical"),
    ImportState.CANCELLED: (lazy_gettext("Cancelled"), "neutral"),
}


class What(StrEnum):
    """What is done with the orders of a window."""

    COUNT = "count"
    IMPORT = "import"
    #: Imported, and orders from before the programme earn, too.
    REWARD = "reward"


class ImportSchema(Schema):
    """A wish for an import; ``counted`` is the dry run that its asker has seen."""

    class Meta:
        unknown = EXCLUDE

    window = fields.Enum(
        Window,
        by_value=True,
        required=True,
        error_messages={"required": "Choose how far back.", "unknown": "Choose how far back."},
    )
    what = fields.Enum(What, by_value=True, load_default=What.COUNT)
    counted = fields.Integer(load_default=None)


class SeenImportSchema(Schema):
    """The import that is paused, gone on with or ended."""

    class Meta:
        unknown = EXCLUDE

    import_id = fields.Integer(load_default=None)


import_schema = ImportSchema()
seen_import_schema = SeenImportSchema()


@bp.get("/imports")
def show_imports() -> ResponseReturnValue:
    """Show how to begin one or how far the running one is, and those that were."""
    return show_page()


@bp.get("/imports/<int:import_id>")
def show_import(import_id: int) -> ResponseReturnValue:
    """Show one import with all that came of it."""
    row = find_import(db.session(), g.shop.id, import_id)
    if row is None:
        raise NotFound("There is no such import in this shop.")
    shown = show(row, g.shop.currency)
    if not answers.wants_html():
        return answers.as_json(_as_json(shown))
    return answers.show("admin/import.html", one=shown, window_words=WINDOW_WORDS, state_words=STATE_WORDS)


@bp.post("/imports")
@needs(Duty.MANAGE)
def begin_import() -> ResponseReturnValue:
    """Ask for an import; with cashback for past orders only after a count that was seen."""
    try:
        form = load(import_schema, request.form)
        _check_counted(form)
        with transaction() as session:
            imports.ask(
                session,
                g.shop.id,
                form["window"],
                g.actor,
                utcnow(),
                sees_all=sees_all_orders(session, g.shop.id),
                is_dry_run=form["what"] is What.COUNT,
                rewards_past=form["what"] is What.REWARD,
            )
    except (NotAllowed, NotFound):
        raise
    except FormError as error:
        return show_page(422, error=translate(error))
    except Refused as error:
        return show_page(409, error=translate(error))
    enqueue_once(CHORES, "import_history", g.shop.id)
    return show_page(toast=_("The orders are being counted") if form["what"] is What.COUNT else _("The import began"))


@bp.post("/imports/pause")
@needs(Duty.MANAGE)
def pause_import() -> ResponseReturnValue:
    """Let the running import rest."""
    return _change(imports.pause, _("Paused"))


@bp.post("/imports/resume")
@needs(Duty.MANAGE)
def resume_import() -> ResponseReturnValue:
    """Let it go on."""
    answer = _change(imports.resume, _("It goes on"))
    enqueue_once(CHORES, "import_history", g.shop.id)
    return answer


@bp.post("/imports/cancel")
@needs(Duty.MANAGE)
def cancel_import() -> ResponseReturnValue:
    """End it; what was imported stays."""
    answer = _change(imports.cancel, _("Import cancelled"))
    enqueue_once(CHORES, "stop_collecting", g.shop.id)
    return answer


def show_page(status: int = 200, *, toast: str | None = None, error: str | None = None) -> ResponseReturnValue:
    """Return the room, or JSON for a script."""
    session, currency = db.session(), g.shop.currency
    page = list_imports(session, g.shop.id, currency, request.args.get("before", type=int))
    newest = imports.find_newest(session, g.shop.id)
    if not answers.wants_html():
        told = [_as_json(one) for one in page.rows]
        return answers.as_json({"error": error} if error else {"imports": told}, status)
    sees_all = sees_all_orders(session, g.shop.id)
    response = answers.show(
        "admin/imports.html",
        status,
        page=page,
        older=f"/imports?before={page.next_before}" if page.next_before else None,
        newer="/imports" if "before" in request.args else None,
        newest=None if newest is None else show(newest, currency),
        chosen=request.form.get("window") or (Window.DAYS_60 if newest is None else newest.window),
        windows={window: is_within_reach(window, sees_all=sees_all) for window in Window},
        missing_scope=None if sees_all else ALL_ORDERS,
        window_words=WINDOW_WORDS,
        state_words=STATE_WORDS,
        error=error,
    )
    message = toast or error
    return answers.add_toast(response, message, is_error=error is not None) if message else response


def _check_counted(form: dict[str, Any]) -> None:
    """Refuse cashback for past orders to whoever has not just seen what it comes to."""
    if form["what"] is not What.REWARD:
        return
    newest = imports.find_newest(db.session(), g.shop.id)
    is_seen = newest is not None and newest.id == form["counted"] and newest.window is form["window"]
    if newest is None or not is_seen or not show(newest, g.shop.currency).is_count:
        raise Refused("Count these orders first, so that you have seen what their cashback comes to.")


def _change(verb: Any, toast: str) -> ResponseReturnValue:
    """Do something with the running import, if it is the one that was seen."""
    try:
        form = load(seen_import_schema, request.form)
        with transaction() as session:
            row: HistoryImport = verb(session, g.shop.id, g.actor, utcnow())
            if form["import_id"] not in (None, row.id):
                raise Refused("Another import runs by now. Look at it before you change it.")
    except NotAllowed:
        raise
    except FormError as error:
        return show_page(422, error=translate(error))
    except Refused as error:
        return show_page(409, error=translate(error))
    return show_page(toast=toast)


def _as_json(one: Shown) -> dict[str, Any]:
    row = one.row
    return {
        "id": row.id,
        "window": row.window,
        "is_dry_run": row.is_dry_run,
        "rewards_past": row.rewards_past,
        "state": row.state,
        "is_paused": row.paused_at is not None,
        "orders": row.seen_orders,
        "collected": row.collected,
        "summary": row.summary,
        "error": None if row.error is None else translate(row.error),
    }
