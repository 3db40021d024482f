"""The drain: each delivery ends once, as handled, failed or later, and never takes its neighbours along."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.db import db, transaction
from app.engine.flows.deliveries import replay
from app.engine.rules.terms import Mode
from app.errors import Broken, NotFound, NotYet, Refused
from app.models import AuditEvent, Delivery, DeliveryState, LedgerEntry, Order, Reward, Shop
from app.webhooks.fates import MOST_ATTEMPTS, MOST_PATIENT_ATTEMPTS
from app.webhooks.inbox import DrainReport, drain
from app.webhooks.topics import HANDLERS, Handler
from tests.webhooks.conftest import Inbox, NewShop
from tests.webhooks.sending import Sender, example

NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)


def now() -> datetime:
    return NOW


@dataclass(frozen=True)
class Word:
    """What the made-up topic says: a word, which decides what its flow does."""

    text: str


def parse_word(body: dict[str, Any], origin: object) -> Word:
    if body["word"] == "unreadable":
        raise KeyError("unreadable")
    return Word(body["word"])


def record_words(session: Session, shop: Shop, words: Sequence[Word], at: datetime) -> None:
    """A flow that writes one audit event for each word, and then fails in the way the word says."""
    for word in words:
        session.add(
            AuditEvent(
                shop_id=shop.id,
                at=at,
                actor="system",
                action=f"{word.text} of {len(words)}",
                subject="word",
                subject_id=1,
                before={},
                after={},
            )
        )
        session.flush()
        match word.text:
            case "broken":
                raise Broken("The word is broken.")
            case "not yet":
                raise NotYet("The word comes later.")
            case "refused":
                raise Refused("The word is refused.")
            case "unexpected":
                raise ZeroDivisionError("something else")
            case "deadlock":
                session.execute(text("DO $$ BEGIN RAISE 'dead' USING ERRCODE = '40P01'; END $$"))
            case "number":
                session.execute(text("SELECT 1 / (0 * :secret)"), {"secret": 4711})


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add a made-up topic whose flow fails on request."""
    handler = Handler(parse_word, record_words, lambda word: len(word.text), lambda _: None)
    monkeypatch.setitem(HANDLERS, "test/words", handler)


def recorded() -> list[str]:
    actions = db.session.scalars(select(AuditEvent.action).where(AuditEvent.subject == "word").order_by(AuditEvent.id))
    return list(actions)


def say(sender: Sender, *texts: str) -> None:
    for word in texts:
        assert sender.send("test/words", {"word": word}).status_code == 200


def test_a_batch_reaches_its_flow_in_one_call_and_in_order(
    shop: Shop, words: None, sender: Sender, inbox: Inbox
) -> None:
    say(sender, "one", "two", "three")
    assert drain(now) == DrainReport(handled=3)
    assert recorded() == ["one of 3", "two of 3", "three of 3"]
    assert {(row.state, row.handled_at, row.reason) for row in inbox()} == {(DeliveryState.HANDLED, NOW, None)}
    assert [row.order_shopify_id for row in inbox()] == [3, 3, 5]


def test_what_is_handled_is_not_taken_again(shop: Shop, words: None, sender: Sender) -> None:
    say(sender, "one")
    assert drain(now).taken == 1
    assert drain(now).taken == 0
    assert recorded() == ["one of 1"]


@pytest.mark.parametrize(
    ("poison", "reason"),
    [
        ("broken", "The word is broken."),
        ("refused", "The word is refused."),
        ("unexpected", "Unexpected: ZeroDivisionError: something else"),
        ("number", "Unexpected: DivisionByZero: division by zero"),
        ("unreadable", "Unexpected: KeyError: 'unreadable'"),
    ],
)
def test_a_poisoned_delivery_fails_with_its_reason_and_its_neighbours_go_on(
    shop: Shop, words: None, sender: Sender, inbox: Inbox, poison: str, reason: str
) -> None:
    say(sender, "one", poison, "two")
    assert drain(now, catch=Exception) == DrainReport(handled=2, failed=1)
    assert [row.state for row in inbox()] == [DeliveryState.HANDLED, DeliveryState.FAILED, DeliveryState.HANDLED]
    assert [row.reason for row in inbox()] == [None, reason, None]
    assert [action.split()[0] for action in recorded()] == ["one", "two"]
    assert drain(now, catch=Exception).taken == 0


def test_without_the_frame_of_the_jobs_an_unexpected_error_leaves_everything_waiting(
    shop: Shop, words: None, sender: Sender, inbox: Inbox
) -> None:
    say(sender, "one", "unexpected")
    with pytest.raises(ZeroDivisionError):
        drain(now)
    assert {row.state for row in inbox()} == {DeliveryState.RECEIVED}
    assert recorded() == []


