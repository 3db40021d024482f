"""Opens a shop's gateway with whatever token is good now."""

from collections.abc import Callable
from datetime import datetime

from app.clock import utcnow
from app.config import current_settings
from app.db import transaction
from app.models import Shop
from app.queue import connection
from app.sentences import say
from app.shopify.allowance import Allowance
from app.shopify.errors import TokenRefused
from app.shopify.gateway import Gateway
from app.shopify.tokens import access_token_for

#: The share of a shop's allowance that imports, reconciliation and statements leave alone.
BACKGROUND_LEAVES = 0.5


def open_gateway(
    shop_id: int,
    *,
    refused: str | None = None,
    clock: Callable[[], datetime] = utcnow,
    is_background: bool = False,
) -> tuple[Gateway, str]:
    """Return a shop's gateway and the token it uses; see ``access_token_for`` for ``refused`` and the errors.

    What works in the background leaves half of the shop's allowance of query points to what people wait for.
    """
    with transaction() as session:
        shop = session.get(Shop, shop_id, populate_existing=True)
        if shop is None or shop.uninstalled_at is not None:
            raise TokenRefused(say("The app is not installed in this shop; install it from the Shopify admin."))
        domain = shop.domain
    token = access_token_for(shop_id, refused=refused, clock=clock)
    return gateway_to(domain, token, is_background=is_background), token


def gateway_to(shop_domain: str, access_token: str, *, is_background: bool = False) -> Gateway:
    """Return the gateway to a shop for a token."""
    settings = current_settings()
    return Gateway(
        settings.admin_origin(shop_domain),
        settings.shopify_api_version,
        access_token,
        settings.shopify_timeout_seconds,
        allowance=Allowance(connection(), shop_domain, leave_share=BACKGROUND_LEAVES if is_background else 0.0),
    )
