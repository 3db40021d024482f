"""Installing the app in a shop: happens by itself when the app is first opened there, and again after uninstalling.

Stores outside Shopify's managed installation agree on a page of their own and end in the same ``install``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db import transaction
from app.engine.rules.terms import Mode
from app.engine.rules.zones import FALLBACK, is_zone
from app.models import Delivery, DeliveryState, Shop, ShopToken, TermsVersion
from app.sentences import say
from app.shopify.connect import gateway_to
from app.shopify.documents import SHOP
from app.shopify.errors import NoAnswer, ShopifyError
from app.shopify.gateway import Gateway
from app.shopify.scopes import find_missing
from app.shopify.session_tokens import SessionToken
from app.shopify.token_endpoint import TokenPair, exchange_token
from app.shopify.tokens import store_tokens

log = structlog.get_logger()

#: A shop that allows less than the app needs is asked for a new token when it is opened, but not at every click.
ASK_AGAIN_AFTER = timedelta(minutes=5)
#: For so long an approval can be undone in a shop that has not said anything else.
UNDO_SECONDS = 10

#: ``app.engine.flows.terms.publish_default``: (session, shop, actor, now). Handed in by whoever calls, for this
#: room calls no flow by itself.
PublishDefault = Callable[[Session, Shop, str, datetime], object]


@dataclass(frozen=True, slots=True)
class ShopFacts:
    """What a shop says of itself."""

    name: str
    currency: str
    timezone: str


def ensure_installed(
    session_token: SessionToken, raw_token: str, now: datetime, publish_default: PublishDefault
) -> int:
    """Return the id of the shop the token is for, installing first if it is new, came back, or lost its tokens.

    Opens its own transactions. A shop whose token lacks a scope gets a new token, for an update of the app may
    have been agreed to meanwhile. Raises the errors of ``app.shopify.errors``.
    """
    domain = session_token.shop_domain
    with transaction() as session:
        found = _find_installed(session, domain)
        lacks = found is not None and _is_worth_asking(session, found, now)
    if found is None:
        pair = exchange_token(domain, raw_token, now)
        return install(domain, pair, f"staff:{session_token.staff_id}", now, publish_default)
    if lacks:
        _renew(found, domain, raw_token, now)
    return found


def install(domain: str, pair: TokenPair, actor: str, now: datetime, publish_default: PublishDefault) -> int:
    """Make or refresh a shop that gave us tokens, and return its id.

    Opens its own transactions. Two installations at once make one shop: the second waits for the first's row.
    """
    facts = read_shop(gateway_to(domain, pair.access_token))
    with transaction() as session:
        was_gone = session.scalar(select(Shop.uninstalled_at).where(Shop.domain == domain)) is not None
        shop_id = _save_shop(session, domain, facts, now)
        store_tokens(session, shop_id, pair, now)
        if was_gone:
            _take_up_again(session, shop_id)
        shop = session.get(Shop, shop_id, populate_existing=True)
        if shop is not None and not session.scalar(select(exists().where(TermsVersion.shop_id == shop_id))):
            publish_default(session, shop, actor, now)
    return shop_id


def is_installed(session: Session, domain: str) -> bool:
    """Return whether the app is installed in a shop and has a token for it that works."""
    return _find_installed(session, domain) is not None


def read_shop(gateway: Gateway) -> ShopFacts:
    """Return the shop's name, currency and time zone."""
    shop = gateway.execute(SHOP).get("shop")
    if not isinstance(shop, dict):
        raise NoAnswer(say("Shopify's answer holds no shop."))
    # One that nobody here knows would stop all that counts the shop's days.
    zone = str(shop["ianaTimezone"])
    return ShopFacts(str(shop["name"]), str(shop["currencyCode"]), zone if is_zone(zone) else FALLBACK)


def _find_installed(session: Session, domain: str) -> int | None:
    return session.scalar(
        select(Shop.id)
        .join(ShopToken, ShopToken.shop_id == Shop.id)
        .where(Shop.domain == domain, Shop.uninstalled_at.is_(None), ShopToken.refused_at.is_(None))
    )


def _is_worth_asking(session: Session, shop_id: int, now: datetime) -> bool:
    token = session.get_one(ShopToken, shop_id)
    return bool(find_missing(token.scope)) and token.updated_at <= now - ASK_AGAIN_AFTER


def _renew(shop_id: int, domain: str, raw_token: str, now: datetime) -> None:
    try:
        pair = exchange_token(domain, raw_token, now)
    except ShopifyError as error:
        # The old token still works for what it allows.
        log.warning("token_not_renewed", shop_id=shop_id, reason=str(error))
        return
    with transaction() as session:
        store_tokens(session, shop_id, pair, now)


def _take_up_again(session: Session, shop_id: int) -> None:
    """Let what Shopify told before the app was gone wait again: it was left aside, and nobody tells it once more.

    What was left aside for another reason meets that again.
    """
    left_aside = (Delivery.shop_id == shop_id, Delivery.state == DeliveryState.IGNORED, Delivery.pruned_at.is_(None))
    anew = {"state": DeliveryState.RECEIVED, "reason": None, "attempts": 0, "next_attempt_at": None}
    session.execute(update(Delivery).where(*left_aside).values(**anew))


def _save_shop(session: Session, domain: str, facts: ShopFacts, now: datetime) -> int:
    told = {"name": facts.name, "currency": facts.currency, "timezone": facts.timezone}
    # A goodbye that was on its way before this moment must not end what begins now.
    anew = {"uninstalled_at": None, "installed_at": now}
    statement = insert(Shop).values(
        domain=domain,
        mode=Mode.MANUAL,
        far_expiry_agreed=False,
        installed_at=now,
        undo_seconds=UNDO_SECONDS,
        began_at=now.replace(microsecond=0),
        **told,
    )
    statement = statement.on_conflict_do_update(index_elements=[Shop.domain], set_={**told, **anew})
    return session.execute(statement.returning(Shop.id)).scalar_one()
