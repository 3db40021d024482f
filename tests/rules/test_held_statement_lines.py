"""What stands on an account in one second, and what follows a line that is passed over."""

from datetime import timedelta

from app.engine.rules.arrival import MovementKind
from app.engine.rules.statement_lines import Sending, StatementLine, sort_lines
from app.engine.rules.states import TransferKind

from .made import day


def credit(number: int, minor: int = 500, hour: int = 0) -> StatementLine:
    at = day(1) + timedelta(hours=hour)
    return StatementLine(
        kind=MovementKind.CREDIT, amount_minor=minor, gid=f"gid://shopify/T/{number}", at=at, event="ADJUSTMENT"
    )


def expired(of: int) -> StatementLine:
    return StatementLine(
        kind=MovementKind.EXPIRATION, amount_minor=-500, gid=None, at=day(1), event="ADJUSTMENT",
        expired_gid=f"gid://shopify/T/{of}",
    )  # fmt: skip


def test_of_one_second_the_moves_stand_in_the_order_of_their_numbers_and_expiries_last() -> None:
    one, ten = credit(1), credit(10)
    expiry = expired(1)
    for lines in ([ten, one, expiry], [one, expiry, ten]):
        moves = sort_lines(7, lines, (), ()).moves
        assert [move.key for move in moves] == [one.key, ten.key, expiry.key]


def test_what_follows_a_line_of_nothing_or_one_that_is_left_is_still_booked() -> None:
    sent = Sending(1, TransferKind.CREDIT, 250, 0, day(1), None, 1, is_confirmed=False)
    nothing, perhaps_ours, others = credit(1, minor=0), credit(2, minor=250, hour=1), credit(3, hour=2)
    found = sort_lines(7, [nothing, perhaps_ours, others], (), [sent])
    assert [move.key for move in found.moves] == [others.key]
    assert found.left == (perhaps_ours,)
