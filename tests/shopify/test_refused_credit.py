"""A credit that Shopify refused never reached the customer, so it must not be taken back from other money."""

from app.db import transaction
from app.engine.flows import transfer as books
from app.engine.rules.states import TransferState
from tests.shopify.desk import CREDIT, DEBIT, STAFF, Desk

BEYOND_SHOPIFYS_LIMIT = 10_000_000


def test_a_debit_waits_behind_a_refused_credit_and_touches_no_other_money(desk: Desk) -> None:
    ada = desk.customer()
    desk.give(ada, 900)
    credit = desk.plan(ada, BEYOND_SHOPIFYS_LIMIT, CREDIT)
    debit = desk.plan(ada, BEYOND_SHOPIFYS_LIMIT, DEBIT)
    desk.send_until_done()
    assert [row.state for row in desk.rows([credit, debit])] == [TransferState.REFUSED, TransferState.PLANNED]
    assert desk.account(ada).balance_minor == 900


def test_later_credits_do_not_wait_for_the_refused_one(desk: Desk) -> None:
    ada = desk.customer()
    desk.plan(ada, BEYOND_SHOPIFYS_LIMIT, CREDIT)
    later = desk.plan(ada, 500, CREDIT)
    desk.send_until_done()
    assert desk.row(later).state is TransferState.CONFIRMED
    assert desk.amounts(ada) == [500]


def test_once_the_credit_is_sent_after_all_the_debit_follows(desk: Desk) -> None:
    ada = desk.customer()
    desk.give(ada, 1_400_000)
    credit, debit = desk.plan(ada, 200_000, CREDIT), desk.plan(ada, 200_000, DEBIT)
    desk.send_until_done()
    assert desk.row(credit).state is TransferState.REFUSED
    desk.take(ada, 1_000_000)
    with transaction() as session:
        books.retry(session, desk.shop_id, credit, STAFF, desk.clock())
    desk.send_until_done()
    assert [row.state for row in desk.rows([credit, debit])] == [TransferState.CONFIRMED] * 2
    assert desk.account(ada).balance_minor == 400_000
