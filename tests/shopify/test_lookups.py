"""Asking before handling: the first try succeeds, and Shopify's silence makes only those wait who need its word."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import requests
from flask import Flask
from sqlalchemy import select

from app import create_app
from app.config import Settings
from app.db import db, transaction
from app.engine.flows import process, program, terms
from app.engine.rules.eligibility import IneligibleReason
from app.engine.rules.holds import HoldReason
from app.engine.rules.states import RewardState
from app.engine.rules.terms import HoldRules, Mode, RiskLevel
from app.errands.lookups import Lookups
from app.errors import NotYet
from app.models import Delivery, DetailKind, Order, OrderDetail, Product, Reward, Shop
from app.webhooks.inbox import Arrival, DrainReport, drain, store_delivery
from sandbox.server import Sandbox
from tests.shopify.conftest import PATIENCE
from tests.shopify.desk import Desk, MovedClock

Json = dict[str, Any]


@dataclass
class Counter:
    """A shop whose orders are placed in the sandbox and told to the app by hand."""

    desk: Desk
    shop_domain: str
    told: int = 0

    def post(self, path: str, **body: Any) -> Json:
        """Call the sandbox's control API."""
        http = requests.Session()
        http.trust_env = False
        answer = http.post(f"{self.desk.box.url}/sandbox/{path}", json=body, timeout=30)
        assert answer.ok, answer.text
        return dict(answer.json())

    def publish(self, **changes: Any) -> None:
        """Publish the current terms with some changes, in force before the next order is placed."""
        now = self.desk.clock()
        with transaction() as session:
            current = terms.get_current(session, self.desk.shop_id, now)
            terms.publish(session, self.desk.shop_id, replace(current, **changes), "system", now)
        self.desk.clock.advance(2)

    def sell(self, **order: Any) -> int:
        """Place a paid order and let its word wait in the inbox."""
        placed = self.post("orders", **{"customer": {"email": "ada@example.com"}, **order})
        self.tell("orders/paid", placed["order"])
        return int(placed["id"])

    def tell(self, topic: str, body: Json) -> None:
        """Put a delivery into the inbox."""
        self.told += 1
        arrival = Arrival(self.shop_domain, f"w{self.told}", topic, json.dumps(body).encode(), self.desk.clock())
        with transaction() as session:
            assert store_delivery(session, arrival) is not None

    def handle(self, lookups: Lookups | None = None) -> DrainReport:
        """Ask, then drain, as the job does."""
        (lookups or Lookups(self.desk.clock, patience_seconds=PATIENCE)).ask_first()
        return drain(self.desk.clock)

    def reward(self, order_id: int) -> Reward:
        db.session.rollback()
        found = select(Reward).join(Order, Order.id == Reward.order_id).where(Order.shopify_id == order_id)
        return db.session.scalars(found).one()

    def reasons(self) -> list[str | None]:
        db.session.rollback()
        return list(db.session.scalars(select(Delivery.reason).order_by(Delivery.id)))


@pytest.fixture
def counter(desk: Desk) -> Counter:
    with transaction() as session:
        shop = session.get_one(Shop, desk.shop_id)
        program.set_mode(session, shop.id, Mode.AUTOMATIC, program.Waiting.KEEP, "test", desk.clock())
        return Counter(desk, shop.domain)


def test_an_unknown_product_is_asked_and_the_first_try_succeeds(counter: Counter) -> None:
    made = counter.post("products", title="Lamp", product_type="Light", price="50.00")["product"]["id"]
    counter.publish(excluded_product_types=frozenset({"light"}))
    order_id = counter.sell(lines=[{"product_id": made, "price": "50.00"}, {"price": "100.00"}])
    assert counter.handle() == DrainReport(handled=1)
    assert counter.reward(order_id).eligible_minor == 10_000


def test_an_order_paid_partly_with_a_gift_card_earns_on_the_rest(counter: Counter) -> None:
    order_id = counter.sell(lines=[{"price": "80.00"}], gift_card="20.00")
    assert counter.handle() == DrainReport(handled=1)
    assert counter.reward(order_id).granted_minor == 120  # 2 % of 60.00


def test_a_tag_of_the_customer_that_no_body_tells_excludes_the_order(counter: Counter) -> None:
    counter.publish(excluded_tags=frozenset({"staff"}))
    staff = counter.sell(lines=[{"price": "80.00"}], customer={"email": "b@example.com", "tags": ["Staff"]})
    other = counter.sell(lines=[{"price": "80.00"}], customer={"email": "c@example.com", "tags": ["vip"]})
    assert counter.handle() == DrainReport(handled=2)
    assert counter.reward(staff).ineligible_reason is IneligibleReason.EXCLUDED_CUSTOMER_TAG
    assert counter.reward(other).granted_minor == 160


