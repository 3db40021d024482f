"""An installed shop, a sender of signed webhooks, and a look into the inbox."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.config import Settings
from app.db import db, transaction
from app.engine.flows.terms import publish_default
from app.engine.rules.terms import Mode
from app.models import Delivery, Shop
from tests.people import hire_cast
from tests.webhooks.sending import SHOP, Sender

INSTALLED_AT = datetime(2007, 1, 1, tzinfo=UTC)

NewShop = Callable[..., Shop]
Inbox = Callable[[], list[Delivery]]


@pytest.fixture
def sender(client: FlaskClient, settings: Settings) -> Sender:
    """Return a sender that knows the app's secret."""
    return Sender(client, settings.shopify_client_secret)


@pytest.fixture
def in_app(app: Flask) -> Iterator[None]:
    """Run the test inside the app, as a worker does."""
    with app.app_context():
        yield
        db.session.remove()


@pytest.fixture
def new_shop(app: Flask, in_app: None) -> NewShop:
    """Return a function that installs a shop with its first terms: 2 % for whoever has spent less than 500."""

    def install(
        domain: str = SHOP, currency: str = "USD", mode: Mode = Mode.AUTOMATIC, uninstalled_at: datetime | None = None
    ) -> Shop:
        with transaction() as session:
            shop = Shop(
                domain=domain,
                name="Harbour & Loom",
                currency=currency,
                mode=mode,
                installed_at=INSTALLED_AT,
                uninstalled_at=uninstalled_at,
            )
            session.add(shop)
            session.flush()
            publish_default(session, shop, "system", INSTALLED_AT)
            hire_cast(session, shop.id)
        return shop

    return install


@pytest.fixture
def shop(new_shop: NewShop) -> Shop:
    """Return an installed shop in automatic mode."""
    return new_shop()


@pytest.fixture
def inbox(in_app: None) -> Inbox:
    """Return a function that returns all deliveries, oldest first, as they are in the database now."""

    def read() -> list[Delivery]:
        db.session.rollback()
        rows = db.session.scalars(select(Delivery).order_by(Delivery.id).execution_options(populate_existing=True))
        return list(rows)

    return read
