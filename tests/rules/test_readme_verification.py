"""The table in app/engine/README.md of what is asked before a credit is sent, row by row."""

from datetime import UTC, datetime, timedelta

import pytest

from app.engine.rules.verification import Agrees, Changed, KnownOrder, SeenOrder, Unknown, check_order

from .tables import Row, tables_with

(ROWS,) = tables_with("the books know", "Shopify says", "then the credit is")
NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
OURS, THEIRS = "gid://shopify/Customer/1", "gid://shopify/Customer/2"
WORDS = {Agrees: "sent", Changed: "told anew first", Unknown: "refused"}


def at(words: list[str]) -> datetime:
    """Return the time that one of the words tells."""
    (text,) = [word.removeprefix("of ") for word in words if word.startswith("of ")]
    hour, minute = text.split(":")
    return NOW.replace(hour=int(hour), minute=int(minute))


def known(words: list[str]) -> KnownOrder:
    days = 61 if "61 days old" in words else 1
    return KnownOrder(7, "#1007", at(words), True, "cancelled" in words, NOW - timedelta(days=days))


def seen(words: list[str]) -> SeenOrder | None:
    if words[0] == "nothing":
        return None
    whose = None if "nobody's" in words else THEIRS if "another customer's" in words else OURS
    return SeenOrder(at(words), "cancelled" in words, "unpaid" not in words, whose)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: " / ".join(row.values()))
def test_each_row_is_so(row: Row) -> None:
    before, now = row["the books know"].split(", "), row["Shopify says"].split(", ")
    verdict = check_order(known(before), seen(now), OURS, sees_all="and it may see all" in now, now=NOW)
    assert WORDS[type(verdict)] == row["then the credit is"]
