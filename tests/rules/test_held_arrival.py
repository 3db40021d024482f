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


NOTED = replace(SENT, note="transfer 1 of shop 1")
WITH_NOTE = replace(FOUND, note=NOTED.note)


def judge_note(*movements: Movement, sent: Sent = NOTED) -> object:
    return decide_arrival(CLAIM, sent, movements, (), timedelta(minutes=1), reads_notes=True)


def test_the_one_with_our_note_is_ours_among_others_alike_and_whenever_it_was_made() -> None:
    late = replace(WITH_NOTE, created_at=NOON + timedelta(hours=3))
    assert judge_note(OTHER, late, replace(OTHER, gid="gid://shopify/Credit/13", note="")) == Arrived(late)


def test_where_notes_can_be_read_none_with_ours_means_that_nothing_arrived() -> None:
    assert judge_note(FOUND, replace(OTHER, note="another")) == Absent()


def test_a_note_that_nobody_wrote_or_can_read_decides_nothing() -> None:
    assert judge_note(FOUND, sent=SENT) == Arrived(FOUND)
    assert judge(NOTED, FOUND) == Arrived(FOUND)


@pytest.mark.parametrize(
    ("movements", "named", "why"),
    [
        (
            (WITH_NOTE, replace(OTHER, note=NOTED.note)),
            f"{FIRST}; {SECOND_ONE}",
            "Several carry the transfer's note.",
        ),
        (
            (replace(WITH_NOTE, amount_minor=300), OTHER),
            FIRST.replace("2.50", "3.00"),
            "It carries the transfer's note, but differs.",
        ),
    ],
    ids=["two with our note", "another amount"],
)
def test_our_note_twice_or_on_another_amount_is_a_doubt(movements: list[Movement], named: str, why: str) -> None:
    found = judge_note(*movements)
    assert isinstance(found, Doubtful)
    assert found.sentence == f"Found on the account with the transfer's note: {named}. {ASK}"
    assert [each.why for each in found.candidates] == [why] * len(found.candidates)
    noted = [movement for movement in movements if movement.note == NOTED.note]
    assert [each.movement for each in found.candidates] == noted


@pytest.mark.parametrize(
    ("sent", "movements", "whys"),
    [
        (SENT, [FOUND, OTHER], ["Others look the same."] * 2),
        (
            SENT,
            [FOUND, replace(OTHER, created_at=NOON + timedelta(hours=1))],
            ["Others look the same.", "It was made too early or too late."],
        ),
        (
            MARKED,
            [expiring(FOUND, timedelta(0)), expiring(OTHER, timedelta(0))],
            ["Several expire in the very second of the transfer."] * 2,
        ),
        (
            MARKED,
            [expiring(FOUND, SECOND)],
            ["It expires almost when the transfer should, but not in that second."],
        ),
    ],
    ids=["alike", "one too late", "one second", "almost"],
)
def test_each_that_may_be_ours_says_why_that_is_not_sure(
    sent: Sent, movements: list[Movement], whys: list[str]
) -> None:
    found = judge(sent, *movements)
    assert isinstance(found, Doubtful)
    assert [(each.movement, each.why) for each in found.candidates] == list(zip(movements, whys, strict=True))
