"""The tiers as they are: who has which, since when a rate is used, and looks at everybody on demand."""

from collections.abc import Sequence

from flask import Response, g, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from app.admin import answers, bp
from app.admin.people import needs
from app.admin.queries import tiers as queries
from app.admin.tier_form import EVALUATION_WORDS, METHOD_WORDS, list_versions
from app.admin.tier_looks import ICONS
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import terms, tier_runs
from app.engine.rules.roles import Duty
from app.engine.rules.terms import Terms, TierMethod
from app.errors import Refused
from app.languages import translate
from app.models import TierRun
from app.queue import CHORES, enqueue_once


@bp.get("/tiers")
def tiers() -> ResponseReturnValue:
    """Show the tiers in force; with ``figures`` also how many customers have them, which takes a look at everybody."""
    return show_tiers()


@bp.post("/tiers/recalculate")
@needs(Duty.MANAGE)
def recalculate_tiers() -> ResponseReturnValue:
    """Begin a look at everybody's tier."""
    try:
        with transaction() as session:
            run_id = tier_runs.start_run(session, g.shop.id, g.actor, utcnow()).id
    except Refused as error:
        if not answers.wants_html():
            return answers.as_json({"error": str(error)}, 409)
        return show_tiers(409, problem=translate(error))
    enqueue_once(CHORES, "recalculate_tiers", g.shop.id)
    if not answers.wants_html():
        return answers.as_json({"run": run_id})
    return show_tiers(toast=_("Everybody's tier is looked at now."))


def show_tiers(status: int = 200, *, toast: str | None = None, problem: str = "") -> Response:
    """Return the page of the tiers in force."""
    session, now = db.session(), utcnow()
    in_force, *scheduled = list_versions(session, g.shop, now)
    shown = terms.get_version(session, g.shop.id, in_force.number)
    runs = queries.list_runs(session, g.shop.id)
    has_figures = "figures" in request.args
    names = [tier.name for tier in shown.tiers]
    response = answers.show(
        "admin/tiers.html",
        status,
        toast=toast,
        problem_sentence=problem,
        terms=shown,
        in_force=in_force,
        scheduled=scheduled,
        sinces=queries.find_sinces(session, g.shop.id, shown, now),
        figures=queries.read_figures(session, g.shop.id, names, now) if has_figures else None,
        runs=runs,
        is_running=any(run.finished_at is None for run in runs),
        is_behind=_is_behind(session, in_force.number, shown, runs),
        method_words=METHOD_WORDS,
        evaluation_words=EVALUATION_WORDS,
        icon_names=ICONS,
    )
    if request.method == "POST":
        response.headers["HX-Push-Url"] = "/tiers"
    return response


def _is_behind(session: Session, number: int, shown: Terms, runs: Sequence[TierRun]) -> bool:
    """Return whether the terms would move people who were not looked at since: others shown than reached."""
    if number == 1:
        return False
    known = terms.get_current(session, g.shop.id, runs[0].at) if runs else terms.get_version(session, g.shop.id, 1)
    return _ladder(known) != _ladder(shown)


def _ladder(shown: Terms) -> tuple[TierMethod, list[tuple[str, int]]]:
    return shown.tier_method, [(tier.name, tier.threshold_minor) for tier in shown.tiers]
