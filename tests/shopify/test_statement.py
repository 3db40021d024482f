"""Shopify's statement of an account against the books: what is ours, and what others did."""

import pytest
from sqlalchemy import select

from app.db import transaction
from app.engine.flows import transfer
from app.models import AuditEvent, Transfer
from tests.shopify.clerk import Clerk, drift
from tests.shopify.desk import DEBIT, Desk


@pytest.fixture
def clerk(desk: Desk) -> Clerk:
    """Return a shop in which nothing has happened yet."""
    return Clerk(desk)


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


def test_a_person_who_looked_at_what_landed_twice_ends_the_alarm_once(clerk: Clerk) -> None:
    desk = clerk.desk
    desk.agree_to_far_expiry()
    ada = clerk.credited(500)
    account = desk.account(ada)
    with desk.sandbox_shop.lock:
        desk.sandbox_shop.credit.credit(account, 500, desk.box.world.clock.now(), account.transactions[0].expires_at)
    clerk.read()
    shell = desk.app.test_cli_runner()
    told = shell.invoke(args=["drift", "--stored"])
    assert (told.exit_code, "1 transactions look like" in told.stdout) == (1, True)
    words = ["repeated-transfer", "--shop", desk.sandbox_shop.domain, "--reason", "Taken back."]
    assert "There is no such move" in shell.invoke(args=[*words, "99"]).output
    for _ in range(2):
        assert shell.invoke(args=[*words, "1"]).exit_code == 0
    assert shell.invoke(args=["drift", "--stored"]).exit_code == 0
    with transaction() as session:
        seen = session.scalars(select(AuditEvent.reason).where(AuditEvent.action == "see_repeated_transfer")).all()
    assert seen == ["Taken back."]


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
