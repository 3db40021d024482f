"""Postings move positive amounts; the accounts and amounts are checked by the page's tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.rules.facts import MoveKind
from app.engine.rules.postings import (
    Account,
    Line,
    Posting,
    accrue,
    claw_back,
    cover,
    expire,
    fall_short,
    fall_short_by_hand,
    forgive,
    give_back_expired,
    give_by_hand,
    line_of,
    missing,
    move,
    set_off,
    settle,
    take,
    uncover,
    unexpire,
    void,
)
from app.engine.rules.statements import compute_figures


@pytest.mark.parametrize("amount", [0, -1])
def test_a_posting_moves_a_positive_amount(amount: int) -> None:
    with pytest.raises(ValueError, match="positive amount"):
        Posting(Account.PENDING, Account.AVAILABLE, amount)


@pytest.mark.parametrize(
    ("amount", "available", "taken", "owed"),
    [(500, 500, 500, 0), (500, 900, 500, 0), (500, 300, 300, 200), (500, 0, 0, 500), (500, -100, 0, 500)],
)
def test_a_clawback_takes_what_is_there_and_the_rest_is_owed(
    amount: int, available: int, taken: int, owed: int
) -> None:
    moved = {posting.source: posting.amount_minor for posting in claw_back(amount, available)}
    expected = {Account.AVAILABLE: taken, Account.OWED: owed}
    assert moved == {account: minor for account, minor in expected.items() if minor}
    assert all(posting.destination is Account.PROMISED for posting in claw_back(amount, available))


def test_three_accounts_belong_to_the_customer() -> None:
    mine = {account for account in Account if account.is_customers}
    assert mine == {Account.PENDING, Account.AVAILABLE, Account.OWED}


AMOUNTS = st.integers(1, 1_000)


@given(amount=AMOUNTS, available=st.integers(0, 1_000), expired=st.integers(0, 1_000))
def test_a_clawback_takes_exactly_its_amount_in_its_order(amount: int, available: int, expired: int) -> None:
    taken = {posting.source: posting.amount_minor for posting in claw_back(amount, available, expired)}
    assert taken.get(Account.EXPIRED, 0) == min(amount, expired)
    assert taken.get(Account.AVAILABLE, 0) == min(amount - taken.get(Account.EXPIRED, 0), available)
    assert sum(taken.values()) == amount


@given(amount=AMOUNTS, owed=st.integers(0, 1_000), forgiven=st.integers(0, 1_000))
def test_what_is_given_back_pays_what_is_owed_then_what_was_forgiven_and_the_rest_is_the_customers(
    amount: int, owed: int, forgiven: int
) -> None:
    rows = give_back_expired(amount, owed, forgiven)
    given_to = {posting.destination: posting.amount_minor for posting in rows}
    assert given_to.get(Account.OWED, 0) == min(amount, owed)
    assert given_to.get(Account.FORGIVEN, 0) == min(amount - given_to.get(Account.OWED, 0), forgiven)
    assert sum(given_to.values()) == amount
    assert {posting.source for posting in rows} == {Account.EXPIRED}


@given(amount=AMOUNTS, available=st.integers(0, 1_000))
def test_what_is_missing_is_exactly_what_keeps_available_from_falling_below_zero(amount: int, available: int) -> None:
    short = missing(move(MoveKind.REDEMPTION, amount), available)
    assert available + short - amount == max(available - amount, 0)
    assert missing(move(MoveKind.RETURN, amount), available) == 0


def test_what_comes_in_with_the_same_postings_is_not_missing() -> None:
    assert missing([*settle(500), *move(MoveKind.REDEMPTION, 700)], 0) == 200
    assert missing([*settle(500), *move(MoveKind.REDEMPTION, 700)], 150) == 50
    assert missing([*settle(500), *move(MoveKind.REDEMPTION, 700)], 200) == 0


def test_everything_that_changes_a_customers_account_is_on_one_line_of_the_statement() -> None:
    for posting in all_postings():
        line = line_of(posting.source, posting.destination)
        touches = posting.source.is_customers or posting.destination.is_customers
        assert (line is not None) == touches, posting
    assert line_of(Account.EXPIRED, Account.OWED) is line_of(Account.AVAILABLE, Account.EXPIRED) is Line.EXPIRED
    assert line_of(Account.OWED, Account.PROMISED) is line_of(Account.AVAILABLE, Account.PROMISED) is Line.REVERSED
    assert line_of(Account.FORGIVEN, Account.OWED) is Line.FORGIVEN
    assert line_of(Account.EXTERNAL, Account.OWED) is Line.EXTERNAL


@given(st.lists(st.sampled_from(range(40)), max_size=12), st.lists(st.sampled_from(range(40)), max_size=12))
def test_a_statement_adds_up_whatever_was_posted(before: list[int], within: list[int]) -> None:
    known = all_postings()
    first, then = ([known[number % len(known)] for number in numbers] for numbers in (before, within))
    figures = compute_figures(first, then)
    for name, account in (
        ("pending_minor", Account.PENDING),
        ("available_minor", Account.AVAILABLE),
        ("owed_minor", Account.OWED),
    ):
        balance = sum(
            posting.amount_minor * ((posting.destination is account) - (posting.source is account))
            for posting in [*first, *then]
        )
        assert getattr(figures.closing, name) == balance
    assert figures.closing.total_minor == figures.opening.total_minor + sum(
        amounts.total_minor for amounts in figures.lines.values()
    )


def all_postings() -> list[Posting]:
    """Return one posting of each kind there is, each of another amount."""
    made = [
        *accrue(1), *void(2), *settle(3), *set_off(4), *claw_back(5, 1, 2), *fall_short(6), *forgive(7),
        *take(Account.ADJUSTED, 8, 3), *take(Account.EXPIRED, 9, 3), *give_by_hand(10), *expire(11), *unexpire(12),
        *cover(13), *uncover(14), *give_back_expired(15, 4, 5), *fall_short_by_hand(17),
        Posting(Account.EXTERNAL, Account.OWED, 18), Posting(Account.OWED, Account.EXTERNAL, 19),
    ]  # fmt: skip
    return [*made, *(row for number, kind in enumerate(MoveKind) for row in move(kind, 20 + number))]
