"""Who is at the desk: their row in the staff of the shop, what they may, and how people are named on the pages."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import structlog
from flask import Flask, g
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from app.db import db, transaction
from app.engine.flows import staff
from app.engine.rules.roles import Duty, may
from app.engine.staffing import PREFIX, find_member
from app.errors import NotAllowed
from app.models import StaffMember
from app.shopify.errors import ShopifyError
from app.shopify.session_tokens import SessionToken
from app.shopify.token_endpoint import read_staff

log = structlog.get_logger()
View = TypeVar("View", bound=Callable[..., Any])
#: How actors that are no people are named.
_NOBODY = {"system": "Boomerang", "cli": lazy_gettext("the command line")}


def init_people(app: Flask) -> None:
    """Give the templates ``may(duty)``, ``Duty`` and the filter ``person_name``."""
    app.jinja_env.globals.update(may=may_do, Duty=Duty)
    app.jinja_env.filters["person_name"] = name_actor


def needs(duty: Duty) -> Callable[[View], View]:
    """Say what a view asks of whoever calls it; a view that says nothing is for looking."""

    def mark(view: View) -> View:
        view.duty = duty  # type: ignore[attr-defined]  # read by ``check_duty``
        return view

    return mark


def duty_of(view: object) -> Duty:
    """Return what a view asks of whoever calls it."""
    duty: Duty = getattr(view, "duty", Duty.LOOK)
    return duty


def check_duty(view: object) -> None:
    """Raise NotAllowed unless the person of this request may call the view. The flows look again, under locks."""
    if not may_do(duty_of(view)):
        raise NotAllowed("Your role in this app does not allow that; an owner can change it in the settings.")


def may_do(duty: Duty) -> bool:
    """Return whether the person of this request carries a duty."""
    return may(g.staff.role, duty)


def find_staff(shop_id: int, token: SessionToken, raw: str, now: datetime) -> StaffMember:
    """Return the row of the person a token is of.

    The first time they come Shopify is asked who they are; where it told no name, again on another day.
    """
    known = find_member(db.session(), shop_id, token.staff_id)
    if known is not None and not staff.is_to_be_asked_for(known, now):
        return known
    try:
        told = read_staff(token.shop_domain, raw)
    except ShopifyError as error:
        # They are let in without a name, and as nobody special.
        log.warning("staff_not_told", shop_id=shop_id, reason=str(error))
        told = None
    write = staff.arrive if known is None else staff.learn
    with transaction() as session:
        write(session, shop_id, token.staff_id, told, now)
    row = find_member(db.session(), shop_id, token.staff_id)
    assert row is not None
    return row


def name_actor(actor: str | None) -> str:
    """Return an actor as people call them: a name, or "Staff 42" where Shopify told none."""
    if not actor:
        return str(_("somebody"))
    if not actor.startswith(PREFIX):
        return str(_NOBODY.get(actor, actor))
    number = actor.removeprefix(PREFIX)
    if "staff_names" not in g:
        g.staff_names = {row.shopify_id: row.name for row in staff.list_staff(db.session(), g.shop.id) if row.name}
    return str(g.staff_names.get(number) or _("Staff %(number)s", number=number))