def test_the_highest_risk_holds_also_when_the_last_word_was_a_lower_one(counter: Counter) -> None:
    counter.publish(holds=HoldRules(risk_from=RiskLevel.HIGH))
    order_id = counter.sell(lines=[{"price": "80.00"}])
    assert counter.handle() == DrainReport(handled=1)
    assert counter.reward(order_id).state is RewardState.SETTLED
    held_id = counter.sell(lines=[{"price": "70.00"}])
    for level, provider in (("high", None), ("low", "Watcher")):
        counter.post(f"orders/{held_id}/risk", level=level, provider=provider)
    assert counter.handle() == DrainReport(handled=1)
    assert counter.reward(held_id).hold_reason is HoldReason.RISK
    last = {"order_id": str(held_id), "risk_level": "low", "created_at": counter.desk.clock().isoformat()}
    counter.tell("orders/risk_assessment_changed", last)
    counter.desk.clock.advance(60)
    assert counter.handle() == DrainReport(handled=1)
    assert counter.reward(held_id).hold_reason is HoldReason.RISK
    with transaction() as session:
        levels = session.scalars(select(OrderDetail.fact["level"].astext).where(OrderDetail.kind == DetailKind.RISK))
        assert sorted(levels) == ["high", "none"]


def test_while_shopify_is_down_only_orders_that_need_its_word_wait_and_none_is_lost(counter: Counter) -> None:
    first, second = (
        counter.sell(lines=[{"price": "80.00"}], gift_card="20.00"),
        counter.sell(lines=[{"price": "10.00"}]),
    )
    counter.desk.box.world.faults.change({"http_5xx": 1})
    assert counter.handle() == DrainReport(handled=1, later=1)
    assert counter.reward(second).granted_minor == 20
    name = f"#{counter.desk.sandbox_shop.orders[first].number}"
    assert counter.reasons() == [f"{name} waits for what Shopify says about its payments.", None]
    counter.desk.box.world.faults.change({})
    assert counter.handle() == DrainReport(), "its time has not come"
    counter.desk.clock.advance(2)
    assert counter.handle() == DrainReport(handled=1)
    assert counter.reward(first).granted_minor == 120
    assert counter.reasons() == [None, None]


def test_a_silent_shop_is_not_asked_twice_in_one_drain(counter: Counter) -> None:
    made = counter.post("products", title="Lamp")["product"]["id"]
    counter.publish(excluded_product_types=frozenset({"light"}))
    counter.sell(lines=[{"product_id": made, "price": "50.00"}])
    lookups = Lookups(counter.desk.clock, patience_seconds=PATIENCE)
    counter.desk.box.world.faults.change({"http_5xx": 1})
    lookups.ask_first()
    counter.desk.box.world.faults.change({})
    lookups.ask_first()
    assert db.session.scalars(select(Product)).all() == []
    Lookups(counter.desk.clock, patience_seconds=PATIENCE).ask_first()
    assert len(db.session.scalars(select(Product)).all()) == 1


def test_a_token_that_was_revoked_is_refreshed(counter: Counter) -> None:
    order_id = counter.sell(lines=[{"price": "80.00"}], gift_card="20.00")
    counter.post("expire-tokens")
    assert counter.handle() == DrainReport(handled=1)
    assert counter.reward(order_id).granted_minor == 120


def test_a_lost_token_holds_up_nobody_else(counter: Counter) -> None:
    counter.sell(lines=[{"price": "80.00"}], gift_card="20.00")
    counter.sell(lines=[{"price": "10.00"}])
    counter.desk.sandbox_shop.tokens.revoke_all()
    assert counter.handle() == DrainReport(handled=1, later=1)


def test_a_shop_without_terms_is_passed_over_and_its_order_says_why(counter: Counter, desk: Desk) -> None:
    with transaction() as session:
        session.add(
            Shop(domain="bare.myshopify.com", name="Bare", currency="USD", mode=Mode.MANUAL, installed_at=desk.clock())
        )
    placed = counter.post("orders", lines=[{"price": "80.00"}], gift_card="20.00")
    counter.shop_domain = "bare.myshopify.com"
    counter.tell("orders/paid", placed["order"])
    assert counter.handle() == DrainReport(failed=1)
    assert "has no terms yet" in (counter.reasons()[0] or "")


