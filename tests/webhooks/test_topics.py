"""Every topic that is handled has an example body here, and the example ends as it should."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows.catalogue import record_products
from app.engine.flows.customer_tags import record_tags
from app.engine.flows.terms import get_current, publish
from app.engine.rules.facts import ProductFact
from app.engine.rules.states import RewardState
from app.models import Customer, DeliveryState, DetailKind, Order, OrderDetail, Product, Refund, Reward, Shop
from app.webhooks.inbox import drain
from app.webhooks.topics import HANDLERS, find_ignore_reason
from tests.webhooks.conftest import Inbox, NewShop
from tests.webhooks.sending import BODIES, Sender, example

ORDER_ID = 9007199254740995
#: 2 % of 72.00 and 27.00; the gift card, the tax and the parcel earn nothing.
GRANTED_MINOR = 198


def test_every_topic_has_an_example_body_and_every_example_body_a_topic() -> None:
    examples = {path.stem for path in BODIES.glob("*.json")}
    assert examples == {topic.replace("/", "_") for topic in HANDLERS}


def test_a_topic_is_handled_or_ignored_for_a_reason() -> None:
    assert [topic for topic in HANDLERS if find_ignore_reason(topic)] == []
    assert all(find_ignore_reason(topic) for topic in ("themes/publish", ""))


def reward() -> tuple[RewardState, int, int]:
    """Return the state, granted and reversed amount of the example order's reward."""
    db.session.rollback()
    row = db.session.scalars(select(Reward).join(Order, Order.id == Reward.order_id)).one()
    return row.state, row.granted_minor, row.reversed_minor


@pytest.mark.parametrize(
    ("topics", "expected"),
    [
        (["orders/create"], (RewardState.INELIGIBLE, 0, 0)),
        (["orders/paid"], (RewardState.SETTLED, GRANTED_MINOR, 0)),
        (["orders/create", "orders/paid"], (RewardState.SETTLED, GRANTED_MINOR, 0)),
        # One apron was edited out: of its line 36.00 is kept, and 2 % of 63.00 is 1.26.
        (["orders/paid", "orders/updated"], (RewardState.SETTLED, GRANTED_MINOR, 72)),
        # The same apron was refunded.
        (["orders/paid", "refunds/create"], (RewardState.SETTLED, GRANTED_MINOR, 72)),
        (["orders/paid", "orders/cancelled"], (RewardState.REVERSED, GRANTED_MINOR, GRANTED_MINOR)),
        (["orders/cancelled"], (RewardState.VOIDED, GRANTED_MINOR, GRANTED_MINOR)),
    ],
)
def test_orders_earn_and_give_back_what_the_rules_say(
    shop: Shop,
    sender: Sender,
    inbox: Inbox,
    topics: list[str],
    expected: tuple[RewardState, int, int],
) -> None:
    for topic in topics:
        sender.send(topic)
        assert drain(utcnow).handled == 1
    assert reward() == expected
    assert {(row.state, row.order_shopify_id) for row in inbox()} == {(DeliveryState.HANDLED, ORDER_ID)}


def test_all_in_one_batch_in_the_worst_order_end_in_the_same_reward(shop: Shop, sender: Sender) -> None:
    for topic in ("refunds/create", "orders/paid", "orders/create", "orders/paid"):
        sender.send(topic)
    assert drain(utcnow).handled == 4
    assert reward() == (RewardState.SETTLED, GRANTED_MINOR, 72)


def test_a_refund_that_comes_first_waits_for_its_order(shop: Shop, sender: Sender) -> None:
    sender.send("refunds/create")
    assert drain(utcnow).handled == 1
    assert db.session.scalars(select(Refund.order_shopify_id)).all() == [ORDER_ID]
    sender.send("orders/paid")
    drain(utcnow)
    assert reward()[1:] == (GRANTED_MINOR, 72)


def test_a_guests_order_is_not_credited(shop: Shop, sender: Sender) -> None:
    sender.send("orders/paid", {**example("orders/paid"), "customer": None})
    assert drain(utcnow).handled == 1
    assert reward()[0] is RewardState.AWAITING_CUSTOMER


def test_a_dispute_takes_back_when_it_is_lost_whichever_comes_first(shop: Shop, sender: Sender, inbox: Inbox) -> None:
    for topic in ("disputes/update", "orders/paid", "disputes/create"):
        sender.send(topic)
        assert drain(utcnow).handled == 1
    assert reward()[1:] == (GRANTED_MINOR, GRANTED_MINOR)
    assert {row.order_shopify_id for row in inbox()} == {ORDER_ID}


