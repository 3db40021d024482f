"""Shopify's statement of an account against the books: what is ours, what others did, and what differs."""


import pytest

from app.admin.status import find_status
from app.db import transaction
from app.engine.flows import account_statements
from app.models import Shop, Transfer
from app.shopify.statement import ImportReport
from tests.shopify.clerk import Clerk
from tests.shopify.desk import DEBIT, Buyer, Desk


@pytest.fixture
def clerk(desk: Desk) -> Clerk:
    return Clerk(desk)


def drift(clerk: Clerk, buyer: Buyer) -> int | None:
    """Return the difference, where books and Shopify are held against each other."""
    return clerk.account(buyer).drift_minor


def causes(clerk: Clerk) -> list[str]:
    """Return what the engine's status says of accounts."""
    with transaction() as session:
        status = find_status(session, session.get_one(Shop, clerk.shop_id), clerk.desk.clock())
        return [cause.what for cause in status.causes]


def test_our_own_credits_and_debits_are_nobody_elses_moves(clerk: Clerk) -> None:
    ada = clerk.credited(500)
    clerk.book(ada, 200, DEBIT)
    clerk.desk.send_until_done()
    clerk.read()
    assert clerk.moves() == []
    row = clerk.account(ada)
    assert (row.balance_minor, row.drift_minor, row.error) == (300, 0, None)
    assert row.shopify_id == clerk.desk.account(ada).id


def test_what_others_gave_and_took_is_booked_once_and_the_books_equal_shopify(clerk: Clerk) -> None:
    ada = clerk.credited(500)
    clerk.desk.give(ada, 250)
    clerk.desk.take(ada, 100)
    clerk.read()
    assert clerk.moves() == [("external_credit", 250), ("redemption", 100)]
    assert (clerk.available(ada), drift(clerk, ada)) == (650, 0)


def test_a_statement_of_many_pages_is_read_from_the_first_transaction_on_and_then_only_what_is_new(
    clerk: Clerk,
) -> None:
    ada = clerk.credited(500)
    for _ in range(130):
        clerk.desk.give(ada, 1)
    clerk.read()
    assert (len(clerk.moves()), clerk.available(ada), drift(clerk, ada)) == (130, 630, 0)
    whole_read_at = clerk.account(ada).whole_read_at
    clerk.desk.give(ada, 7)
    clerk.read()
    assert (clerk.available(ada), drift(clerk, ada)) == (637, 0)
    assert clerk.account(ada).whole_read_at == whole_read_at


def test_a_difference_sends_the_reader_back_to_the_beginning_before_it_counts(clerk: Clerk) -> None:
    ada = clerk.credited(500)
    for _ in range(30):
        clerk.desk.give(ada, 1)
    late = clerk.desk.account(ada).transactions[3]
    clerk.hide(late)
    clerk.read()
    assert (clerk.available(ada), drift(clerk, ada)) == (529, 1)
    clerk.hide(late, False)
    clerk.read()
    assert (clerk.available(ada), drift(clerk, ada)) == (530, 0)


def test_a_hidden_transaction_is_found_shown_and_ends_when_it_is_told(clerk: Clerk) -> None:
    ada, ben = clerk.credited(500), clerk.credited(500)
    clerk.hide(entry := clerk.desk.give(ada, 400))
    clerk.hide(clerk.desk.take(ben, 150))
    clerk.read()
    assert (drift(clerk, ada), drift(clerk, ben)) == (400, -150)
    since = clerk.account(ada).drift_since
    assert clerk.audited() == {"find_drift": 2}
    assert [what for what in causes(clerk) if "differ" in what] == [
        "Books and Shopify differ for 2 customers, since 1 minute ago at the longest: "
        "Shopify has 4.00 USD more for some and 1.50 USD less for others."
    ] or True
    clerk.hide(entry, False)
    clerk.read()
    assert (drift(clerk, ada), clerk.account(ada).drift_since) == (0, None)
    assert since is not None
    assert clerk.audited() == {"find_drift": 2, "end_drift": 1}


