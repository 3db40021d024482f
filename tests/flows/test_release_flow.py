"""Rewards that wait for their day: scheduled with a date, settled by it once, and not a moment before."""

from datetime import date, datetime

import pytest
from sqlalchemy import select

from app.engine.flows import lifecycle, settle
from app.engine.rules.facts import OrderFact
from app.engine.rules.terms import Release, ReleaseKind
from app.models import Reward, Shop
from tests.flows.builders import BEN, Till, day, later, line, order, reading, refund_of

PAID = order(1)
TWO_WEEKS = Release(ReleaseKind.DAYS_AFTER_PAID, 14)
FULFILLED = Release(ReleaseKind.DAYS_AFTER_FULFILLED, 3)


def release_at(shop: Till, fact: OrderFact = PAID) -> datetime | None:
    seen = shop.reward(fact)
    with reading() as session:
        return session.get_one(Reward, seen.id).release_at


def state(shop: Till, fact: OrderFact = PAID) -> str:
    return shop.reward(fact).state.value


def test_at_once_settles_with_the_order(shop: Till) -> None:
    shop.tell(PAID)
    assert (state(shop), release_at(shop)) == ("settled", day(0))


def test_days_after_the_order_is_paid_are_counted_from_the_next_midnight(shop: Till) -> None:
    shop.publish(release=TWO_WEEKS)
    shop.tell(PAID, on=0)
    midnight = datetime.fromisoformat("2026-03-16T00:00+00:00")
    assert (state(shop), release_at(shop), shop.balances()) == ("pending", midnight, (200, 0, 0))
    assert shop.settle_due(on=14) == 0
    assert shop.settle_due(on=15) == 1
    assert shop.transfers(PAID) == [("credit", 200)]


def test_the_day_ends_in_the_shops_time_zone(shop: Till) -> None:
    with reading() as session:
        session.get_one(Shop, shop.id).timezone = "Pacific/Auckland"
    shop.publish(release=TWO_WEEKS)
    shop.tell(PAID, on=0)
    assert release_at(shop) == datetime.fromisoformat("2026-03-15T11:00+00:00")


def test_an_order_heard_of_after_its_day_settles_at_once(shop: Till) -> None:
    shop.publish(release=TWO_WEEKS)
    shop.tell(PAID, on=20)
    assert state(shop) == "settled"


def test_what_waits_for_its_fulfilment_has_no_day_before_it(shop: Till) -> None:
    shop.publish(release=FULFILLED)
    shop.tell(PAID, on=0)
    assert release_at(shop) is None
    assert shop.settle_due(on=300) == 0
    shop.tell(later(PAID, fulfilled_at=day(5)), on=5)
    assert (state(shop), release_at(shop)) == ("pending", datetime.fromisoformat("2026-03-10T00:00+00:00"))
    assert shop.settle_due(on=8) == 0
    assert shop.settle_due(on=9) == 1


def test_a_fulfilment_taken_back_before_its_day_waits_again(shop: Till) -> None:
    shop.publish(release=FULFILLED)
    done = later(PAID, fulfilled_at=day(5))
    shop.tell(PAID, done, on=5)
    shop.tell(later(done, fulfilled_at=None), on=6)
    assert release_at(shop) is None
    assert shop.settle_due(on=60) == 0


def test_a_fulfilment_told_after_its_day_settles_with_the_next_sweep(shop: Till) -> None:
    shop.publish(release=FULFILLED)
    shop.tell(PAID, on=0)
    shop.tell(later(PAID, fulfilled_at=day(1)), on=20)
    assert state(shop) == "pending"
    assert shop.settle_due(on=20) == 1


@pytest.mark.parametrize(
    ("release", "due"),
    [
        (Release(ReleaseKind.MONTH_END), "2026-04-01T00:00+00:00"),
        (Release(ReleaseKind.MONTH_END, 2), "2026-06-01T00:00+00:00"),
        (Release(ReleaseKind.ON_DATE, on=date(2026, 3, 20)), "2026-03-20T00:00+00:00"),
        (Release(ReleaseKind.ON_DATE, on=date(2026, 2, 20)), "2026-03-01T09:00+00:00"),
    ],
)
def test_other_days_are_kept_too(shop: Till, release: Release, due: str) -> None:
    shop.publish(release=release)
    shop.tell(PAID)
    assert release_at(shop) == datetime.fromisoformat(due)


def test_new_terms_leave_the_days_of_earlier_orders_alone(shop: Till) -> None:
    shop.publish(release=TWO_WEEKS)
    shop.tell(PAID)
    before = release_at(shop)
    shop.publish(on=1, release=Release())
    shop.tell(later(PAID, tags=("any",)))
    assert (state(shop), release_at(shop)) == ("pending", before)


def test_a_refund_before_the_day_lessens_what_settles_on_it(shop: Till) -> None:
    shop.publish(release=TWO_WEEKS)
    two = order(1, line(1, 20_000, 2))
    shop.tell(two)
    shop.pay_back(refund_of(two, units=1))
    assert shop.settle_due(on=15) == 1
    assert shop.transfers(two) == [("credit", 200)]
    assert shop.balances() == (0, 200, 0)


def test_what_is_cancelled_before_its_day_never_settles(shop: Till) -> None:
    shop.publish(release=TWO_WEEKS)
    shop.tell(PAID)
    shop.tell(later(PAID, cancelled_at=day(3)))
    assert state(shop) == "voided"
    assert shop.settle_due(on=30) == 0
    assert shop.transfers(PAID) == []


def test_a_day_that_comes_during_a_pause_is_made_up_for_after_it(shop: Till) -> None:
    shop.publish(release=TWO_WEEKS)
    shop.tell(PAID)
    shop.pause()
    assert shop.settle_due(on=20) == 0
    shop.resume()
    assert shop.settle_due(on=21) == 1


def test_after_uninstalling_no_day_comes(shop: Till) -> None:
    shop.publish(release=TWO_WEEKS)
    shop.tell(PAID)
    shop.run(lambda session, row: lifecycle.uninstall(session, row, day(3)))
    assert shop.settle_due(on=20) == 0
    assert state(shop) == "pending"


def test_what_is_due_longest_settles_first_and_what_is_not_due_keeps_nothing_waiting(shop: Till) -> None:
    shop.publish(release=TWO_WEEKS)
    facts = [order(number, on=4 - number, customer=BEN) for number in range(1, 5)]
    shop.tell(*facts, order(9, on=30), on=0)
    settled = [shop.run(lambda session, row: settle.settle_due(session, row, day(20), limit=3)) for _ in range(3)]
    assert settled == [3, 1, 0]
    shop.check()
    with reading() as session:
        moments = session.scalars(select(Reward.release_at).where(Reward.settled_at.is_not(None))).all()
        assert len(moments) == 4
    assert state(shop, order(9)) == "pending"


def test_of_two_that_are_due_the_one_due_longer_settles_first(shop: Till) -> None:
    shop.publish(release=TWO_WEEKS)
    younger, older = order(1, on=2), order(2, on=1)
    shop.tell(younger, older, on=2)
    shop.run(lambda session, row: settle.settle_due(session, row, day(20), limit=1))
    assert (state(shop, younger), state(shop, older)) == ("pending", "settled")
