"""Whether a credit still rests on what Shopify says of its order, case by case."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.engine.rules.verification import Agrees, Changed, KnownOrder, SeenOrder, Unknown, check_order

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ADA, BEN = "gid://shopify/Customer/1", "gid://shopify/Customer/2"
KNOWN = KnownOrder(
    shopify_id=7, name="#1007", version_at=NOW, was_paid=True, is_cancelled=False, placed_at=NOW - timedelta(days=10)
)
SEEN = SeenOrder(updated_at=NOW, is_cancelled=False, was_paid=True, customer_gid=ADA)


def check(known: KnownOrder = KNOWN, seen: SeenOrder | None = SEEN, sees_all: bool = False) -> object:
    return check_order(known, seen, ADA, sees_all=sees_all, now=NOW)


def test_an_order_has_shopifys_global_id() -> None:
    assert KNOWN.gid == "gid://shopify/Order/7"


@pytest.mark.parametrize(
    "seen",
    [
        SEEN,
        replace(SEEN, updated_at=NOW - timedelta(hours=1)),
        replace(SEEN, updated_at=NOW + timedelta(milliseconds=999)),
        replace(SEEN, customer_gid=None),
        replace(SEEN, was_paid=None),
    ],
    ids=["the same", "older than known", "within the second", "nobody's", "of unknown payment"],
)
def test_a_credit_may_be_sent_when_nothing_newer_and_nothing_else_is_said(seen: SeenOrder) -> None:
    assert check(seen=seen) == Agrees()


@pytest.mark.parametrize(
    ("known", "seen", "words", "is_newer"),
    [
        (KNOWN, replace(SEEN, updated_at=NOW + timedelta(seconds=1)), "there is a newer version", True),
        (KNOWN, replace(SEEN, is_cancelled=True), "it is cancelled", False),
        (replace(KNOWN, is_cancelled=True), SEEN, "it is not cancelled", False),
        (KNOWN, replace(SEEN, was_paid=False), "it is not paid", False),
        (replace(KNOWN, was_paid=False), SEEN, "it is paid", False),
        (KNOWN, replace(SEEN, customer_gid=BEN), "it belongs to another customer", False),
        (
            KNOWN,
            replace(SEEN, updated_at=NOW + timedelta(minutes=1), is_cancelled=True, customer_gid=BEN),
            "there is a newer version, it is cancelled, it belongs to another customer",
            True,
        ),
    ],
)
def test_what_shopify_says_otherwise_the_books_have_to_hear_first(
    known: KnownOrder, seen: SeenOrder, words: str, is_newer: bool
) -> None:
    assert check(known, seen) == Changed(f"Shopify says otherwise about the order #1007: {words}.", is_newer)


@pytest.mark.parametrize("sees_all", [True, False])
def test_an_order_that_is_cancelled_here_and_there_is_no_contradiction(sees_all: bool) -> None:
    assert check(replace(KNOWN, is_cancelled=True), replace(SEEN, is_cancelled=True), sees_all) == Agrees()


@pytest.mark.parametrize(
    ("age", "sees_all", "expected"),
    [
        (timedelta(days=10), False, Unknown),
        (timedelta(days=59), False, Unknown),
        (timedelta(days=59, seconds=1), False, Agrees),
        (timedelta(days=59, seconds=1), True, Unknown),
        (timedelta(days=500), True, Unknown),
    ],
)
def test_an_order_that_is_not_shown_is_unknown_unless_it_is_too_old_to_be_shown(
    age: timedelta, sees_all: bool, expected: type
) -> None:
    verdict = check(replace(KNOWN, placed_at=NOW - age), None, sees_all)
    assert type(verdict) is expected
    if isinstance(verdict, Unknown):
        assert "does not know the order #1007 in this shop" in verdict.sentence
