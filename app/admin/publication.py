"""How terms are published by a person: out of a form, out of one text, or out of the body of a script."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from flask import g, request
from marshmallow import ValidationError

from app.admin.display import zone
from app.admin.forms import FormError, load, publication_schema
from app.admin.terms_form import moment_of
from app.admin.terms_page import Draft
from app.clock import utcnow
from app.db import transaction
from app.engine.flows import terms
from app.engine.rules.terms import Terms
from app.errors import Refused
from app.fields import InstantField
from app.languages import translate
from app.terms_document import BadDocument, nest, read
from app.terms_document import load as load_terms

NOTHING_SEEN = -1


class Publication(NamedTuple):
    """Terms to be published, from when on, and which version was the newest that their writer saw."""

    terms: Terms
    begins: datetime | None
    seen_version: int


@dataclass(frozen=True, slots=True)
class Published:
    """The version there is now; not ``is_new`` where it said the same already."""

    version: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class Declined:
    """Why nothing was published, and the draft with what is wrong beside what was typed."""

    status: int
    sentence: str
    draft: Draft


def publish(read_wanted: Callable[[], Publication], draft: Draft) -> Published | Declined:
    """Publish what ``read_wanted`` reads, unless somebody published another version meanwhile."""
    try:
        wanted = read_wanted()
        with transaction() as session:
            published = terms.publish(
                session, g.shop.id, wanted.terms, g.actor, utcnow(), wanted.begins, seen_version=wanted.seen_version
            )
    except (BadDocument, FormError) as error:
        return _decline(422, error, replace(draft, errors=error.errors))
    except terms.BadTerms as error:
        return _decline(422, error, replace(draft, errors=nest(error.problems)))
    except terms.BadMoment as error:
        return _decline(422, error, replace(draft, errors={"effective_from": [error.args[0]]}))
    except terms.Overtaken as error:
        return _decline(409, error, draft)
    return Published(published.version, published.version > wanted.seen_version)


def read_body() -> Publication:
    """Return what a script sent as JSON."""
    body = load(publication_schema, read(request.get_data()))
    return Publication(load_terms(body["terms"], g.shop.currency), body["effective_from"], body["seen_version"])


def read_form(document: Callable[[], dict[str, object]]) -> Publication:
    """Return what a person sent; ``document`` reads the terms out of it."""
    return Publication(load_terms(document(), g.shop.currency), read_moment("effective_from"), seen_version())


def seen_version() -> int:
    """Return the newest version that the person saw."""
    return request.form.get("seen_version", NOTHING_SEEN, type=int)


def read_moment(name: str) -> datetime | None:
    """Return a moment of the form, None where it is empty; raise FormError for what is none."""
    text = moment_of(text_of_field(name).strip(), zone_of_form())
    if not text:
        return None
    try:
        at: datetime = InstantField().deserialize(text)
    except ValidationError as error:
        raise FormError({name: error.messages}) from error
    return at


def zone_of_form() -> ZoneInfo | None:
    """Return the zone in which the form's moments are meant: the shop's, if the form says that it showed it."""
    local = zone(g.shop.timezone)
    return local if request.form.get("zone") == local.key else None


def text_of_field(name: str) -> str:
    """Return a text of the form, without the one character that no table can hold."""
    return request.form.get(name, "").replace("\x00", "")


def _decline(status: int, error: Refused | FormError, draft: Draft) -> Declined:
    return Declined(status, translate(error), draft)
