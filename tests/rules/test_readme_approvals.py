"""The tables of two people and of undoing in app/engine/README.md, row by row."""

from datetime import UTC, datetime

import pytest

from app.engine.rules import money
from app.engine.rules.approvals import FirstApproval, compute_undo_until, count_approval

from .table_cells import NOTHING
from .tables import Row, tables_with

(COUNTS,) = tables_with("two people above", "counts as")
(UNDOS,) = tables_with("seconds to undo", "settles from")


def minor(text: str) -> int:
    return money.to_minor(text, "USD")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-01T{text}").replace(tzinfo=UTC)


@pytest.mark.parametrize("row", COUNTS, ids=lambda row: " ".join(row.values()))
def test_an_approval_counts_as_the_page_says(row: Row) -> None:
    above, first = row["two people above"], None
    if row["approved first"] != NOTHING:
        amount, person = row["approved first"].split(" by ")
        first = FirstApproval(person, minor(amount))
    limit_minor = None if above == NOTHING else minor(above)
    assert count_approval(limit_minor, minor(row["amount"]), first, row["approves"]).value == row["counts as"]


@pytest.mark.parametrize("row", UNDOS, ids=lambda row: " ".join(row.values()))
def test_an_approval_settles_when_the_page_says(row: Row) -> None:
    now = at(row["approved at"])
    is_due, is_staff = row["due"] == "yes", row["approved by"] == "staff"
    until = compute_undo_until(int(row["seconds to undo"]), now, is_due=is_due, is_staff=is_staff)
    if is_due:
        assert (until or now) == at(row["settles from"])
    else:
        assert (until, row["settles from"]) == (None, "its day")
