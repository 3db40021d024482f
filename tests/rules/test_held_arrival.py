"""A doubt about a transfer names what was found; and where time ends being evidence is told to the second."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.engine.rules.arrival import (
    Absent,
    Arrived,
    Claim,
    Doubtful,
    Movement,
    MovementKind,
    Sent,
    decide_arrival,
    reaches_back,
)
from app.engine.rules.states import TransferKind

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
EXPIRES = datetime(2028, 1, 1, tzinfo=UTC)
SENT = Sent(amount_minor=250, watermark=10, sent_at=NOON)
MARKED = replace(SENT, expires_at=EXPIRES)
CLAIM = Claim(1, 1, "gid://shopify/Customer/7", TransferKind.CREDIT, "EUR", 250, 2, NOON, is_in_flight=True)
FOUND = Movement(MovementKind.CREDIT, "gid://shopify/Credit/11", 250, 250, NOON, is_adjustment=True)
OTHER = replace(FOUND, gid="gid://shopify/Credit/12", created_at=NOON + SECOND)
ASK = "Say which one arrived, or that none did."
FIRST = "gid://shopify/Credit/11 of 2.50 EUR at 2026-11-20 12:00:00 UTC"
SECOND_ONE = "gid://shopify/Credit/12 of 2.50 EUR at 2026-11-20 12:00:01 UTC"


def judge(sent: Sent, *movements: Movement) -> object:
    return decide_arrival(CLAIM, sent, movements, (), timedelta(minutes=1))


def doubt(sent: Sent, *movements: Movement) -> str:
    verdict = judge(sent, *movements)
    assert isinstance(verdict, Doubtful)
    return verdict.sentence


def expiring(movement: Movement, after: timedelta) -> Movement:
    return replace(movement, expires_at=EXPIRES + after)


def test_two_alike_are_named_with_amount_and_second() -> None:
    says = f"Found on the account, and none is certainly ours: {FIRST}; {SECOND_ONE}. {ASK}"
    assert doubt(SENT, FOUND, OTHER) == says


@pytest.mark.parametrize(
    ("after", "other_after", "named"),
    [
        (timedelta(0), timedelta(0), f"{FIRST}; {SECOND_ONE}"),
        (SECOND, -timedelta(days=1), f"{FIRST}; {SECOND_ONE}"),
        (timedelta(days=1), timedelta(days=1, seconds=1), FIRST),
    ],
    ids=["two in our second", "both near", "one near, one far"],
)
def test_what_expires_as_ours_or_almost_is_named(after: timedelta, other_after: timedelta, named: str) -> None:
    says = f"Found on the account, expiring when ours should or almost then: {named}. {ASK}"
    assert doubt(MARKED, expiring(FOUND, after), expiring(OTHER, other_after)) == says


def test_two_in_our_second_are_named_without_what_is_only_near() -> None:
    near = expiring(replace(FOUND, gid="gid://shopify/Credit/13"), SECOND)
    assert "/13" not in doubt(MARKED, expiring(FOUND, timedelta(0)), expiring(OTHER, timedelta(0)), near)


def test_ours_is_told_from_one_that_is_only_near() -> None:
    ours = expiring(FOUND, timedelta(0))
    assert judge(MARKED, expiring(OTHER, SECOND), ours) == Arrived(ours)
    assert judge(MARKED, expiring(OTHER, timedelta(days=1, seconds=1))) == Absent()


@pytest.mark.parametrize(("earlier", "enough"), [(timedelta(0), False), (SECOND, True)])
def test_reading_ends_only_beyond_what_the_clocks_may_differ_by(earlier: timedelta, enough: bool) -> None:
    skew = timedelta(minutes=10)
    old = replace(FOUND, gid="gid://shopify/Credit/9", created_at=NOON - skew - earlier)
    assert reaches_back(SENT)([old]) is enough
