"""The words of the mails: ours or the shop's own, an editor with a preview, and a mail to try them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flask import g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.admin import answers, bp
from app.admin.mail_words import name_template
from app.admin.people import needs
from app.clock import utcnow
from app.config import current_settings
from app.db import db, transaction
from app.engine.flows import mail_templates as flow
from app.engine.flows import mails
from app.engine.rules.letters import OwnTemplate
from app.engine.rules.mail_choices import is_address
from app.engine.rules.messages import MailKind
from app.engine.rules.roles import Duty
from app.engine.seen import ChangedMeanwhile, mark
from app.errors import NotAllowed, NotFound, Refused
from app.languages import LANGUAGES, translate
from app.mail.checks import PARTS, check, preview
from app.mail.examples import list_variables
from app.mail.ready import Templates, default_template, own_templates
from app.models import MailTemplate, Shop
from app.queue import MAILS, enqueue_once

PATH = "/settings/mails/templates"
#: Each language by its own name, as whoever reads it looks for it.
OWN_NAMES = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español"}


class Which(NamedTuple):
    """One template of the shop."""

    name: str
    language: str

    @property
    def path(self) -> str:
        """Return where it is edited."""
        return f"{PATH}/{self.name}/{self.language}"


@dataclass(frozen=True, slots=True)
class Said:
    """What the editor is answered with: what was typed, and by field what is wrong with it."""

    typed: Mapping[str, str] | None = None
    wrong: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None
    toast: str | None = None


@bp.get("/settings/mails/templates")
def list_mail_templates() -> ResponseReturnValue:
    """Show what there is to be said, in which languages, and in whose words."""
    own = {(row.name, row.language): row for row in flow.list_templates(db.session(), g.shop.id)}
    return answers.show(
        "admin/mail_templates.html",
        names=[(name, name_template(name)) for name in flow.NAMES],
        languages=OWN_NAMES,
        own=own,
        broken=[row for row in own.values() if row.failed_at is not None],
        name_template=name_template,
    )


@bp.get("/settings/mails/templates/<template>/<language>")
def mail_template(template: str, language: str) -> ResponseReturnValue:
    """Show the words of one template with how they look."""
    return _show(_get(template, language))


@bp.post("/settings/mails/templates/<template>/<language>")
@needs(Duty.MANAGE)
def save_template(template: str, language: str) -> ResponseReturnValue:
    """Keep the shop's own words, if they can be used."""
    which = _get(template, language)
    draft = _read_draft(which)
    if wrong := _check(draft):
        return _show(which, Said(draft_parts(draft), wrong, next(iter(wrong.values()))), 422)
    try:
        with transaction() as session:
            flow.save(session, g.shop.id, draft, g.actor, utcnow(), seen=request.form.get("seen"))
    except Refused as error:
        return _refuse(which, draft, error)
    return _show(which, Said(toast=_("Saved")))


@bp.post("/settings/mails/templates/<template>/<language>/reset")
@needs(Duty.MANAGE)
def reset_template(template: str, language: str) -> ResponseReturnValue:
    """Go back to our words."""
    which = _get(template, language)
    try:
        with transaction() as session:
            flow.reset(session, g.shop.id, *which, g.actor, utcnow(), seen=request.form.get("seen"))
    except Refused as error:
        return _refuse(which, None, error)
    return _show(which, Said(toast=_("Boomerang's words are used again")))


@bp.post("/settings/mails/templates/<template>/<language>/preview")
@needs(Duty.LOOK)
def preview_template(template: str, language: str) -> ResponseReturnValue:
    """Show how words look that are just being typed; nothing is kept."""
    draft = _read_draft(_get(template, language))
    return render_template("admin/mail_preview.html", **_look(draft))


