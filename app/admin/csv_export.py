"""Lists as CSV files: streamed out of one moment of the database, and harmless when a spreadsheet opens them.

A file is asked for by a POST form (``data-download``), since only requests of scripts carry the session token. The
first line names the columns in English whatever the reader's language: other programs go by these names.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from io import StringIO

from flask import Response, g, stream_with_context
from sqlalchemy.orm import Session

from app.clock import utcnow
from app.db import bind_shop, db, transaction
from app.engine.flows.exports import note_export
from app.engine.rules.money import Money, to_decimal_string

#: What a row is made of. Text is anything people wrote; whoever means a number gives Money or an int.
Cell = str | int | Money | datetime | date | None
#: Reads the rows one by one; a query with ``yield_per`` keeps few of them in memory.
Rows = Callable[[Session], Iterable[Sequence[Cell]]]

#: Rows fetched at once, and written at once.
BATCH = 500
_MARK = "\ufeff"
#: With these a spreadsheet takes a cell for a formula; the full-width ones are the same to it.
_STARTS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_BEGINS_A_FORMULA = re.compile(rf"[\t\r\n]|[\s\"]*[{_STARTS}]")
#: A spreadsheet that parts columns by semicolons or tabs takes what follows them for a cell of its own.
_HIDES_A_FORMULA = re.compile(rf"([;\t\r\n][\s\"]*)(?=[{_STARTS}])")


def export_csv(what: str, header: Sequence[str], rows: Rows, filters: Mapping[str, str]) -> Response:
    """Return a list as a file and note who was given it; the view asks for ``Duty.DECIDE``: it names people.

    ``what`` is one word, such as "orders"; ``filters`` says which part of the list it is.
    """
    filename = f"{what}-{utcnow():%Y-%m-%d}.csv"
    note = partial(_note, g.shop.id, what, dict(filters), g.actor)
    return stream_csv(filename, header, rows, note)


def stream_csv(
    filename: str, header: Sequence[str], rows: Rows, when_done: Callable[[int], None] = lambda _: None
) -> Response:
    """Return rows as a file, read within one transaction that sees one moment of this request's shop.

    ``when_done`` is told how many rows have left, also where the other side hung up.
    """
    body = stream_with_context(_write(g.shop.id, header, rows, when_done))
    response = Response(body, 200, mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def write_cell(cell: Cell) -> str:
    """Return a cell as text: amounts in plain digits, instants in UTC, and no text that could run as a formula."""
    if isinstance(cell, str):
        return _tame(cell)
    if isinstance(cell, Money):
        return to_decimal_string(cell.minor, cell.currency)
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return "" if cell is None else str(cell)


def _tame(text: str) -> str:
    tamed = _HIDES_A_FORMULA.sub(r"\1'", text)
    return "'" + tamed if _BEGINS_A_FORMULA.match(tamed) else tamed


def _write(shop_id: int, header: Sequence[str], rows: Rows, when_done: Callable[[int], None]) -> Iterator[bytes]:
    written = 0
    page = StringIO()
    writer = csv.writer(page, lineterminator="\r\n")
    page.write(_MARK)
    writer.writerow(header)
    try:
        with _one_moment(shop_id) as session:
            for row in rows(session):
                writer.writerow([write_cell(cell) for cell in row])
                written += 1
                if written % BATCH == 0:
                    yield _take(page)
        yield _take(page)
    finally:
        when_done(written)


def _take(page: StringIO) -> bytes:
    text = page.getvalue()
    page.seek(0)
    page.truncate()
    return text.encode()


@contextmanager
def _one_moment(shop_id: int) -> Iterator[Session]:
    """Yield a session of its own that only reads, and sees one moment however long that takes."""
    engine = db.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with Session(engine) as session:
        bind_shop(session, shop_id)
        yield session


def _note(shop_id: int, what: str, filters: Mapping[str, str], actor: str, rows: int) -> None:
    with transaction(shop_id) as session:
        note_export(session, shop_id, what, filters, rows, actor, utcnow())
