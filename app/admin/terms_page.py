"""What the rules' page shows of the terms: the form, what is in force and to come, and what somebody else did."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from app.admin.display import zone
from app.admin.terms_form import Fields, TermsForm, fields_of, text_of
from app.admin.terms_summary import summarise
from app.engine.flows import terms as flow
from app.engine.flows.terms import Version
from app.engine.rules.terms import OwedPolicy, Precedence, ReleaseKind, RiskLevel, Terms, Tier
from app.engine.rules.terms_diff import Change, diff_terms
from app.engine.rules.terms_versions import VersionState
from app.models import Shop
from app.terms_document import Errors, flatten, write

#: How the choices of the form read.
CHOICE_WORDS = {
    "precedence": {
        Precedence.HIGHEST: _("The highest counts"),
        Precedence.SUM: _("They are added up"),
        Precedence.CAMPAIGN_ONLY: _("The campaign's alone, else the goods', else the tier's"),
    },
    "release": {
        ReleaseKind.AT_ONCE: _("At once"),
        ReleaseKind.DAYS_AFTER_PAID: _("Days after the order"),
        ReleaseKind.DAYS_AFTER_FULFILLED: _("Days after it was fulfilled"),
        ReleaseKind.MONTH_END: _("Months after the end of the month"),
        ReleaseKind.ON_DATE: _("On a date"),
    },
    "risk": {
        RiskLevel.NONE: _("None"),
        RiskLevel.LOW: _("Low"),
        RiskLevel.MEDIUM: _("Medium"),
        RiskLevel.HIGH: _("High"),
    },
    "owed": {
        OwedPolicy.OFFSET: _("Set off against later cashback"),
        OwedPolicy.FORGIVE: _("Forgiven"),
        OwedPolicy.BLOCK: _("Kept, and nothing is earned until it is settled"),
    },
}
#: How a version stands: in a word, and the colour it is shown in.
STANDINGS = {
    VersionState.IN_FORCE: (_("In force"), "success"),
    VersionState.SCHEDULED: (_("Scheduled"), "info"),
    VersionState.PAST: (_("Past"), "neutral"),
    VersionState.REPLACED: (_("Replaced"), "neutral"),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody typed of terms, in the form or as text, and what is wrong with it."""

    fields: Fields | None = None
    text: str | None = None
    effective_from: str = ""
    errors: Errors = field(default_factory=dict)
    #: The newest version they saw.
    seen_version: int | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """Everything the page shows of the terms."""

    #: In force, or to start from.
    terms: Terms
    in_force: Version | None
    newest: int
    scheduled: list[Version]
    form: TermsForm
    summary: dict[str, str]
    #: All terms as text; and what is wrong with it, if that was sent.
    text: str
    text_problems: list[str]
    effective_from: str
    moment_problem: str
    #: The version that was asked for to start from, and whether its tiers are not those in force.
    start: int | None
    has_other_tiers: bool
    #: What somebody else published since the page was loaded.
    meanwhile: tuple[Change, ...]
    #: The name of the time zone that moments are meant in.
    zone: str


def look_at_terms(
    session: Session, shop: Shop, now: datetime, draft: Draft, start: int | None, *, keeps_tiers: bool = False
) -> Look:
    """Return what the page shows: what was typed, else the version asked for, else the one in force.

    With ``keeps_tiers`` the version asked for is shown with the tiers that are in force.
    """
    versions = flow.list_versions(session, shop.id, now)
    in_force = next((one for one in versions if one.state is VersionState.IN_FORCE), None)
    chosen = next((one for one in versions if one.number == start), in_force)
    today, shown = (_terms_of(session, shop, one) for one in (in_force, chosen))
    if keeps_tiers:
        shown = with_tiers_of(shown, today)
    local = zone(shop.timezone)
    begins = text_of(chosen.effective_from, local) if chosen and chosen.state is VersionState.SCHEDULED else ""
    sent_text = draft.text is not None
    said = [f"{where}: {sentence}" if where else sentence for where, sentence in flatten(draft.errors)]
    newest = versions[0].number if versions else 0
    return Look(
        terms=shown,
        in_force=in_force,
        newest=newest,
        scheduled=[one for one in versions if one.state is VersionState.SCHEDULED],
        form=TermsForm(draft.fields or fields_of(shown, local), {} if sent_text else draft.errors),
        summary=summarise(shown),
        text=write(shown) if draft.text is None else draft.text,
        text_problems=said if sent_text else [],
        effective_from=draft.effective_from or begins,
        moment_problem=TermsForm({}, draft.errors).error("effective_from"),
        start=start if chosen and chosen.number == start else None,
        has_other_tiers=with_tiers_of(shown, today) != shown,
        meanwhile=_tell_meanwhile(session, shop.id, draft.seen_version, newest, local),
        zone=local.key,
    )


def with_tiers_of(terms: Terms, other: Terms) -> Terms:
    """Return terms with the tiers of others, and with all that is said of tiers in them."""
    names = {tier.name for tier in other.tiers}
    return replace(
        terms,
        tiers=other.tiers,
        tier_method=other.tier_method,
        tier_evaluation=other.tier_evaluation,
        tier_grace_days=other.tier_grace_days,
        automatic_tiers=terms.automatic_tiers & names,
    )


def tell_changes(session: Session, shop_id: int, older: int, newer: int, local: ZoneInfo) -> tuple[Change, ...]:
    """Return what changes from one version to another."""
    one, other = (flow.get_version(session, shop_id, number) for number in (older, newer))
    return diff_terms(one, other, local)


def _terms_of(session: Session, shop: Shop, version: Version | None) -> Terms:
    """Return a version's terms; for a shop without any, terms that earn nothing yet."""
    if version is None:
        return Terms(0, shop.currency, (Tier("Everyone", 0, 0),))
    return flow.get_version(session, shop.id, version.number)


def _tell_meanwhile(
    session: Session, shop_id: int, seen: int | None, newest: int, local: ZoneInfo
) -> tuple[Change, ...]:
    if seen is None or not 0 < seen < newest:
        return ()
    return tell_changes(session, shop_id, seen, newest, local)