def test_a_reason_carries_no_value_of_a_statement(shop: Shop, words: None, sender: Sender, inbox: Inbox) -> None:
    say(sender, "number")
    drain(now, catch=Exception)
    (row,) = inbox()
    assert "4711" not in (row.reason or "")


@pytest.mark.parametrize("passing", ["not yet", "deadlock"])
def test_what_may_work_later_waits_and_its_neighbours_go_on(
    shop: Shop, words: None, sender: Sender, inbox: Inbox, passing: str
) -> None:
    say(sender, "one", passing, "two")
    assert drain(now) == DrainReport(handled=2, later=1)
    row = inbox()[1]
    assert (row.state, row.attempts, row.next_attempt_at) == (
        DeliveryState.RECEIVED,
        1,
        NOW + timedelta(seconds=2),
    )
    assert drain(now).taken == 0, "it was taken before its time"
    assert drain(lambda: NOW + timedelta(seconds=2)).later == 1


@pytest.mark.parametrize(("passing", "most"), [("not yet", MOST_PATIENT_ATTEMPTS), ("deadlock", MOST_ATTEMPTS)])
def test_the_intervals_grow_until_the_delivery_is_given_up(
    shop: Shop, words: None, sender: Sender, inbox: Inbox, passing: str, most: int
) -> None:
    say(sender, passing)
    at, waits = NOW, []
    while (row := inbox()[0]).state is DeliveryState.RECEIVED:
        if row.next_attempt_at is not None:
            waits.append(int((row.next_attempt_at - at).total_seconds()))
            at = row.next_attempt_at
        assert drain(lambda at=at: at).taken == 1  # type: ignore[misc]
    assert waits[:11] == [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048]
    assert set(waits[11:]) == ({3600} if passing == "not yet" else set())
    assert (row.state, row.attempts, row.next_attempt_at) == (DeliveryState.FAILED, most, None)
    assert row.reason is not None
    assert row.reason.startswith(f"Given up after {most} attempts. ")


def test_while_it_waits_a_delivery_says_why(shop: Shop, words: None, sender: Sender, inbox: Inbox) -> None:
    say(sender, "not yet")
    drain(now)
    assert inbox()[0].reason == "The word comes later."


def test_a_limit_leaves_the_newer_ones_for_the_next_batch(shop: Shop, words: None, sender: Sender) -> None:
    say(sender, "one", "two", "three")
    assert drain(now, limit=2).handled == 2
    assert drain(now, limit=2).handled == 1
    assert recorded() == ["one of 2", "two of 2", "three of 1"]


def test_shops_do_not_share_a_call(new_shop: NewShop, words: None, sender: Sender) -> None:
    first, second = new_shop("first.myshopify.com"), new_shop("second.myshopify.com")
    for shop in (second, first, second):
        sender.send("test/words", {"word": shop.domain[:5]}, shop=shop.domain)
    assert drain(now).handled == 3
    assert recorded() == ["first of 1", "secon of 2", "secon of 2"], "shops take turns"


def test_an_unreadable_order_fails_and_the_orders_beside_it_are_credited(
    shop: Shop, sender: Sender, inbox: Inbox
) -> None:
    sender.send("orders/paid", {**example("orders/paid"), "currency": "Dollars"})
    sender.send("orders/paid")
    assert drain(now) == DrainReport(handled=1, failed=1)
    assert inbox()[0].reason == "currency must be a currency code like USD; it is text 'Dollars'."
    assert db.session.scalar(select(func.count()).select_from(Order)) == 1


def test_two_drains_at_once_handle_each_delivery_once(app: Flask, shop: Shop, words: None, sender: Sender) -> None:
    say(sender, *(f"w{number}" for number in range(40)))
    start, reports = threading.Barrier(2), []

    def work() -> None:
        with app.app_context():
            start.wait()
            while (report := drain(now, limit=5)).taken:
                reports.append(report)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(report.handled for report in reports) == 40
    assert sorted(action.split()[0] for action in recorded()) == sorted(f"w{number}" for number in range(40))


def test_drains_at_once_on_the_same_customers_credit_each_order_once(
    app: Flask, shop: Shop, sender: Sender, inbox: Inbox
) -> None:
    body = example("orders/paid")
    for number in range(1, 61):
        customer = {"id": 8200000000000 + number * 7 % 5}
        order = {**body, "id": number, "admin_graphql_api_id": None, "customer": customer}
        sender.send("orders/paid", order)
        refund = {**example("refunds/create"), "id": number, "admin_graphql_api_id": None, "order_id": number}
        sender.send("refunds/create", refund)
    start = threading.Barrier(3)

    def work() -> None:
        with app.app_context():
            start.wait()
            while drain(now, limit=7, catch=Exception).taken:
                pass

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ends = {(row.state, row.reason, row.attempts) for row in inbox()}
    assert ends == {(DeliveryState.HANDLED, None, 0)}, "drains must not lock across each other"
    rewards = db.session.execute(
        select(Reward.granted_minor > 0, Reward.reversed_minor > 0, func.count()).group_by(text("1, 2"))
    )
    assert [tuple(row) for row in rewards] == [(True, True, 60)]


