"""Transfers in the tables: who may claim what and when, and what each step may and may not change."""

import threading

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from app.db import transaction
from app.engine.flows import transfer as flow
from app.engine.rules.arrival import Claim
from app.engine.rules.postings import EntryKind
from tests.flows.transfer_rows import CREDIT, DEBIT, DEBIT_GID, GID, LEASE, QUIET, STAFF, START, Rows, S, after, amounts

# Claiming.


def test_a_claim_names_the_transfer_and_leases_it(rows: Rows) -> None:
    transfer_id = rows.plan(rows.ada, 700)

    claim = rows.claim()

    assert claim == Claim(
        shop_id=rows.shop_id,
        transfer_id=transfer_id,
        customer_gid="gid://shopify/Customer/1",
        kind=CREDIT,
        currency="USD",
        amount_minor=700,
        attempt=1,
        leased_until=after(LEASE),
        is_in_flight=False,
        sent=None,
    )
    assert rows.claim(LEASE - 1) is None
    again = rows.claim(LEASE)
    assert again is not None
    assert again.attempt == 2


def test_claims_come_oldest_first_and_one_per_owner_and_currency(rows: Rows) -> None:
    first = rows.plan(rows.ada)
    rows.plan(rows.ada)
    euro = rows.plan(rows.ada, currency="EUR")
    other = rows.plan(rows.ben)

    claimed = [rows.claim() for _ in range(4)]

    assert [claim and claim.transfer_id for claim in claimed] == [first, euro, other, None]


@pytest.mark.parametrize("blocker", [S.SENDING, S.UNKNOWN])
def test_nothing_is_claimed_behind_one_in_flight_whichever_is_older(rows: Rows, blocker: S) -> None:
    older = rows.plan(rows.ada)
    rows.plan(rows.ada, state=blocker, leased_until=after(500), sent_at=START, watermark=1, sent_minor=100)

    assert rows.claim() is None
    assert rows.row(older).attempts == 0


@pytest.mark.parametrize("done", [S.CONFIRMED, S.REFUSED, S.NOT_APPLICABLE])
def test_what_is_done_blocks_nobody(rows: Rows, done: S) -> None:
    rows.plan(rows.ada, state=done)
    waiting = rows.plan(rows.ada)

    claim = rows.claim()

    assert claim is not None
    assert claim.transfer_id == waiting


def test_nothing_is_claimed_before_its_time(rows: Rows) -> None:
    rows.plan(rows.ada, next_attempt_at=after(10))

    assert rows.claim(9) is None
    assert rows.claim(10) is not None


def test_what_needs_a_person_is_never_claimed(rows: Rows) -> None:
    rows.plan(rows.ada, state=S.UNKNOWN, needs_person=True)

    assert rows.claim(10**6) is None


def test_read_backs_come_before_sendings(rows: Rows) -> None:
    rows.plan(rows.ada)
    lost = rows.lose()
    rows.plan(rows.ben)

    claim = rows.claim(5)

    assert claim is not None
    assert (claim.transfer_id, claim.is_in_flight) == (lost.transfer_id, True)
    assert claim.attempt == lost.attempt
    assert claim.sent is not None
    assert (claim.sent.watermark, claim.sent.amount_minor, claim.sent.sent_at) == (10, 100, START)


def test_one_left_sending_by_a_dead_worker_may_have_been_sent_until_its_lease_ended(rows: Rows) -> None:
    rows.plan(rows.ada)
    dead = rows.send()
    assert rows.claim(LEASE - 1) is None

    claim = rows.claim(LEASE + 5)

    assert claim is not None
    assert claim.is_in_flight
    assert claim.sent is not None
    assert claim.sent.sent_at == dead.leased_until
    assert rows.row(dead.transfer_id).state is S.UNKNOWN


