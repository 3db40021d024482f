"""Credits and debits reach Shopify once, in order, and as much as there is: the ways without a lost answer."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from app.db import db, transaction
from app.engine.flows import transfer as books
from app.engine.rules.postings import Account, EntryKind
from app.engine.rules.states import TransferState
from app.models import LedgerEntry, LedgerPosting, Shop
from tests.shopify.desk import CREDIT, DEBIT, STAFF, Desk

S = TransferState


def test_a_planned_credit_is_sent_and_confirmed_with_shopifys_id_and_balance(desk: Desk) -> None:
    customer = desk.customer()
    transfer_id = desk.plan(customer, 1234)

    report = desk.send()

    row = desk.row(transfer_id)
    (entry,) = desk.account(customer).transactions
    assert report.outcomes == {"confirmed": 1}
    assert report.next_due_at is None
    assert (row.state, row.sent_minor, row.balance_after_minor) == (S.CONFIRMED, 1234, 1234)
    assert row.shopify_transaction_id == f"gid://shopify/StoreCreditAccountCreditTransaction/{entry.id}"
    assert row.confirmed_at is not None
    assert row.error is None


def test_a_second_run_sends_nothing(desk: Desk) -> None:
    customer = desk.customer()
    desk.plan(customer, 500)

    desk.send()
    desk.send()

    assert desk.amounts(customer) == [500]


@pytest.mark.parametrize(("currency", "minor"), [("JPY", 1234), ("KWD", 12_345), ("EUR", 1)])
def test_each_currency_is_sent_with_its_own_decimals(desk: Desk, currency: str, minor: int) -> None:
    customer = desk.customer()
    transfer_id = desk.plan(customer, minor, currency=currency)

    desk.send()

    assert desk.amounts(customer, currency) == [minor]
    assert desk.row(transfer_id).balance_after_minor == minor


def test_transfers_of_one_owner_go_in_the_order_in_which_they_were_planned(desk: Desk) -> None:
    customer = desk.customer()
    for kind, minor in ((CREDIT, 1000), (DEBIT, 400), (CREDIT, 50), (DEBIT, 650)):
        desk.plan(customer, minor, kind)

    outcomes = desk.send_until_done(workers=4)

    assert desk.amounts(customer) == [1000, -400, 50, -650]
    assert outcomes == {"confirmed": 4}


@pytest.mark.parametrize("batch", [1, 2, 10])
def test_several_owners_are_served_side_by_side(desk: Desk, batch: int) -> None:
    customers = [desk.customer() for _ in range(9)]
    for customer in customers:
        desk.plan(customer, 100)

    assert desk.send_until_done(batch=batch, workers=4) == {"confirmed": 9}
    assert [desk.amounts(customer) for customer in customers] == [[100]] * 9


def test_without_the_merchants_agreement_credit_does_not_expire(desk: Desk) -> None:
    customer = desk.customer()
    transfer_id = desk.plan(customer, 100)

    desk.send()

    assert desk.account(customer).transactions[0].expires_at is None
    assert desk.row(transfer_id).expires_at is None


def test_with_the_merchants_agreement_each_credit_of_an_owner_expires_in_a_second_of_its_own(desk: Desk) -> None:
    desk.agree_to_far_expiry()
    customer = desk.customer()
    ids = [desk.plan(customer, 100) for _ in range(5)]

    desk.send_until_done()

    told = [entry.expires_at for entry in desk.account(customer).transactions]
    assert len(set(told)) == 5
    assert told == [row.expires_at for row in desk.rows(ids)]
    assert min(told) > datetime.now(UTC) + timedelta(days=3600)


def test_a_debit_takes_no_more_than_is_there_and_the_rest_is_owed(desk: Desk) -> None:
    customer = desk.customer()
    desk.give(customer, 300)
    transfer_id = desk.plan(customer, 1000, DEBIT)

    desk.send()

    row = desk.row(transfer_id)
    assert desk.amounts(customer) == [300, -300]
    assert (row.state, row.sent_minor, row.balance_after_minor) == (S.CONFIRMED, 300, 0)
    assert shortfalls() == [(f"shortfall:transfer:{transfer_id}", 700)]


@pytest.mark.parametrize("given", [0, 100])
def test_a_debit_that_finds_nothing_is_not_applicable_and_owed_as_a_whole(desk: Desk, given: int) -> None:
    customer = desk.customer()
    if given:
        desk.give(customer, given)
        desk.take(customer, given)
    transfer_id = desk.plan(customer, 1000, DEBIT)

    desk.send()

    row = desk.row(transfer_id)
    assert (row.state, row.sent_minor, row.shopify_transaction_id) == (S.NOT_APPLICABLE, 0, None)
    assert shortfalls() == [(f"shortfall:transfer:{transfer_id}", 1000)]


def test_credit_spent_between_reading_and_debiting_is_owed(desk: Desk) -> None:
    customer = desk.customer()
    desk.give(customer, 1000)
    transfer_id = desk.plan(customer, 800, DEBIT)
    spends = [600]

    def mark_sending(*args: object, **options: object) -> object:
        sent = books.mark_sending(*args, **options)
        if spends:
            desk.take(customer, spends.pop())
        return sent

    report = desk.send(books=stand_in(mark_sending=mark_sending))

    row = desk.row(transfer_id)
    assert report.outcomes == {"put_back": 1, "confirmed": 1}
    assert desk.amounts(customer) == [1000, -600, -400]
    assert (row.state, row.sent_minor) == (S.CONFIRMED, 400)
    assert shortfalls() == [(f"shortfall:transfer:{transfer_id}", 400)]


def test_a_credit_above_shopifys_limit_is_refused_with_a_sentence_and_may_be_retried(desk: Desk) -> None:
    customer = desk.customer()
    desk.give(customer, 1_499_900)
    transfer_id = desk.plan(customer, 200)

    desk.send()
    refused = desk.row(transfer_id)
    assert refused.state is S.REFUSED
    assert "limit" in refused.error
    assert "CREDIT_LIMIT_EXCEEDED" in refused.error
    assert desk.send().outcomes == {}

    desk.take(customer, 50_000)
    with transaction() as session:
        books.retry(session, desk.shop_id, transfer_id, STAFF, desk.clock())
    desk.send()

    assert desk.row(transfer_id).state is S.CONFIRMED
    assert desk.amounts(customer)[-1] == 200


def test_a_refused_credit_does_not_hold_up_the_next_one(desk: Desk) -> None:
    customer = desk.customer()
    desk.plan(customer, 9_999_999)
    desk.plan(customer, 100)

    report = desk.send()

    assert report.outcomes == {"refused": 1, "confirmed": 1}
    assert desk.amounts(customer) == [100]


def test_a_customer_whom_shopify_no_longer_knows_gets_no_credit_and_owes_the_debit(desk: Desk) -> None:
    credit, debit = desk.plan(desk.customer(), 100), desk.plan(desk.customer(), 60, DEBIT)
    desk.sandbox_shop.customers.clear()

    desk.send()

    assert [row.state for row in desk.rows([credit, debit])] == [S.REFUSED, S.NOT_APPLICABLE]
    assert "no longer knows this customer" in desk.row(credit).error


def test_nothing_is_sent_for_a_paused_shop_until_it_goes_on(desk: Desk) -> None:
    customer = desk.customer()
    desk.plan(customer, 100)
    pause(desk, desk.clock())

    assert desk.send().outcomes == {}
    with transaction() as session:
        assert books.list_due_shops(session, desk.clock()) == []

    pause(desk, None)
    assert desk.send().outcomes == {"confirmed": 1}


def test_a_throttled_call_is_waited_out_and_sent_in_the_same_run(desk: Desk) -> None:
    customer = desk.customer()
    desk.plan(customer, 100)
    desk.faults("throttled", "throttled")

    report = desk.send()

    assert report.outcomes == {"confirmed": 1}
    assert desk.amounts(customer) == [100]


def test_an_expired_access_token_is_refreshed_on_the_way(desk: Desk) -> None:
    customer = desk.customer()
    desk.plan(customer, 100)
    desk.sandbox_shop.tokens.expire_access_tokens()

    report = desk.send()

    assert report.stopped_by is None
    assert desk.amounts(customer) == [100]


def test_without_a_token_that_can_be_refreshed_the_run_stops_and_says_what_to_do(desk: Desk) -> None:
    customer = desk.customer()
    ids = [desk.plan(customer, 100), desk.plan(desk.customer(), 100)]
    desk.sandbox_shop.tokens.revoke_all()

    report = desk.send(workers=2)

    assert "open Boomerang in the Shopify admin again" in report.stopped_by
    assert [row.state for row in desk.rows(ids)] == [S.PLANNED, S.PLANNED]
    assert desk.amounts(customer) == []


def test_a_shop_that_took_the_app_away_is_left_alone(desk: Desk) -> None:
    desk.plan(desk.customer(), 100)
    with transaction() as session:
        session.get_one(Shop, desk.shop_id).uninstalled_at = desk.clock()
        assert books.list_due_shops(session, desk.clock()) == []

    assert desk.send().outcomes == {}


def shortfalls() -> list[tuple[str, int]]:
    """Return the shortfalls in the books: key and amount moved from owed to available."""
    db.session.rollback()
    found = db.session.execute(
        select(LedgerEntry.key, LedgerPosting.amount_minor)
        .join(LedgerPosting, LedgerPosting.entry_id == LedgerEntry.id)
        .where(
            LedgerEntry.kind == EntryKind.SHORTFALL,
            LedgerPosting.source == Account.OWED,
            LedgerPosting.destination == Account.AVAILABLE,
        )
    )
    return [tuple(row) for row in found]


def pause(desk: Desk, at: datetime | None) -> None:
    with transaction() as session:
        session.get_one(Shop, desk.shop_id).paused_at = at


def stand_in(**replaced: object) -> SimpleNamespace:
    """Return the real books with something happening around one of their steps."""
    return SimpleNamespace(**{name: getattr(books, name) for name in books.__all__} | replaced)
