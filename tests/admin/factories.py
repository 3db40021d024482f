"""Made-up shops, orders and visitors for the admin's tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import jwt
from flask import Flask, current_app
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from app.db import db, transaction
from app.engine.flows import earn, refund, terms
from app.engine.rules.facts import CustomerFact, FinancialStatus, OrderFact, OrderLine, RefundFact
from app.engine.rules.terms import Mode, Terms
from app.models import ReconcileRun, Reward, Shop, ShopToken
from app.shopify.scopes import REQUIRED
from tests.people import hire_cast

DOMAIN = "made-up.myshopify.com"
OTHER = "someone-else.myshopify.com"
#: Shopify's ids do not fit into 53 bits.
BIG = 2**53
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ADA = CustomerFact(BIG + 701, "ada@example.com", "Ada Example")


def session_token(domain: str = DOMAIN, *, secret: str | None = None, **claims: Any) -> str:
    """Return a session token as Shopify would make it for the tested app, but for the claims given."""
    settings = current_app.config["SETTINGS"]
    now = datetime.now(UTC)
    whole = {
        "iss": f"https://{domain}/admin",
        "dest": f"https://{domain}",
        "aud": settings.shopify_client_id,
        "sub": "42",
        "exp": now + timedelta(minutes=1),
        "nbf": now - timedelta(seconds=1),
        "iat": now - timedelta(seconds=1),
        "jti": "made-up",
        "sid": "made-up",
        **claims,
    }
    return jwt.encode(whole, secret or settings.shopify_client_secret, algorithm="HS256")


def make_shop(domain: str = DOMAIN, mode: Mode = Mode.MANUAL, currency: str = "USD", **values: Any) -> int:
    """Install a shop with its default terms and working tokens, and return its id."""
    with transaction() as session:
        shop = Shop(domain=domain, name=domain, currency=currency, mode=mode, installed_at=NOON, **values)
        session.add(shop)
        session.flush()
        session.add(
            ShopToken(
                shop_id=shop.id,
                access_token="sealed",
                refresh_token="sealed",
                expires_at=NOON + timedelta(days=3650),
                refresh_expires_at=NOON + timedelta(days=3650),
                scope=",".join(REQUIRED),
                updated_at=NOON,
            )
        )
        just_now = datetime.now(UTC)
        session.add(
            ReconcileRun(
                shop_id=shop.id, started_at=just_now, from_at=just_now, reached_at=just_now, finished_at=just_now
            )
        )
        terms.publish_default(session, shop, "system", NOON - timedelta(days=400))
        hire_cast(session, shop.id)
        return shop.id


def line(number: int = 1, net_minor: int = 10_000, quantity: int = 1, **changes: Any) -> OrderLine:
    """Return a line of an order."""
    values: dict[str, Any] = {"title": f"Thing {number}", "removed_quantity": 0, "tax_minor": 0, **changes}
    return OrderLine(line_id=BIG + number, quantity=quantity, net_minor=net_minor, **values)


def order(number: int, *lines: OrderLine, **changes: Any) -> OrderFact:
    """Return order ``number``: 100.00 paid by Ada at noon plus as many minutes, unless told otherwise."""
    at = NOON + timedelta(minutes=number)
    sold = lines or (line(),)
    values: dict[str, Any] = {
        "order_id": BIG + number,
        "name": f"#{1000 + number}",
        "currency": "USD",
        "financial_status": FinancialStatus.PAID,
        "is_test": False,
        "placed_at": at,
        "updated_at": at,
        "cancelled_at": None,
        "customer": ADA,
        "lines": sold,
        "total_minor": sum(one.net_minor + one.tax_minor for one in sold),
        **changes,
    }
    return OrderFact(**values)


def tell(shop_id: int, *facts: OrderFact | RefundFact) -> None:
    """Let the flows take orders and refunds in."""
    orders = [fact for fact in facts if isinstance(fact, OrderFact)]
    refunds = [fact for fact in facts if isinstance(fact, RefundFact)]
    now = NOON + timedelta(days=1)
    with transaction() as session:
        shop = session.get_one(Shop, shop_id)
        if orders:
            earn.record_orders(session, shop, orders, now)
        if refunds:
            refund.record_refunds(session, shop, refunds, now)
    db.session.remove()


def publish(shop_id: int, **changes: Any) -> Terms:
    """Publish the current terms with some changes."""
    from dataclasses import replace

    with transaction() as session:
        current = terms.get_current(session, shop_id, datetime.now(UTC))
        return terms.publish(session, shop_id, replace(current, **changes), "system", NOON - timedelta(days=300))


@contextmanager
def reading() -> Iterator[Session]:
    """Yield a session that sees what is committed."""
    db.session.remove()
    with transaction() as session:
        yield session
    db.session.remove()


def reward_of(fact: OrderFact) -> Reward:
    """Return an order's reward as it stands in the table."""
    from sqlalchemy import select

    from app.models import Order

    with reading() as session:
        query = select(Reward).join(Order, Order.id == Reward.order_id).where(Order.shopify_id == fact.order_id)
        reward = session.scalars(query).one()
        session.expunge(reward)
        return reward


class Visitor:
    """A person in a shop's admin: loads documents with a token in the address, fetches with it in a header."""

    def __init__(self, app: Flask, domain: str = DOMAIN, staff: str = "42") -> None:
        self.client: FlaskClient = app.test_client()
        self.domain = domain
        self.staff = staff

    def token(self) -> str:
        return session_token(self.domain, sub=self.staff)

    def load(self, path: str, **query: str) -> TestResponse:
        """Load a document, as the admin's frame does."""
        return self.client.get(path, query_string={"id_token": self.token(), "shop": self.domain, **query})

    def fetch(self, path: str, **query: str) -> TestResponse:
        """Fetch a page, as htmx does."""
        return self.client.get(path, query_string=query or None, headers=self._headers(htmx=True))

    def post(self, path: str, data: Any = None, *, htmx: bool = True) -> TestResponse:
        """Send a form, as htmx does, or as any other script that wants JSON."""
        return self.client.post(path, data=data or {}, headers=self._headers(htmx=htmx))

    def _headers(self, *, htmx: bool) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self.token()}", "Sec-Fetch-Dest": "empty"}
        if htmx:
            return {**headers, "HX-Request": "true", "Accept": "text/html"}
        return {**headers, "Accept": "application/json"}


class Page(HTMLParser):
    """A page taken apart: its elements with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.inline: list[str] = []
        self._inside: str | None = None
        self.feed(html)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def of(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements of a kind that have these attributes."""
        wanted = {name.replace("_", "-"): value for name, value in attributes.items()}
        return [found for name, found in self.elements if name == tag and wanted.items() <= found.items()]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style"):
            if data.strip():
                self.inline.append(data)
        else:
            self.words.append(data)
