"""A shop with mails to send, and a mail server to send them to."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from app.db import db
from tests.flows.builders import Till
from tests.mail.desk import MailDesk
from tests.mail.postbox import Postbox, serving


@pytest.fixture
def shop(app: Flask) -> Iterator[Till]:
    """Return a shop in automatic mode."""
    with app.app_context():
        yield Till("made-up.myshopify.com")
        db.session.remove()


@pytest.fixture
def desk(app: Flask, shop: Till) -> Iterator[MailDesk]:
    """Return who writes mails of the shop and has them sent; there is no mail server yet."""
    before = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(before, mail_from="cashback@shop.example.com", app_url="https://app.example.com")
    yield MailDesk(app, shop)
    app.config["SETTINGS"] = before


@pytest.fixture
def box(desk: MailDesk) -> Iterator[Postbox]:
    """Return a mail server that takes everything, and lead the shop's mails to it."""
    postbox = Postbox()
    with serving(postbox) as port:
        desk.lead_to(f"smtp://127.0.0.1:{port}?starttls=no")
        yield postbox
