"""What an address wants to hear: chosen on a page, stopped with one click, and undone; nothing by only looking."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.clock import utcnow
from app.db import db
from app.engine.flows import mails
from app.engine.rules.messages import Saying, StopReason
from app.languages import LANGUAGES
from app.mail.links import stop_link
from app.models import MailStop, Shop
from tests.admin.factories import OTHER, Page, make_shop, reading

ADDRESS = "ada@example.com"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
ALL = [saying.value for saying in Saying]


@pytest.fixture(autouse=True)
def _in_the_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield
        db.session.remove()


@pytest.fixture
def shop_id(app: Flask) -> int:
    """Return the id of a shop that writes to Ada."""
    return make_shop()


def path(shop_id: int, saying: Saying | None = None, language: str = "en") -> str:
    parts = urlsplit(stop_link(shop_id, ADDRESS, saying, language))
    return f"{parts.path}?{parts.query}"


def send(app: Flask, where: str, **form: object) -> TestResponse:
    return app.test_client().post(where, data=form)


def stops(shop_id: int) -> dict[Saying | None, StopReason]:
    with reading() as session:
        rows = session.scalars(select(MailStop).where(MailStop.shop_id == shop_id, MailStop.address_key == ADDRESS))
        return {row.saying: row.reason for row in rows}


def ticked(answer: TestResponse) -> set[str]:
    boxes = Page(answer.text).of("input", type="checkbox")
    return {str(box["value"]) for box in boxes if "checked" in box}


def test_who_stopped_nothing_hears_everything(app: Flask, shop_id: int) -> None:
    answer = app.test_client().get(path(shop_id))
    assert ticked(answer) == set(ALL)
    assert stops(shop_id) == {}


def test_what_is_left_unticked_is_stopped_and_nothing_else(app: Flask, shop_id: int) -> None:
    wanted = [value for value in ALL if value not in ("earned", "reversed")]
    for _ in range(2):
        answer = send(app, path(shop_id), hear=wanted)
        assert answer.status_code == 303
    unwanted = StopReason.UNSUBSCRIBED
    assert stops(shop_id) == {Saying.EARNED: unwanted, Saying.REVERSED: unwanted}
    shown = app.test_client().get(answer.location)
    assert "Saved. It counts from the next mail on." in shown.text
    assert ticked(shown) == set(wanted)


def test_none_at_all_counts_whatever_else_is_ticked(app: Flask, shop_id: int) -> None:
    answer = send(app, path(shop_id), hear=ALL, none="1")
    assert stops(shop_id) == {None: StopReason.UNSUBSCRIBED}
    shown = app.test_client().get(answer.location)
    assert "You get no more mails about your cashback." in shown.text
    assert "1" in ticked(shown)


def test_every_choice_can_be_undone_on_the_page(app: Flask, shop_id: int) -> None:
    for form in ({"none": "1"}, {"hear": ALL[:3]}):
        send(app, path(shop_id), **form)
        assert stops(shop_id)
        send(app, path(shop_id), hear=ALL)
        assert stops(shop_id) == {}


def test_one_click_stops_all_at_once_and_leads_nowhere_else(app: Flask, shop_id: int) -> None:
    for _ in range(2):
        answer = send(app, path(shop_id), **ONE_CLICK)
        assert (answer.status_code, answer.mimetype) == (200, "text/plain")
        assert answer.text == "You get no more mails about your cashback."
        assert "Set-Cookie" not in answer.headers
    assert stops(shop_id) == {None: StopReason.UNSUBSCRIBED}


def test_one_click_counts_however_the_mail_program_writes_it(app: Flask, shop_id: int) -> None:
    answer = app.test_client().post(path(shop_id), data=ONE_CLICK, content_type="multipart/form-data")
    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    assert stops(shop_id) == {None: StopReason.UNSUBSCRIBED}


def test_one_click_on_a_mail_of_one_kind_stops_that_kind(app: Flask, shop_id: int) -> None:
    send(app, path(shop_id), hear=[value for value in ALL if value != "expiring"])
    answer = send(app, path(shop_id, Saying.STATEMENT_READY), **ONE_CLICK)
    assert answer.text == "You get no more mails of this kind."
    assert stops(shop_id).keys() == {Saying.EXPIRING, Saying.STATEMENT_READY}


def test_one_click_is_confirmed_in_the_language_of_the_mail(app: Flask, shop_id: int) -> None:
    for saying in (None, Saying.EARNED):
        said = {send(app, path(shop_id, saying, language), **ONE_CLICK).text for language in LANGUAGES}
        assert len(said) == len(LANGUAGES)


def test_a_form_that_is_cut_off_stops_no_more_than_it_says(app: Flask, shop_id: int) -> None:
    send(app, path(shop_id), hear=["earned", "nonsense", "", "None"])
    assert stops(shop_id).keys() == set(Saying) - {Saying.EARNED}


def test_what_the_mail_server_or_staff_stopped_is_said_and_stays(app: Flask, shop_id: int) -> None:
    with reading() as session:
        mails.stop_address(session, shop_id, ADDRESS, "system", utcnow(), reason=StopReason.BOUNCED)
    assert "Mails to this address are stopped" in app.test_client().get(path(shop_id)).text
    send(app, path(shop_id), hear=ALL)
    assert stops(shop_id) == {None: StopReason.BOUNCED}


def test_who_unsubscribes_from_one_shop_hears_from_the_other(app: Flask, shop_id: int) -> None:
    other_id = make_shop(OTHER)
    send(app, path(shop_id), **ONE_CLICK)
    assert stops(other_id) == {}


def test_a_shop_that_took_the_app_away_is_still_told_and_a_forgotten_one_keeps_nothing(
    app: Flask, shop_id: int
) -> None:
    with reading() as session:
        session.execute(update(Shop).values(uninstalled_at=utcnow()))
    assert send(app, path(shop_id, Saying.EARNED), **ONE_CLICK).status_code == 200
    assert stops(shop_id).keys() == {Saying.EARNED}
    with reading() as session:
        session.execute(update(Shop).values(redacted_at=utcnow()))
    assert send(app, path(shop_id), **ONE_CLICK).status_code == 410
    assert app.test_client().get(path(shop_id)).status_code == 410
    assert stops(shop_id).keys() == {Saying.EARNED}


def test_an_address_without_a_name_is_not_shown_at_all(app: Flask, shop_id: int) -> None:
    parts = urlsplit(stop_link(shop_id, "@example.com", None, "en"))
    assert "example.com" not in app.test_client().get(parts.path).text
