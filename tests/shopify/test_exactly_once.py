"""Whatever goes wrong, in whatever order, with however many workers: what was due is on the account, once."""

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from app.db import db, transaction
from app.engine.rules.states import TransferKind, TransferState
from app.models import Transfer
from tests.shopify.desk import CREDIT, DEBIT, Desk
from tests.shopify.test_lost_answers import Died, dying

FAULTS = ("hang_after_commit", "drop_before_commit", "http_5xx", "throttled", "half_commit", "half_answer", "none")
#: What a worker meets before the next call: a fault of Shopify's, or its own end before or after the call.
TROUBLES = (*FAULTS, "dies before sending", "dies after sending")

plans = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([CREDIT, CREDIT, DEBIT]), st.integers(1, 3).map(lambda n: n * 100)),
    min_size=1,
    max_size=8,
)
#: How many owners share a request, and how a transfer is told from others when its answer was lost.
batches = st.sampled_from([1, 2, 3, 10])
signs = st.sampled_from(["fingerprint", "time", "note"])
troubles = st.lists(st.sampled_from(TROUBLES), max_size=6)


@pytest.mark.parametrize("batch", [1, 4])
def test_workers_at_once_never_send_twice(desk: Desk, batch: int) -> None:
    customers = [desk.customer() for _ in range(6)]
    for minor in (100, 200, 100):
        for customer in customers:
            desk.plan(customer, minor)

    run_all([threading.Thread(target=send_in_context, args=[desk, batch]) for _ in range(3)])
    desk.send_until_done(batch=batch)

    assert [desk.amounts(customer) for customer in customers] == [[100, 200, 100]] * 6


@pytest.mark.parametrize("batch", [1, 4])
def test_workers_at_once_resolve_lost_answers_once(desk: Desk, batch: int) -> None:
    desk.agree_to_far_expiry()
    customers = [desk.customer() for _ in range(6)]
    for customer in customers:
        desk.plan(customer, 100)
    desk.faults(*["hang_after_commit", "drop_before_commit", "half_commit", "half_answer"] * 3, seconds=0)
    desk.send(workers=4, batch=batch)
    desk.faults()

    for _ in range(8):
        desk.clock.advance(20)
        run_all([threading.Thread(target=send_in_context, args=[desk, batch]) for _ in range(3)])

    assert [desk.amounts(customer) for customer in customers] == [[100]] * 6
    assert desk.send_until_done() == {}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(planned=plans, met=troubles, sign=signs, batch=batches)
def test_the_account_holds_what_was_due_whatever_was_met_on_the_way(
    desk: Desk, planned: list[tuple[int, TransferKind, int]], met: list[str], sign: str, batch: int
) -> None:
    with transaction() as session:
        session.execute(delete(Transfer))  # of the example before
    desk.agree_to_far_expiry(sign == "fingerprint")
    desk.use_version("2027-01" if sign == "note" else "2026-10")
    customers = [desk.customer() for _ in range(4)]
    ids = [desk.plan(customers[who], minor, kind) for who, kind, minor in planned]

    for trouble in met:
        meet(desk, trouble, batch)
        desk.clock.advance(3)
    desk.faults()
    desk.send_until_done(batch=batch)

    rows = desk.rows(ids)
    assert {row.state for row in rows} <= {TransferState.CONFIRMED, TransferState.NOT_APPLICABLE}
    for customer in customers:
        mine = [row for row in rows if row.customer_id == customer.id]
        assert desk.amounts(customer) == expected(mine)
        assert desk.account(customer).balance_minor == sum(expected(mine))
        assert not [row for row in mine if row.kind is CREDIT and row.sent_minor != row.amount_minor]
    assert len({row.shopify_transaction_id for row in rows if row.sent_minor}) == len([r for r in rows if r.sent_minor])


def expected(rows: list[Transfer]) -> list[int]:
    """Return what an owner's transfers should have moved: all of each, in order, and no debit below zero."""
    moves: list[int] = []
    for row in sorted(rows, key=lambda row: row.id):
        minor = row.amount_minor if row.kind is CREDIT else -min(row.amount_minor, sum(moves))
        moves += [minor] if minor else []
    return moves


def meet(desk: Desk, trouble: str, batch: int) -> None:
    """Let one run of the sender meet a trouble at its first call."""
    if trouble in FAULTS:
        desk.faults(trouble, seconds=0)
        desk.send(batch=batch)
        return
    books = dying(after_sending=trouble == "dies after sending")
    try:
        desk.send(books=books, batch=batch)
    except Died:
        db.session.remove()


def send_in_context(desk: Desk, batch: int) -> None:
    with desk.app.app_context():
        desk.send(workers=2, batch=batch)


def run_all(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
