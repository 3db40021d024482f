"""What an address wants to hear of a shop: a tick for each kind of mail, none at all, and the one click of RFC 8058."""

from flask import Response, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import force_locale, lazy_gettext
from flask_babel import gettext as _

from app.clock import utcnow
from app.db import transaction
from app.engine.flows import mails
from app.engine.rules.messages import Saying, StopReason
from app.mail.links import StopToken, read_stop
from app.models import MailStop, Shop
from app.storefront.pages import Nothing, bp, choose_language, show, show_nothing

#: Who changes what their own address gets.
CUSTOMER = "customer"
WORDS = {
    Saying.EARNED: lazy_gettext("An order earned you cashback"),
    Saying.CREDITED: lazy_gettext("Cashback was added to your store credit"),
    Saying.REVERSED: lazy_gettext("Cashback was taken back, as after a return"),
    Saying.REFUNDED: lazy_gettext("A refund was paid as store credit"),
    Saying.EXPIRING: lazy_gettext("Store credit is about to end"),
    Saying.CLAIMABLE: lazy_gettext("Cashback waits for you to open an account"),
    Saying.TIER_CHANGED: lazy_gettext("You earn at another rate"),
    Saying.STATEMENT_READY: lazy_gettext("A statement is ready"),
}


@bp.get("/stop/<token>")
def choose(token: str) -> ResponseReturnValue:
    """Show what an address gets. Nothing is changed: programs that look for harm follow every link in a mail."""
    asked = read_stop(token)
    if asked is None:
        return show_nothing(Nothing.UNKNOWN)
    with transaction(asked.shop_id) as session:
        shop = session.get(Shop, asked.shop_id)
        if shop is None or shop.redacted_at is not None:
            return show_nothing(Nothing.GONE)
        stops = mails.read_stops(session, shop.id, asked.address_key)
        return show(
            "stop",
            shop,
            None,
            words=WORDS,
            stopped={stop.saying for stop in stops},
            is_held=any(_is_held(stop) for stop in stops),
            address=_hint(asked.address_key),
            is_saved="saved" in request.args,
        )


@bp.post("/stop/<token>")
def save(token: str) -> ResponseReturnValue:
    """Note what an address wants to get.

    There is no token of the form: a form elsewhere could only be sent here by somebody who has the token of the
    address already, and whoever has that may. The mail programs' own button could not send one either.
    """
    asked = read_stop(token)
    if asked is None:
        return show_nothing(Nothing.UNKNOWN)
    is_one_click = request.form.get("List-Unsubscribe") == "One-Click"
    with transaction(asked.shop_id) as session:
        shop = session.get(Shop, asked.shop_id)
        if shop is None or shop.redacted_at is not None:
            return show_nothing(Nothing.GONE)
        if is_one_click:
            mails.stop_address(
                session, shop.id, asked.address_key, CUSTOMER, utcnow(),
                reason=StopReason.UNSUBSCRIBED, saying=asked.saying,
            )  # fmt: skip
        else:
            mails.choose_mails(session, shop.id, asked.address_key, _unwanted(), utcnow())
    return _confirm(asked) if is_one_click else redirect(_here(), 303)


def _unwanted() -> frozenset[Saying] | None:
    """Return what the form leaves unticked; None where it asks for nothing at all."""
    if "none" in request.form:
        return None
    wanted = set(request.form.getlist("hear"))
    return frozenset(saying for saying in Saying if saying.value not in wanted)


def _confirm(asked: StopToken) -> Response:
    """Answer a mail program: RFC 8058 wants no redirect."""
    with force_locale(choose_language(None)):
        if asked.saying is None:
            said = _("You get no more mails about your cashback.")
        else:
            said = _("You get no more mails of this kind.")
    return Response(said, mimetype="text/plain")


def _here() -> str:
    return f"{request.path}?saved=1&locale={choose_language(None)}"


def _is_held(stop: MailStop) -> bool:
    """Return whether somebody else than the customer stopped the mails, which a tick does not change."""
    return stop.reason is not StopReason.UNSUBSCRIBED


def _hint(address: str) -> str:
    """Return enough of an address to know one's own by: ``a…@example.com``."""
    name, _at, domain = address.rpartition("@")
    return f"{name[:1]}…@{domain}" if name else "…"
