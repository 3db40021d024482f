"""What a person decides about transfers: which transaction arrived, that none did, or to try a refused one again."""

import pytest

from app.db import transaction
from app.engine.flows import transfer as flow
from app.engine.rules.arrival import Claim
from app.engine.rules.postings import EntryKind
from app.engine.rules.states import TransferKind
from app.errors import NotFound, Refused
from tests.flows.transfer_rows import CREDIT, DEBIT, DEBIT_GID, GID, STAFF, START, Rows, S, after, amounts


def doubtful(rows: Rows, kind: TransferKind = CREDIT, minor: int = 100) -> int:
    return rows.plan(
        rows.ada,
        1000,
        kind,
        state=S.UNKNOWN,
        needs_person=True,
        sent_minor=minor if kind is DEBIT else 1000,
        watermark=1,
        sent_at=START,
        attempts=1,
        error="Two look alike.",
    )


def test_a_person_says_which_transaction_arrived(rows: Rows) -> None:
    transfer_id = doubtful(rows)

    with transaction() as session:
        flow.decide(session, rows.shop_id, transfer_id, True, f" {GID}77 ", STAFF, after(5))

    row = rows.row(transfer_id)
    assert (row.state, row.needs_person, row.shopify_transaction_id) == (S.CONFIRMED, False, f"{GID}77")
    (event,) = rows.audit()
    assert (event.actor, event.action, event.subject, event.subject_id) == (
        STAFF,
        "decide_transfer",
        "transfer",
        transfer_id,
    )
    assert event.before == {"state": "unknown", "error": "Two look alike."}
    assert event.after == {"state": "confirmed", "transaction": f"{GID}77"}


def test_a_debit_that_a_person_finds_arrived_books_what_it_did_not_cover(rows: Rows) -> None:
    transfer_id = doubtful(rows, DEBIT, minor=400)

    with transaction() as session:
        flow.decide(session, rows.shop_id, transfer_id, True, "77", STAFF, after(5))

    assert rows.row(transfer_id).shopify_transaction_id == f"{DEBIT_GID}77"
    assert amounts(EntryKind.SHORTFALL) == [600]


def test_a_person_says_that_none_arrived_and_it_is_planned_as_if_never_sent(rows: Rows) -> None:
    transfer_id = doubtful(rows)

    with transaction() as session:
        flow.decide(session, rows.shop_id, transfer_id, False, None, STAFF, after(5))

    row = rows.row(transfer_id)
    assert (row.state, row.needs_person, row.sent_at, row.expires_at, row.watermark, row.error) == (
        S.PLANNED,
        False,
        None,
        None,
        None,
        None,
    )
    claim = rows.claim(5)
    assert claim is not None
    assert claim.sent is None


@pytest.mark.parametrize("given", [None, "", "seven", "gid://shopify/Order/7", f"{DEBIT_GID}7", f"{GID}", f"{GID}7x"])
def test_what_arrived_must_be_named_by_its_id(rows: Rows, given: str | None) -> None:
    transfer_id = doubtful(rows)

    with pytest.raises(Refused, match="Give the id"), transaction() as session:
        flow.decide(session, rows.shop_id, transfer_id, True, given, STAFF, START)
    assert rows.row(transfer_id).state is S.UNKNOWN


def test_a_transaction_answers_for_one_transfer_only(rows: Rows) -> None:
    rows.plan(rows.ben, state=S.CONFIRMED, shopify_transaction_id=f"{GID}77", sent_minor=100)
    transfer_id = doubtful(rows)

    with pytest.raises(Refused, match="another transfer already"), transaction() as session:
        flow.decide(session, rows.shop_id, transfer_id, True, "77", STAFF, START)
    claim = Claim(rows.shop_id, transfer_id, "", CREDIT, "USD", 1, 1, START, True)
    with transaction() as session:
        assert flow.list_claimed(session, claim, [f"{GID}77", f"{GID}78"]) == {f"{GID}77"}


@pytest.mark.parametrize("state", [S.PLANNED, S.SENDING, S.CONFIRMED, S.REFUSED, S.NOT_APPLICABLE, S.UNKNOWN])
def test_a_person_decides_only_about_what_waits_for_one(rows: Rows, state: S) -> None:
    transfer_id = rows.plan(rows.ada, state=state)

    with pytest.raises(Refused, match="does not wait for a decision"), transaction() as session:
        flow.decide(session, rows.shop_id, transfer_id, False, None, STAFF, START)
    assert rows.row(transfer_id).state is state
    assert rows.audit() == []


def test_a_refused_transfer_is_planned_again_by_a_person(rows: Rows) -> None:
    transfer_id = rows.plan(rows.ada)
    claim = rows.send()
    with transaction() as session:
        flow.refuse(session, claim, "The limit is reached.")
    refused = rows.row(transfer_id)
    assert (refused.state, refused.error, refused.sent_minor) == (S.REFUSED, "The limit is reached.", None)

    with transaction() as session:
        flow.retry(session, rows.shop_id, transfer_id, STAFF, after(60))

    row = rows.row(transfer_id)
    assert (row.state, row.error, row.sent_at, row.next_attempt_at) == (S.PLANNED, None, None, after(60))
    (event,) = rows.audit()
    assert (event.action, event.before["error"]) == ("retry_transfer", "The limit is reached.")


@pytest.mark.parametrize("state", [S.PLANNED, S.SENDING, S.CONFIRMED, S.NOT_APPLICABLE, S.UNKNOWN])
def test_only_a_refused_transfer_can_be_retried(rows: Rows, state: S) -> None:
    transfer_id = rows.plan(rows.ada, state=state)

    with pytest.raises(Refused, match="Only a refused transfer"), transaction() as session:
        flow.retry(session, rows.shop_id, transfer_id, STAFF, START)
    assert rows.row(transfer_id).state is state


def test_another_shops_transfer_does_not_exist(rows: Rows) -> None:
    transfer_id = rows.plan(rows.ada, state=S.REFUSED)

    with pytest.raises(NotFound), transaction() as session:
        flow.retry(session, rows.shops[1], transfer_id, STAFF, START)
    with pytest.raises(NotFound), transaction() as session:
        flow.decide(session, rows.shops[1], transfer_id, False, None, STAFF, START)
    assert rows.row(transfer_id).state is S.REFUSED
