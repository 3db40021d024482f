"""Two people, two workers, two orders at the same moment, on connections of their own: the books are as in a row."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.db import db, transaction
from app.engine.flows import adjust, earn, merges, privacy, program, refund, review, settle
from app.engine.locks import lock_customers
from app.engine.rules.facts import CustomersMerged
from app.engine.rules.states import RewardState, TransferKind
from app.engine.rules.terms import Mode
from app.errors import Refused
from app.models import Customer, Order, ReasonCode, Reward, Shop
from app.webhooks.lifecycle import ShopTold, Uninstalled, record_shops, record_uninstalled
from tests.flows.builders import ADA, BEN, STAFF, Till, all_rows, books, day, later, line, order, reading, refund_of

Flow = Callable[[Session, Shop], object]


class Workers:
    """Threads with an app context, and so a connection, of their own."""

    def __init__(self, app: Flask, till: Till) -> None:
        self._app = app
        self._till = till
        self._pool = ThreadPoolExecutor(max_workers=4)

    def start(self, flow: Flow, begin: threading.Barrier | None = None) -> Future[object]:
        """Begin a flow in a transaction of another thread's own."""

        def work() -> object:
            with self._app.app_context():
                if begin is not None:
                    begin.wait(timeout=10)
                return self._till.run(flow)

        return self._pool.submit(work)

    def at_once(self, *flows: Flow) -> list[BaseException | None]:
        """Run flows at the same moment; return how each ended."""
        begin = threading.Barrier(len(flows))
        running = [self.start(flow, begin) for flow in flows]
        return [future.exception(timeout=30) for future in running]

    def end(self) -> None:
        """Wait for all threads."""
        self._pool.shutdown()


@pytest.fixture
def workers(app: Flask, shop: Till) -> Iterator[Workers]:
    """Return threads that work in the shop."""
    threads = Workers(app, shop)
    yield threads
    threads.end()


