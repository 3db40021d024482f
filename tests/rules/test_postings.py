"""Postings move positive amounts; the accounts and amounts are checked by the page's tables."""

import pytest

from app.engine.rules.postings import Account, Posting, claw_back


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