@pytest.mark.parametrize(
    ("values", "sends", "reads"),
    [({"paused_at": START}, False, True), ({"uninstalled_at": START}, False, False), ({}, True, True)],
)
def test_a_paused_shop_sends_nothing_and_one_that_left_does_nothing(
    rows: Rows, values: dict[str, object], sends: bool, reads: bool
) -> None:
    rows.plan(rows.ada)
    rows.lose()
    rows.plan(rows.ben)
    rows.change_shop(**values)

    claims = [rows.claim(5), rows.claim(5)]

    assert sum(claim is not None and claim.is_in_flight for claim in claims) == reads
    assert sum(claim is not None and not claim.is_in_flight for claim in claims) == sends
    with transaction() as session:
        assert flow.list_due_shops(session, after(5000)) == ([rows.shop_id] if reads else [])


def test_each_shop_is_claimed_by_itself(rows: Rows) -> None:
    rows.plan(rows.ada)

    assert rows.claim(shop_id=rows.shops[1]) is None
    with transaction() as session:
        assert flow.list_due_shops(session, START) == [rows.shop_id]
        assert flow.count_due(session, rows.shops[1], START, 4) == 0


def test_a_shop_whose_transfers_all_wait_is_not_due_and_says_when_it_will_be(rows: Rows) -> None:
    rows.plan(rows.ada)
    rows.lose()
    rows.plan(rows.ada)

    with transaction() as session:
        assert flow.list_due_shops(session, after(0.5)) == []
        assert flow.find_next_due_at(session, rows.shop_id) == after(1)
        assert flow.list_due_shops(session, after(1)) == [rows.shop_id]
        assert flow.count_due(session, rows.shop_id, after(1), 4) == 1
        assert flow.find_next_due_at(session, rows.shops[1]) is None


def test_workers_that_claim_at_once_never_get_the_same(rows: Rows, app: Flask) -> None:
    for _ in range(10):
        rows.plan(rows.ada)
        rows.plan(rows.ben)
    start = threading.Barrier(6)
    claimed: list[int] = []

    def work() -> None:
        with app.app_context():
            start.wait(10)
            with transaction() as session:
                claim = flow.claim_next(session, rows.shop_id, START, LEASE)
            if claim is not None:
                claimed.append(claim.transfer_id)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len(claimed) == len(set(claimed))
    assert set(claimed) <= {1, 2}
    assert claimed


def test_the_database_itself_refuses_two_in_flight(rows: Rows) -> None:
    rows.plan(rows.ada, state=S.UNKNOWN)

    with pytest.raises(IntegrityError):
        rows.plan(rows.ada, state=S.SENDING)


# Sending and its outcomes.


def test_two_claimed_ones_of_one_owner_are_not_both_sent(rows: Rows) -> None:
    refused = rows.plan(rows.ada, state=S.REFUSED)
    rows.plan(rows.ada)
    first = rows.claim()
    with transaction() as session:
        flow.retry(session, rows.shop_id, refused, STAFF, START)
    second = rows.claim()
    assert first is not None
    assert second is not None

    with transaction() as session:
        assert flow.mark_sending(session, first, 1, 100, START) is not None
    with transaction() as session:
        assert flow.mark_sending(session, second, 1, 100, START) is None
        flow.put_back(session, second, "Another is on its way.", START, wait_seconds=1)
    assert rows.row(second.transfer_id).state is S.PLANNED


def test_a_fingerprint_is_kept_over_all_sendings_and_differs_from_all_others_of_the_owner(rows: Rows) -> None:
    rows.change_shop(far_expiry_agreed=True)
    for _ in range(3):
        rows.plan(rows.ada)
    told = []
    for number in range(3):
        claim = rows.send()
        told.append(rows.row(claim.transfer_id).expires_at)
        with transaction() as session:
            flow.mark_unknown(session, claim, START, "No answer.", START)
        for read in (QUIET, QUIET + 1):
            again = rows.claim(read)
            assert again is not None
            with transaction() as session:
                flow.record_empty_read(session, again, after(read), QUIET)
        claim = rows.send(QUIET + 2)
        assert rows.row(claim.transfer_id).expires_at == told[-1]
        with transaction() as session:
            flow.confirm(session, claim, f"{GID}{number}", 1, START)
    assert len(set(told)) == 3


