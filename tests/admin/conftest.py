"""A shop with a visitor for every test of the admin."""

from collections.abc import Iterator

import pytest
from flask import Flask

from app.db import db
from tests.admin.browsing import browser, page, stage
from tests.admin.factories import OTHER, Visitor, make_shop

__all__ = ["browser", "page", "stage"]


@pytest.fixture(autouse=True)
def _in_the_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield
        db.session.remove()


@pytest.fixture
def shop_id(app: Flask) -> int:
    """Return the id of a shop in manual mode."""
    return make_shop()


@pytest.fixture
def other_shop_id(app: Flask) -> int:
    """Return the id of a second shop."""
    return make_shop(OTHER)


@pytest.fixture
def visitor(app: Flask, shop_id: int) -> Visitor:
    """Return a person in the shop's admin."""
    return Visitor(app)


@pytest.fixture
def stranger(app: Flask, other_shop_id: int) -> Visitor:
    """Return a person in the other shop's admin."""
    return Visitor(app, OTHER)
