"""When accounts are read, what a difference does, and what happens when Shopify does not answer."""

import pytest

from app.db import transaction
from app.engine.flows import account_statements
from app.engine.rules.account_readings import AccountReading
from app.models import Shop
from app.shopify.account_lines import read_statements
from app.shopify.connect import open_gateway
from app.shopify.statement import ImportReport
from app.status.causes import Level, find_status
from tests.shopify.clerk import Clerk, drift
from tests.shopify.desk import DEBIT, Desk


@pytest.fixture
def clerk(desk: Desk) -> Clerk:
    """Return a shop in which nothing has happened yet."""
    return Clerk(desk)


def causes(clerk: Clerk) -> list[str]:
    """Return what the engine's status says."""
    with transaction() as session:
        status = find_status(session, session.get_one(Shop, clerk.shop_id), clerk.desk.clock())
        assert (status.level is Level.ERROR) == bool(status.causes)
        return [cause.what for cause in status.causes]


def read_and_keep(clerk: Clerk) -> list[AccountReading]:
    """Read what is asked for now; it is for the test to take it in, when it likes."""
    clerk.ask()
    with transaction() as session:
        due = account_statements.take_due(session, session.get_one(Shop, clerk.shop_id), clerk.desk.clock(), 10)
    gateway, _ = open_gateway(clerk.shop_id)
    return read_statements(gateway, due, clerk.desk.clock, whole=True)


def test_a_hidden_transaction_is_found_shown_and_ends_when_it_is_told(clerk: Clerk) -> None:
    ada, ben = clerk.credited(500), clerk.credited(500)
    clerk.hide(entry := clerk.desk.give(ada, 400))
    clerk.hide(clerk.desk.take(ben, 150))
    clerk.read()
    assert (drift(clerk, ada), drift(clerk, ben)) == (400, -150)
    since = clerk.account(ada).drift_since
    assert clerk.audited() == {"find_drift": 2}
    (told,) = causes(clerk)
    assert told.startswith("Books and Shopify differ for 2 customers, since ")
    assert told.endswith(": Shopify has $4.00 more and $1.50 less than the books.")
    clerk.hide(entry, False)
    clerk.read()
    assert (drift(clerk, ada), clerk.account(ada).drift_since) == (0, None)
    assert since is not None
    assert clerk.audited() == {"find_drift": 2, "end_drift": 1}


def test_a_customer_whom_shopify_forgot_is_not_read_any_more(clerk: Clerk) -> None:
    ada = clerk.credited(300)
    del clerk.desk.sandbox_shop.customers[ada.shopify_id]
    clerk.ask()
    clerk.read_due()
    row = clerk.account(ada)
    assert (row.error, row.next_read_at) == ("Shopify no longer knows this customer.", None)


def test_only_customers_whose_money_is_in_the_books_are_read(clerk: Clerk) -> None:
    clerk.desk.customer()
    ada = clerk.credited(300)
    report = clerk.read_due()
    assert report == ImportReport(read=0, is_more=False)
    clerk.ask()
    assert clerk.read_due() == ImportReport(read=1, is_more=False)
    assert drift(clerk, ada) == 0


def test_a_balance_that_is_not_as_expected_asks_for_a_reading_at_once(clerk: Clerk) -> None:
    ada = clerk.credited(300)
    assert clerk.account(ada).next_read_at > clerk.desk.clock()
    clerk.desk.give(ada, 50)
    clerk.book(ada, 100)
    clerk.desk.send_until_done()
    assert clerk.account(ada).next_read_at <= clerk.desk.clock()
    clerk.read_due()
    assert (clerk.moves(), drift(clerk, ada)) == ([("external_credit", 50)], 0)


def test_a_hint_while_an_account_is_read_has_it_read_once_more(clerk: Clerk) -> None:
    ada = clerk.credited(300)
    clerk.ask()
    with transaction() as session:
        shop = session.get_one(Shop, clerk.shop_id)
        (due,) = account_statements.take_due(session, shop, clerk.desk.clock(), 10)
        assert account_statements.take_due(session, shop, clerk.desk.clock(), 10) == []
    with transaction() as session:
        account_statements.ask_for_reading(session, session.get_one(Shop, clerk.shop_id), {ada.id}, clerk.desk.clock())
    assert due.customer_id == ada.shopify_id
    assert clerk.read_due().read == 1


def test_a_hint_that_comes_between_reading_and_taking_in_is_not_lost(clerk: Clerk) -> None:
    ada = clerk.credited(300)
    early = read_and_keep(clerk)
    hinted_at = clerk.desk.clock()
    with transaction() as session:
        shop = session.get_one(Shop, clerk.shop_id)
        account_statements.ask_for_reading(session, shop, {ada.id}, hinted_at)
        account_statements.record_readings(session, shop, early, clerk.desk.clock())
    assert clerk.account(ada).next_read_at == hinted_at


