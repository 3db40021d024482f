"""A sandbox to talk to, and an app that is set up to talk to it, with timeouts fit for tests."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from app import create_app
from app.config import Settings
from app.db import db
from app.shopify import allowance
from sandbox.server import Sandbox
from tests.shopify.desk import Desk, MovedClock

NOBODY = "http://127.0.0.1:9"
#: Far more than an answer takes on a busy machine. Who wants to wait in vain has `desk.impatient()`.
PATIENCE = 30


@pytest.fixture(scope="session")
def running_box() -> Iterator[Sandbox]:
    # Webhooks to nobody are given up at once: a history makes no more orders while hundreds of them wait.
    with Sandbox(app_url=NOBODY, seed=1, restore_rate=1000, retry_seconds=0.001) as box:
        yield box


@pytest.fixture
def box(running_box: Sandbox) -> Iterator[Sandbox]:
    """Return an empty sandbox without faults."""
    running_box.world.faults.reset(1)
    running_box.dispatcher.forget()
    shop = running_box.world.main
    shop.clear(1)
    shop.tokens.revoke_all()
    yield running_box
    running_box.world.faults.reset(1)
    running_box.world.clock.advance(-int(running_box.world.clock.offset.total_seconds()))


@pytest.fixture(scope="session")
def connected(settings: Settings, running_box: Sandbox) -> Flask:
    """Return an app whose Shopify is the sandbox."""
    app = create_app(
        replace(
            settings,
            shopify_admin_origin=running_box.url,
            shopify_timeout_seconds=PATIENCE,
            transfer_quiet_seconds=90,
        )
    )
    app.config["TESTING"] = True
    return app


@pytest.fixture
def app_context(connected: Flask, box: Sandbox) -> Iterator[Flask]:
    """Return the connected app with its context entered."""
    with connected.app_context():
        yield connected
        db.session.remove()


@pytest.fixture
def desk(app_context: Flask, box: Sandbox) -> Iterator[Desk]:
    """Return a shop in which the app is installed, with nothing to send yet."""
    settings = app_context.config["SETTINGS"]
    yield Desk(app_context, box, MovedClock(box))
    app_context.config["SETTINGS"] = settings


@pytest.fixture(autouse=True)
def _no_memory_of_points() -> None:
    """Let no test wait for points that another one took of a shop of the same name."""
    allowance._views.clear()
