"""A shop with an order, a refund and a review behind it, and a shell to ask about them."""

from collections.abc import Callable, Iterator

import pytest
from click.testing import Result
from flask import Flask

from app.db import db
from app.engine.rules.terms import Mode
from tests.flows.builders import Till

Shell = Callable[..., Result]


@pytest.fixture
def shop(app: Flask) -> Iterator[Till]:
    """Return a shop in automatic mode."""
    with app.app_context():
        till = Till("made-up.myshopify.com", mode=Mode.AUTOMATIC)
        db.session.remove()
        yield till
        db.session.remove()


@pytest.fixture
def shell(app: Flask) -> Shell:
    """Return what runs a ``flask`` command as an operator types it."""
    return lambda *words: app.test_cli_runner().invoke(args=[str(word) for word in words])
