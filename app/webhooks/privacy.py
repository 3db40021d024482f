"""Shopify's mandatory topics about people's data: hand it over, forget a customer, forget everybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.engine.audit import SYSTEM
from app.engine.flows.privacy import redact
from app.engine.flows.privacy_requests import open_request
from app.errors import NotYet
from app.models import PrivacyKind, Shop
from app.personal_data import make_file
from app.sentences import say
from app.webhooks.body import BodyError, Json
from app.webhooks.reader import LARGEST_ID, Reader

#: More than any customer orders; a longer list is nonsense, and would be one enormous question to the database.
MOST_ORDERS = 50_000


@dataclass(frozen=True, slots=True)
class DataAsked:
    """A customer wants to know what is kept of them; the merchant hands it over."""

    request_id: int
    customer_id: int
    order_ids: tuple[int, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class RedactionAsked:
    """A customer is to be forgotten."""

    customer_id: int
    order_ids: tuple[int, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class ShopRedactionAsked:
    """Everybody in a shop that removed the app is to be forgotten."""

    at: datetime


def parse_data_request(body: Json, shop_domain: str, at: datetime) -> DataAsked:
    """Return whose data is asked for. Raises BodyError."""
    told = _read(body, shop_domain)
    request = told.object("data_request")
    if request is None:
        raise BodyError(say("The body is no request for data: it has no field data_request."))
    return DataAsked(request.shopify_id(), _customer_id(told), _order_ids(told, "orders_requested"), at)


def parse_redaction(body: Json, shop_domain: str, at: datetime) -> RedactionAsked:
    """Return who is to be forgotten. Raises BodyError, also for a body of another of these topics."""
    told = _read(body, shop_domain)
    if "orders_to_redact" not in body:
        raise BodyError(say("The body asks to forget nobody: it has no field orders_to_redact."))
    return RedactionAsked(_customer_id(told), _order_ids(told, "orders_to_redact"), at)


def parse_shop_redaction(body: Json, shop_domain: str, at: datetime) -> ShopRedactionAsked:
    """Return that a shop is to be forgotten. Raises BodyError, also for a body about one customer."""
    told = _read(body, shop_domain)
    if not told.has("shop_domain"):
        raise BodyError(say("The body names no shop: it has no field shop_domain."))
    if "customer" in body:
        raise BodyError(say("The body is about a customer, not about everybody in the shop."))
    return ShopRedactionAsked(at)


def record_data_requests(session: Session, shop: Shop, facts: Sequence[DataAsked], now: datetime) -> None:
    """Put what is kept of each customer into a file for the merchant, and the request on file."""
    for fact in facts:
        file = make_file(session, shop, fact.customer_id, fact.order_ids, now)
        key = f"data_request:{fact.request_id}"
        open_request(session, shop, PrivacyKind.DATA_REQUEST, key, now, customer_shopify_id=fact.customer_id, file=file)


def record_redactions(session: Session, shop: Shop, facts: Sequence[RedactionAsked], now: datetime) -> None:
    """Forget customers at once, in the order of their numbers, and put on file that it was done."""
    for fact in sorted(facts, key=lambda fact: fact.customer_id):
        redact(session, shop.id, fact.customer_id, fact.order_ids, now)
        open_request(
            session,
            shop,
            PrivacyKind.CUSTOMER_REDACT,
            f"customer:{fact.customer_id}",
            now,
            customer_shopify_id=fact.customer_id,
            done_at=now,
            done_by=SYSTEM,
        )


def record_shop_redactions(session: Session, shop: Shop, facts: Sequence[ShopRedactionAsked], now: datetime) -> None:
    """Have everybody in a shop forgotten that removed the app; a chore does it, once per installation.

    Raises NotYet while the app is installed: perhaps the news of its removal is still to come. A shop that has
    installed the app again since is not forgotten.
    """
    if all(fact.at < shop.installed_at for fact in facts):
        return
    if shop.uninstalled_at is None:
        raise NotYet(say("The shop has the app installed; its data is removed once it has been uninstalled."))
    key = f"shop:{shop.installed_at.isoformat()}"
    open_request(session, shop, PrivacyKind.SHOP_REDACT, key, now)


def _read(body: Json, shop_domain: str) -> Reader:
    """Return the body; refuse one that speaks of another shop, for only the body is signed."""
    told = Reader(body)
    named = told.text("shop_domain")
    if named is not None and named.lower() != shop_domain:
        raise BodyError(
            say(
                "The body speaks of {named}, the header of {shop_domain}; only the body is signed.",
                named=ascii(named[:80]),
                shop_domain=shop_domain,
            )
        )
    return told


def _customer_id(told: Reader) -> int:
    customer = told.object("customer")
    if customer is None:
        raise BodyError(say("The body names no customer."))
    return customer.shopify_id()


def _order_ids(told: Reader, name: str) -> tuple[int, ...]:
    found = told.data.get(name) or []
    if not isinstance(found, list) or len(found) > MOST_ORDERS:
        raise BodyError(
            say("{name} must be a list of at most {most_orders} orders.", name=name, most_orders=MOST_ORDERS)
        )
    for number in found:
        if isinstance(number, bool) or not isinstance(number, int) or not 0 < number <= LARGEST_ID:
            raise BodyError(say("{name} must be a list of ids.", name=name))
    return tuple(dict.fromkeys(found))