def test_what_was_spent_of_hidden_credit_stays_a_difference(clerk: Clerk) -> None:
    ada = clerk.credited(500)
    clerk.hide(clerk.desk.give(ada, 200))
    clerk.desk.take(ada, 700)
    clerk.read()
    assert (clerk.available(ada), clerk.account(ada).balance_minor, drift(clerk, ada)) == (0, 0, 200)


def test_a_debit_that_will_find_nothing_is_no_difference(clerk: Clerk) -> None:
    ada = clerk.credited(500)
    clerk.book(ada, 400, DEBIT)
    clerk.desk.take(ada, 300)
    clerk.read()
    assert (clerk.available(ada), clerk.account(ada).balance_minor, drift(clerk, ada)) == (0, 200, 0)
    clerk.desk.send_until_done()
    clerk.read()
    assert (clerk.account(ada).balance_minor, drift(clerk, ada)) == (0, 0)


def test_a_transfer_in_another_currency_than_the_shops_asks_for_nothing(clerk: Clerk) -> None:
    ada = clerk.desk.customer()
    clerk.desk.plan(ada, 300, currency="EUR")
    clerk.desk.send_until_done()
    assert clerk.read_due() == ImportReport(read=1, is_more=False)
    assert (drift(clerk, ada), clerk.account(ada, "EUR").balance_minor) == (0, 300)


def test_a_reading_that_comes_late_says_nothing_about_the_balance_of_now(clerk: Clerk) -> None:
    ada = clerk.credited(300)
    early = read_and_keep(clerk)
    clerk.desk.give(ada, 50)
    clerk.desk.clock.advance(1)
    clerk.read()
    with transaction() as session:
        shop = session.get_one(Shop, clerk.shop_id)
        assert account_statements.record_readings(session, shop, early, clerk.desk.clock()) == frozenset()
    assert (clerk.account(ada).balance_minor, drift(clerk, ada)) == (350, 0)


def test_a_transfer_that_shopify_executed_after_the_reading_is_not_expected_in_it(clerk: Clerk) -> None:
    ada = clerk.credited(300)
    clerk.book(ada, 200)
    early = read_and_keep(clerk)
    clerk.desk.send_until_done()
    with transaction() as session:
        shop = session.get_one(Shop, clerk.shop_id)
        account_statements.record_readings(session, shop, early, clerk.desk.clock())
    assert (clerk.account(ada).balance_minor, drift(clerk, ada)) == (300, 0)


def test_credit_that_cannot_be_spent_is_known_and_said(clerk: Clerk) -> None:
    clerk.read()
    with transaction() as session:
        assert session.get_one(Shop, clerk.shop_id).store_credit_enabled is True
    assert causes(clerk) == []
    clerk.desk.sandbox_shop.credit.enabled = False
    clerk.desk.clock.advance(90_000)
    clerk.read_due()
    with transaction() as session:
        assert session.get_one(Shop, clerk.shop_id).store_credit_enabled is False
    assert "Customers cannot spend store credit: it is switched off at this shop's checkout." in causes(clerk)


def test_trouble_with_shopify_is_kept_and_tried_again(clerk: Clerk) -> None:
    ada = clerk.credited(300)
    clerk.ask()
    clerk.desk.box.world.faults.change({"http_5xx": 1.0})
    report = clerk.read_due()
    assert report.stopped_by is not None
    clerk.desk.box.world.faults.reset(1)
    with transaction() as session:
        assert account_statements.list_due_shops(session, clerk.desk.clock()) == []
    assert causes(clerk) == []
    clerk.desk.clock.advance(301)
    with transaction() as session:
        assert account_statements.list_due_shops(session, clerk.desk.clock()) == [clerk.shop_id]
    clerk.read_due()
    assert drift(clerk, ada) == 0


def test_an_account_that_cannot_be_read_holds_up_no_other(clerk: Clerk) -> None:
    ada, ben, eve = (clerk.credited(300) for _ in range(3))
    for buyer in (ada, ben, eve):
        clerk.desk.give(buyer, 7)
    clerk.desk.account(ben).transactions[-1].amount_minor = -7  # a credit that takes: no rule can sort it
    clerk.hide(clerk.desk.give(eve, 5))
    clerk.ask()
    report = clerk.read_due()
    assert report.stopped_by is not None
    assert (clerk.available(ada), clerk.available(ben), clerk.available(eve)) == (307, 300, 307)
    assert (drift(clerk, ada), drift(clerk, ben), drift(clerk, eve)) == (0, None, 5)


def test_a_token_that_ended_is_renewed_on_the_way(clerk: Clerk) -> None:
    ada = clerk.credited(300)
    clerk.ask()
    clerk.desk.sandbox_shop.tokens.expire_access_tokens()
    assert clerk.read_due() == ImportReport(read=1, is_more=False)
    assert drift(clerk, ada) == 0
