"""The log of deliveries: bodies go when they were kept long enough, the rest stays; the shop says anew who it is."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.db import transaction
from app.engine.flows import deliveries, lifecycle
from app.engine.flows.details import record_details
from app.engine.rules.facts import DeletionFact, ReturnFact, ReturnStatus
from app.engine.rules.holds import HoldReason
from app.engine.rules.states import RewardState
from app.engine.rules.terms import HoldRules, Mode, Release, ReleaseKind
from app.errors import NotFound, Refused
from app.models import AuditEvent, Delivery, DeliveryState, Shop
from tests.flows.builders import BIG, STAFF, Till, all_rows, day, later, order, reading

LATER = Release(ReleaseKind.DAYS_AFTER_PAID, 20)


def store(till: Till, name: str, state: DeliveryState = DeliveryState.HANDLED, on: int = 0, **values: Any) -> int:
    with transaction() as session:
        row = Delivery(
            shop_id=till.id,
            webhook_id=name,
            topic="orders/paid",
            received_at=day(on),
            body=b"{}",
            state=state,
            **values,
        )
        session.add(row)
        session.flush()
        return row.id


def kept() -> set[str]:
    with reading() as session:
        return set(
            session.scalars(select(Delivery.webhook_id).where(Delivery.body != b"", Delivery.pruned_at.is_(None)))
        )


def prune(till: Till, now: datetime) -> int:
    return till.run(lambda session, shop: deliveries.prune(session, shop, now))


def to_prune(now: datetime) -> list[int]:
    with reading() as session:
        return deliveries.list_shops_to_prune(session, now)


def test_bodies_go_after_the_days_the_shop_keeps_them_and_not_before(shop: Till) -> None:
    for state in DeliveryState:
        store(shop, state.value, state)
    store(shop, "young", on=1)
    assert (to_prune(day(30)), prune(shop, day(30))) == ([], 0)
    late = day(30) + timedelta(seconds=1)
    assert to_prune(late) == [shop.id]
    assert prune(shop, late) == 2
    assert kept() == {"received", "failed", "young"}
    assert (to_prune(late), prune(shop, late)) == ([], 0)


def test_each_shop_keeps_its_own_days(shop: Till) -> None:
    store(shop, "one")
    with transaction() as session:
        session.get_one(Shop, shop.id).keep_deliveries_days = 1
    assert prune(shop, day(1, seconds=1)) == 1


def test_pruning_goes_in_batches(shop: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "BATCH", 2)
    for number in range(5):
        store(shop, str(number))
    assert [prune(shop, day(60)) for _ in range(4)] == [2, 2, 1, 0]


def test_pruning_goes_in_batches_whatever_plan_the_database_makes(shop: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "BATCH", 2)
    for number in range(5):
        store(shop, str(number))

    def prune_row_by_row(session: Session, row: Shop) -> int:
        for way in ("hashjoin", "mergejoin", "hashagg", "material", "sort"):
            session.execute(text(f"SET LOCAL enable_{way} = off"))
        return deliveries.prune(session, row, day(60))

    assert [shop.run(prune_row_by_row) for _ in range(4)] == [2, 2, 1, 0]


@pytest.mark.parametrize(("redacted", "uninstalled", "goes"), [(True, True, 1), (True, False, 0), (False, True, 0)])
def test_a_shop_that_was_forgotten_keeps_nothing_while_it_is_away(
    shop: Till, redacted: bool, uninstalled: bool, goes: int
) -> None:
    store(shop, "one")
    with transaction() as session:
        row = session.get_one(Shop, shop.id)
        row.redacted_at, row.uninstalled_at = day(0) if redacted else None, day(0) if uninstalled else None
    assert prune(shop, day(1)) == goes


def test_failed_deliveries_are_listed_to_be_replayed_but_for_those_without_a_body(shop: Till) -> None:
    first = store(shop, "one", DeliveryState.FAILED)
    store(shop, "two", DeliveryState.FAILED, pruned_at=day(1))
    other = store(shop, "three", DeliveryState.FAILED)
    with transaction() as session:
        session.get_one(Delivery, other).topic = "refunds/create"
    with reading() as session:
        assert deliveries.list_failed(session, shop.id) == [first, other]
        assert deliveries.list_failed(session, shop.id, "orders/paid") == [first]


def test_a_delivery_without_a_body_is_not_replayed(shop: Till) -> None:
    number = store(shop, "one", DeliveryState.FAILED, pruned_at=day(1))
    rows = all_rows()
    with pytest.raises(Refused, match="was removed with a customer's personal data"):
        shop.run(lambda session, row: deliveries.replay(session, row.id, number, STAFF, day(2)))
    assert all_rows() == rows


def tell_shop(till: Till, on: int, name: str | None = "New", currency: str = "USD", zone: str | None = None) -> None:
    def flow(session: Session, shop: Shop, now: datetime) -> None:
        lifecycle.change_shop(session, shop, name, currency, zone, day(on), now)

    till.twice(flow, day(on))


def shop_row(till: Till) -> tuple[str, str, str, str | None]:
    with reading() as session:
        row = session.get_one(Shop, till.id)
        return row.name, row.timezone, row.currency, row.other_currency


def test_the_newest_word_on_the_shop_counts(shop: Till) -> None:
    tell_shop(shop, 5, name="Newer", zone="Europe/Oslo")
    tell_shop(shop, 4, name="Older", zone="Asia/Tokyo")
    assert shop_row(shop) == ("Newer", "Europe/Oslo", "USD", None)


@pytest.mark.parametrize("zone", [None, "Nowhere/At all", "../etc/passwd", "\x00"])
def test_a_time_zone_that_is_none_changes_nothing(shop: Till, zone: str | None) -> None:
    tell_shop(shop, 5, name=None, zone=zone)
    assert shop_row(shop) == ("made-up.myshopify.com", "UTC", "USD", None)


def test_another_currency_is_noted_and_forgotten_again_and_the_books_keep_theirs(shop: Till) -> None:
    tell_shop(shop, 5, currency="EUR")
    assert shop_row(shop)[2:] == ("USD", "EUR")
    tell_shop(shop, 6)
    assert shop_row(shop)[2:] == ("USD", None)
    with reading() as session:
        noted = select(AuditEvent.after).where(AuditEvent.action == "change_shop").order_by(AuditEvent.id)
        changes = session.scalars(noted).all()
        assert [change["other_currency"] for change in changes] == ["EUR", None]


def tell_details(till: Till, *facts: ReturnFact | DeletionFact) -> None:
    till.twice(lambda session, shop, now: record_details(session, shop, facts, now), day(10))


def returned(status: ReturnStatus, on: int, number: int = 1) -> ReturnFact:
    return ReturnFact(BIG + 900 + number, BIG + 1, status, day(on))


def test_of_a_return_the_newest_word_counts_in_whatever_order_it_comes(shop: Till) -> None:
    shop.publish(holds=HoldRules(open_return=True), release=LATER)
    shop.tell(order(1))
    tell_details(shop, returned(ReturnStatus.CLOSED, 5))
    tell_details(shop, returned(ReturnStatus.OPEN, 4))
    assert shop.reward(order(1)).state is RewardState.PENDING
    tell_details(shop, returned(ReturnStatus.OPEN, 6), returned(ReturnStatus.CLOSED, 5))
    assert shop.reward(order(1)).hold == HoldReason.OPEN_RETURN
    tell_details(shop, returned(ReturnStatus.CLOSED, 6))
    assert shop.reward(order(1)).state is RewardState.PENDING


def test_two_returns_hold_until_both_are_over(manual_shop: Till) -> None:
    manual_shop.publish(holds=HoldRules(open_return=True))
    tell_details(manual_shop, returned(ReturnStatus.OPEN, 4), returned(ReturnStatus.REQUESTED, 4, number=2))
    manual_shop.tell(order(1))
    tell_details(manual_shop, returned(ReturnStatus.CLOSED, 5))
    assert manual_shop.reward(order(1)).hold == HoldReason.OPEN_RETURN
    tell_details(manual_shop, returned(ReturnStatus.DECLINED, 5, number=2))
    assert manual_shop.reward(order(1)).state is RewardState.IN_REVIEW


def test_a_person_lets_a_reward_go_whatever_is_open(shop: Till) -> None:
    shop.publish(holds=HoldRules(open_return=True))
    tell_details(shop, returned(ReturnStatus.OPEN, 4))
    shop.tell(order(1))
    shop.approve(order(1))
    tell_details(shop, returned(ReturnStatus.OPEN, 5))
    assert shop.reward(order(1)).state is RewardState.SETTLED


def test_what_the_terms_do_not_hold_is_not_held(shop: Till) -> None:
    tell_details(shop, returned(ReturnStatus.OPEN, 4))
    shop.tell(order(1))
    assert shop.reward(order(1)).state is RewardState.SETTLED


@pytest.mark.parametrize("mode", list(Mode))
def test_a_deleted_order_counts_as_cancelled_whichever_comes_first(shop: Till, mode: Mode) -> None:
    shop.set_mode(mode)
    shop.tell(order(1))
    tell_details(shop, DeletionFact(BIG + 1, day(3)), DeletionFact(BIG + 2, day(4)))
    shop.tell(order(2), later(order(1)))
    assert (shop.kept(order(1)), shop.kept(order(2))) == (0, 0)
    assert shop.balances() == (0, 0, 0)


def test_the_first_word_of_a_deletion_counts_and_a_cancellation_before_it_stays(shop: Till) -> None:
    shop.tell(order(1), later(order(2), cancelled_at=day(1)))
    for on in (5, 3, 4):
        tell_details(shop, DeletionFact(BIG + 1, day(on)), DeletionFact(BIG + 2, day(on)))
    facts = [row for name, row in all_rows() if name == "order_details"]
    assert len(facts) == 2
    assert all(day(3).isoformat() in row for row in facts)
    assert (shop.kept(order(1)), shop.kept(order(2))) == (0, 0)


def test_a_second_goodbye_changes_nothing(shop: Till) -> None:
    shop.twice(lambda session, row, now: lifecycle.uninstall(session, row, now), day(3))
    with reading() as session:
        assert session.get_one(Shop, shop.id).uninstalled_at == day(3)
        assert len(session.scalars(select(AuditEvent).where(AuditEvent.action == "uninstall")).all()) == 1


def test_a_delivery_of_nobody_is_not_replayed(shop: Till) -> None:
    with pytest.raises(NotFound):
        shop.run(lambda session, row: deliveries.replay(session, row.id, 5, STAFF, day(2)))