def test_a_sending_believed_lost_is_remembered_when_the_next_one_gets_another_expiry(rows: Rows) -> None:
    rows.change_shop(far_expiry_agreed=True)
    rows.plan(rows.ada)
    rows.lose()
    for read in (QUIET, QUIET + 1):
        again = rows.claim(read)
        assert again is not None
        with transaction() as session:
            flow.record_empty_read(session, again, after(read), QUIET)
    claim = rows.send(QUIET + 2, watermark=20)
    with transaction() as session:
        flow.renew(session, claim, "The expiry lies in the past.", START)

    row = rows.row(claim.transfer_id)
    assert (row.state, row.watermark, row.sent_at, row.expires_at) == (S.PLANNED, 10, START, None)


def test_a_debit_has_no_fingerprint(rows: Rows) -> None:
    rows.change_shop(far_expiry_agreed=True)
    rows.plan(rows.ada, kind=DEBIT)

    assert rows.row(rows.send().transfer_id).expires_at is None


def test_confirming_twice_changes_nothing(rows: Rows) -> None:
    rows.plan(rows.ada, 1000, DEBIT)
    claim = rows.send(minor=300)

    for moment in (1, 2):
        with transaction() as session:
            flow.confirm(session, claim, f"{DEBIT_GID}7", 0, after(moment))

    row = rows.row(claim.transfer_id)
    assert (row.state, row.confirmed_at, row.sent_minor, row.error) == (S.CONFIRMED, after(1), 300, None)
    assert amounts(EntryKind.SHORTFALL) == [700]


def test_an_answer_is_booked_even_when_the_lease_was_lost_meanwhile(rows: Rows) -> None:
    rows.plan(rows.ada)
    slow = rows.send()
    assert rows.claim(LEASE + 1) is not None

    with transaction() as session:
        flow.confirm(session, slow, f"{GID}7", 100, after(LEASE + 2))

    assert rows.row(slow.transfer_id).state is S.CONFIRMED


def test_a_second_arrival_is_shown_and_does_not_replace_the_first(rows: Rows) -> None:
    rows.plan(rows.ada)
    claim = rows.send()
    with transaction() as session:
        flow.confirm(session, claim, f"{GID}7", 100, START)
        flow.confirm(session, claim, f"{GID}8", 200, START)

    row = rows.row(claim.transfer_id)
    assert (row.state, row.shopify_transaction_id) == (S.CONFIRMED, f"{GID}7")
    assert f"{GID}8" in row.error


def test_no_step_but_an_answer_changes_what_another_worker_has_taken_over(rows: Rows) -> None:
    rows.plan(rows.ada)
    stale = rows.claim()
    owner = rows.claim(LEASE)
    assert stale is not None
    assert owner is not None

    with transaction() as session:
        assert flow.mark_sending(session, stale, 1, 100, START) is None
        flow.put_back(session, stale, "Stale.", START)
        flow.refuse(session, stale, "Stale.")
        flow.mark_not_applicable(session, stale, START)
        flow.mark_unknown(session, stale, START, "Stale.", START)
        flow.postpone_read(session, stale, "Stale.", START)
        flow.ask_person(session, stale, "Stale.")
        flow.refuse_owner(session, stale, "Stale.", START)
        flow.renew(session, stale, "Stale.", START)
        assert flow.record_empty_read(session, stale, START, 0) is False

    row = rows.row(owner.transfer_id)
    assert (row.state, row.leased_until, row.error) == (S.PLANNED, owner.leased_until, None)