def wait_until_somebody_waits() -> None:
    """Return once a connection of this database waits for another's lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    deadline = time.monotonic() + 10
    with db.engine.connect() as connection:
        while not connection.scalar(waiting):
            connection.rollback()
            assert time.monotonic() < deadline, "Nobody came to wait for a lock."
            time.sleep(0.01)


def tell(*facts: earn.OrderFact) -> Flow:
    return lambda session, shop: earn.record_orders(session, shop, facts, day(10))


def pay_back(*facts: refund.RefundFact) -> Flow:
    return lambda session, shop: refund.record_refunds(session, shop, facts, day(10))


def approve(reward_id: int, version: int) -> Flow:
    return lambda session, shop: review.approve(session, shop.id, reward_id, version, STAFF, day(10))


def test_an_order_and_its_refund_told_at_once_end_as_one_after_the_other(shop: Till, workers: Workers) -> None:
    for number in range(1, 11):
        paid = order(number, line(1, 10_000, 2), on=number)
        assert workers.at_once(tell(paid), pay_back(refund_of(paid, units=1, on=30))) == [None, None]
        assert shop.kept(paid) * 2 == shop.reward(paid).granted > 0
    shop.check()


def test_the_same_order_told_by_four_workers_at_once_is_credited_once(shop: Till, workers: Workers) -> None:
    paid = order(1)
    assert workers.at_once(*[tell(paid)] * 4) == [None] * 4
    assert shop.balances() == (0, 200, 0)
    assert shop.transfers(paid) == [("credit", 200)]


def test_many_orders_of_one_customer_at_once_end_in_the_books_of_a_row(
    shop: Till, manual_shop: Till, workers: Workers
) -> None:
    manual_shop.set_mode(Mode.AUTOMATIC)
    facts = [order(number, line(1, 20_000, 2), on=number) for number in range(1, 17)]
    refunds = [refund_of(fact, units=1, on=20) for fact in facts[::3]]
    steps = [tell(fact) for fact in facts] + [pay_back(fact) for fact in refunds]
    for step in steps:
        manual_shop.run(step)
    one_by_one = books(manual_shop)
    for first in range(0, len(steps), 4):
        hurried = steps[first : first + 4]
        assert workers.at_once(*hurried) == [None] * len(hurried)
    assert books(shop) == one_by_one


def test_batches_that_share_orders_and_customers_do_not_wait_in_a_circle(shop: Till, workers: Workers) -> None:
    facts = [order(n, line(1, 1_000 * n), on=n, customer=ADA if n % 2 else BEN) for n in range(1, 13)]
    newer = [later(fact, customer=replace(fact.customer, name=f"Name {fact.name}")) for fact in facts]
    for _ in range(3):
        ended = workers.at_once(tell(*facts), tell(*reversed(newer)), tell(*facts[3:], *newer[:3]), tell(*newer[::-2]))
        assert ended == [None] * 4
    shop.check()
    assert shop.balances(ADA)[1] > 0


def test_of_two_people_who_approve_at_once_exactly_one_wins(shop: Till, workers: Workers) -> None:
    shop.set_mode(Mode.MANUAL)
    for number in range(1, 6):
        paid = order(number, on=number)
        shop.tell(paid)
        seen = shop.reward(paid)
        ended = workers.at_once(approve(seen.id, seen.version), approve(seen.id, seen.version))
        assert sorted(type(error).__name__ for error in ended) == ["NoneType", "Refused"]
        assert shop.transfers(paid) == [("credit", shop.kept(paid))]
    shop.check()


def test_of_an_approval_and_a_rejection_at_once_exactly_one_wins(shop: Till, workers: Workers) -> None:
    shop.set_mode(Mode.MANUAL)
    paid = order(1)
    shop.tell(paid)
    seen = shop.reward(paid)
    ended = workers.at_once(
        approve(seen.id, seen.version),
        lambda session, row: review.reject(session, row.id, seen.id, seen.version, STAFF, day(10), "Resale."),
    )
    assert sum(isinstance(error, Refused) for error in ended) == 1
    assert shop.reward(paid).state in (RewardState.SETTLED, RewardState.REJECTED)
    shop.check()


def test_an_approval_and_a_refund_at_once_take_back_exactly_what_was_given(shop: Till, workers: Workers) -> None:
    shop.set_mode(Mode.MANUAL)
    for number in range(1, 9):
        paid = order(number, line(1, 10_000, 2), on=number)
        shop.tell(paid)
        seen = shop.reward(paid)
        approved, refunded = workers.at_once(approve(seen.id, seen.version), pay_back(refund_of(paid, units=1, on=30)))
        assert approved is None or isinstance(approved, Refused)
        assert refunded is None
        shop.check()


def test_two_sweeps_at_once_settle_each_reward_once(shop: Till, workers: Workers) -> None:
    shop.pause()
    facts = [order(number, on=number) for number in range(1, 9)]
    shop.tell(*facts)
    shop.resume()
    assert workers.at_once(*[lambda session, row: settle.settle_due(session, row, day(10))] * 3) == [None] * 3
    assert [len(shop.transfers(fact)) for fact in facts] == [1] * 8
    shop.check()


def test_switching_the_mode_does_not_wait_in_a_circle_with_an_order_being_told(shop: Till, workers: Workers) -> None:
    shop.set_mode(Mode.MANUAL)
    shop.tell(order(1))
    db.session.remove()
    with transaction() as session:
        row = session.get_one(Shop, shop.id)
        lock_customers(session, shop.id, session.scalars(select(Customer.id)).all())
        switching = workers.start(
            lambda session, row: program.set_mode(
                session, row.id, Mode.AUTOMATIC, program.Waiting.RELEASE, STAFF, day(10)
            )
        )
        wait_until_somebody_waits()
        earn.record_orders(session, row, [order(2, on=1)], day(10))
    assert switching.result(timeout=10) == 2
    shop.settle_due()
    assert shop.balances() == (0, 400, 0)


def test_a_customers_new_name_does_not_lock_out_of_order(shop: Till, workers: Workers) -> None:
    shop.tell(order(1), order(2, customer=BEN))
    with reading() as session:
        ada, ben = session.scalars(select(Customer.id).order_by(Customer.id)).all()
    renamed = order(2, customer=replace(BEN, name="Ben Renamed"), updated_at=day(1))
    db.session.remove()
    with transaction() as session:
        lock_customers(session, shop.id, {ada})
        telling = workers.start(tell(renamed, later(order(1))))
        wait_until_somebody_waits()
        lock_customers(session, shop.id, {ada, ben})
    assert telling.exception(timeout=10) is None
    shop.check()


def test_a_flow_decides_on_what_stands_once_it_holds_the_lock(shop: Till, workers: Workers) -> None:
    shop.set_mode(Mode.MANUAL)
    paid = order(1, line(1, 20_000, 2))
    shop.tell(paid)
    seen = shop.reward(paid)
    db.session.remove()
    with transaction() as session:
        remembered = session.get_one(Reward, seen.id)
        assert workers.start(approve(seen.id, seen.version)).exception(timeout=10) is None
        refund.record_refunds(session, session.get_one(Shop, shop.id), [refund_of(paid, units=1)], day(10))
        assert remembered.state is RewardState.SETTLED
    assert shop.transfers(paid) == [("credit", 400), ("debit", 200)]
    shop.check()


def test_an_old_version_does_not_overwrite_a_newer_one_told_meanwhile(shop: Till, workers: Workers) -> None:
    first = order(1)
    shop.tell(first)
    db.session.remove()
    with transaction() as session:
        row = session.get_one(Shop, shop.id)
        remembered = session.scalars(select(Order)).all()
        assert workers.start(tell(later(first, 90, cancelled_at=day(1)))).exception(timeout=10) is None
        earn.record_orders(session, row, [later(first, 30)], day(10))
        assert remembered[0].cancelled_at == day(1)
    assert shop.reward(first).state is RewardState.REVERSED
    shop.check()


def test_what_is_told_while_a_person_is_forgotten_comes_in_without_the_person(shop: Till, workers: Workers) -> None:
    paid = order(1, email=ADA.email)
    shop.tell(paid)
    noted = replace(refund_of(paid, units=1), note="Ada called.")
    for news in (tell(later(paid, tags=("any",)), order(2, email=ADA.email)), pay_back(noted)):
        db.session.remove()
        with transaction() as session:
            privacy.redact(session, shop.id, ADA.customer_id, (), day(10))
            telling = workers.start(news)
            wait_until_somebody_waits()
        assert telling.exception(timeout=30) is None
        said = [row for name, row in all_rows() if name in ("customers", "orders", "refunds")]
        assert not [row for row in said if "Ada" in row or "ada@" in row]
    shop.check()


def test_whoever_agrees_while_the_customer_is_merged_locks_who_is_kept(shop: Till, workers: Workers) -> None:
    shop.publish(second_person_above_minor=100)
    shop.tell(order(1), order(2, customer=BEN))
    with reading() as session:
        ada, ben = session.scalars(select(Customer.id).order_by(Customer.id)).all()
    given = ben, TransferKind.CREDIT, 500, ReasonCode.GOODWILL, "Late parcel."
    proposed = shop.run(lambda session, row: adjust.propose(session, row.id, *given, STAFF, day(10), "late").id)

    def agree(session: Session, row: Shop) -> bool:
        """Return whether nobody else can lock Ada then."""
        adjust.agree(session, row.id, proposed, "staff:8", day(10))
        lock = text("SELECT id FROM customers WHERE id = :id FOR NO KEY UPDATE SKIP LOCKED")
        with db.engine.connect() as other:
            return other.scalar(lock, {"id": ada}) is None

    db.session.remove()
    with transaction() as session:
        merged = CustomersMerged(ADA.customer_id, BEN.customer_id, day(10))
        merges.record_merges(session, session.get_one(Shop, shop.id), [merged], day(10))
        agreeing = workers.start(agree)
        wait_until_somebody_waits()
    assert agreeing.result(timeout=30) is True
    assert shop.balances(ADA) == (0, 900, 0)
    shop.check()


def test_a_goodbye_from_before_an_installation_that_is_under_way_does_not_end_it(shop: Till, workers: Workers) -> None:
    db.session.remove()
    with transaction() as session:
        session.get_one(Shop, shop.id).installed_at = day(11)
        session.flush()
        leaving = workers.start(lambda session, row: record_uninstalled(session, row, [Uninstalled(day(10))], day(10)))
        wait_until_somebody_waits()
    assert leaving.exception(timeout=30) is None
    with reading() as session:
        assert session.get_one(Shop, shop.id).uninstalled_at is None


def test_an_old_word_of_a_shop_does_not_overwrite_a_newer_one_told_meanwhile(shop: Till, workers: Workers) -> None:
    newer, older = (ShopTold(None, "USD", zone, day(on)) for zone, on in (("Europe/Berlin", 9), ("Asia/Tokyo", 8)))
    db.session.remove()
    with transaction() as session:
        record_shops(session, session.get_one(Shop, shop.id), [newer], day(10))
        telling = workers.start(lambda session, row: record_shops(session, row, [older], day(10)))
        wait_until_somebody_waits()
    assert telling.exception(timeout=30) is None
    with reading() as session:
        assert session.get_one(Shop, shop.id).timezone == "Europe/Berlin"
