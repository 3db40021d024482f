"""Publishing a new version of the programme's terms, by form, as text or by a script; and looking at old ones."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from flask import g, render_template, request
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError

from app.admin import answers, bp
from app.admin.display import zone
from app.admin.forms import FormError, load, publication_schema
from app.admin.people import needs
from app.admin.settings import show_settings
from app.admin.terms_form import document_of, fields_from_request, moment_of
from app.admin.terms_page import Draft, tell_changes
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import terms
from app.engine.rules.roles import Duty
from app.engine.rules.terms import Terms
from app.fields import InstantField
from app.terms_document import BadDocument, dump, nest, read, write
from app.terms_document import load as load_terms

_NOTHING_SEEN = -1


class Publication(NamedTuple):
    """Terms to be published, from when on, and which version was the newest that their writer saw."""

    terms: Terms
    begins: datetime | None
    seen_version: int


@bp.post("/settings/terms")
@needs(Duty.MANAGE)
def publish_terms() -> ResponseReturnValue:
    """Publish what the form says, or a JSON body, unless somebody published another version meanwhile."""
    if request.is_json:
        return _publish(_read_body, Draft())
    typed = fields_from_request(request.form, g.shop.currency)
    draft = Draft(fields=typed, effective_from=_text("effective_from"))
    return _publish(lambda: _read_form(lambda: document_of(typed, g.shop.currency, _zone())), draft)


@bp.post("/settings/terms/text")
@needs(Duty.MANAGE)
def publish_text() -> ResponseReturnValue:
    """Publish terms written as one text."""
    text = _text("document")
    draft = Draft(text=text, effective_from=_text("effective_from"))
    return _publish(lambda: _read_form(lambda: read(text)), draft)


@bp.get("/settings/terms/<int:number>")
def show_version(number: int) -> ResponseReturnValue:
    """Show one version: how it stands, what it changed, and all it says."""
    session = db.session()
    shown = terms.get_version(session, g.shop.id, number)
    if not answers.wants_html():
        return answers.as_json({"version": number, "terms": dump(shown)})
    versions = terms.list_versions(session, g.shop.id, utcnow())
    against = request.args.get("against", number - 1, type=int)
    changes = tell_changes(session, g.shop.id, against, number, zone(g.shop.timezone)) if against > 0 else None
    return render_template(
        "admin/settings_version.html",
        version=next(one for one in versions if one.number == number),
        versions=versions,
        against=against,
        changes=changes,
        text=write(shown),
    )


def _publish(read_wanted: Callable[[], Publication], draft: Draft) -> ResponseReturnValue:
    try:
        wanted = read_wanted()
        with transaction() as session:
            published = terms.publish(
                session,
                g.shop.id,
                wanted.terms,
                g.actor,
                utcnow(),
                wanted.begins,
                seen_version=wanted.seen_version,
            )
    except (BadDocument, FormError) as error:
        return show_settings(422, error=str(error), draft=replace(draft, errors=error.errors))
    except terms.BadTerms as error:
        return show_settings(422, error=str(error), draft=replace(draft, errors=nest(error.problems)))
    except terms.BadMoment as error:
        return show_settings(422, error=str(error), draft=replace(draft, errors={"effective_from": [str(error)]}))
    except terms.Overtaken as error:
        return show_settings(409, error=str(error), draft=draft)
    if not answers.wants_html():
        return answers.as_json({"version": published.version})
    is_new = published.version > wanted.seen_version
    return show_settings(toast=f"Published as version {published.version}" if is_new else "Nothing to publish")


def _read_body() -> Publication:
    body = load(publication_schema, read(request.get_data()))
    return Publication(load_terms(body["terms"], g.shop.currency), body["effective_from"], body["seen_version"])


def _read_form(document: Callable[[], dict[str, object]]) -> Publication:
    seen = request.form.get("seen_version", _NOTHING_SEEN, type=int)
    return Publication(load_terms(document(), g.shop.currency), _begins(), seen)


def _begins() -> datetime | None:
    text = moment_of(_text("effective_from").strip(), _zone())
    if not text:
        return None
    try:
        at: datetime = InstantField().deserialize(text)
    except ValidationError as error:
        raise FormError({"effective_from": error.messages}) from error
    return at


def _zone() -> ZoneInfo | None:
    """Return the zone in which the form's moments are meant: the shop's, if the form says that it showed it."""
    local = zone(g.shop.timezone)
    return local if request.form.get("zone") == local.key else None


def _text(name: str) -> str:
    return request.form.get(name, "").replace("\x00", "")