@pytest.fixture
def denied(settings: Settings) -> Iterator[Counter]:
    """Return a shop that has not agreed to the app's reading of products."""
    with Sandbox(app_url="http://127.0.0.1:9", scopes="read_orders,read_customers", restore_rate=1000) as box:
        app: Flask = create_app(replace(settings, shopify_admin_origin=box.url, shopify_timeout_seconds=30))
        with app.app_context():
            desk = Desk(app, box, MovedClock(box))
            with transaction() as session:
                shop = session.get_one(Shop, desk.shop_id)
                program.set_mode(session, shop.id, Mode.AUTOMATIC, program.Waiting.KEEP, "test", desk.clock())
                domain = shop.domain
            yield Counter(desk, domain)
            db.session.remove()


def test_a_permission_that_lacks_for_one_question_stops_no_other(denied: Counter) -> None:
    made = denied.post("products", title="Lamp")["product"]["id"]
    denied.publish(excluded_product_types=frozenset({"light"}))
    needs_both = denied.sell(lines=[{"product_id": made, "price": "50.00"}], gift_card="20.00")
    placed = denied.post("orders", lines=[{"price": "80.00"}], gift_card="20.00", customer={"email": "b@example.com"})
    needs_payments = placed["id"]
    placed["order"]["line_items"][0]["product_id"] = None  # as of a product that was never in the catalogue
    denied.tell("orders/paid", placed["order"])
    assert denied.handle() == DrainReport(handled=1, later=1)
    assert denied.reward(needs_payments).granted_minor == 120
    with transaction() as session:
        known = session.scalars(select(OrderDetail.order_shopify_id).distinct())
        assert sorted(known) == sorted([needs_both, needs_payments])


def test_an_edited_order_that_cannot_be_read_holds_up_no_other(counter: Counter) -> None:
    odd, sound = counter.sell(lines=[{"price": "80.00"}]), counter.sell(lines=[{"price": "70.00"}])
    assert counter.handle() == DrainReport(handled=2)
    counter.desk.clock.advance(5)
    for order_id in (odd, sound):
        edited = counter.post(f"orders/{order_id}/edit", set_quantity=[{"index": 0, "quantity": 0}])["order"]
        edit = {"order_id": order_id, "committed_at": edited["updated_at"]}
        counter.tell("orders/edited", {"order_edit": edit})
    assert counter.handle() == DrainReport(later=2)
    counter.desk.sandbox_shop.orders[odd].currency = "KWD"
    needs_payments = counter.sell(lines=[{"price": "80.00"}], gift_card="20.00")

    counter.desk.clock.advance(5)
    assert counter.handle() == DrainReport(handled=2, later=2)
    assert counter.reward(needs_payments).granted_minor == 120
    counter.desk.clock.advance(5)
    assert counter.handle() == DrainReport(handled=1, later=1)
    assert counter.reward(sound).reversed_minor == 140


def test_an_unexpected_error_is_survived_where_the_frame_of_the_jobs_says_so(counter: Counter) -> None:
    counter.sell(lines=[{"price": "80.00"}], gift_card="20.00")

    def broken_clock() -> Any:
        raise ZeroDivisionError("no time")

    calls: list[Callable[[], Any]] = [counter.desk.clock, broken_clock]
    with pytest.raises(ZeroDivisionError):
        Lookups(lambda: calls.pop(0)(), patience_seconds=PATIENCE).ask_first()
    calls[:] = [counter.desk.clock, broken_clock]
    Lookups(lambda: calls.pop(0)(), catch=Exception, patience_seconds=PATIENCE).ask_first()
    assert drain(counter.desk.clock).later == 1


def test_a_past_order_is_asked_about_when_somebody_wants_to_process_it(counter: Counter) -> None:
    made = counter.post("products", title="Lamp", product_type="Light", price="50.00")["product"]["id"]
    order_id = counter.sell(lines=[{"product_id": made, "price": "50.00"}, {"price": "100.00"}])
    with transaction() as session:
        program.set_began(session, counter.desk.shop_id, counter.desk.clock(), "test", counter.desk.clock())
    assert counter.handle() == DrainReport(handled=1)
    counter.publish(excluded_product_types=frozenset({"light"}))

    def preview() -> process.Preview:
        with transaction() as session:
            return process.preview(session, counter.desk.shop_id, order_id, "test", counter.desk.clock())

    with pytest.raises(NotYet):
        preview()
    for _ in range(2):
        Lookups(counter.desk.clock).ask_about_order(counter.desk.shop_id, order_id)
        assert preview().eligible_minor == 10_000
    Lookups(counter.desk.clock).ask_about_order(counter.desk.shop_id, 1)  # no order of the shop's: nothing is asked