def test_deliveries_handled_one_by_one_keep_no_lock_on_what_was_handled_before(
    monkeypatch: pytest.MonkeyPatch, shop: Shop, sender: Sender, inbox: Inbox
) -> None:
    """Two drains that retry the same customers' orders one by one would otherwise lock across each other."""
    free: list[tuple[str, int]] = []

    def record_and_look(session: Session, shop: Shop, words: Sequence[Word], at: datetime) -> None:
        with db.engine.begin() as another:
            unlocked = select(AuditEvent.action).where(AuditEvent.subject == "word").with_for_update(skip_locked=True)
            free.append((words[0].text, len(another.execute(unlocked).all())))
        record_words(session, shop, words, at)

    handler = Handler(parse_word, record_and_look, lambda word: len(word.text), lambda _: None)
    monkeypatch.setitem(HANDLERS, "test/words", handler)
    say(sender, "one", "broken", "two", "three")
    assert drain(now) == DrainReport(handled=3, failed=1)
    assert free == [("one", 0), ("one", 0), ("broken", 1), ("two", 1), ("three", 2)]


def test_what_another_drain_holds_is_passed_over(app: Flask, shop: Shop, words: None, sender: Sender) -> None:
    say(sender, "one", "two")
    with db.engine.begin() as other:
        first = select(Delivery.id).order_by(Delivery.id).limit(1).with_for_update()
        assert other.execute(first).scalar() is not None
        assert drain(now).handled == 1
    assert recorded() == ["two of 1"]


def test_what_ended_before_an_unexpected_error_stays_ended(
    shop: Shop, sender: Sender, inbox: Inbox, words: None
) -> None:
    sender.send("orders/paid")
    say(sender, "unexpected")
    with pytest.raises(ZeroDivisionError):
        drain(now)
    assert db.session.scalar(select(func.count()).select_from(LedgerEntry)) == 2  # accrual and settlement
    assert [row.state for row in inbox()] == [DeliveryState.HANDLED, DeliveryState.RECEIVED]
    assert drain(now, catch=Exception) == DrainReport(failed=1)


def test_of_an_uninstalled_shop_only_the_goodbye_is_handled(new_shop: NewShop, sender: Sender, inbox: Inbox) -> None:
    new_shop(uninstalled_at=NOW)
    sender.send("orders/paid")
    sender.send("app/uninstalled")
    assert drain(now) == DrainReport(handled=1, ignored=1)
    assert inbox()[0].reason == "The app was uninstalled from this shop before this delivery was handled."
    assert db.session.scalar(select(func.count()).select_from(Order)) == 0


def test_a_topic_we_no_longer_know_is_ignored_with_a_reason(
    shop: Shop, words: None, sender: Sender, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(sender, "one")
    monkeypatch.delitem(HANDLERS, "test/words")
    assert drain(now) == DrainReport(ignored=1)
    assert "test/words" in (inbox()[0].reason or "")


def test_deliveries_of_a_paused_shop_are_still_handled(shop: Shop, words: None, sender: Sender) -> None:
    shop.paused_at, shop.paused_by, shop.mode = NOW, "owner@example.com", Mode.MANUAL
    db.session.commit()
    say(sender, "one")
    assert drain(now).handled == 1


def test_a_failed_delivery_can_be_replayed(shop: Shop, words: None, sender: Sender, inbox: Inbox) -> None:
    say(sender, "broken")
    drain(now)
    (row,) = inbox()
    with transaction() as session:
        replay(session, shop.id, row.id, "staff:7", NOW)
    (row,) = inbox()
    assert (row.state, row.attempts, row.reason, row.next_attempt_at) == (DeliveryState.RECEIVED, 0, None, None)
    assert drain(now).failed == 1


def test_only_a_failed_delivery_of_the_own_shop_can_be_replayed(
    shop: Shop, new_shop: NewShop, words: None, sender: Sender, inbox: Inbox
) -> None:
    say(sender, "one", "broken")
    drain(now)
    handled, failed = inbox()
    with pytest.raises(Refused, match="has not failed; only a failed one"):
        replay(db.session(), shop.id, handled.id, "staff:7", NOW)
    stranger = new_shop("stranger.myshopify.com")
    with pytest.raises(NotFound):
        replay(db.session(), stranger.id, failed.id, "staff:7", NOW)
