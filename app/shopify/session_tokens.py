"""Session tokens: who is looking at the app, and in which shop.

``shopifyapp`` checks the signature (HS256 only, current and old client secret), ``exp`` and ``nbf`` with 10 s
leeway where present, and ``aud``. It neither insists on the claims being there nor compares ``iss`` with
``dest`` nor looks at the shop's name; that is done here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shopify_app.verify.app_home_req import verify_app_home_req

from app.config import Settings
from app.errors import Refused

_REQUIRED = ("exp", "nbf", "aud", "iss", "dest", "sub")
_SHOP_ADDRESS = re.compile(r"https://([a-zA-Z0-9][a-zA-Z0-9-]*\.myshopify\.com)(?:/[!-~]*)?")
_LONGEST_TOKEN = 4096


class BadSessionToken(Refused):
    """The token proves nothing; ``reason`` is a short word for logs, such as ``expired``."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The session token is not valid ({reason}); reload the page in the Shopify admin.")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SessionToken:
    """What a verified token says. The shop is taken from ``dest``, never from the request."""

    shop_domain: str
    staff_id: str
    expires_at: datetime
    session_id: str | None


def verify_session_token(token: str, settings: Settings) -> SessionToken:
    """Return what a session token proves; raise BadSessionToken."""
    if not token or len(token) > _LONGEST_TOKEN:
        raise BadSessionToken("missing" if not token else "too long")
    claims = _verified_claims(token, settings)
    for name in _REQUIRED:
        if claims.get(name) in (None, ""):
            raise BadSessionToken(f"no {name}")
    shop_domain = _shop_of(claims["dest"])
    if shop_domain is None:
        raise BadSessionToken("dest is not a shop")
    if _shop_of(claims["iss"]) != shop_domain:
        raise BadSessionToken("iss and dest differ")
    session_id = claims.get("sid")
    return SessionToken(
        shop_domain=shop_domain,
        staff_id=str(claims["sub"]),
        expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
        session_id=None if session_id is None else str(session_id),
    )


def _verified_claims(token: str, settings: Settings) -> Mapping[str, Any]:
    try:
        result = verify_app_home_req(
            {"method": "GET", "url": settings.app_url, "headers": {"authorization": f"Bearer {token}"}, "body": ""},
            {
                "client_id": settings.shopify_client_id,
                "client_secret": settings.shopify_client_secret,
                "old_client_secret": settings.shopify_old_client_secret or None,
            },
            app_home_patch_id_token_path="/bounce",  # noqa: S106 - a path; only used in an answer we leave aside
        )
    except (ValueError, TypeError, AttributeError) as error:
        # The library takes for granted that claims are of their kind.
        raise BadSessionToken("unreadable") from error
    if not result.ok or result.id_token is None:
        raise BadSessionToken(result.log.code.removesuffix("_id_token"))
    return result.id_token.claims


def _shop_of(address: object) -> str | None:
    """Return the shop's domain in small letters if this is the address of a shop or of something in it."""
    match = _SHOP_ADDRESS.fullmatch(address) if isinstance(address, str) else None
    return match[1].lower() if match else None
