"""Expiring offline tokens: stored encrypted, refreshed once however many ask, kept alive where nobody asks.

What takes no session may not be called inside another transaction: it opens its own.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from flask import current_app
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.clock import utcnow
from app.crypto import Vault
from app.db import transaction
from app.models import Shop, ShopToken
from app.sentences import say, sentence_of
from app.shopify.errors import ShopifyError, TokenRefused
from app.shopify.token_endpoint import TokenPair, refresh

log = structlog.get_logger()

#: A token that lives shorter than this is refreshed before it is used.
FRESH_FOR = timedelta(minutes=5)
#: When a refresh fails for a passing reason, a token that lives at least this long is still used.
USABLE_FOR = timedelta(seconds=30)
#: A pair whose refresh token lives shorter than this is renewed, although nobody asks for anything.
KEEP_ALIVE_BEFORE = timedelta(days=60)
#: A pair that was renewed is not renewed again within this time, whatever its refresh token's life.
KEEP_ALIVE_EVERY = timedelta(days=1)
#: A refusal is believed for so long: it is the same word for an app that is gone and for a secret that was set wrong.
ASK_AGAIN_AFTER = timedelta(hours=1)
#: By how much Shopify's clock and ours may differ: its word on scopes shortly before a token may be the newer one.
SKEW = timedelta(minutes=1)
NO_TOKEN = say("There is no access token for this shop; a staff member must open Boomerang in the Shopify admin again.")
REFUSED = say("The token was refused; a staff member must open Boomerang in the Shopify admin again.")


def store_tokens(session: Session, shop_id: int, pair: TokenPair, now: datetime) -> None:
    """Write both tokens, encrypted, over whatever was there; a refusal is forgotten."""
    values = _columns(pair, now)
    told = {"scope": pair.scope, "scope_at": now - SKEW}
    statement = insert(ShopToken).values(shop_id=shop_id, **values, **told)
    # An answer that names no scopes says nothing about them.
    news = {**values, **told} if pair.scope else values
    session.execute(statement.on_conflict_do_update(index_elements=[ShopToken.shop_id], set_=news))


def list_to_keep_alive(session: Session, now: datetime) -> list[int]:
    """Return the shops whose refresh token would run out if nobody needed an access token for long."""
    return list(
        session.scalars(
            select(ShopToken.shop_id)
            .join(Shop, Shop.id == ShopToken.shop_id)
            .where(
                Shop.uninstalled_at.is_(None),
                ShopToken.refused_at.is_(None),
                ShopToken.refresh_expires_at <= now + KEEP_ALIVE_BEFORE,
                ShopToken.updated_at <= now - KEEP_ALIVE_EVERY,
            )
            .order_by(ShopToken.shop_id)
        )
    )


def keep_alive(shop_id: int, clock: Callable[[], datetime] = utcnow) -> None:
    """Renew a shop's tokens; what prevents it is logged, and a refusal is stored where the status shows it."""
    try:
        access_token_for(shop_id, clock=clock)
    except ShopifyError as error:
        log.warning("token_not_kept_alive", shop_id=shop_id, reason=str(error))


def access_token_for(shop_id: int, *, refused: str | None = None, clock: Callable[[], datetime] = utcnow) -> str:
    """Return an access token that is good for some minutes, refreshed if need be.

    ``refused`` is a token that Shopify has just answered 401 to: if it is still the stored one, it is
    refreshed whatever its age. Raises TokenRefused when a person has to open the app again.
    """
    with transaction() as session:
        token = session.get(ShopToken, shop_id, populate_existing=True)
        if token is None:
            raise TokenRefused(NO_TOKEN)
        access_token = _vault().decrypt(token.access_token)
        if access_token != refused and token.expires_at - clock() > FRESH_FOR:
            return access_token
    return _refresh_once(shop_id, refused, clock)


def _refresh_once(shop_id: int, refused: str | None, clock: Callable[[], datetime]) -> str:
    """Refresh under the row's lock; whoever waited for it finds the new token and uses that.

    The one network call inside a transaction: each refresh invalidates the pair before it, so only one may
    be under way and its answer must be stored before anybody else looks. The wire's timeout bounds it, and
    nothing but this row is locked.
    """
    refusal: TokenRefused | None = None
    with transaction() as session:
        row = session.execute(
            select(ShopToken, Shop.domain)
            .join(Shop, Shop.id == ShopToken.shop_id)
            .where(ShopToken.shop_id == shop_id)
            .with_for_update(of=ShopToken)
            .execution_options(populate_existing=True)
        ).one_or_none()
        if row is None:
            raise TokenRefused(NO_TOKEN)
        token, domain = row
        now = clock()
        access_token = _vault().decrypt(token.access_token)
        if access_token != refused and token.expires_at - now > FRESH_FOR:
            return access_token
        is_usable = access_token != refused and token.expires_at - now > USABLE_FOR
        if token.refused_at is None or now - token.updated_at >= ASK_AGAIN_AFTER:
            try:
                pair = refresh(domain, _vault().decrypt(token.refresh_token), now)
                store_tokens(session, shop_id, pair, now)
                return pair.access_token
            except TokenRefused as error:
                token.refused_at, token.refused_reason = token.refused_at or now, sentence_of(error)
                token.updated_at = now
            except ShopifyError:
                if not is_usable:
                    raise
        if is_usable:
            return access_token
        # Raised after the commit, so that the refusal is kept.
        refusal = TokenRefused(token.refused_reason or REFUSED)
    raise refusal


def _columns(pair: TokenPair, now: datetime) -> dict[str, Any]:
    return {
        "access_token": _vault().encrypt(pair.access_token),
        "refresh_token": _vault().encrypt(pair.refresh_token),
        "expires_at": pair.expires_at,
        "refresh_expires_at": pair.refresh_expires_at,
        "updated_at": now,
        "refused_at": None,
        "refused_reason": None,
    }


def _vault() -> Vault:
    vault: Vault = current_app.extensions["vault"]
    return vault