@bp.post("/settings/mails/templates/<template>/<language>/test")
@needs(Duty.MANAGE)
def test_template(template: str, language: str) -> ResponseReturnValue:
    """Send a mail with the words as they are typed to the person or an address of theirs."""
    which = _get(template, language)
    draft, address = _read_draft(which), request.form.get("address", "").strip()
    wrong = _check(draft)
    if not is_address(address):
        wrong["address"] = _("Write the address the test goes to, like name@example.com.")
    if wrong:
        return _show(which, Said(_typed(draft), wrong, next(iter(wrong.values()))), 422)
    has_server, now = bool(current_settings().mail_url), utcnow()
    written = preview(draft, _own())
    with transaction() as session:
        flow.note_test(session, g.shop.id, *which, g.actor, now)
        shop = session.get_one(Shop, g.shop.id)
        mail = mails.add_mail(session, shop, MailKind.TEST, address, written, language, now, has_server)
        number = mail.id
    enqueue_once(MAILS, "send_mails", g.shop.id)
    done = _("A test mail is on its way to %(address)s.", address=address)
    if not has_server:
        done = _("There is no mail server; the test mail is kept under Mails.")
    if not answers.wants_html():
        return answers.as_json({"done": done, "mail": number})
    return _show(which, Said(_typed(draft), toast=done), sent=number)


def draft_parts(draft: OwnTemplate) -> dict[str, str]:
    """Return the three parts by their fields."""
    return {"subject": draft.subject, "html": draft.html, "text": draft.text}


def _typed(draft: OwnTemplate) -> dict[str, str]:
    return {**draft_parts(draft), "address": request.form.get("address", "")}


def _read_draft(which: Which) -> OwnTemplate:
    """Return what was typed, with the ends of lines as we keep them."""
    parts = {part: request.form.get(part, "").replace("\r\n", "\n").replace("\0", "") for part in PARTS}
    return OwnTemplate(*which, **{**parts, "subject": " ".join(parts["subject"].split())})


def _check(draft: OwnTemplate) -> dict[str, str]:
    """Return what is wrong with a draft, in the reader's language, by field."""
    return {fault.part: translate(fault.sentence) for fault in check(*which_of(draft), **draft_parts(draft))}


def which_of(draft: OwnTemplate) -> Which:
    """Return which template a draft is of."""
    return Which(draft.name, draft.language)


def _refuse(which: Which, draft: OwnTemplate | None, error: Refused) -> ResponseReturnValue:
    """Show what is there now where somebody was faster, else what was typed."""
    if isinstance(error, NotAllowed | NotFound):
        raise error
    status = 409 if isinstance(error, ChangedMeanwhile) else 422
    typed = None if draft is None or status == 409 else draft_parts(draft)
    return _show(which, Said(typed, error=translate(error)), status)


def _show(which: Which, said: Said | None = None, status: int = 200, *, sent: int | None = None) -> ResponseReturnValue:
    """Return the editor, or JSON for a script."""
    told = said or Said()
    row = flow.find_template(db.session(), g.shop.id, *which)
    shown = _words(which, row)
    if not answers.wants_html():
        wrong = told.wrong or told.error
        return answers.as_json({"errors": wrong} if wrong else draft_parts(shown), status)
    draft = shown if told.typed is None else OwnTemplate(*which, **{part: told.typed[part] for part in PARTS})
    response = answers.show(
        "admin/mail_template.html",
        status,
        which=which,
        title=name_template(which.name),
        row=row,
        draft=draft,
        seen=mark(flow.show_words(row)),
        languages=OWN_NAMES,
        variables=list_variables(*which),
        longest=flow.LONGEST_SUBJECT,
        address=(told.typed or {}).get("address", g.staff.email or ""),
        is_typed=told.typed is not None,
        errors=told.wrong,
        error=told.error,
        sent=sent,
        **_look(draft),
    )
    message = told.toast or told.error
    return answers.add_toast(response, message, is_error=told.error is not None) if message else make_response(response)


def _look(draft: OwnTemplate) -> dict[str, Any]:
    """Return how a draft looks, and what is wrong with it."""
    faults = _check(draft)
    return {"written": preview(draft, _own()), "faults": faults}


def _words(which: Which, row: MailTemplate | None) -> OwnTemplate:
    """Return the words in force: the shop's own or ours."""
    return default_template(*which) if row is None else OwnTemplate(*which, row.subject, row.html, row.text)


def _own() -> Templates:
    rows = flow.list_templates(db.session(), g.shop.id)
    return own_templates(OwnTemplate(row.name, row.language, row.subject, row.html, row.text) for row in rows)


def _get(name: str, language: str) -> Which:
    if name not in flow.NAMES or language not in LANGUAGES:
        raise NotFound("There is no such mail in this language.")
    return Which(name, language)
