"""What a line of Shopify's statement is: ours, perhaps ours, or somebody else's, and then of which kind."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.engine.rules.arrival import MovementKind
from app.engine.rules.facts import CreditMove, MoveKind
from app.engine.rules.statement_lines import Sending, StatementLine, classify, read_through, sort_lines
from app.engine.rules.states import TransferKind
from tests.rules.made import day

ADA = 2**53 + 701
ORDER = 2**53 + 1
EXPIRES = day(400)
CREDIT, DEBIT, REVERT, EXPIRATION = (
    MovementKind.CREDIT,
    MovementKind.DEBIT,
    MovementKind.DEBIT_REVERT,
    MovementKind.EXPIRATION,
)


def line(kind: MovementKind = CREDIT, minor: int = 500, number: int = 7, **changes: Any) -> StatementLine:
    values: dict[str, Any] = {"gid": f"gid://shopify/T/{number}", "at": day(1), "event": "ADJUSTMENT", **changes}
    return StatementLine(kind=kind, amount_minor=minor, **values)


def expiration(minor: int, of: int, at: datetime) -> StatementLine:
    return line(EXPIRATION, -minor, gid=None, at=at, expired_gid=f"gid://shopify/T/{of}")


def sending(**changes: Any) -> Sending:
    values: dict[str, Any] = {
        "transfer_id": 1, "kind": TransferKind.CREDIT, "amount_minor": 500, "watermark": 6, "sent_at": day(1),
        "expires_at": EXPIRES, "attempts": 1, "is_confirmed": False, **changes,
    }  # fmt: skip
    return Sending(**values)


KINDS = [
    (line(), MoveKind.EXTERNAL_CREDIT),
    (line(event="ORDER_REFUND", order_id=ORDER), MoveKind.EXTERNAL_CREDIT),
    (line(event="ORDER_REFUND"), MoveKind.EXTERNAL_CREDIT),
    (line(event="PAYMENT_RETURNED", order_id=ORDER), MoveKind.RETURN),
    (line(event="TAX_FINALIZATION"), MoveKind.RETURN),
    (line(order_id=ORDER), MoveKind.RETURN),
    (line(DEBIT, -500), MoveKind.EXTERNAL_DEBIT),
    (line(DEBIT, -500, event="ORDER_PAYMENT", order_id=ORDER), MoveKind.REDEMPTION),
    (line(DEBIT, -500, event="TAX_FINALIZATION"), MoveKind.REDEMPTION),
    (line(DEBIT, -500, order_id=ORDER), MoveKind.REDEMPTION),
    (line(REVERT, 500, event="ORDER_REFUND", order_id=ORDER), MoveKind.RETURN),
    (line(REVERT, 500, event="ORDER_CANCELLATION"), MoveKind.RETURN),
    (line(REVERT, 500, event="PAYMENT_FAILURE"), MoveKind.RETURN),
    (expiration(500, 3, day(1)), MoveKind.EXPIRY),
]


@pytest.mark.parametrize(("told", "kind"), KINDS, ids=lambda part: getattr(part, "event", part))
def test_each_kind_of_transaction_is_one_kind_of_move(told: StatementLine, kind: MoveKind) -> None:
    assert classify(told) is kind


@pytest.mark.parametrize(("kind", "minor"), [(CREDIT, -1), (REVERT, -1), (DEBIT, 1), (EXPIRATION, 1)])
def test_an_amount_that_goes_the_wrong_way_is_no_line(kind: MovementKind, minor: int) -> None:
    with pytest.raises(ValueError, match="goes the wrong way"):
        line(kind, minor)


def test_moves_are_told_oldest_first_with_a_positive_amount_and_their_order() -> None:
    spent = line(DEBIT, -200, 9, event="ORDER_PAYMENT", order_id=ORDER, at=day(3))
    ended = expiration(120, 4, day(2))
    found = sort_lines(ADA, [spent, ended], set(), [])
    assert found.moves == (
        CreditMove("expiration:gid://shopify/T/4", ADA, MoveKind.EXPIRY, 120, day(2), None),
        CreditMove("gid://shopify/T/9", ADA, MoveKind.REDEMPTION, 200, day(3), ORDER),
    )
    assert (found.left, found.repeats) == ((), {})


def test_what_a_transfer_answers_for_and_what_moves_nothing_is_no_move() -> None:
    ours, nothing = line(number=7), line(DEBIT, 0, 8, event="TAX_FINALIZATION")
    assert sort_lines(ADA, [ours, nothing], {ours.gid}, []).moves == ()


PERHAPS = [
    ("the same in everything", sending(), line(expires_at=EXPIRES), True),
    ("kept inexactly", sending(), line(expires_at=EXPIRES + timedelta(hours=24)), True),
    ("another expiry", sending(), line(expires_at=EXPIRES + timedelta(hours=24, seconds=1)), False),
    ("no expiry", sending(), line(), False),
    ("without a fingerprint", sending(expires_at=None), line(), True),
    ("without a fingerprint, and it expires", sending(expires_at=None), line(expires_at=EXPIRES), True),
    ("another amount", sending(), line(minor=501, expires_at=EXPIRES), False),
    ("before it was sent", sending(watermark=7), line(expires_at=EXPIRES), False),
    ("by an order", sending(), line(expires_at=EXPIRES, event="ORDER_REFUND"), False),
    ("a debit", sending(kind=TransferKind.DEBIT, expires_at=None), line(DEBIT, -500), True),
    ("a debit for a credit", sending(expires_at=None), line(DEBIT, -500), False),
    ("it has its transaction", sending(is_confirmed=True), line(expires_at=EXPIRES), False),
]


@pytest.mark.parametrize(("sent", "told", "is_left"), [row[1:] for row in PERHAPS], ids=[row[0] for row in PERHAPS])
def test_what_a_transfer_on_its_way_may_be_is_left_to_it(sent: Sending, told: StatementLine, is_left: bool) -> None:
    found = sort_lines(ADA, [told], set(), [sent])
    assert (found.left == (told,), len(found.moves)) == (is_left, 0 if is_left else 1)


DONE = sending(is_confirmed=True)
OFTEN = replace(DONE, attempts=2)
BARE = replace(OFTEN, expires_at=None)
HOUR, SKEW, SECOND = timedelta(hours=1), timedelta(minutes=10), timedelta(seconds=1)
TWICE = [
    ("the same fingerprint", DONE, line(expires_at=EXPIRES), True),
    ("another expiry", DONE, line(expires_at=EXPIRES + SECOND), False),
    ("almost the same, sent often", OFTEN, line(expires_at=EXPIRES + SECOND), True),
    ("none, sent often", OFTEN, line(), False),
    ("bare, sent once", replace(BARE, attempts=1), line(), False),
    ("bare, sent often", BARE, line(), True),
    ("bare, and it expires", BARE, line(expires_at=EXPIRES), False),
    ("bare, an hour later", BARE, line(at=day(1) + HOUR), True),
    ("bare, later still", BARE, line(at=day(1) + HOUR + SECOND), False),
    ("bare, by a clock that is off", BARE, line(at=day(1) - SKEW), True),
    ("bare, before", BARE, line(at=day(1) - SKEW - SECOND), False),
    ("another amount", DONE, line(minor=499, expires_at=EXPIRES), False),
    ("before it was sent", replace(DONE, watermark=7), line(expires_at=EXPIRES), False),
    ("a debit sent often", replace(BARE, kind=TransferKind.DEBIT), line(DEBIT, -500), True),
]


@pytest.mark.parametrize(("sent", "told", "repeats"), [row[1:] for row in TWICE], ids=[row[0] for row in TWICE])
def test_what_looks_like_a_second_execution_is_booked_and_named(
    sent: Sending, told: StatementLine, repeats: bool
) -> None:
    found = sort_lines(ADA, [told], set(), [sent])
    assert [move.kind for move in found.moves] == [classify(told)]
    assert found.repeats == ({told.key: 1} if repeats else {})


def test_of_two_transfers_that_a_second_execution_looks_like_the_newest_is_named() -> None:
    older, newer = DONE, replace(DONE, transfer_id=2)
    assert sort_lines(ADA, [line(expires_at=EXPIRES)], set(), [older, newer]).repeats == {line().key: 2}


def test_reading_goes_on_after_the_newest_number_but_not_beyond_what_is_left() -> None:
    lines = [line(number=11), expiration(5, 3, day(9)), line(number=14), line(number=12)]
    assert read_through(10, lines, []) == 14
    assert read_through(10, lines, [lines[3], lines[2]]) == 11
    assert read_through(10, lines, [lines[0]]) == 10
    assert read_through(13, lines[:2], []) == 13
    assert read_through(10, [], []) == 10
    assert read_through(10, [lines[1]], []) == 10
