"""The tiers as a form: what was typed of them, and the whole terms it makes together with the rest of a version.

A publication is always all of the terms: the form brings the tiers, the version it started from brings the rest.
"""

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from app.admin.display import zone
from app.admin.terms_form import Fields, document_of, fields_from_request, fields_of, text_of
from app.admin.tier_looks import OWN
from app.engine.flows import terms as flow
from app.engine.flows.terms import Version
from app.engine.rules.terms import Evaluation, Terms, TierMethod
from app.engine.rules.terms_versions import VersionState
from app.errors import NotFound
from app.models import Shop
from app.terms_document import Errors, dump, load

#: The fields of the terms that this room edits.
NAMES = ("tiers", "tier_method", "tier_evaluation", "tier_grace_days")
#: What the form sends besides them.
FRAME = ("base", "seen_version")
_NOTHING_SEEN = -1
_STARTS = (VersionState.IN_FORCE, VersionState.SCHEDULED)

METHOD_WORDS = {
    TierMethod.LIFETIME: _("All there ever was"),
    TierMethod.ROLLING_YEAR: _("The last 365 days"),
    TierMethod.CALENDAR_YEAR: _("The calendar year"),
}
EVALUATION_WORDS = {
    Evaluation.ALWAYS: _("At once"),
    Evaluation.DAILY: _("Every day"),
    Evaluation.WEEKLY: _("Every week"),
    Evaluation.MONTHLY: _("Every month"),
    Evaluation.QUARTERLY: _("Every quarter"),
    Evaluation.ON_DEMAND: _("Only when somebody recalculates"),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody typed of the tiers, what is wrong with it, and what they had seen."""

    #: The version that the rest of the terms is taken from.
    base: int
    #: The newest version they saw.
    seen_version: int
    fields: Fields
    effective_from: str = ""
    errors: Errors = field(default_factory=dict)


def list_versions(session: Session, shop: Shop, now: datetime) -> list[Version]:
    """Return the versions to start from: the one in force, and then those that are scheduled, the next one first.

    Raises NotFound for a shop that has no terms yet.
    """
    versions = [one for one in flow.list_versions(session, shop.id, now) if one.state in _STARTS]
    if not any(one.state is VersionState.IN_FORCE for one in versions):
        raise NotFound("This shop has no terms yet; open the app once in the shop's admin to publish the first.")
    return sorted(versions, key=lambda one: one.effective_from)


def start_draft(session: Session, shop: Shop, versions: list[Version], start: int | None) -> Draft:
    """Return a draft that says what a version says: the one asked for, else the one in force."""
    chosen = next((one for one in versions if one.number == start), versions[0])
    is_scheduled = chosen.state is VersionState.SCHEDULED
    local = zone(shop.timezone)
    return Draft(
        base=chosen.number,
        seen_version=flow.find_newest(session, shop.id),
        fields=_own(fields_of(flow.get_version(session, shop.id, chosen.number), local)),
        effective_from=text_of(chosen.effective_from, local) if is_scheduled else "",
    )


def read_draft(form: MultiDict[str, str], currency: str) -> Draft:
    """Return what a form brought."""
    return Draft(
        base=form.get("base", _NOTHING_SEEN, type=int),
        seen_version=form.get("seen_version", _NOTHING_SEEN, type=int),
        fields=_own(fields_from_request(_with_own_colors(form), currency)),
        effective_from=form.get("effective_from", "").replace("\x00", "").strip(),
    )


def whole_terms(session: Session, shop: Shop, draft: Draft, now: datetime) -> Terms:
    """Return the terms that a draft makes of the version it started from.

    Raises BadDocument, or Overtaken where that version is over, or is not the newest one known any more.
    """
    starts = [one.number for one in list_versions(session, shop, now)]
    if draft.base not in starts or draft.seen_version != flow.find_newest(session, shop.id):
        raise flow.Overtaken
    rest = dump(flow.get_version(session, shop.id, draft.base))
    local = ZoneInfo("UTC")  # no field of the tiers is a moment
    everything = fields_from_request(MultiDict(), shop.currency) | draft.fields
    said = document_of(everything, shop.currency, local)
    document = {name: value for name, value in rest.items() if name not in NAMES}
    return load(document | {name: said[name] for name in NAMES if name in said}, shop.currency)


def carried(form: MultiDict[str, str]) -> list[tuple[str, str]]:
    """Return what a form brought of the tiers, to be carried along unseen to the next page."""
    wanted = (*NAMES, *FRAME)
    return [(name, text) for name, text in form.items(multi=True) if name.split(".")[0] in wanted]


def _own(fields: Fields) -> Fields:
    return {name: fields[name] for name in NAMES}


def _with_own_colors(form: MultiDict[str, str]) -> MultiDict[str, str]:
    """Return the form with the colours that were typed in the place of the choice to type one."""
    typed = iter(form.getlist("tiers.own_color"))
    colors = []
    for chosen in form.getlist("tiers.color"):
        own = next(typed, "").strip()
        colors.append((own or OWN) if chosen == OWN else chosen)
    whole = form.copy()
    whole.setlist("tiers.color", colors)
    return whole
