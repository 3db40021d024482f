"""What the shop allows Boomerang, what for, and asking for more."""

from flask import g, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.admin import bp, first_run, imports
from app.admin.people import needs
from app.admin.settings import show_settings
from app.clock import utcnow
from app.db import transaction
from app.engine.flows.permissions import change_scopes
from app.engine.rules.roles import Duty
from app.languages import translate
from app.models import Shop
from app.shopify.connect import open_gateway
from app.shopify.errors import ShopifyError
from app.shopify.granted import read_granted
from app.shopify.tokens import SKEW

#: Where else the question can be asked from, and how that room shows itself again.
_ROOMS = {"imports": imports.show_page, "first-run": first_run.show_steps}


@bp.post("/settings/permissions")
@needs(Duty.MANAGE)
def look_at_permissions() -> ResponseReturnValue:
    """Ask Shopify what the shop allows now, for its word on a change may still be on the way."""
    now = utcnow()
    show = _ROOMS.get(request.form.get("room", ""), show_settings)
    try:
        gateway, _token = open_gateway(g.shop.id)
        granted = read_granted(gateway)
    except ShopifyError as error:
        return show(502, error=translate(error))
    with transaction() as session:
        is_news = change_scopes(session, session.get_one(Shop, g.shop.id), granted, now - SKEW, now)
    return show(toast=_("The permissions have changed") if is_news else _("The permissions are as shown"))
