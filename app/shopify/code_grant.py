"""The authorization code grant, for stores in which Shopify does not install the app by itself.

A person is sent to the shop's own page, agrees there, and comes back with a code. That it is the same person in the
same browser is proved by a state that went along and that a signed cookie remembers.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from itsdangerous import BadData, URLSafeTimedSerializer

from app.config import Settings
from app.shopify.scopes import REQUIRED
from app.shopify.signed_query import BadQuery, Pairs, check_query, read_shop

#: How long a person may look at the shop's page before agreeing.
STATE_LIVES = timedelta(minutes=10)
_AGAIN = "Begin the installation again."


@dataclass(frozen=True, slots=True)
class Journey:
    """Where to send a person, and the cookie that recognises them when they come back."""

    address: str
    cookie: str


def begin(pairs: Pairs, settings: Settings, now: datetime) -> Journey:
    """Return the way to the page on which the shop agrees; raise BadQuery.

    A query that says it is Shopify's must be. One without a signature is what a person types: it leads to the
    page of the shop it names, where only somebody who may install apps there can agree.
    """
    names = [name for name, _ in pairs]
    if "hmac" in names or names.count("shop") != 1:
        shop = check_query(pairs, settings.client_secrets, now)
    else:
        shop = read_shop(dict(pairs)["shop"])
    state = secrets.token_urlsafe(24)
    query = {
        "client_id": settings.shopify_client_id,
        "scope": ",".join(sorted(REQUIRED)),
        "redirect_uri": callback_address(settings),
        "state": state,
    }
    address = f"{settings.admin_origin(shop)}/admin/oauth/authorize?{urlencode(query)}"
    return Journey(address, _serializer(settings).dumps([state, shop]))


def finish(pairs: Pairs, cookie: str, settings: Settings, now: datetime) -> tuple[str, str]:
    """Return the shop that agreed and the code to exchange; raise BadQuery."""
    shop = check_query(pairs, settings.client_secrets, now)
    given = dict(pairs)
    try:
        state, begun_for = _serializer(settings).loads(cookie, max_age=int(STATE_LIVES.total_seconds()))
    except (BadData, ValueError, TypeError) as error:
        raise BadQuery(f"This browser began no installation in the last ten minutes. {_AGAIN}") from error
    if not hmac.compare_digest(str(state).encode(), given.get("state", "").encode("utf-8", "surrogateescape")):
        raise BadQuery(f"Another installation was begun in this browser meanwhile. {_AGAIN}")
    if begun_for != shop:
        raise BadQuery(f"The installation was begun for {begun_for}, and {shop} agreed. {_AGAIN}")
    if not given.get("code"):
        raise BadQuery(f"The shop did not agree to the installation. {_AGAIN}")
    return shop, given["code"]


def callback_address(settings: Settings) -> str:
    """Return where Shopify sends the person back to; it is one of the app's redirect URLs."""
    return f"{settings.app_url.rstrip('/')}/auth/callback"


def app_address(shop_domain: str, settings: Settings) -> str:
    """Return the app's page in the shop's admin."""
    return f"{settings.admin_origin(shop_domain)}/admin/apps/{settings.shopify_client_id}"


def _serializer(settings: Settings) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings.secret_key, salt="boomerang.code-grant")
