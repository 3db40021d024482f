"""A shop with its default terms (2 % Bronze, 4 % Silver from 500, 6 % Gold from 1,500) for every flow test."""

from collections.abc import Iterator

import pytest
from flask import Flask

from app.db import db
from app.engine.rules.terms import Mode
from tests.flows.builders import Till
from tests.flows.transfer_rows import Rows


@pytest.fixture
def shop(app: Flask) -> Iterator[Till]:
    """Return a shop in automatic mode."""
    with app.app_context():
        yield Till("made-up.myshopify.com")
        db.session.remove()


@pytest.fixture
def manual_shop(app: Flask) -> Iterator[Till]:
    """Return a shop in which every reward waits for a person."""
    with app.app_context():
        yield Till("by-hand.myshopify.com", mode=Mode.MANUAL)
        db.session.remove()


@pytest.fixture
def rows(app: Flask) -> Iterator[Rows]:
    """Return two shops without transfers."""
    with app.app_context():
        yield Rows()
        db.session.remove()
