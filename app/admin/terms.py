"""The versions of the terms: all there are, what each says and changed, calling one off, and terms as one text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from flask import g, make_response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from app.admin import answers, bp
from app.admin.display import zone
from app.admin.people import needs
from app.admin.publication import Declined, publish, read_form, seen_version, text_of_field
from app.admin.rules_page import tell_published
from app.admin.terms_page import STANDINGS, Draft, look_at_terms, tell_changes
from app.admin.terms_summary import summarise
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import terms as flow
from app.engine.flows.terms import Version
from app.engine.rules.roles import Duty
from app.engine.rules.terms import Terms
from app.engine.rules.terms_diff import Change, diff_terms
from app.engine.rules.terms_told import tell_terms
from app.errors import NotFound, Refused
from app.languages import translate
from app.sentences import say
from app.terms_document import dump, read, write

#: So many versions are listed at once.
PAGE = 10
#: So many are offered to compare one with.
OFFERED = 50


@dataclass(frozen=True, slots=True)
class Told:
    """A version with what it changed of the one before it; None for the first."""

    version: Version
    changes: tuple[Change, ...] | None


@bp.get("/terms")
def list_terms() -> ResponseReturnValue:
    """List the versions, newest first."""
    return _show_list()


@bp.get("/terms/<int:number>")
def show_version(number: int) -> ResponseReturnValue:
    """Show one version: how it stands, what it changed, and all it says."""
    return _show_version(number)


@bp.post("/terms/<int:number>/call-off")
@needs(Duty.MANAGE)
def call_off(number: int) -> ResponseReturnValue:
    """Let what holds before a scheduled version go on holding."""
    try:
        with transaction() as session:
            made = flow.call_off(session, g.shop.id, number, g.actor, utcnow(), seen_version=seen_version())
    except NotFound:
        raise
    except Refused as error:
        return _show_version(number, 409, error=translate(error))
    if not answers.wants_html():
        return answers.as_json({"version": made.version})
    return _show_list(toast=_("Version %(number)s is called off", number=number))


@bp.get("/terms/text")
def show_text() -> ResponseReturnValue:
    """Show all terms as one text, to be copied, or written and published."""
    return _show_text(start=request.args.get("start", type=int))


@bp.post("/terms/text")
@needs(Duty.MANAGE)
def publish_text() -> ResponseReturnValue:
    """Publish terms written as one text."""
    text = text_of_field("document")
    draft = Draft(text=text, effective_from=text_of_field("effective_from"), seen_version=seen_version())
    outcome = publish(lambda: read_form(lambda: read(text)), draft)
    if isinstance(outcome, Declined):
        return _show_text(outcome.status, error=outcome.sentence, draft=outcome.draft)
    if not answers.wants_html():
        return answers.as_json({"version": outcome.version})
    return _show_text(toast=tell_published(outcome))


def _show_list(*, toast: str | None = None) -> ResponseReturnValue:
    session = db.session()
    versions = flow.list_versions(session, g.shop.id, utcnow())
    if not answers.wants_html():
        return answers.as_json({"versions": [_plain(version) for version in versions]})
    before = request.args.get("before", type=int)
    listed = [one for one in versions if before is None or one.number < before]
    response = answers.show(
        "admin/terms.html",
        told=list(_tell(session, g.shop.id, listed[:PAGE])),
        newest=versions[0].number if versions else 0,
        older=listed[PAGE - 1].number if len(listed) > PAGE else None,
        is_first=before is None or not versions or before > versions[0].number,
        standings=STANDINGS,
    )
    return answers.add_toast(response, toast) if toast else make_response(response)


def _show_version(number: int, status: int = 200, *, error: str | None = None) -> ResponseReturnValue:
    session, local = db.session(), zone(g.shop.timezone)
    shown = flow.get_version(session, g.shop.id, number)
    if not answers.wants_html():
        return answers.as_json({"error": error} if error else {"version": number, "terms": dump(shown)}, status)
    versions = flow.list_versions(session, g.shop.id, utcnow())
    against = request.args.get("against", number - 1, type=int)
    response = answers.show(
        "admin/terms_version.html",
        status,
        version=next(one for one in versions if one.number == number),
        newest=versions[0].number,
        others=[one for one in versions if one.number == against or one.number > versions[0].number - OFFERED],
        against=against,
        changes=tell_changes(session, g.shop.id, against, number, local) if against > 0 else None,
        summary=summarise(shown),
        told=_say_all(shown),
        text=write(shown),
        standings=STANDINGS,
        error=error,
    )
    return answers.add_toast(response, error, is_error=True) if error else make_response(response)


def _show_text(
    status: int = 200,
    *,
    toast: str | None = None,
    error: str | None = None,
    draft: Draft | None = None,
    start: int | None = None,
) -> ResponseReturnValue:
    if not answers.wants_html():
        wrong = draft.errors if draft is not None else None
        return answers.as_json({"errors": wrong or error}, status)
    look = look_at_terms(db.session(), g.shop, utcnow(), draft or Draft(), start)
    response = answers.show("admin/terms_text.html", status, look=look, error=error)
    message = toast or error
    return answers.add_toast(response, message, is_error=error is not None) if message else make_response(response)


def _tell(session: Session, shop_id: int, versions: Sequence[Version]) -> Iterator[Told]:
    said = cache(lambda number: flow.get_version(session, shop_id, number))
    local = zone(g.shop.timezone)
    for version in versions:
        before = version.number - 1
        yield Told(version, diff_terms(said(before), said(version.number), local) if before else None)


def _say_all(terms: Terms) -> dict[str, list[tuple[str, str]]]:
    """Return all that terms say, by section, in the reader's language."""
    return {
        section: [(translate(part.what), translate(say("{value}", value=part.value))) for part in parts]
        for section, parts in tell_terms(terms, zone(g.shop.timezone)).items()
    }


def _plain(version: Version) -> dict[str, object]:
    return {
        "version": version.number,
        "state": version.state.value,
        "effective_from": version.effective_from.isoformat(),
        "published_at": version.published_at.isoformat(),
        "published_by": version.published_by,
    }
