"""The pages that mails lead to: for whoever has the token, in the reader's language, kept by nobody."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from flask import Flask
from sqlalchemy import event, select, update
from werkzeug.test import TestResponse

from app.db import db
from app.engine.flows import review
from app.engine.rules.facts import CustomerFact
from app.engine.rules.messages import Saying
from app.languages import LANGUAGES
from app.mail.links import cashback_link, guest_link, statement_link, stop_link
from app.models import Customer, Order, Shop, Statement
from tests.admin.factories import ADA, BIG, NOON, OTHER, Page, make_shop, order, reading, reward_of, tell
from tests.flows.builders import all_rows

LATER = NOON + timedelta(days=40)
GUEST = order(2, customer=None, email="guest@example.com", name="#1002")
STYLE = re.compile(r'<link rel="stylesheet" href="([^"]+)">')


@pytest.fixture(autouse=True)
def _in_the_app(app: Flask) -> Iterator[None]:
    with app.app_context(), time_machine.travel(LATER, tick=False):
        yield
        db.session.remove()


@pytest.fixture
def shop_id(app: Flask) -> int:
    """Return the id of a shop in which Ada has 2.00 of March, and a guest's order waits."""
    shop_id = make_shop()
    tell(shop_id, order(1), GUEST)
    first = reward_of(order(1))
    with reading() as session:
        session.execute(update(Shop).values(name="Linen & Light"))
        review.approve(session, shop_id, first.id, first.version, "system", NOON + timedelta(days=2))
    return shop_id


def links(shop_id: int, language: str = "en", made_at: datetime = LATER) -> dict[str, str]:
    """Return a link to each page."""
    with reading() as session:
        ada = session.scalars(select(Customer.id).where(Customer.shop_id == shop_id)).one()
        guests = select(Order.id).where(Order.shop_id == shop_id, Order.name == "#1002")
        march = session.scalars(select(Statement.id).where(Statement.shop_id == shop_id)).one()
        return {
            "cashback": cashback_link(shop_id, ada, language, made_at),
            "guest": guest_link(shop_id, session.scalars(guests).one(), language, made_at),
            "statement": statement_link(shop_id, march, language, made_at),
            "stop": stop_link(shop_id, "ada@example.com", None, language),
        }


def ask(app: Flask, link: str, **headers: str) -> TestResponse:
    parts = urlsplit(link)
    return app.test_client().get(f"{parts.path}?{parts.query}", headers=headers)


def without_locale(link: str) -> str:
    return link.partition("?")[0]


def test_every_page_opens_without_a_login_and_says_what_it_is_about(app: Flask, shop_id: int) -> None:
    found = {name: ask(app, link) for name, link in links(shop_id).items()}
    assert {answer.status_code for answer in found.values()} == {200}
    texts = {name: Page(answer.text).text for name, answer in found.items()}
    assert "Linen & Light" in texts["cashback"]
    assert "Store credit $2.00" in texts["cashback"]
    assert "#1001" in texts["cashback"]
    assert "$2.00 waits for an account with the order's mail address." in texts["guest"]
    assert "until May 30, 2026" in texts["guest"]
    assert "from March 1, 2026 to March 31, 2026" in texts["statement"]
    assert "a…@example.com" in texts["stop"]


def test_no_page_says_who_it_is(app: Flask, shop_id: int) -> None:
    for link in links(shop_id).values():
        answer = ask(app, link)
        assert "Example" not in Page(answer.text).text, link
        assert "ada@example.com" not in answer.text
        assert "guest@example.com" not in answer.text


def test_no_page_is_kept_framed_indexed_followed_or_scripted(app: Flask, shop_id: int) -> None:
    for link in [*links(shop_id).values(), f"{without_locale(links(shop_id)['stop'])}x"]:
        answer = ask(app, link)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Robots-Tag"].startswith("noindex")
        assert "Set-Cookie" not in answer.headers
        page = Page(answer.text)
        assert page.inline == []
        assert page.of("script") == []


