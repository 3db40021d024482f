"""Other tiers: typed, looked at before anything is saved, and published as a new version of the terms."""

from dataclasses import dataclass, replace
from datetime import datetime

from flask import Response, g, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from marshmallow import ValidationError

from app.admin import answers, bp
from app.admin.display import zone
from app.admin.people import needs
from app.admin.queries import tiers as queries
from app.admin.terms_form import TermsForm, moment_of
from app.admin.tier_form import (
    EVALUATION_WORDS,
    METHOD_WORDS,
    Draft,
    carried,
    list_versions,
    read_draft,
    start_draft,
    whole_terms,
)
from app.admin.tier_looks import ICONS, PALETTE, hard_to_see
from app.admin.tiers import show_tiers
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import terms as flow
from app.engine.flows.tier_preview import Preview, preview
from app.engine.rules.roles import Duty
from app.engine.rules.terms import Terms
from app.engine.rules.terms_diff import Change, diff_terms
from app.fields import InstantField
from app.languages import translate
from app.models import Customer
from app.terms_document import BadDocument, nest


@dataclass(frozen=True, slots=True)
class Outlook:
    """What new tiers would change."""

    terms: Terms
    changes: tuple[Change, ...]
    #: None as long as nobody asked for it, since it takes a look at everybody.
    preview: Preview | None
    #: Those of its sample, by our id.
    customers: dict[int, Customer]


@bp.get("/tiers/edit")
@needs(Duty.MANAGE)
def edit_tiers() -> ResponseReturnValue:
    """Show the form with the tiers of the version in force, or of one that is scheduled."""
    session, now = db.session(), utcnow()
    start = request.args.get("start", type=int)
    return _show_form(start_draft(session, g.shop, list_versions(session, g.shop, now), start))


@bp.post("/tiers/edit")
@needs(Duty.MANAGE)
def edit_tiers_again() -> ResponseReturnValue:
    """Show the form with what was typed."""
    return _show_form(read_draft(request.form, g.shop.currency))


@bp.post("/tiers/preview")
@needs(Duty.MANAGE)
def preview_tiers() -> ResponseReturnValue:
    """Show what would change, with ``customers`` also who would move and what it would cost; nothing is saved."""
    draft = read_draft(request.form, g.shop.currency)
    try:
        return _show_preview(draft)
    except (BadDocument, flow.BadTerms, flow.Overtaken) as error:
        return _refuse(draft, error)


@bp.post("/tiers")
@needs(Duty.MANAGE)
def publish_tiers() -> ResponseReturnValue:
    """Publish the tiers with the rest of the terms they started from, at once or from a moment on."""
    draft, now = read_draft(request.form, g.shop.currency), utcnow()
    try:
        wanted, begins = whole_terms(db.session(), g.shop, draft, now), _read_moment(draft)
        with transaction() as session:
            seen = draft.seen_version
            published = flow.publish(session, g.shop.id, wanted, g.actor, now, begins, seen_version=seen)
    except (BadDocument, flow.BadTerms, flow.BadMoment, flow.Overtaken) as error:
        return _refuse(draft, error)
    if not answers.wants_html():
        return answers.as_json({"version": published.version})
    if published.version <= draft.seen_version:
        return show_tiers(toast=_("Nothing to publish: that is what the terms say already."))
    return show_tiers(toast=_("Published as version %(number)s.", number=published.version))


def _refuse(draft: Draft, error: BadDocument | flow.BadTerms | flow.BadMoment | flow.Overtaken) -> Response:
    status = 409 if isinstance(error, flow.Overtaken) else 422
    if not answers.wants_html():
        return answers.as_json({"error": str(error)}, status)
    if isinstance(error, flow.BadMoment):
        return _show_preview(draft, 422, moment_problem=translate(error))
    if isinstance(error, flow.Overtaken):
        # What was typed is kept; it is laid over the terms as they are now.
        fresh = start_draft(db.session(), g.shop, list_versions(db.session(), g.shop, utcnow()), draft.base)
        draft = replace(draft, base=fresh.base, seen_version=fresh.seen_version)
        return _show_form(draft, 409, _("Somebody published new terms meanwhile. Look at what is in force now."))
    errors = error.errors if isinstance(error, BadDocument) else nest(error.problems)
    return _show_form(replace(draft, errors=errors), 422, _("Nothing is published yet: mend what is marked below."))


def _show_form(draft: Draft, status: int = 200, problem: str = "") -> Response:
    session, now = db.session(), utcnow()
    in_force, *scheduled = list_versions(session, g.shop, now)
    form = TermsForm(draft.fields, draft.errors)
    names = [str(row.value("name")).strip() for row in form.rows("tiers")]
    return answers.show(
        "admin/tiers_edit.html",
        status,
        draft=draft,
        form=form,
        in_use=queries.list_in_use(session, g.shop.id, names, now),
        used_elsewhere=_say_elsewhere(draft),
        problem_sentence=problem,
        in_force=in_force,
        fresh=flow.get_version(session, g.shop.id, in_force.number) if status == 409 else None,
        scheduled=scheduled,
        method_words=METHOD_WORDS,
        evaluation_words=EVALUATION_WORDS,
        icon_names=ICONS,
        palette=PALETTE,
    )


def _show_preview(draft: Draft, status: int = 200, *, moment_problem: str = "") -> Response:
    outlook = _look_ahead(draft, utcnow())
    local = zone(g.shop.timezone)
    return answers.show(
        "admin/tiers_preview.html",
        status,
        outlook=outlook,
        hard_to_see=hard_to_see(outlook.terms.tiers),
        carried=carried(request.form),
        effective_from=draft.effective_from,
        moment_problem=moment_problem,
        zone=local.key,
    )


def _look_ahead(draft: Draft, now: datetime) -> Outlook:
    session = db.session()
    wanted = whole_terms(session, g.shop, draft, now)
    flow.check(session, g.shop, wanted, now)
    changes = diff_terms(flow.get_current(session, g.shop.id, now), wanted, zone(g.shop.timezone))
    if "customers" not in request.args:
        return Outlook(wanted, changes, None, {})
    seen = preview(session, g.shop.id, wanted, now)
    ids = [mover.customer_id for mover in seen.sample]
    return Outlook(wanted, changes, seen, queries.name_customers(session, g.shop.id, ids))


def _say_elsewhere(draft: Draft) -> list[str]:
    """Return what is wrong with other terms once the tiers are these, such as a rule that names one of them."""
    known = ("tiers", "tier_method", "tier_evaluation", "tier_grace_days")
    wrong = TermsForm({}, {name: said for name, said in draft.errors.items() if name not in known})
    return [wrong.error(name) for name in draft.errors if name not in known]


def _read_moment(draft: Draft) -> datetime | None:
    text = moment_of(draft.effective_from, zone(g.shop.timezone))
    if not text:
        return None
    try:
        at: datetime = InstantField().deserialize(text)
    except ValidationError as error:
        raise flow.BadMoment(str(error.messages[0])) from error
    return at