def test_what_is_told_of_an_order_besides_its_body_goes_to_one_flow_in_one_batch(
    shop: Shop, sender: Sender, inbox: Inbox
) -> None:
    sender.send("orders/paid")
    drain(utcnow)
    topics = (
        "order_transactions/create",
        "disputes/create",
        "orders/risk_assessment_changed",
        "returns/approve",
        "orders/delete",
    )
    for topic in topics:
        sender.send(topic)
    assert drain(utcnow).handled == len(topics)
    told = db.session.execute(select(OrderDetail.kind, OrderDetail.order_shopify_id)).all()
    assert {tuple(row) for row in told} == {(kind, ORDER_ID) for kind in DetailKind}


def test_what_is_no_payment_is_kept_and_ignored_with_its_reason(shop: Shop, sender: Sender, inbox: Inbox) -> None:
    sender.send("order_transactions/create", {**example("order_transactions/create"), "kind": "authorization"})
    assert drain(utcnow).ignored == 1
    (row,) = inbox()
    assert (row.state, row.reason) == (
        DeliveryState.IGNORED,
        "A transaction of the kind 'authorization' is no payment.",
    )


@pytest.mark.parametrize(
    ("topic", "stale"),
    [
        ("products/update", [1]),
        ("products/delete", [1]),
        ("collections/update", [1, 2]),
        ("collections/delete", [1, 2]),
        ("orders/paid", []),
    ],
)
def test_a_change_of_the_catalogue_has_what_is_known_of_it_asked_anew(
    shop: Shop, sender: Sender, inbox: Inbox, topic: str, stale: list[int]
) -> None:
    with transaction() as session:
        row = session.get_one(Shop, shop.id)
        terms = replace(get_current(session, row.id, utcnow()), excluded_collection_ids=frozenset({4400000000021}))
        publish(session, row.id, terms, "system", utcnow())
        record_products(session, row, {7300000000001: ProductFact(7300000000001), 7300000000002: None}, utcnow())
    sender.send(topic)
    assert drain(utcnow).handled == 1
    marked = db.session.scalars(select(Product.shopify_id).where(Product.is_stale).order_by(Product.shopify_id))
    assert [product_id - 7300000000000 for product_id in marked] == stale


@pytest.mark.parametrize("topic", ["customer.tags_added", "customer.tags_removed"])
def test_a_change_of_tags_has_the_customers_tags_asked_anew(
    shop: Shop, sender: Sender, inbox: Inbox, topic: str
) -> None:
    with transaction() as session:
        row = session.get_one(Shop, shop.id)
        record_tags(session, row, {8200000000017: ("old",), 8200000000018: ("old",)}, utcnow())
    sender.send(topic)
    assert drain(utcnow).handled == 1
    known = db.session.execute(select(Customer.shopify_id, Customer.tags).order_by(Customer.shopify_id))
    assert [tuple(row) for row in known] == [(8200000000017, None), (8200000000018, ["old"])]


def test_uninstalling_is_told_to_the_shop(shop: Shop, sender: Sender, inbox: Inbox) -> None:
    sender.send("app/uninstalled")
    assert drain(utcnow).handled == 1
    assert db.session.get_one(Shop, shop.id).uninstalled_at is not None


def test_a_late_goodbye_does_not_end_a_newer_installation(shop: Shop, sender: Sender, inbox: Inbox) -> None:
    shop.installed_at = datetime(2026, 3, 2, 18, tzinfo=UTC)  # half an hour after the delivery was triggered
    db.session.commit()
    sender.send("app/uninstalled")
    assert drain(utcnow).handled == 1
    assert db.session.get_one(Shop, shop.id).uninstalled_at is None


def test_the_goodbye_of_one_shop_does_not_end_another(new_shop: NewShop, sender: Sender, inbox: Inbox) -> None:
    other = new_shop("other.myshopify.com")
    sender.send("app/uninstalled", shop=other.domain)
    assert drain(utcnow).failed == 1
    assert db.session.get_one(Shop, other.id).uninstalled_at is None
    (row,) = inbox()
    assert row.reason is not None
    assert "only the body is signed" in row.reason


def test_a_true_order_under_the_topic_of_the_goodbye_ends_nothing(shop: Shop, sender: Sender, inbox: Inbox) -> None:
    sender.send("app/uninstalled", example("orders/paid"))
    assert drain(utcnow).failed == 1
    assert db.session.get_one(Shop, shop.id).uninstalled_at is None
    assert inbox()[0].reason == "The body is no shop: it has no field myshopify_domain."
