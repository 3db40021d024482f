"""The rules: everything the terms say besides the tiers, in one form that publishes a new version of them."""

from flask import g, make_response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.admin import answers, bp
from app.admin.people import needs
from app.admin.publication import (
    Declined,
    Published,
    publish,
    read_body,
    read_form,
    seen_version,
    text_of_field,
    zone_of_form,
)
from app.admin.rules_trial import MadeUp
from app.admin.terms_form import document_of, fields_from_request
from app.admin.terms_page import CHOICE_WORDS, STANDINGS, Draft, look_at_terms
from app.clock import utcnow
from app.db import db
from app.engine.rules.roles import Duty
from app.engine.rules.terms_told import SECTIONS
from app.terms_document import dump


@bp.get("/rules")
def rules() -> ResponseReturnValue:
    """Show the rules; with ``start``, those of that version to start from, and with ``tiers`` today's tiers."""
    keeps_tiers = request.args.get("tiers") == "now"
    return show_rules(start=request.args.get("start", type=int), keeps_tiers=keeps_tiers)


@bp.post("/rules")
@needs(Duty.MANAGE)
def publish_rules() -> ResponseReturnValue:
    """Publish what the form says, or a JSON body."""
    if request.is_json:
        outcome = publish(read_body, Draft())
    else:
        typed = fields_from_request(request.form, g.shop.currency)
        draft = Draft(fields=typed, effective_from=text_of_field("effective_from"), seen_version=seen_version())
        outcome = publish(lambda: read_form(lambda: document_of(typed, g.shop.currency, zone_of_form())), draft)
    if isinstance(outcome, Declined):
        return decline(outcome) or show_rules(outcome.status, error=outcome.sentence, draft=outcome.draft)
    return announce(outcome) or show_rules(toast=tell_published(outcome))


def show_rules(
    status: int = 200,
    *,
    toast: str | None = None,
    error: str | None = None,
    draft: Draft | None = None,
    start: int | None = None,
    keeps_tiers: bool = False,
) -> ResponseReturnValue:
    """Return the page, or the terms in force as JSON; after bad input with what was typed and what is wrong with it."""
    look = look_at_terms(db.session(), g.shop, utcnow(), draft or Draft(), start, keeps_tiers=keeps_tiers)
    if not answers.wants_html():
        return answers.as_json({"version": look.terms.version, "newest": look.newest, "terms": dump(look.terms)})
    response = answers.show(
        "admin/rules.html",
        status,
        look=look,
        words=CHOICE_WORDS,
        sections=SECTIONS,
        standings=STANDINGS,
        error=error,
        tried=MadeUp(),
    )
    message = toast or error
    return answers.add_toast(response, message, is_error=error is not None) if message else make_response(response)


def announce(outcome: Published) -> ResponseReturnValue | None:
    """Return the answer to a script that published; None to people, who see a page."""
    return None if answers.wants_html() else answers.as_json({"version": outcome.version})


def decline(outcome: Declined) -> ResponseReturnValue | None:
    """Return the answer to a script whose terms were not taken; None to people."""
    if answers.wants_html():
        return None
    return answers.as_json({"errors": outcome.draft.errors or outcome.sentence}, outcome.status)


def tell_published(outcome: Published) -> str:
    """Return what a person is told who published."""
    said = _("Published as version %(number)s", number=outcome.version) if outcome.is_new else _("Nothing to publish")
    return str(said)
