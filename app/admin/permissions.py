"""What the shop allows Boomerang, what for, and asking for more."""

from flask import g
from flask.typing import ResponseReturnValue

from app.admin import bp
from app.admin.people import needs
from app.admin.settings import show_settings
from app.clock import utcnow
from app.db import transaction
from app.engine.flows.permissions import change_scopes
from app.engine.rules.roles import Duty
from app.models import Shop
from app.shopify.connect import open_gateway
from app.shopify.errors import ShopifyError
from app.shopify.granted import read_granted
from app.shopify.tokens import SKEW


@bp.post("/settings/permissions")
@needs(Duty.MANAGE)
def look_at_permissions() -> ResponseReturnValue:
    """Ask Shopify what the shop allows now, for its word on a change may still be on the way."""
    now = utcnow()
    try:
        gateway, _ = open_gateway(g.shop.id)
        granted = read_granted(gateway)
    except ShopifyError as error:
        return show_settings(502, error=str(error))
    with transaction() as session:
        is_news = change_scopes(session, session.get_one(Shop, g.shop.id), granted, now - SKEW, now)
    return show_settings(toast="The permissions have changed" if is_news else "The permissions are as shown")