def test_the_style_is_served_for_good_under_its_version_only(app: Flask, shop_id: int) -> None:
    found = STYLE.search(ask(app, links(shop_id)["stop"]).text)
    assert found is not None
    answer = app.test_client().get(found[1])
    assert (answer.status_code, answer.mimetype) == (200, "text/css")
    assert "immutable" in answer.headers["Cache-Control"]
    assert app.test_client().get("/told/pages.css?v=old").headers["Cache-Control"] == "no-cache"
    again = app.test_client().get(found[1], headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_in_the_language_of_its_link(app: Flask, shop_id: int, language: str) -> None:
    seen = set()
    for link in links(shop_id, language).values():
        answer = ask(app, link, **{"Accept-Language": "en"})
        assert answer.headers["Content-Language"] == language
        (html,) = Page(answer.text).of("html")
        assert html["lang"] == language
        seen.add(Page(answer.text).text)
    assert len(seen) == 4


def test_without_one_the_customers_own_language_counts_and_then_the_browsers(app: Flask, shop_id: int) -> None:
    link = without_locale(links(shop_id)["cashback"])
    assert ask(app, link, **{"Accept-Language": "fr, en"}).headers["Content-Language"] == "fr"
    with reading() as session:
        session.execute(update(Customer).values(locale="de-AT"))
    assert ask(app, link, **{"Accept-Language": "fr, en"}).headers["Content-Language"] == "de"
    assert "2,00\u00a0$" in ask(app, link).text


def test_looking_at_a_page_writes_nothing(app: Flask, shop_id: int) -> None:
    opened, before = links(shop_id), all_rows()
    for link in opened.values():
        ask(app, link)
        app.test_client().head(urlsplit(link).path)
    assert all_rows() == before


def test_a_wrong_token_is_answered_kindly_and_costs_no_question(app: Flask, shop_id: int) -> None:
    opened, asked = links(shop_id), list[str]()

    def note(*facts: Any) -> None:
        asked.append(facts[2])

    tokens = {name: urlsplit(link).path.rpartition("/")[2] for name, link in opened.items()}
    wrong = [f"/told/{page}/{token}" for page in ("cashback", "statement", "stop") for token in ("x", "A" * 40)]
    wrong += [f"/told/{page}/{tokens[page][:-1]}" for page in ("cashback", "statement", "stop")]
    wrong += [f"/told/stop/{tokens['cashback']}", f"/told/cashback/{tokens['statement']}"]
    wrong += [f"/told/statement/{tokens['stop']}", f"/told/statement/{tokens['cashback']}"]
    db.session.remove()
    event.listen(db.engine, "before_cursor_execute", note)
    answers = [app.test_client().get(path) for path in wrong]
    answers.append(app.test_client().post("/told/stop/x", data={"none": "1"}))
    event.remove(db.engine, "before_cursor_execute", note)
    for answer in answers:
        assert answer.status_code == 404
        assert "This link leads nowhere" in answer.text
    assert asked == []


def test_a_link_that_shows_money_ends_and_the_wish_to_hear_nothing_does_not(app: Flask, shop_id: int) -> None:
    old = links(shop_id, made_at=LATER - timedelta(days=91))
    for name in ("cashback", "guest", "statement"):
        answer = ask(app, old[name])
        assert answer.status_code == 410
        assert "This link is out of date" in answer.text
    with time_machine.travel(datetime(2099, 1, 1, tzinfo=UTC)):
        assert ask(app, old["stop"]).status_code == 200


def test_a_shop_that_took_the_app_away_shows_no_money(app: Flask, shop_id: int) -> None:
    opened = links(shop_id)
    with reading() as session:
        session.execute(update(Shop).values(uninstalled_at=LATER))
    for name in ("cashback", "guest", "statement"):
        answer = ask(app, opened[name])
        assert answer.status_code == 410
        assert "Linen" not in answer.text
    # Who wants no mails is heard all the same: the app may come back.
    assert ask(app, opened["stop"]).status_code == 200


@pytest.mark.parametrize("column", ["deleted_at", "redacted_at"])
def test_of_somebody_who_is_gone_nothing_is_shown(app: Flask, shop_id: int, column: str) -> None:
    opened = links(shop_id)
    with reading() as session:
        session.execute(update(Customer).values({column: LATER}))
    for name in ("cashback", "statement"):
        answer = ask(app, opened[name])
        assert answer.status_code == 410
        assert "There is nothing to show here any more" in answer.text
        assert "2.00" not in answer.text


def test_a_token_shows_nothing_of_another_shop(app: Flask, shop_id: int) -> None:
    other_id = make_shop(OTHER)
    tell(other_id, order(7, customer=CustomerFact(BIG + 703, "cleo@example.com", "Cleo")))
    with reading() as session:
        numbers = [
            session.scalars(select(table.id).where(table.shop_id == shop_id).limit(1)).one()
            for table in (Customer, Order, Statement)
        ]
    make = (cashback_link, guest_link, statement_link)
    for link, number in zip(make, numbers, strict=True):
        assert ask(app, link(other_id, number, "en", LATER)).status_code == 410
    assert ask(app, stop_link(999, "ada@example.com", Saying.EARNED, "en")).status_code == 410


def test_an_order_tells_its_steps_and_never_why_the_shop_looks_twice(app: Flask, shop_id: int) -> None:
    held = order(3, name="#1003")
    tell(shop_id, held)
    reward = reward_of(held)
    with reading() as session:
        review.hold(session, shop_id, reward.id, reward.version, "system", NOON + timedelta(days=2), "Smells of fraud.")
    text = Page(ask(app, links(shop_id)["cashback"]).text).text
    assert "$2.00 is on its way; the shop confirms it first." in text
    assert "fraud" not in text.lower()
    assert "held" not in text.lower()
    assert "Ordered March 1, 2026 Confirmed by the shop On the way Added to your store credit" in text


def test_a_customer_without_orders_is_told_so(app: Flask, shop_id: int) -> None:
    with reading() as session:
        row = Customer(shop_id=shop_id, shopify_id=ADA.customer_id + 50, created_at=NOON)
        session.add(row)
        session.flush()
        link = cashback_link(shop_id, row.id, "en", LATER)
    assert "No order of yours is known here yet." in ask(app, link).text
