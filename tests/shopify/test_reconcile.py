"""What webhooks never told is found, made good and counted, once, whatever happens on the way."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.db import db, transaction
from app.engine.flows import program, reconcile
from app.engine.flows.lifecycle import uninstall
from app.engine.rules.states import RewardState
from app.engine.rules.terms import Mode
from app.errands.lookups import Lookups
from app.errands.reconciliation import reconcile_turn
from app.models import Delivery, DeliveryState, DetailKind, Order, OrderDetail, ReconcileRun, Refund, Reward, Shop
from app.shopify.errors import AccessDenied, ServerTrouble, Throttled, TokenRefused
from app.webhooks.inbox import drain
from app.webhooks.orders_read import TOPIC
from tests.shopify.conftest import PATIENCE
from tests.shopify.deck import Deck
from tests.shopify.desk import Desk, install

Json = dict[str, Any]


@dataclass
class Watch:
    """A shop whose webhooks all get lost, and the look at what they would have said."""

    desk: Desk
    deck: Deck

    def call(self, path: str, **body: Any) -> Json:
        answer = self.deck.call(path, **body)
        assert answer is not None, (path, body)
        return answer

    def sell(self, price: str = "100.00", **wanted: Any) -> int:
        line = {"price": price, "quantity": 1}
        order = self.call("orders", **{"customer": {"email": "ada@example.com"}, "lines": [line], **wanted})
        return int(order["id"])

    def wait(self, minutes: float) -> None:
        self.desk.clock.advance(int(minutes * 60))

    def look(self, page_size: int = 100) -> ReconcileRun:
        """Look at all that changed, as the job does in its turns, and handle what was found."""
        run = reconcile_turn(self.desk.shop_id, lasts=None, clock=self.desk.clock, page_size=page_size)
        assert run is not None
        self.handle()
        return run

    def handle(self) -> None:
        Lookups(self.desk.clock, patience_seconds=PATIENCE).ask_first()
        drain(self.desk.clock)

    def counts(self, page_size: int = 100) -> tuple[int, int, int]:
        run = self.look(page_size)
        return run.orders_seen, run.orders_missed, run.refunds_missed

    def reward(self, order_id: int) -> Reward:
        db.session.rollback()
        found = select(Reward).join(Order, Order.id == Reward.order_id).where(Order.shopify_id == order_id)
        return db.session.scalars(found).one()

    def deliveries(self) -> list[Delivery]:
        db.session.rollback()
        return list(db.session.scalars(select(Delivery).order_by(Delivery.id)))

    def is_due(self) -> bool:
        db.session.rollback()
        return self.desk.shop_id in reconcile.list_due_shops(db.session, self.desk.clock())


@pytest.fixture
def watch(desk: Desk) -> Watch:
    with transaction() as session:
        program.set_mode(session, desk.shop_id, Mode.AUTOMATIC, program.Waiting.KEEP, "test", desk.clock())
    desk.clock.advance(2)
    return Watch(desk, Deck(desk.box.url, seed=1))


def test_a_missed_order_is_made_good_and_counted_once(watch: Watch) -> None:
    order_id = watch.sell()
    watch.wait(3)
    assert watch.counts() == (1, 1, 0)
    assert (watch.reward(order_id).granted_minor, watch.reward(order_id).state) == (200, RewardState.SETTLED)
    assert watch.counts() == (1, 0, 0), "seen again within the overlap, and known"
    assert [delivery.topic for delivery in watch.deliveries()] == [TOPIC]


def test_what_is_too_young_to_be_missed_is_recorded_all_the_same(watch: Watch) -> None:
    order_id = watch.sell()
    watch.wait(1)
    assert watch.counts() == (1, 0, 0)
    assert watch.reward(order_id).granted_minor == 200


def test_missed_refunds_and_cancellations_take_their_part_back(watch: Watch) -> None:
    refunded, cancelled = watch.sell(), watch.sell()
    watch.wait(3)
    watch.look()
    watch.call(f"orders/{refunded}/refund", amount="40.00")
    watch.call(f"orders/{cancelled}/cancel")
    watch.wait(3)
    assert watch.counts() == (2, 2, 2)
    assert [watch.reward(order_id).reversed_minor for order_id in (refunded, cancelled)] == [80, 200]


def test_a_refund_of_an_order_whose_version_is_known_is_no_miss(watch: Watch) -> None:
    order_id = watch.sell()
    watch.wait(3)
    watch.look()
    watch.call(f"orders/{order_id}/refund", amount="40.00")
    watch.wait(1)
    watch.look()
    watch.wait(5)
    assert watch.counts() == (1, 0, 0)
    assert db.session.scalar(select(func.count()).select_from(Refund)) == 1


def test_payments_risk_and_disputes_come_with_the_order(watch: Watch) -> None:
    order_id = watch.sell(gift_card="20.00", risk="high")
    watch.call(f"orders/{order_id}/dispute")
    watch.look()
    db.session.rollback()
    rows = db.session.scalars(select(OrderDetail.kind).order_by(OrderDetail.kind)).all()
    assert rows == [DetailKind.DISPUTE, DetailKind.PAYMENT, DetailKind.PAYMENT, DetailKind.RISK]
    assert watch.reward(order_id).state is RewardState.HELD
    assert watch.reward(order_id).granted_minor == 160, "a fifth was paid with the gift card"


def test_days_of_downtime_are_caught_up_in_pages_and_by_several_turns(watch: Watch) -> None:
    watch.look()
    orders = []
    for _ in range(7):
        orders.append(watch.sell("20.00"))
        watch.wait(12 * 60)
    turns = 0
    # A turn without any time ends after each page, as if another worker took over with what is written down.
    while (run := one_page(watch, size=2)) is None:
        turns += 1
    assert turns >= 3
    assert (run.orders_missed, run.orders_unreadable) == (7, 0)
    watch.handle()
    assert [watch.reward(order_id).granted_minor for order_id in orders] == [40] * 7


def one_page(watch: Watch, size: int) -> ReconcileRun | None:
    return reconcile_turn(watch.desk.shop_id, lasts=timedelta(), clock=watch.desk.clock, page_size=size)


def test_more_orders_of_one_second_than_fit_on_a_page_are_all_seen(watch: Watch) -> None:
    at = watch.desk.clock().isoformat()
    orders = [watch.sell(created_at=at) for _ in range(5)]
    watch.wait(3)
    run = watch.look(page_size=2)
    assert (run.orders_missed, sorted(orders)) == (5, sorted(known_orders()))


def test_an_order_that_changes_while_the_pages_are_read_is_met_at_their_end(watch: Watch) -> None:
    first, *_ = [watch.sell(created_at=at(watch, second)) for second in range(4)]
    watch.wait(3)
    assert one_page(watch, size=2) is None
    watch.call(f"orders/{first}/refund", amount="40.00")
    while one_page(watch, size=2) is None:
        pass
    watch.handle()
    assert len(known_orders()) == 4
    assert watch.reward(first).reversed_minor == 80


def at(watch: Watch, second: int) -> str:
    return (watch.desk.clock() + timedelta(seconds=second)).isoformat()


def known_orders() -> list[int]:
    db.session.rollback()
    return list(db.session.scalars(select(Order.shopify_id)))


def test_two_workers_at_once_book_and_count_once(watch: Watch) -> None:
    watch.sell()
    watch.wait(3)
    with transaction() as session:
        shop = session.get_one(Shop, watch.desk.shop_id)
        one, other = (reconcile.begin(session, shop, watch.desk.clock()) for _ in range(2))
    assert one == other
    first = watch.look()
    second = watch.look()
    assert (first.orders_missed, second.orders_missed) == (1, 0)


def test_what_still_waits_in_the_inbox_is_not_counted_as_missed(watch: Watch) -> None:
    watch.sell()
    watch.wait(3)
    turn = reconcile_turn(watch.desk.shop_id, lasts=None, clock=watch.desk.clock)
    assert turn is not None
    assert turn.orders_missed == 1
    again = reconcile_turn(watch.desk.shop_id, lasts=None, clock=watch.desk.clock)
    assert again is not None
    assert again.orders_missed == 0, "the first look has put it into the inbox"
    assert len(watch.deliveries()) == 1


def test_it_is_time_again_after_the_shops_minutes(watch: Watch) -> None:
    assert watch.is_due(), "nobody has looked yet"
    watch.look()
    assert not watch.is_due()
    watch.wait(14)
    assert not watch.is_due()
    watch.wait(1.1)
    assert watch.is_due()


def test_waiting_deliveries_come_first_but_not_for_ever(watch: Watch) -> None:
    with transaction() as session:
        session.add(waiting_delivery(watch.desk.shop_id, watch.desk.clock()))
    assert watch.is_due(), "it has just arrived"
    watch.wait(2)
    assert not watch.is_due()
    watch.wait(61)
    assert watch.is_due()


def waiting_delivery(shop_id: int, now: datetime) -> Delivery:
    return Delivery(
        shop_id=shop_id,
        webhook_id="w1",
        topic="orders/paid",
        received_at=now,
        body=b"{}",
        state=DeliveryState.RECEIVED,
    )


def test_a_shop_that_took_the_app_away_is_left_alone_and_made_good_when_it_comes_back(watch: Watch) -> None:
    watch.look()
    with transaction() as session:
        uninstall(session, session.get_one(Shop, watch.desk.shop_id), watch.desk.clock())
    order_id = watch.sell()
    watch.wait(24 * 60)
    assert not watch.is_due()
    with pytest.raises(TokenRefused, match="not installed"):
        watch.look()
    assert install(watch.desk.box, watch.desk.clock()) == watch.desk.shop_id
    run = watch.look()
    assert (run.orders_missed, watch.reward(order_id).granted_minor) == (0, 200), "no webhook of ours was missed"


@pytest.mark.parametrize(
    ("faults", "error"),
    [({"http_5xx": 1.0}, ServerTrouble), ({"throttled": 1.0}, Throttled)],
)
def test_when_shopify_does_not_answer_the_run_goes_on_later_from_where_it_was(
    watch: Watch, faults: Json, error: type[Exception]
) -> None:
    order_id = watch.sell()
    watch.wait(3)
    watch.desk.faults(**faults)
    with pytest.raises(error):
        watch.look()
    assert not watch.is_due(), "it waits some seconds"
    watch.desk.faults()
    watch.wait(1)
    assert watch.is_due()
    assert watch.counts() == (1, 1, 0)
    assert watch.reward(order_id).granted_minor == 200
    assert db.session.scalar(select(func.count()).select_from(ReconcileRun)) == 1


def test_the_waits_grow_up_to_a_quarter_of_an_hour(watch: Watch) -> None:
    now = watch.desk.clock()
    with transaction() as session:
        run_id = reconcile.begin(session, session.get_one(Shop, watch.desk.shop_id), now).run_id
    waits = []
    for _ in range(9):
        with transaction() as session:
            reconcile.postpone(session, run_id, "silence", now)
            run = session.get_one(ReconcileRun, run_id)
            assert run.next_turn_at is not None
            waits.append(int((run.next_turn_at - now).total_seconds()))
    assert waits == [10, 20, 40, 80, 160, 320, 640, 900, 900]


def test_a_token_that_shopify_no_longer_takes_is_refreshed_once(watch: Watch) -> None:
    watch.sell()
    watch.desk.sandbox_shop.tokens.expire_access_tokens()
    assert watch.look().orders_seen == 1


def test_in_a_quiet_shop_looking_does_not_begin_ever_earlier(watch: Watch) -> None:
    begins = []
    for _ in range(3):
        watch.wait(15)
        begins.append(watch.look().from_at)
    assert len(set(begins)) == 1


def test_runs_that_found_nothing_are_forgotten_after_a_month(watch: Watch) -> None:
    watch.sell()
    watch.wait(3)
    watch.look()
    watch.look()
    watch.wait(31 * 24 * 60)
    watch.look()
    db.session.rollback()
    kept = db.session.scalars(select(ReconcileRun.orders_missed).order_by(ReconcileRun.id)).all()
    assert list(kept) == [1, 0]


def test_a_version_that_says_nothing_new_is_no_miss(watch: Watch) -> None:
    order_id = watch.sell()
    watch.wait(3)
    watch.look()
    with watch.desk.sandbox_shop.lock:
        watch.desk.sandbox_shop.touch(watch.desk.sandbox_shop.get_order(order_id))
    watch.wait(3)
    assert watch.counts() == (1, 0, 0)


def test_other_shops_orders_are_not_looked_at(watch: Watch, desk: Desk) -> None:
    watch.call("shops", shop="other.myshopify.com")
    watch.call("orders", shop="other.myshopify.com", lines=[{"price": "5.00"}])
    assert watch.look().orders_seen == 0


def test_a_permission_that_was_taken_away_is_written_down_with_the_run(watch: Watch) -> None:
    grants = watch.desk.sandbox_shop.grants
    before = grants.granted
    grants.granted = before - {"read_orders"}
    try:
        with pytest.raises(AccessDenied):
            watch.look()
    finally:
        grants.granted = before
    db.session.rollback()
    assert "read_orders" in str(db.session.scalar(select(ReconcileRun.trouble)))
    assert watch.look().trouble is None, "it is mended"


def test_a_run_that_another_worker_has_just_finished_stays_as_it_is(watch: Watch) -> None:
    watch.sell()
    run = watch.look()
    watch.wait(5)
    with transaction() as session:
        again = reconcile.finish(session, run.id, watch.desk.clock())
        assert (again.finished_at, again.reached_at) == (run.finished_at, run.reached_at)


def test_what_lies_before_the_installation_is_no_miss(watch: Watch) -> None:
    order_id = watch.sell(created_at=(watch.desk.clock() - timedelta(minutes=6)).isoformat())
    watch.wait(5)
    assert watch.counts() == (1, 0, 0)
    assert watch.reward(order_id).granted_minor == 0


def test_an_order_that_changed_hands_is_a_miss(watch: Watch) -> None:
    order_id = watch.sell()
    watch.look()
    watch.call(f"orders/{order_id}/customer", customer={"email": "ben@example.com"})
    watch.wait(3)
    assert watch.counts() == (1, 1, 0)