def test_what_was_put_back_waits_longer_each_time_up_to_a_quarter_of_an_hour(rows: Rows) -> None:
    transfer_id = rows.plan(rows.ada)
    waits = []
    now = 0.0
    for _ in range(12):
        claim = rows.send(now)
        with transaction() as session:
            flow.put_back(session, claim, "Shopify could not be reached.", after(now))
        row = rows.row(transfer_id)
        assert (row.state, row.sent_at, row.watermark, row.sent_minor) == (S.PLANNED, None, None, None)
        assert row.error == "Shopify could not be reached."
        waits.append((row.next_attempt_at - after(now)).total_seconds())
        now += waits[-1]

    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


def test_read_backs_come_soon_then_rarer_and_once_at_the_end_of_the_quiet_period(rows: Rows) -> None:
    rows.plan(rows.ada)
    transfer_id = rows.lose().transfer_id
    moments = []
    is_planned = False
    while not is_planned:
        row = rows.row(transfer_id)
        moments.append((row.next_attempt_at - START).total_seconds())
        claim = rows.claim(moments[-1])
        assert claim is not None
        with transaction() as session:
            is_planned = flow.record_empty_read(session, claim, after(moments[-1]), QUIET)

    assert moments[:3] == [1, 2, 3]
    assert moments[-1] == QUIET
    assert moments == sorted(set(moments))
    assert len(moments) < 15
    assert rows.row(transfer_id).state is S.PLANNED


def test_a_transfer_in_doubt_stays_in_flight_until_a_person_decides(rows: Rows) -> None:
    rows.plan(rows.ada)
    claim = rows.lose()
    claim = rows.claim(5)
    assert claim is not None

    with transaction() as session:
        flow.ask_person(session, claim, "Two look alike.")

    row = rows.row(claim.transfer_id)
    assert (row.state, row.needs_person, row.error) == (S.UNKNOWN, True, "Two look alike.")
    rows.plan(rows.ada)
    assert rows.claim(10**6) is None


def test_a_step_changes_nothing_of_a_transfer_that_is_done(rows: Rows) -> None:
    rows.plan(rows.ada)
    claim = rows.send()
    with transaction() as session:
        flow.confirm(session, claim, f"{GID}7", 100, START)
        flow.renew(session, claim, "Late.", START)
        flow.refuse_owner(session, claim, "Late.", START)

    row = rows.row(claim.transfer_id)
    assert (row.state, row.error) == (S.CONFIRMED, None)


def test_several_are_claimed_at_once_each_of_another_account(rows: Rows) -> None:
    first, second = rows.plan(rows.ada), rows.plan(rows.ben)
    rows.plan(rows.ada)
    other = rows.plan(rows.ada, currency="EUR")
    with transaction() as session:
        claims = flow.claim_some(session, rows.shop_id, START, LEASE, 10)

    assert [claim.transfer_id for claim in claims] == [first, second, other]
    with transaction() as session:
        flow.lock_owners(session, claims)
        assert flow.claim_some(session, rows.shop_id, START, LEASE, 10) == []


def test_no_more_are_claimed_than_asked_for_and_what_is_in_flight_comes_first(rows: Rows) -> None:
    rows.plan(rows.ada)
    lost = rows.lose().transfer_id
    rows.plan(rows.ben)
    with transaction() as session:
        (claim,) = flow.claim_some(session, rows.shop_id, after(5), LEASE, 1)

    assert (claim.transfer_id, claim.is_in_flight) == (lost, True)


def test_a_note_names_the_transfer_and_stays_over_its_sendings(rows: Rows) -> None:
    transfer_id = rows.plan(rows.ada)
    claim = rows.claim()
    assert claim is not None
    with transaction() as session:
        sent = flow.mark_sending(session, claim, 0, 100, START, writes_note=True)
        flow.mark_unknown(session, claim, START, "No answer.", START)
    assert sent is not None
    assert sent.note == f"Boomerang transfer {transfer_id}"
    again = rows.claim(5)
    assert again is not None
    assert again.sent == sent
