"""What the settings show of the terms: the form, the text, the newest versions and what changed in them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from app.admin.display import zone
from app.admin.terms_form import Fields, TermsForm, fields_of, text_of
from app.admin.terms_summary import summarise
from app.engine.flows import terms as flow
from app.engine.flows.terms import Version
from app.engine.rules.terms import Terms, Tier
from app.engine.rules.terms_diff import Change, diff_terms
from app.engine.rules.terms_versions import VersionState
from app.models import Shop
from app.terms_document import Errors, flatten, write

#: How many versions are listed; each leads to the one before it.
_LISTED = 6


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody typed of terms, in the form or as text, and what is wrong with it."""

    fields: Fields | None = None
    text: str | None = None
    effective_from: str = ""
    errors: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """A version with what it changed of the one before it; None for the first."""

    version: Version
    changes: tuple[Change, ...] | None


@dataclass(frozen=True, slots=True)
class Look:
    """Everything the page shows of the terms."""

    #: In force, or to start from.
    terms: Terms
    in_force: Version | None
    newest: int
    scheduled: Sequence[Version]
    told: Sequence[Told]
    form: TermsForm
    summary: dict[str, str]
    #: All terms as text; and what is wrong with it, if that was sent.
    text: str
    text_problems: Sequence[str]
    effective_from: str
    moment_problem: str
    #: The version that was asked for to start from.
    start: int | None
    #: The name of the time zone that moments are meant in.
    zone: str


def look_at_terms(session: Session, shop: Shop, now: datetime, draft: Draft, start: int | None) -> Look:
    """Return what the page shows: what was typed, else the version asked for, else the one in force."""
    versions = flow.list_versions(session, shop.id, now)
    in_force = next((one for one in versions if one.state is VersionState.IN_FORCE), None)
    chosen = next((one for one in versions if one.number == start), in_force)
    shown = _terms_of(session, shop, chosen)
    local = zone(shop.timezone)
    begins = text_of(chosen.effective_from, local) if chosen and chosen.state is VersionState.SCHEDULED else ""
    sent_text = draft.text is not None
    said = [f"{where}: {sentence}" if where else sentence for where, sentence in flatten(draft.errors)]
    return Look(
        terms=shown,
        in_force=in_force,
        newest=versions[0].number if versions else 0,
        scheduled=[one for one in versions if one.state is VersionState.SCHEDULED],
        told=list(_tell(session, shop.id, versions[:_LISTED], local)),
        form=TermsForm(draft.fields or fields_of(shown, local), {} if sent_text else draft.errors),
        summary=summarise(shown),
        text=write(shown) if draft.text is None else draft.text,
        text_problems=said if sent_text else (),
        effective_from=draft.effective_from or begins,
        moment_problem=TermsForm({}, draft.errors).error("effective_from"),
        start=start if chosen and chosen.number == start else None,
        zone=local.key,
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


def _tell(session: Session, shop_id: int, versions: Sequence[Version], local: ZoneInfo) -> Iterator[Told]:
    for version in versions:
        before = version.number - 1
        yield Told(version, tell_changes(session, shop_id, before, version.number, local) if before else None)
