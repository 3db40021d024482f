"""Links in mails: sealed, of one purpose, good for as long as they should be, and short."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from app.config import Settings
from app.engine.rules.letters import Letter, News
from app.engine.rules.messages import Saying
from app.mail.links import (
    PageToken,
    Purpose,
    StopToken,
    cashback_link,
    guest_link,
    read_page,
    read_stop,
    sender_for,
    statement_link,
    stop_link,
)
from app.models import Shop

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
SETTINGS = Settings("", "", "id", "secret", app_url="https://app.example.com/", encryption_keys=(OLD,))


@pytest.fixture(autouse=True)
def installation() -> Iterator[Flask]:
    """Yield an app that has settings and nothing else."""
    app = Flask(__name__)
    app.config["SETTINGS"] = SETTINGS
    with app.app_context():
        yield app


def token_of(link: str) -> str:
    return urlsplit(link).path.rpartition("/")[2]


def links() -> dict[Purpose, str]:
    """Return a link of each purpose, about the same number."""
    return {
        Purpose.STOP: stop_link(1, "7", None, "en"),
        Purpose.CASHBACK: cashback_link(1, 7, "en", NOON),
        Purpose.GUEST: guest_link(1, 7, "en", NOON),
        Purpose.STATEMENT: statement_link(1, 7, "en", NOON),
    }


def test_a_link_leads_to_this_installation_in_the_readers_language() -> None:
    for purpose, link in links().items():
        parts = urlsplit(link)
        place = "cashback" if purpose is Purpose.GUEST else purpose.value
        assert (parts.scheme, parts.netloc) == ("https", "app.example.com")
        assert parts.path.startswith(f"/told/{place}/")
        assert parse_qs(parts.query) == {"locale": ["en"]}
        assert len(link) < 120


def test_a_page_is_shown_for_ninety_days() -> None:
    token = read_page(Purpose.CASHBACK, token_of(cashback_link(1, 7, "de", NOON)))
    assert token == PageToken(1, 7, date(2026, 5, 30))
    assert not token.is_over(NOON + timedelta(days=90, hours=11))
    assert token.is_over(NOON + timedelta(days=90, hours=12))


@pytest.mark.parametrize("saying", [None, *Saying])
def test_what_one_click_stops_stands_in_the_link(saying: Saying | None) -> None:
    token = read_stop(token_of(stop_link(3, " Ada@Example.COM ", saying, "en")))
    assert token == StopToken(3, "ada@example.com", saying)


@pytest.mark.parametrize("address", ["a:b@example.com", "ünï@example.com", f"{'x' * 64}@{'y' * 180}.example.com"])
def test_every_address_can_be_stopped(address: str) -> None:
    token = read_stop(token_of(stop_link(2**62, address, Saying.STATEMENT_READY, "en")))
    assert token is not None
    assert token.address_key == address


def test_an_address_does_not_stand_in_the_open() -> None:
    sealed = base64.urlsafe_b64decode(token_of(stop_link(1, "ada@example.com", None, "en")) + "==")
    assert b"ada" not in sealed
    assert b"example" not in sealed


def test_a_token_opens_for_its_own_purpose_only() -> None:
    for made_for, link in links().items():
        token = token_of(link)
        opened = {purpose for purpose in Purpose if purpose is not Purpose.STOP and read_page(purpose, token)}
        opened |= {Purpose.STOP} if read_stop(token) else set()
        assert opened == {made_for}


def test_a_changed_token_opens_for_nothing() -> None:
    sealed = bytearray(base64.urlsafe_b64decode(token_of(cashback_link(1, 7, "en", NOON)) + "=="))
    for place in range(len(sealed)):
        sealed[place] ^= 1
        token = base64.urlsafe_b64encode(bytes(sealed)).rstrip(b"=").decode()
        assert read_page(Purpose.CASHBACK, token) is None
        sealed[place] ^= 1


@given(st.text(max_size=80))
def test_nonsense_opens_for_nothing(text: str) -> None:
    app = Flask(__name__)
    app.config["SETTINGS"] = SETTINGS
    with app.app_context():
        assert read_stop(text) is None
        assert all(read_page(purpose, text) is None for purpose in Purpose)


@pytest.mark.parametrize("text", ["", "A", "====", "A" * 22, "A" * 601, "A" * 100_000, "ä" * 24])
def test_what_is_no_token_is_known_by_its_looks(text: str) -> None:
    assert read_stop(text) is None


def test_links_go_on_working_while_the_keys_are_changed(installation: Flask) -> None:
    stop, page = token_of(stop_link(1, "ada@example.com", None, "en")), token_of(cashback_link(1, 7, "en", NOON))
    installation.config["SETTINGS"] = replace(SETTINGS, encryption_keys=(NEW, OLD))
    assert token_of(cashback_link(1, 7, "en", NOON)) != page
    assert read_stop(stop) is not None
    assert read_page(Purpose.CASHBACK, page) is not None

    installation.config["SETTINGS"] = replace(SETTINGS, encryption_keys=(NEW,))
    assert read_stop(stop) is None
    assert read_page(Purpose.CASHBACK, page) is None


def letter(**changes: object) -> Letter:
    values: dict[str, object] = {
        "customer_id": 7,
        "address": "ada@example.com",
        "name": "Ada",
        "language": "fr",
        "currency": "USD",
        "news": (News(Saying.EARNED, 300),),
        "available_minor": 0,
        "message_ids": (1,),
        **changes,
    }
    return Letter(**values)  # type: ignore[arg-type]  # a test's short way to write one


def test_a_letter_gets_the_links_that_it_needs() -> None:
    shop = Shop(id=5, domain="made-up.myshopify.com", name="Made Up")
    sender = sender_for(shop, letter(), "", NOON)
    assert (sender.shop_name, sender.shop_url) == ("Made Up", "https://made-up.myshopify.com")
    assert sender.cashback_url == cashback_link(5, 7, "fr", NOON)
    assert sender.stop_url == stop_link(5, "ada@example.com", None, "fr")
    assert sender.statement_url is None

    ready = News(Saying.STATEMENT_READY, statement_id=9)
    sender = sender_for(shop, letter(news=(News(Saying.EARNED, 300), ready)), "The Team", NOON)
    assert sender.shop_name == "The Team"
    assert sender.statement_url == statement_link(5, 9, "fr", NOON)


def test_a_guests_letter_leads_to_the_order_and_without_one_to_the_shop() -> None:
    shop = Shop(id=5, domain="made-up.myshopify.com", name="Made Up")
    of_order = sender_for(shop, letter(customer_id=None, guest_order_id=11), "", NOON)
    assert of_order.cashback_url == guest_link(5, 11, "fr", NOON)
    assert sender_for(shop, letter(customer_id=None), "", NOON).cashback_url == "https://made-up.myshopify.com"
