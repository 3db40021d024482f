"""The trail of what people and the programme did: who, what, to what, when, what was before and what is after."""

import json
from collections.abc import Iterator

from flask import g, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.admin import bp
from app.admin.audit_pairs import tell_changes
from app.admin.audit_words import ACTION_WORDS, OTHER_ACTION, TOPICS
from app.admin.csv_export import Cell, export_csv
from app.admin.filters import asked_days, asked_text, asked_window, check_all_found, links, list_actors
from app.admin.people import needs
from app.admin.queries.activity import EventRow, Wanted, find_subjects, has_events, list_events
from app.admin.queries.keyset import walk
from app.db import db
from app.engine.rules.roles import Duty

_PATH = "/activity"
_HEADER = ("event", "at", "actor", "action", "subject", "subject_id", "order", "before", "after", "reason")


@bp.get("/activity")
def activity() -> ResponseReturnValue:
    """Show a page of the trail; a filter that is none counts as none."""
    session = db.session()
    wanted, chosen = _asked(session)
    page = list_events(session, g.shop.id, wanted, asked_window())
    return render_template(
        "admin/activity.html",
        page=page,
        chosen=chosen,
        are_more=wanted.are_more,
        is_filtered=any(chosen.values()),
        is_new=not page.rows and not has_events(session, g.shop.id),
        changes={row.event.id: tell_changes(row.event, g.shop.currency) for row in page.rows},
        topics=TOPICS,
        action_words=ACTION_WORDS,
        other_action=OTHER_ACTION,
        actors=list_actors(),
        **links(_PATH, chosen, page),
    )


@bp.post("/activity/export")
@needs(Duty.DECIDE)
def export_activity() -> ResponseReturnValue:
    """Return the part of the trail that is asked for."""
    wanted, chosen = _asked(db.session())
    check_all_found(wanted.are_more)
    shop_id = g.shop.id
    return export_csv("activity", _HEADER, lambda session: _lines(session, shop_id, wanted), chosen)


def _asked(session: Session) -> tuple[Wanted, dict[str, str]]:
    search, action = asked_text("search"), asked_text("action")
    subjects, are_more = find_subjects(session, g.shop.id, search) if search else (None, False)
    actor, action = asked_text("actor"), action if action in ACTION_WORDS else ""
    wanted = Wanted(actor, action, subjects, *asked_days(), are_more)
    chosen = {
        "search": search,
        "action": wanted.action,
        "actor": wanted.actor,
        "from": asked_text("from") if wanted.since else "",
        "to": asked_text("to") if wanted.until else "",
    }
    return wanted, chosen


def _lines(session: Session, shop_id: int, wanted: Wanted) -> Iterator[list[Cell]]:
    for row in walk(session, lambda window: list_events(session, shop_id, wanted, window)):
        yield _line(row)


def _line(row: EventRow) -> list[Cell]:
    event, order = row.event, row.about.order
    before, after = (json.dumps(value, ensure_ascii=False, sort_keys=True) for value in (event.before, event.after))
    return [
        event.id, event.at, event.actor, event.action, event.subject, event.subject_id, order[1] if order else "",
        before, after, event.reason,
    ]  # fmt: skip