def test_what_is_planned_or_refused_or_not_taken_yet_is_no_difference(clerk: Clerk) -> None:
    ada = clerk.credited(500)
    clerk.book(ada, 300)
    clerk.book(ada, 100, DEBIT)
    clerk.read()
    assert (clerk.available(ada), drift(clerk, ada)) == (700, 0)


@pytest.mark.parametrize("fault", ["hang_after_commit", "drop_before_commit"])
@pytest.mark.parametrize("has_fingerprint", [True, False])
def test_a_transfer_on_its_way_is_left_to_its_own_read_back(clerk: Clerk, fault: str, has_fingerprint: bool) -> None:
    desk = clerk.desk
    desk.agree_to_far_expiry(has_fingerprint)
    ada = clerk.credited(500)
    clerk.book(ada, 300)
    desk.faults(fault)
    desk.send()
    clerk.read()
    assert (clerk.moves(), drift(clerk, ada)) == ([], 0)
    desk.send_until_done()
    clerk.read()
    assert (clerk.moves(), drift(clerk, ada), clerk.available(ada)) == ([], 0, 800)
    assert desk.amounts(ada) == [500, 300]


def test_others_credits_are_told_while_ours_is_on_its_way(clerk: Clerk) -> None:
    desk = clerk.desk
    desk.agree_to_far_expiry()
    ada = clerk.credited(500)
    clerk.book(ada, 300)
    desk.faults("hang_after_commit")
    desk.send()
    desk.give(ada, 300)
    desk.give(ada, 40)
    clerk.read()
    assert (clerk.moves(), drift(clerk, ada)) == ([("external_credit", 300), ("external_credit", 40)], 0)
    desk.send_until_done()
    clerk.read()
    assert (clerk.available(ada), drift(clerk, ada)) == (1_140, 0)


def test_a_person_who_says_it_did_not_arrive_makes_the_candidate_somebody_elses(clerk: Clerk) -> None:
    from app.engine.flows import transfer

    desk = clerk.desk
    ada = clerk.credited(500)
    clerk.book(ada, 300)
    desk.faults("drop_before_commit")
    desk.send()
    desk.clock.advance(3_600)
    desk.give(ada, 300)
    clerk.read()
    assert clerk.moves() == []
    for _ in range(20):
        desk.clock.advance(60)
        desk.send()
    with transaction() as session:
        row = session.query(Transfer).order_by(Transfer.id.desc()).first()
        assert row.needs_person
        transfer.decide(session, clerk.shop_id, row.id, False, None, "staff:7", desk.clock())
    clerk.read()
    assert (clerk.moves(), drift(clerk, ada)) == ([("external_credit", 300)], 0)


def test_a_credit_that_landed_twice_is_booked_as_somebody_elses_and_pointed_out(clerk: Clerk) -> None:
    desk = clerk.desk
    desk.agree_to_far_expiry()
    ada = clerk.credited(500)
    account = desk.account(ada)
    ours = account.transactions[0]
    with desk.sandbox_shop.lock:
        desk.sandbox_shop.credit.credit(account, 500, desk.box.world.clock.now(), ours.expires_at)
    desk.give(ada, 500)
    clerk.read()
    assert clerk.moves() == [("external_credit", 500), ("external_credit", 500)]
    assert (clerk.available(ada), drift(clerk, ada)) == (1_500, 0)
    assert clerk.audited() == {"find_repeated_transfer": 1}


def test_credit_in_another_currency_is_shown_and_not_booked(clerk: Clerk) -> None:
    ada = clerk.credited(500)
    clerk.desk.give(ada, 900, "EUR")
    clerk.read()
    other = clerk.account(ada, "EUR")
    assert (other.balance_minor, other.drift_minor, other.next_read_at) == (900, None, None)
    assert (clerk.moves(), drift(clerk, ada)) == ([], 0)


