"""What was wrong with the engine: since when, until when, and how the merchant was told."""

from flask import g, render_template
from flask.typing import ResponseReturnValue

from app.admin import bp
from app.admin.filters import asked_window, links
from app.admin.queries.incidents import list_incidents
from app.db import db
from app.engine.flows.incidents import find_ways
from app.status.words import name_cause

_PATH = "/incidents"


@bp.get("/incidents")
def incidents() -> ResponseReturnValue:
    """Show a page of incidents, the newest first."""
    session = db.session()
    page = list_incidents(session, g.shop.id, asked_window())
    return render_template(
        "admin/incidents.html",
        page=page,
        name_cause=name_cause,
        ways=find_ways(session, g.shop.id),
        **links(_PATH, {}, page),
    )
