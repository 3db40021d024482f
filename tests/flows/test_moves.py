"""What Shopify's statement tells besides our transfers is booked once, in whatever order it is heard of."""

from itertools import permutations

import pytest
from sqlalchemy import select

from app.engine.flows.moves import record_moves
from app.engine.ledger import read_balances
from app.engine.rules.facts import CreditMove, MoveKind
from app.engine.rules.postings import Account
from app.errors import Broken, NotYet
from app.models import CreditMoveRow, Customer, LedgerEntry
from tests.flows.builders import ADA, BEN, Till, all_rows, books, day, order, reading, refund_of
from tests.flows.shopify_account import Shopify

K = MoveKind


def move(kind: MoveKind, minor: int, on: int = 2, key: str | None = None) -> CreditMove:
    return CreditMove(key or f"{kind}-{minor}-{on}", ADA.customer_id, kind, minor, day(on))


def told(till: Till, *moves: CreditMove, on: int = 12) -> int:
    """Tell some moves, twice; return how many were new."""
    return till.twice(lambda session, shop, now: record_moves(session, shop, moves, now), day(on))


def program(till: Till, account: Account) -> int:
    """Return what a programme's account holds of Ada."""
    with reading() as session:
        ada = session.scalars(select(Customer.id).where(Customer.shopify_id == ADA.customer_id)).one()
        return read_balances(session, till.id, {ada}, "USD")[ada][account]


@pytest.mark.parametrize(
    ("kind", "available", "account", "there"),
    [
        (K.REDEMPTION, 120, Account.REDEEMED, 80),
        (K.EXPIRY, 120, Account.EXPIRED, 80),
        (K.EXTERNAL_DEBIT, 120, Account.EXTERNAL, 80),
        (K.EXTERNAL_CREDIT, 280, Account.EXTERNAL, -80),
        (K.RETURN, 280, Account.REDEEMED, -80),
    ],
)
def test_each_kind_moves_between_what_is_available_and_its_account(
    shop: Till, kind: MoveKind, available: int, account: Account, there: int
) -> None:
    shop.tell(order(1))
    assert told(shop, move(kind, 80)) == 1
    assert shop.balances() == (0, available, 0)
    assert program(shop, account) == there
    with reading() as session:
        row = session.scalars(select(CreditMoveRow)).one()
        entry = session.scalars(select(LedgerEntry).where(LedgerEntry.move_id == row.id)).one()
        assert (entry.occurred_at, entry.recorded_at, row.first_seen_at) == (day(2), day(12), day(12))


def test_a_move_is_booked_once_however_often_it_is_told(shop: Till) -> None:
    shop.tell(order(1))
    spent = move(K.REDEMPTION, 80)
    assert told(shop, spent, spent) == 1
    assert told(shop, spent, move(K.REDEMPTION, 30)) == 1
    assert shop.balances() == (0, 90, 0)
    assert told(shop) == 0


def test_a_move_of_somebody_unknown_waits(shop: Till) -> None:
    shop.tell(order(1))
    rows = all_rows()
    of_ben = CreditMove("b", BEN.customer_id, K.REDEMPTION, 80, day(2))
    with pytest.raises(NotYet, match=f"No customer {BEN.customer_id} is known"):
        shop.run(lambda session, row: record_moves(session, row, [move(K.REDEMPTION, 80), of_ben], day(3)))
    assert all_rows() == rows


@pytest.mark.parametrize("minor", [0, -80])
def test_a_move_without_an_amount_is_broken(shop: Till, minor: int) -> None:
    shop.tell(order(1))
    with pytest.raises(Broken, match="an amount above zero"):
        shop.run(lambda session, row: record_moves(session, row, [move(K.REDEMPTION, minor)], day(3)))


def test_moves_of_two_customers_in_one_batch_are_kept_apart(shop: Till) -> None:
    shop.tell(order(1), order(2, customer=BEN))
    of_ben = CreditMove("b", BEN.customer_id, K.REDEMPTION, 50, day(2))
    assert told(shop, move(K.REDEMPTION, 80), of_ben) == 2
    assert (shop.balances(), shop.balances(BEN)) == ((0, 120, 0), (0, 150, 0))


def test_more_than_the_books_have_counts_as_given_by_somebody_else_until_that_is_heard_of(shop: Till) -> None:
    shop.tell(order(1))
    told(shop, move(K.REDEMPTION, 500))
    assert shop.balances() == (0, 0, 0)
    assert (program(shop, Account.REDEEMED), program(shop, Account.EXTERNAL)) == (500, -300)
    told(shop, move(K.EXTERNAL_CREDIT, 300, on=1), on=13)
    assert shop.balances() == (0, 0, 0)
    assert program(shop, Account.EXTERNAL) == -300
    told(shop, move(K.EXTERNAL_CREDIT, 50, on=1), on=14)
    assert shop.balances() == (0, 50, 0)
    assert program(shop, Account.EXTERNAL) == -350


def test_a_reward_that_settles_explains_what_was_presumed(shop: Till) -> None:
    shop.tell(order(1))
    told(shop, move(K.REDEMPTION, 300))
    shop.tell(order(2))
    assert shop.balances() == (0, 100, 0)
    assert program(shop, Account.EXTERNAL) == 0


def test_the_order_in_which_moves_are_heard_of_does_not_matter(shop: Till) -> None:
    moves = [
        move(K.REDEMPTION, 260, on=3),
        move(K.EXTERNAL_CREDIT, 90, on=1),
        move(K.RETURN, 40, on=4),
        move(K.EXTERNAL_DEBIT, 30, on=5),
    ]
    ends = []
    for number, row in enumerate(permutations(moves)):
        till = shop if number == 0 else Till(f"shop-{number}.myshopify.com")
        till.tell(order(1))
        for one in row:
            till.run(lambda session, shop, one=one: record_moves(session, shop, [one], day(12)))
        ends.append(books(till)["balances"][ADA.customer_id])
    assert ends == [ends[0]] * 24
    assert ends[0]["customer:available"] == 40


def test_a_purchase_heard_of_before_the_debit_found_nothing_ends_as_one_heard_of_after(shop: Till) -> None:
    ends = []
    for number, early in enumerate([True, False]):
        till = shop if number == 0 else Till("other.myshopify.com")
        till.tell(order(1), on=0)
        shopify = Shopify(till)
        shopify.carry_out(day(0, 60))
        till.pay_back(refund_of(order(1), units=1))
        shopify.ada.redeem(200, day(11))
        if early:
            shopify.hear(day(12))
            assert till.balances() == (0, 0, 0)
        shopify.carry_out(day(12, 60))
        if not early:
            assert till.balances() == (0, 200, -200)
            shopify.hear(day(13))
        assert till.balances() == (0, 0, -200)
        ends.append(books(till)["balances"][ADA.customer_id])
    assert ends[0] == ends[1]
