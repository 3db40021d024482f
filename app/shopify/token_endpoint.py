"""The token endpoint: session tokens, codes and refresh tokens become expiring pairs of tokens. Stores nothing."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.config import current_settings
from app.engine.rules.roles import StaffTold
from app.sentences import say
from app.shopify import wire
from app.shopify.errors import NoAnswer, ServerTrouble, ShopifyError, ShopUnavailable, Throttled, TokenRefused

_USUAL_REFRESH_LIFE = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """An access token and the token that refreshes it, in plain text: keep it out of logs."""

    access_token: str
    refresh_token: str
    expires_at: datetime
    refresh_expires_at: datetime
    scope: str

    def __repr__(self) -> str:
        return f"TokenPair(expires_at={self.expires_at!s}, scope={self.scope!r})"


def exchange_token(shop_domain: str, session_token: str, now: datetime) -> TokenPair:
    """Return an expiring token pair for a verified session token; raise TokenRefused or another ShopifyError."""
    return _ask(
        shop_domain,
        {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": session_token,
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
            "requested_token_type": "urn:shopify:params:oauth:token-type:offline-access-token",
            "expiring": "1",
        },
        now,
    )


def read_staff(shop_domain: str, session_token: str) -> StaffTold:
    """Return what Shopify tells about the person a verified session token is of; raise a ShopifyError.

    Asks for an online token, which is the only place where it is told, and forgets that token at once.
    """
    answer = _post(
        shop_domain,
        {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": session_token,
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
            "requested_token_type": "urn:shopify:params:oauth:token-type:online-access-token",
        },
    )
    person = _read_object(answer.body).get("associated_user")
    if not isinstance(person, dict):
        raise NoAnswer(say("Shopify's answer does not say who the person is."))
    names = [str(person[part]).strip() for part in ("first_name", "last_name") if person.get(part)]
    email = person.get("email")
    return StaffTold(" ".join(names) or None, str(email) if email else None, person.get("account_owner") is True)


def exchange_code(shop_domain: str, code: str, now: datetime) -> TokenPair:
    """Return an expiring token pair for the code of an authorization; raise TokenRefused or another ShopifyError."""
    return _ask(shop_domain, {"code": code, "expiring": "1"}, now)


def refresh(shop_domain: str, refresh_token: str, now: datetime) -> TokenPair:
    """Return a new pair for a refresh token.

    After a lost answer the old refresh token still works until the new one is first used, so a refresh
    may be asked for again.
    """
    return _ask(shop_domain, {"grant_type": "refresh_token", "refresh_token": refresh_token}, now)


def _ask(shop_domain: str, grant: dict[str, str], now: datetime) -> TokenPair:
    return _read_pair(_post(shop_domain, grant).body, now)


def _post(shop_domain: str, grant: dict[str, str]) -> wire.Answer:
    settings = current_settings()
    origin = settings.admin_origin(shop_domain)
    answer = wire.post(
        wire.session_for(origin),
        f"{origin}/admin/oauth/access_token",
        {
            "client_id": settings.shopify_client_id,
            "client_secret": settings.shopify_client_secret,
            **grant,
        },
        headers={"Accept": "application/json"},
        timeout_seconds=settings.shopify_timeout_seconds,
    )
    if answer.status == 200:
        return answer
    raise _failure(answer, grant)


def _failure(answer: wire.Answer, grant: dict[str, str]) -> ShopifyError:
    if answer.status >= 500:
        return ServerTrouble(
            say("Shopify failed inside while giving out a token (HTTP {status}).", status=answer.status)
        )
    if answer.status == 429:
        return Throttled(1.0)
    match _read_object(answer.body).get("error"):
        case "invalid_grant":
            return TokenRefused(
                say(
                    "Shopify no longer accepts the refresh token; a staff member must open Boomerang in the Shopify"
                    " admin again."
                )
            )
        case "invalid_client":
            return TokenRefused(
                say(
                    "Shopify does not accept the app's client id and secret for this shop; check them, and whether"
                    " the app is installed, then a staff member must open Boomerang in the Shopify admin again."
                )
            )
        case "invalid_request" if "code" in grant:
            return TokenRefused(say("Shopify did not accept the code of the installation; install the app again."))
        case "invalid_subject_token":
            return TokenRefused(say("Shopify did not accept the session token; reload the page in the Shopify admin."))
        case _:
            return ShopUnavailable(answer.status)


def _read_pair(body: bytes, now: datetime) -> TokenPair:
    given = _read_object(body)
    access_token, refresh_token = given.get("access_token"), given.get("refresh_token")
    lives, refresh_lives = given.get("expires_in"), given.get("refresh_token_expires_in")
    if not isinstance(access_token, str) or not isinstance(refresh_token, str) or not isinstance(lives, int):
        raise NoAnswer(say("Shopify's answer holds no expiring token."))
    refresh_life = timedelta(seconds=refresh_lives) if isinstance(refresh_lives, int) else _USUAL_REFRESH_LIFE
    return TokenPair(
        access_token=access_token,
        refresh_token=refresh_token,
        expires_at=now + timedelta(seconds=lives),
        refresh_expires_at=now + refresh_life,
        scope=str(given.get("scope") or ""),
    )


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}