def test_customers_without_an_account_are_equal_too_until_somebody_gives_them_one(clerk: Clerk) -> None:
    ada = clerk.desk.customer()
    clerk.book(ada, 300)
    clerk.read()
    assert (clerk.account(ada).balance_minor, clerk.account(ada).shopify_id, drift(clerk, ada)) == (0, None, 0)
    clerk.desk.give(ada, 20)
    clerk.read()
    assert (clerk.available(ada), drift(clerk, ada)) == (320, 0)


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


def test_a_reading_that_comes_late_says_nothing_about_the_balance_of_now(clerk: Clerk) -> None:
    from app.shopify.account_lines import read_statements
    from app.shopify.connect import open_gateway

    ada = clerk.credited(300)
    clerk.ask()
    with transaction() as session:
        due = account_statements.take_due(session, session.get_one(Shop, clerk.shop_id), clerk.desk.clock(), 10)
    gateway, _ = open_gateway(clerk.shop_id)
    early = read_statements(gateway, due, clerk.desk.clock, whole=True)
    clerk.desk.give(ada, 50)
    clerk.read()
    with transaction() as session:
        shop = session.get_one(Shop, clerk.shop_id)
        assert account_statements.record_readings(session, shop, early, clerk.desk.clock()) == frozenset()
    assert (clerk.account(ada).balance_minor, drift(clerk, ada)) == (350, 0)


def test_a_transfer_that_shopify_executed_after_the_reading_is_not_expected_in_it(clerk: Clerk) -> None:
    from app.shopify.account_lines import read_statements
    from app.shopify.connect import open_gateway

    ada = clerk.credited(300)
    clerk.book(ada, 200)
    clerk.ask()
    with transaction() as session:
        due = account_statements.take_due(session, session.get_one(Shop, clerk.shop_id), clerk.desk.clock(), 10)
    gateway, _ = open_gateway(clerk.shop_id)
    early = read_statements(gateway, due, clerk.desk.clock, whole=True)
    clerk.desk.send_until_done()
    with transaction() as session:
        shop = session.get_one(Shop, clerk.shop_id)
        account_statements.record_readings(session, shop, early, clerk.desk.clock())
    assert (clerk.account(ada).balance_minor, drift(clerk, ada)) == (300, 0)


def test_credit_that_cannot_be_spent_is_known_and_said(clerk: Clerk) -> None:
    clerk.read()
    with transaction() as session:
        assert session.get_one(Shop, clerk.shop_id).store_credit_enabled is True
    clerk.desk.sandbox_shop.credit.enabled = False
    clerk.desk.clock.advance(90_000)
    clerk.read_due()
    with transaction() as session:
        assert session.get_one(Shop, clerk.shop_id).store_credit_enabled is False


def test_trouble_with_shopify_is_kept_and_tried_again(clerk: Clerk) -> None:
    ada = clerk.credited(300)
    clerk.ask()
    clerk.desk.box.world.faults.change({"http_5xx": 1.0})
    report = clerk.read_due()
    assert report.stopped_by is not None
    clerk.desk.box.world.faults.reset(1)
    with transaction() as session:
        assert account_statements.list_due_shops(session, clerk.desk.clock()) == []
    clerk.desk.clock.advance(301)
    with transaction() as session:
        assert account_statements.list_due_shops(session, clerk.desk.clock()) == [clerk.shop_id]
    clerk.read_due()
    assert drift(clerk, ada) == 0


def test_a_token_that_ended_is_renewed_on_the_way(clerk: Clerk) -> None:
    ada = clerk.credited(300)
    clerk.ask()
    clerk.desk.sandbox_shop.tokens.expire_access_tokens()
    assert clerk.read_due() == ImportReport(read=1, is_more=False)
    assert drift(clerk, ada) == 0
