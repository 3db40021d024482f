"""Transfers whose answer was lost: read back, and sent again only when nothing arrived."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.db import transaction
from app.engine.flows import transfer as books
from app.engine.rules.states import TransferKind, TransferState
from sandbox.credit import CreditAccount, CreditTransaction
from tests.shopify.desk import CREDIT, DEBIT, STAFF, Desk
from tests.shopify.test_transfers import pause, stand_in

S = TransferState
QUIET = 90


@pytest.fixture(params=["with fingerprint", "without fingerprint"])
def any_desk(desk: Desk, request: pytest.FixtureRequest) -> Desk:
    if request.param == "with fingerprint":
        desk.agree_to_far_expiry()
    return desk


def test_a_credit_that_landed_without_an_answer_is_confirmed_at_the_first_read_back(any_desk: Desk) -> None:
    desk = any_desk
    customer = desk.customer()
    transfer_id = desk.plan(customer, 700)
    desk.faults("hang_after_commit")

    assert desk.send().outcomes == {"unknown": 1}
    row = desk.row(transfer_id)
    assert row.state is S.UNKNOWN
    assert row.next_attempt_at - desk.clock() <= timedelta(seconds=1)
    assert desk.send().outcomes == {}

    desk.clock.advance(1)
    assert desk.send().outcomes == {"confirmed": 1}
    row = desk.row(transfer_id)
    assert (row.state, row.balance_after_minor, row.error) == (S.CONFIRMED, 700, None)
    assert row.shopify_transaction_id.endswith(f"/{desk.account(customer).transactions[0].id}")
    assert desk.amounts(customer) == [700]


def test_a_debit_that_landed_without_an_answer_is_confirmed_not_repeated(desk: Desk) -> None:
    customer = desk.customer()
    desk.give(customer, 1000)
    desk.plan(customer, 300, DEBIT)
    desk.faults("hang_after_commit")

    assert desk.send_until_done() == {"unknown": 1, "confirmed": 1}
    assert desk.amounts(customer) == [1000, -300]


@pytest.mark.parametrize("fault", ["drop_before_commit", "timeout", "http_5xx"])
def test_a_credit_that_never_landed_is_sent_again_after_the_quiet_period_and_not_before(
    any_desk: Desk, fault: str
) -> None:
    desk = any_desk
    customer = desk.customer()
    transfer_id = desk.plan(customer, 700)
    desk.faults(fault)
    began = desk.clock()

    assert desk.send().outcomes == {"unknown": 1}
    while desk.clock() < began + timedelta(seconds=QUIET - 5):
        desk.clock.advance(4)
        assert set(desk.send().outcomes) <= {"still_unknown"}
        assert desk.row(transfer_id).state is S.UNKNOWN
    assert desk.row(transfer_id).empty_reads >= 2

    desk.clock.advance(10)
    assert desk.send().outcomes == {"planned_again": 1, "confirmed": 1}
    assert desk.amounts(customer) == [700]
    assert desk.row(transfer_id).attempts == 2


def test_one_empty_read_is_no_proof_even_after_the_quiet_period(desk: Desk) -> None:
    customer = desk.customer()
    desk.plan(customer, 700)
    desk.faults("drop_before_commit")
    desk.send()

    desk.clock.advance(QUIET + 10)
    assert desk.send().outcomes == {"still_unknown": 1}
    desk.clock.advance(1)
    assert desk.send().outcomes == {"planned_again": 1, "confirmed": 1}
    assert desk.amounts(customer) == [700]


def test_a_credit_that_lands_late_within_the_quiet_period_is_confirmed_not_repeated(any_desk: Desk) -> None:
    desk = any_desk
    customer = desk.customer()
    desk.plan(customer, 700)
    desk.faults("late_commit", seconds=300)

    with desk.impatient():
        assert desk.send().outcomes == {"unknown": 1}
    desk.clock.advance(1)
    assert desk.send().outcomes == {"still_unknown": 1}
    desk.faults()  # lets the hanging call go on
    wait_until(lambda: desk.amounts(customer) == [700])

    assert desk.send_until_done()["confirmed"] == 1
    assert desk.amounts(customer) == [700]


def test_a_credit_that_lands_after_it_counted_as_lost_is_found_before_it_is_sent_again(desk: Desk) -> None:
    desk.agree_to_far_expiry()
    customer = desk.customer()
    transfer_id = desk.plan(customer, 700)
    desk.faults("late_commit", seconds=300)
    with desk.impatient():
        desk.send()
    desk.clock.advance(5)
    desk.send()

    def record_empty_read(*args: object) -> bool:
        is_planned = books.record_empty_read(*args)
        if is_planned:
            desk.faults()  # lets the hanging call go on
            wait_until(lambda: desk.amounts(customer) == [700])
        return is_planned

    desk.clock.advance(QUIET)
    report = desk.send(books=stand_in(record_empty_read=record_empty_read))

    assert report.outcomes == {"planned_again": 1, "confirmed": 1}
    assert desk.amounts(customer) == [700]
    assert desk.row(transfer_id).state is S.CONFIRMED


def test_a_credit_that_lands_after_its_second_sending_was_throttled_is_found_before_the_third(any_desk: Desk) -> None:
    """With a fingerprint for certain; without one a person is asked, as of everything that comes so late."""
    desk = any_desk
    customer = desk.customer()
    transfer_id = desk.plan(customer, 700)
    desk.faults("drop_before_commit")
    desk.send()
    desk.clock.advance(5)
    desk.send()
    desk.clock.advance(QUIET)
    desk.faults(*["throttled"] * 100)
    assert desk.send().outcomes == {"planned_again": 1, "put_back": 1}

    first = desk.row(transfer_id)
    account = desk.account(customer)
    with desk.sandbox_shop.lock:
        desk.sandbox_shop.credit.credit(account, 700, desk.box.world.clock.now(), first.expires_at)
    desk.faults()

    found = desk.send_until_done()
    assert found == {"confirmed" if first.expires_at else "needs_person": 1}
    assert desk.amounts(customer) == [700]


def test_an_equal_credit_of_somebody_else_is_not_taken_for_one_with_a_fingerprint(desk: Desk) -> None:
    desk.agree_to_far_expiry()
    customer = desk.customer()
    transfer_id = desk.plan(customer, 700)
    desk.faults("drop_before_commit")
    desk.send()
    foreign = desk.give(customer, 700)

    assert desk.send_until_done()["confirmed"] == 1

    assert desk.amounts(customer) == [700, 700]
    assert not desk.row(transfer_id).shopify_transaction_id.endswith(f"/{foreign.id}")


def test_two_equal_credits_without_a_fingerprint_wait_for_a_person_who_decides(desk: Desk) -> None:
    customer = desk.customer()
    transfer_id, behind = desk.plan(customer, 700), desk.plan(customer, 100)
    desk.faults("hang_after_commit")
    desk.send()
    foreign = desk.give(customer, 700)
    desk.clock.advance(1)

    assert desk.send().outcomes == {"needs_person": 1}
    row = desk.row(transfer_id)
    ours = desk.account(customer).transactions[0]
    assert (row.state, row.needs_person) == (S.UNKNOWN, True)
    assert str(ours.id) in row.error
    assert str(foreign.id) in row.error
    desk.clock.advance(QUIET * 2)
    assert desk.send().outcomes == {}

    with transaction() as session:
        books.decide(session, desk.shop_id, transfer_id, True, str(ours.id), STAFF, desk.clock())
    assert desk.send().outcomes == {"confirmed": 1}
    assert [row.state for row in desk.rows([transfer_id, behind])] == [S.CONFIRMED, S.CONFIRMED]
    assert desk.amounts(customer) == [700, 700, 100]


def test_an_equal_credit_long_after_sending_is_doubtful_without_a_fingerprint(desk: Desk) -> None:
    customer = desk.customer()
    transfer_id = desk.plan(customer, 700)
    desk.faults("drop_before_commit")
    desk.send()
    desk.clock.advance(QUIET - 10)
    desk.give(customer, 700)

    assert desk.send().outcomes == {"needs_person": 1}

    with transaction() as session:
        books.decide(session, desk.shop_id, transfer_id, False, None, STAFF, desk.clock())
    assert desk.send().outcomes == {"confirmed": 1}
    assert desk.amounts(customer) == [700, 700]


def test_other_movements_of_the_account_are_never_taken_for_ours(any_desk: Desk) -> None:
    desk = any_desk
    customer = desk.customer()
    desk.give(customer, 5000)
    desk.plan(customer, 700)
    desk.faults("drop_before_commit")
    desk.send()
    desk.take(customer, 700)
    desk.give(customer, 701)

    assert desk.send_until_done()["confirmed"] == 1
    assert desk.amounts(customer) == [5000, -700, 701, 700]


@pytest.mark.parametrize("crowd", [24, 25, 26, 60])
def test_a_read_back_turns_as_many_pages_as_lie_above_the_watermark(any_desk: Desk, crowd: int) -> None:
    desk = any_desk
    customer = desk.customer()
    desk.give(customer, 1)
    desk.plan(customer, 700)
    desk.faults("hang_after_commit")
    desk.send()
    for number in range(crowd):
        desk.give(customer, 10 + number)
    desk.clock.advance(1)

    assert desk.send().outcomes == {"confirmed": 1}
    assert desk.amounts(customer).count(700) == 1


@pytest.mark.parametrize("landed", [True, False])
def test_a_transfer_left_by_a_worker_that_died_is_read_back_when_its_lease_runs_out(
    any_desk: Desk, landed: bool
) -> None:
    desk = any_desk
    customer = desk.customer()
    transfer_id = desk.plan(customer, 700)

    with pytest.raises(Died):
        desk.send(books=dying(after_sending=landed))
    assert desk.row(transfer_id).state is S.SENDING
    assert desk.send().outcomes == {}

    assert desk.send_until_done()["confirmed"] == 1
    assert desk.amounts(customer) == [700]
    assert desk.row(transfer_id).attempts == (1 if landed else 2)


def test_a_worker_that_slept_through_its_lease_does_not_send_any_more(desk: Desk) -> None:
    customer = desk.customer()
    desk.plan(customer, 700)

    def mark_sending(*args: object, **options: object) -> object:
        sent = books.mark_sending(*args, **options)
        desk.clock.advance(600)
        return sent

    report = desk.send(books=stand_in(mark_sending=mark_sending, count_due=lambda *_: 1))

    assert report.outcomes["lease_lost"] == 1
    assert desk.amounts(customer) == []
    assert desk.send_until_done()["confirmed"] == 1
    assert desk.amounts(customer) == [700]


def test_what_is_in_flight_is_read_back_while_the_shop_is_paused_but_not_sent_again(desk: Desk) -> None:
    landed, lost = desk.customer(), desk.customer()
    desk.plan(landed, 700)
    desk.plan(lost, 800)
    desk.faults("hang_after_commit", "drop_before_commit")
    desk.send()
    pause(desk, desk.clock())

    outcomes: Counter[str] = Counter()
    for _ in range(10):
        desk.clock.advance(20)
        outcomes += desk.send().outcomes

    assert outcomes["confirmed"] == 1
    assert outcomes["planned_again"] == 1
    assert (desk.amounts(landed), desk.amounts(lost)) == ([700], [])
    pause(desk, None)
    desk.send_until_done()
    assert desk.amounts(lost) == [800]


def test_a_read_back_that_fails_is_tried_again_and_proves_nothing(desk: Desk) -> None:
    customer = desk.customer()
    transfer_id = desk.plan(customer, 700)
    desk.faults("hang_after_commit")
    desk.send()
    desk.faults(http_5xx=1.0, only="queries")
    for number in range(4):
        desk.clock.advance(QUIET * 2**number)
        assert desk.send().outcomes == {"postponed": 1}
    assert desk.row(transfer_id).empty_reads == 0

    desk.faults()
    assert desk.send_until_done() == {"confirmed": 1}
    assert desk.amounts(customer) == [700]


def test_a_customers_unknown_transfer_holds_up_that_customer_only(desk: Desk) -> None:
    stuck, free = desk.customer(), desk.customer()
    desk.plan(stuck, 700)
    desk.plan(stuck, 50)
    desk.plan(free, 60)
    desk.plan(stuck, 70, currency="EUR")
    desk.faults("drop_before_commit")

    assert desk.send().outcomes == {"unknown": 1, "confirmed": 2}
    assert (desk.amounts(stuck), desk.amounts(stuck, "EUR"), desk.amounts(free)) == ([], [70], [60])


class Died(Exception):
    """Stands for the end of a worker."""


def dying(*, after_sending: bool) -> object:
    def confirm(*_: object) -> None:
        raise Died

    def mark_sending(*args: object, **options: object) -> object:
        with transaction() as session:
            books.mark_sending(session, *args[1:], **options)
        raise Died

    return stand_in(confirm=confirm) if after_sending else stand_in(mark_sending=mark_sending)


def wait_until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    """Poll until something is so; fail when it does not come about in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


@pytest.mark.parametrize("kind", [CREDIT, DEBIT])
def test_a_move_of_another_amount_than_was_asked_for_is_not_made_again(
    any_desk: Desk, kind: TransferKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = any_desk.customer()
    any_desk.give(customer, 1_000)
    made = getattr(any_desk.sandbox_shop.credit, kind.value)

    def rounded(account: CreditAccount, minor: int, *others: Any) -> CreditTransaction:
        moved: CreditTransaction = made(account, minor // 100 * 100, *others)
        return moved

    monkeypatch.setattr(any_desk.sandbox_shop.credit, kind.value, rounded)
    transfer_id = any_desk.plan(customer, 234, kind)

    assert any_desk.send_until_done() == {"needs_person": 1}

    row = any_desk.row(transfer_id)
    assert (row.state, row.needs_person) == (S.UNKNOWN, True)
    assert row.error.startswith("Shopify made gid://shopify/StoreCreditAccount")
    assert any_desk.amounts(customer) == [1_000, 200 if kind is CREDIT else -200]
