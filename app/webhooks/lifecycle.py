"""app/uninstalled: a shop took the app away."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.engine.flows.lifecycle import uninstall
from app.models import Shop
from app.webhooks.body import BodyError, Json
from app.webhooks.reader import Reader


@dataclass(frozen=True, slots=True)
class Uninstalled:
    """The app was removed from a shop at that instant."""

    at: datetime


def parse_uninstalled(body: Json, shop_domain: str, at: datetime) -> Uninstalled:
    """Return that the shop uninstalled the app. Raises BodyError when the body is no shop, or another one.

    Only the body is signed, not the headers: neither another shop's true goodbye nor a true order under this
    topic may end an installation.
    """
    if "myshopify_domain" not in body:
        raise BodyError("The body is no shop: it has no field myshopify_domain.")
    named = Reader(body).text("myshopify_domain")
    if named is not None and named.lower() != shop_domain:
        raise BodyError(f"The body speaks of {named!a}, the header of {shop_domain}; only the body is signed.")
    return Uninstalled(at)


def record_uninstalled(session: Session, shop: Shop, facts: Sequence[Uninstalled], now: datetime) -> None:
    """Uninstall the shop, unless it has installed the app again since: deliveries may be hours late."""
    if any(fact.at >= shop.installed_at for fact in facts):
        uninstall(session, shop, now)
