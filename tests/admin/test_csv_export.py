"""Lists as files: read back as they were, harmless in a spreadsheet, of one moment and one shop, and noted."""

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from io import StringIO
from typing import Any

import pytest
from flask import Flask, g
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import InternalError
from sqlalchemy.orm import Session

from app.admin.csv_export import BATCH, Cell, Rows, export_csv, stream_csv, write_cell
from app.db import bind_all, transaction
from app.engine.flows.exports import SOME_WORDS
from app.engine.rules.money import Money
from app.models import AuditEvent, Customer, Shop
from tests.admin.factories import BIG, NOON, reading

DANGEROUS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
HEADER = ("name", "amount")


@pytest.fixture
def _at_the_desk(app: Flask, shop_id: int, other_shop_id: int) -> Iterator[None]:
    """Be within a request of a person of the shop; there is another shop as well."""
    with app.test_request_context(), transaction() as session:
        g.shop, g.actor = session.get_one(Shop, shop_id), "staff:42"
        bind_all(shop_id)
        yield
        bind_all(None)


def body_of(response: Any) -> str:
    return b"".join(response.response).decode()


def parsed(body: str) -> list[list[str]]:
    assert body.startswith("\ufeff")
    return list(csv.reader(StringIO(body.removeprefix("\ufeff"), newline="")))


def fixed(*rows: Sequence[Cell]) -> Rows:
    return lambda session: rows


@pytest.mark.usefixtures("_at_the_desk")
def test_a_file_says_what_it_is() -> None:
    response = stream_csv("things.csv", HEADER, fixed(("Ada", Money(-1234, "USD"))))
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'attachment; filename="things.csv"'
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"
    assert body_of(response) == "\ufeffname,amount\r\nAda,-12.34\r\n"


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        (None, ""),
        (-3, "-3"),
        (Money(5, "USD"), "0.05"),
        (Money(1234, "JPY"), "1234"),
        (Money(-1, "KWD"), "-0.001"),
        (datetime(2026, 3, 1, 12, 0, 5, 999_999, tzinfo=UTC), "2026-03-01T12:00:05Z"),
        (datetime(2026, 3, 1, 1, 0, tzinfo=timezone(timedelta(hours=2))), "2026-02-28T23:00:00Z"),
        (date(2026, 3, 1), "2026-03-01"),
        ("Ada", "Ada"),
        ("-5", "'-5"),
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+49 30", "'+49 30"),
        ("@me", "'@me"),
        ("\uff1d1", "'\uff1d1"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("  =1", "'  =1"),
        ('"=1"', '\'"=1"'),
        ("a=b, -c", "a=b, -c"),
        ("a;=1", "a;'=1"),
        ("a\n=1", "a\n'=1"),
        ('a;"=1"', 'a;"\'=1"'),
    ],
)
def test_a_cell_is_written_so_that_nothing_runs(cell: Cell, written: str) -> None:
    assert write_cell(cell) == written


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",))), min_size=2, max_size=2))
def test_no_text_begins_a_formula_however_the_columns_are_parted(texts: list[str]) -> None:
    page = StringIO()
    csv.writer(page, lineterminator="\r\n").writerow([write_cell(text) for text in texts])
    (row,) = csv.reader(StringIO(page.getvalue(), newline=""))
    for cell, original in zip(row, texts, strict=True):
        assert not cell or cell[0] not in DANGEROUS
        # Nothing but apostrophes is added, so what was meant can be read.
        assert cell.replace("'", "") == original.replace("'", "")
        for piece in re.split(r"[;\t\r\n]", cell)[1:]:
            assert piece.lstrip('" \u00a0')[:1] not in tuple("=+-@"), piece


@pytest.mark.usefixtures("_at_the_desk")
@pytest.mark.parametrize("count", [0, 1, BATCH, BATCH + 1, 2 * BATCH])
def test_rows_come_in_batches_and_all_of_them(count: int) -> None:
    response = stream_csv("n.csv", HEADER, lambda session: ((f"n{n}", n) for n in range(count)))
    pieces = list(response.response)
    assert all(len(bytes(piece).splitlines()) <= BATCH + 1 for piece in pieces)
    assert parsed(b"".join(map(bytes, pieces)).decode())[1:] == [[f"n{n}", str(n)] for n in range(count)]


def _names(session: Session) -> Iterator[tuple[str | None]]:
    yield from session.execute(select(Customer.name).execution_options(yield_per=1))  # type: ignore[misc]


@pytest.mark.usefixtures("_at_the_desk")
def test_a_file_holds_one_moment_of_one_shop_and_writes_nothing(shop_id: int, other_shop_id: int) -> None:
    def add(whose: int, number: int) -> None:
        session.add(Customer(shop_id=whose, shopify_id=BIG + number, name=f"n{number}", created_at=NOON))

    with transaction(other_shop_id) as session:
        add(other_shop_id, 9)
    with transaction(shop_id) as session:
        add(shop_id, 1)
        add(shop_id, 2)

    def slowly(reader: Session) -> Iterator[tuple[str | None]]:
        nonlocal session
        rows = _names(reader)
        yield next(rows)
        with transaction(shop_id) as session:
            add(shop_id, 3)
        yield from rows
        yield from _names(reader)
        with pytest.raises(InternalError):
            reader.execute(text("DELETE FROM customers"))
        reader.rollback()

    assert parsed(body_of(stream_csv("n.csv", ("name",), slowly)))[1:] == [["n1"], ["n2"], ["n1"], ["n2"]]


@pytest.mark.usefixtures("_at_the_desk")
def test_whoever_was_given_a_file_is_noted_with_what_was_in_it(shop_id: int) -> None:
    response = export_csv("things", HEADER, fixed(("a", 1), ("b", 2)), {"tier": "Gold", "search": ""})
    assert re.search(r'"things-\d{4}-\d\d-\d\d\.csv"', response.headers["Content-Disposition"])
    body_of(response)
    with reading() as session:
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.action == "export_things"))
        assert (event.shop_id, event.actor, event.subject, event.subject_id) == (shop_id, "staff:42", "shop", shop_id)
        assert event.after == {"rows": 2, "filters": {"tier": "Gold"}}


@pytest.mark.usefixtures("_at_the_desk")
def test_words_that_may_be_a_name_are_not_noted() -> None:
    body_of(export_csv("things", HEADER, fixed(("a", 1)), {"search": "ada@example.com"}))
    with reading() as session:
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.action == "export_things"))
        assert event.after == {"rows": 1, "filters": {"search": SOME_WORDS}}


@pytest.mark.usefixtures("_at_the_desk")
def test_whoever_hangs_up_is_noted_with_what_they_were_given() -> None:
    response = export_csv("things", HEADER, lambda session: (("n", n) for n in range(3 * BATCH)), {})
    next(iter(response.response))
    response.close()
    with reading() as session:
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.action == "export_things"))
        assert event.after["rows"] == BATCH
