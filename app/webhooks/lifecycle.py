"""app/uninstalled and shop/update: a shop took the app away, or says anew who it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.engine.flows.lifecycle import change_shop, uninstall
from app.models import Shop
from app.sentences import say
from app.webhooks.body import BodyError, Json
from app.webhooks.reader import Reader


@dataclass(frozen=True, slots=True)
class Uninstalled:
    """The app was removed from a shop at that instant."""

    at: datetime


@dataclass(frozen=True, slots=True)
class ShopTold:
    """One version of what a shop says of itself; None where the body does not say it."""

    name: str | None
    currency: str
    timezone: str | None
    updated_at: datetime


def parse_shop(body: Json, shop_domain: str, at: datetime) -> ShopTold:
    """Return what a shop/update body says. Raises BodyError. ``at`` stands in for a missing ``updated_at``."""
    _check_speaks_of(body, shop_domain)
    told = Reader(body)
    return ShopTold(
        name=told.text("name"),
        currency=told.currency("currency"),
        timezone=told.text("iana_timezone"),
        updated_at=told.optional_instant("updated_at") or at,
    )


def record_shops(session: Session, shop: Shop, facts: Sequence[ShopTold], now: datetime) -> None:
    """Remember what the shop says of itself, of several versions the newest."""
    _lock(session, shop)
    fact = max(facts, key=lambda fact: fact.updated_at)
    change_shop(session, shop, fact.name, fact.currency, fact.timezone, fact.updated_at, now)


def parse_uninstalled(body: Json, shop_domain: str, at: datetime) -> Uninstalled:
    """Return that the shop uninstalled the app. Raises BodyError when the body is no shop, or another one.

    Only the body is signed, not the headers: neither another shop's true goodbye nor a true order under this
    topic may end an installation.
    """
    _check_speaks_of(body, shop_domain)
    return Uninstalled(at)


def record_uninstalled(session: Session, shop: Shop, facts: Sequence[Uninstalled], now: datetime) -> None:
    """Uninstall the shop, unless it has installed the app again since: deliveries may be hours late."""
    _lock(session, shop)
    if any(fact.at >= shop.installed_at for fact in facts):
        uninstall(session, shop, now)


def _lock(session: Session, shop: Shop) -> None:
    """Lock a shop's row and read it anew: it may be installed again, or told of, at this very moment."""
    session.refresh(shop, with_for_update={"key_share": True})


def _check_speaks_of(body: Json, shop_domain: str) -> None:
    if "myshopify_domain" not in body:
        raise BodyError(say("The body is no shop: it has no field myshopify_domain."))
    named = Reader(body).text("myshopify_domain")
    if named is not None and named.lower() != shop_domain:
        raise BodyError(
            say(
                "The body speaks of {named}, the header of {shop_domain}; only the body is signed.",
                named=ascii(named),
                shop_domain=shop_domain,
            )
        )
