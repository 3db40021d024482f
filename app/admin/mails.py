"""The mails of a shop: what went out, to whom, and what became of it; once more, and no more to an address."""

from collections.abc import Callable

from flask import g, make_response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from app.admin import answers, bp
from app.admin.customer_page import check_known, render_customer
from app.admin.filters import asked_choice, asked_id, asked_text, link
from app.admin.people import needs
from app.admin.queries.mails import (
    Wanted,
    find_addresses,
    find_mail,
    find_outage,
    find_reader,
    has_mails,
    list_mails,
    list_told,
)
from app.clock import utcnow
from app.config import current_settings
from app.db import db, transaction
from app.engine.flows import mails as flow
from app.engine.flows import tell_now as queue
from app.engine.rules.mailing import Refusal
from app.engine.rules.messages import MailKind, MailState
from app.engine.rules.roles import Duty
from app.errors import NotAllowed, NotFound, Refused
from app.languages import translate
from app.models import Mail
from app.queue import MAILS, enqueue_once

PATH = "/mails"
#: What somebody may send once more; of the second one it has to be asked, for it may have arrived.
AGAIN = (MailState.REFUSED, MailState.UNKNOWN, MailState.KEPT)
Deed = Callable[[Session], None]


@bp.get("/mails")
def mails() -> ResponseReturnValue:
    """Show a page of mails, and what waits to be told."""
    return _show_list()


@bp.post("/mails/tell")
@needs(Duty.MANAGE)
def tell_now() -> ResponseReturnValue:
    """Have customers told now of what waits."""
    try:
        with transaction() as session:
            queue.tell_now(session, g.shop.id, g.actor, utcnow())
    except NotAllowed:
        raise
    except Refused as error:
        return _answer(_show_list(409, error=translate(error)), translate(error), is_error=True)
    enqueue_once(MAILS, "build_digests", g.shop.id)
    said = _("Mails are being made of it.")
    return _answer(_show_list(), said)


@bp.get("/mails/<int:mail_id>")
def mail(mail_id: int) -> ResponseReturnValue:
    """Show a mail as it was sent."""
    return _show_mail(_get(mail_id))


@bp.post("/mails/<int:mail_id>/again")
@needs(Duty.MANAGE)
def send_again(mail_id: int) -> ResponseReturnValue:
    """Send a mail once more that was refused, was kept, or may or may not have arrived."""

    def deed(session: Session) -> None:
        flow.send_again(session, g.shop.id, mail_id, g.actor, utcnow())

    return _carry_out(mail_id, deed, _("It is sent again."), wake=True)


@bp.post("/mails/<int:mail_id>/stop")
@needs(Duty.MANAGE)
def stop_mails(mail_id: int) -> ResponseReturnValue:
    """Send nothing to the address of a mail any more."""
    address = _address_of(mail_id)

    def deed(session: Session) -> None:
        flow.stop_address(session, g.shop.id, address, g.actor, utcnow())

    return _carry_out(mail_id, deed, _("This address gets no mails any more."))


@bp.post("/mails/<int:mail_id>/allow")
@needs(Duty.MANAGE)
def allow_mails(mail_id: int) -> ResponseReturnValue:
    """Let the address of a mail get mails again."""
    address = _address_of(mail_id)

    def deed(session: Session) -> None:
        flow.allow_address(session, g.shop.id, address, g.actor, utcnow())

    return _carry_out(mail_id, deed, _("This address gets mails again."))


@bp.post("/customers/<int:customer_id>/mails")
@needs(Duty.MANAGE)
def set_customers_mails(customer_id: int) -> ResponseReturnValue:
    """Stop mails to a customer, or allow them again."""
    check_known(customer_id)
    is_stop, now = request.form.get("wanted") == "stop", utcnow()
    with transaction() as session:
        reader = find_reader(session, g.shop.id, customer_id)
        if reader is None or not reader.email:
            raise NotFound("This customer has no address that mails could go to.")
        change = flow.stop_address if is_stop else flow.allow_address
        change(session, g.shop.id, reader.email, g.actor, now)
    done = _("This customer gets no mails any more.") if is_stop else _("This customer gets mails again.")
    if not answers.wants_html():
        return answers.as_json({"done": done})
    return answers.add_toast(make_response(render_customer(customer_id)), done)


def _carry_out(mail_id: int, deed: Deed, done: str, *, wake: bool = False) -> ResponseReturnValue:
    _get(mail_id)
    try:
        with transaction() as session:
            deed(session)
    except (NotFound, NotAllowed):
        raise
    except Refused as error:
        said = translate(error)
        return _answer(_show_mail(_get(mail_id), 409, error=said), said, is_error=True)
    if wake:
        enqueue_once(MAILS, "send_mails", g.shop.id)
    return _answer(_show_mail(_get(mail_id)), done)


def _answer(page: ResponseReturnValue, said: str, *, is_error: bool = False) -> ResponseReturnValue:
    response = make_response(page)
    if not answers.wants_html():
        return answers.as_json({"error" if is_error else "done": said}, response.status_code)
    return answers.add_toast(response, said, is_error=is_error)


def _show_list(status: int = 200, *, error: str | None = None) -> ResponseReturnValue:
    session, now = db.session(), utcnow()
    wanted, chosen = _asked(session)
    page = list_mails(session, g.shop.id, wanted, before=asked_id("before"), after=asked_id("after"))
    return answers.show(
        "admin/mails.html",
        status,
        page=page,
        chosen=chosen,
        are_more=wanted.are_more,
        is_filtered=any(chosen.values()),
        is_new=not page.rows and not has_mails(session, g.shop.id),
        states=list(MailState),
        kinds=list(MailKind),
        queue=queue.read_queue(session, g.shop, now),
        most_counted=queue.MOST_COUNTED,
        outage=find_outage(session, g.shop.id),
        has_server=bool(current_settings().mail_url),
        error=error,
        newer=page.newer and link(PATH, chosen, after=page.newer),
        older=page.older and link(PATH, chosen, before=page.older),
    )


def _asked(session: Session) -> tuple[Wanted, dict[str, str]]:
    state, kind = asked_choice("state", MailState), asked_choice("kind", MailKind)
    search = asked_text("search")
    addresses, are_more = find_addresses(session, g.shop.id, search) if search else (None, False)
    chosen = {"search": search, "state": state or "", "kind": kind or ""}
    return Wanted(state, kind, addresses, are_more), chosen


def _show_mail(found: Mail, status: int = 200, *, error: str | None = None) -> ResponseReturnValue:
    session = db.session()
    stops = flow.read_stops(session, g.shop.id, found.address) if found.address else []
    return answers.show(
        "admin/mail.html",
        status,
        mail=found,
        reader=find_reader(session, g.shop.id, found.customer_id),
        told=list_told(session, g.shop.id, found.id),
        stops=stops,
        is_stopped=any(stop.saying is None for stop in stops),
        may_again=found.state in AGAIN and found.pruned_at is None and found.refusal is not Refusal.OUTDATED,
        has_server=bool(current_settings().mail_url),
        error=error,
    )


def _address_of(mail_id: int) -> str:
    found = _get(mail_id)
    if not found.address:
        raise NotFound("The address of this mail was removed.")
    return found.address


def _get(mail_id: int) -> Mail:
    found = find_mail(db.session(), g.shop.id, mail_id)
    if found is None:
        raise NotFound("There is no such mail in this shop.")
    return found
