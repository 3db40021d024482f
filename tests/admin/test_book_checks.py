"""The checks of the books, shown with the ledger: when, how many entries, how long, what was found; and asked for."""

from datetime import timedelta

import pytest
from flask import Flask
from redis import Redis

from app.admin.queries.book_checks import list_checks
from app.clock import utcnow
from app.db import transaction
from app.engine.flows.check_books import INVARIANTS
from app.engine.rules.roles import Role
from app.jobs import look_through_books
from app.models import BookCheck
from tests.admin.factories import Page, Visitor, order, reading, tell
from tests.admin.full_incidents import add_checks
from tests.flows.builders import all_rows
from tests.people import hire


def finish(shop_id: int) -> None:
    """Do a worker's part, however slow this machine is."""
    while True:
        look_through_books(shop_id)
        with reading() as session:
            if all(row.finished_at for row in list_checks(session, shop_id)):
                return


def test_what_the_last_checks_found_is_shown(visitor: Visitor, shop_id: int) -> None:
    assert "They were not checked yet" in Page(visitor.load("/ledger").text).text
    add_checks(shop_id, utcnow())
    page = Page(visitor.load("/ledger").text)
    text = page.text.replace("\u00a0", " ")
    for words in (
        "180 entries in 2.3 s",
        "Everything adds up",
        "1 mistake",
        "customer 3 moves nothing",
        "asked for by",
    ):
        assert words in text, words
    assert page.of("div", hx_select="#checks") == []


def test_somebody_has_the_books_checked_and_sees_it_come(visitor: Visitor, shop_id: int, redis_client: "Redis") -> None:
    tell(shop_id, order(1))
    answer = visitor.post("/ledger/check")
    assert (answer.status_code, redis_client.llen("rq:queue:chores")) == (200, 1)
    page = Page(answer.text)
    assert f"The books are being checked: 0 of {len(INVARIANTS)} rules so far." in page.text
    assert len(page.of("div", hx_select="#checks")) == 1
    assert page.of("form", action="/ledger/check") == page.of("form", hx_post="/ledger/check") == []
    again = visitor.post("/ledger/check", htmx=False)
    assert (again.status_code, again.json) == (409, {"error": "The books are being checked already."})
    finish(shop_id)
    text = Page(visitor.load("/ledger").text).text
    assert "Everything adds up" in text
    assert "asked for by Sam 42 Staff" in text
    assert "Had the books checked" in Page(visitor.load("/activity").text).text


def test_who_may_not_manage_sees_the_checks_and_no_button(app: Flask, visitor: Visitor, shop_id: int) -> None:
    with transaction() as session:
        hire(session, shop_id, "50", Role.APPROVER)
    add_checks(shop_id, utcnow())
    approver = Visitor(app, staff="50")
    assert "Everything adds up" in approver.load("/ledger").text
    assert "/ledger/check" in visitor.load("/ledger").text
    assert "/ledger/check" not in approver.load("/ledger").text
    before = all_rows()
    assert approver.post("/ledger/check").status_code == 403
    assert all_rows() == before


@pytest.mark.parametrize("count", [0, 3, 9])
def test_the_newest_checks_are_listed_first_and_of_one_shop_only(shop_id: int, other_shop_id: int, count: int) -> None:
    now = utcnow()
    with transaction() as session:
        for whose in (shop_id, other_shop_id):
            for number in range(count):
                at = now + timedelta(days=number)
                row = BookCheck(shop_id=whose, asked_at=at, asked_by="system", stepped_at=at, finished_at=at)
                session.add(row)
    with reading() as session:
        found = list_checks(session, shop_id)
        assert [row.asked_at for row in found] == [now + timedelta(days=number) for number in range(count)][::-1][:5]
        assert {row.shop_id for row in found} <= {shop_id}
