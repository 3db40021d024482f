"""Requests about people's data, news of the shop, edits and returns: read carefully, for only bodies are signed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.clock import utcnow
from app.db import db, transaction
from app.engine.rules.facts import DeletionFact, ReturnFact, ReturnStatus
from app.models import Customer, Delivery, DeliveryState, Order, PrivacyKind, PrivacyRequest, Shop
from app.webhooks.body import BodyError, NothingToDo
from app.webhooks.inbox import drain
from app.webhooks.lifecycle import ShopTold, parse_shop
from app.webhooks.order_changes import LONGEST_WAIT, OrderEdited, parse_edit, parse_order_deletion
from app.webhooks.privacy import (
    DataAsked,
    RedactionAsked,
    ShopRedactionAsked,
    parse_data_request,
    parse_redaction,
    parse_shop_redaction,
)
from app.webhooks.returns import parse_return
from tests.webhooks.conftest import Inbox, NewShop
from tests.webhooks.sending import SHOP, Sender, example

NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)
ORDER_ID, CUSTOMER_ID = 9007199254740995, 8200000000017
PARSERS = {
    "customers/data_request": parse_data_request,
    "customers/redact": parse_redaction,
    "shop/redact": parse_shop_redaction,
}


def test_the_three_requests_are_read() -> None:
    asked = {topic: parse(example(topic), SHOP, NOW) for topic, parse in PARSERS.items()}
    assert asked == {
        "customers/data_request": DataAsked(77, CUSTOMER_ID, (ORDER_ID,), NOW),
        "customers/redact": RedactionAsked(CUSTOMER_ID, (ORDER_ID,), NOW),
        "shop/redact": ShopRedactionAsked(NOW),
    }


@pytest.mark.parametrize("topic", PARSERS)
def test_a_request_of_another_shop_is_refused(topic: str) -> None:
    with pytest.raises(BodyError, match="only the body is signed"):
        PARSERS[topic](example(topic), "other.myshopify.com", NOW)


@pytest.mark.parametrize("topic", PARSERS)
def test_no_request_is_taken_for_another(topic: str) -> None:
    for other in PARSERS.keys() - {topic}:
        with pytest.raises(BodyError):
            PARSERS[topic](example(other), SHOP, NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"customer": None},
        {"customer": {"id": "x"}},
        {"orders_to_redact": 5},
        {"orders_to_redact": ["1"]},
        {"orders_to_redact": [True]},
        {"orders_to_redact": [2**63]},
        {"orders_to_redact": list(range(1, 50_002))},
    ],
)
def test_nonsense_forgets_nobody(changes: dict[str, Any]) -> None:
    with pytest.raises(BodyError):
        parse_redaction({**example("customers/redact"), **changes}, SHOP, NOW)


def test_a_redaction_without_orders_is_one() -> None:
    body = {**example("customers/redact"), "orders_to_redact": None}
    assert parse_redaction(body, SHOP, NOW).order_ids == ()


def test_a_customer_is_forgotten_with_the_bodies_about_them_and_the_request_itself(
    shop: Shop, sender: Sender, inbox: Inbox
) -> None:
    for topic in ("orders/paid", "customers/update", "customers/redact"):
        sender.send(topic)
        assert drain(utcnow).handled == 1
    rows = inbox()
    assert [row.body for row in rows] == [b"", b"", b""]
    assert all(row.pruned_at for row in rows)
    assert db.session.scalars(select(Customer.name)).one() is None
    request = db.session.scalars(select(PrivacyRequest)).one()
    assert (request.kind, request.done_by) == (PrivacyKind.CUSTOMER_REDACT, "system")
    sender.send("orders/updated")
    sender.send("refunds/create")
    assert drain(utcnow).handled == 2
    assert [row.body for row in inbox()[3:]] == [b"", b""]
    assert "Mara" not in str(db.session.scalars(select(Order.fact)).one())


def test_the_same_request_again_is_on_file_once(shop: Shop, sender: Sender) -> None:
    for _ in range(2):
        for topic in ("customers/data_request", "customers/redact"):
            sender.send(topic)
            assert drain(utcnow).handled == 1
    assert len(db.session.scalars(select(PrivacyRequest)).all()) == 2


def test_a_shop_that_has_the_app_is_not_forgotten_but_looked_at_again(shop: Shop, sender: Sender, inbox: Inbox) -> None:
    sender.send("shop/redact")
    assert drain(utcnow).later == 1
    assert "once it has been uninstalled" in (inbox()[0].reason or "")
    with transaction() as session:
        session.get_one(Shop, shop.id).uninstalled_at = utcnow()
        session.scalars(select(Delivery)).one().next_attempt_at = None
    assert drain(utcnow).handled == 1
    db.session.rollback()
    asked = db.session.scalars(select(PrivacyRequest)).one()
    assert (asked.kind, asked.done_at) == (PrivacyKind.SHOP_REDACT, None)


def test_a_shop_that_came_back_since_is_not_forgotten(new_shop: NewShop, sender: Sender) -> None:
    shop = new_shop()
    with transaction() as session:
        session.get_one(Shop, shop.id).installed_at = NOW
    sender.send("shop/redact")
    assert drain(utcnow).handled == 1
    assert db.session.scalars(select(PrivacyRequest)).all() == []


def test_the_shop_says_who_it_is() -> None:
    told = ShopTold("Harbour & Loom Ltd", "USD", "Europe/Oslo", datetime(2026, 3, 2, 17, 30, tzinfo=UTC))
    assert parse_shop(example("shop/update"), SHOP, NOW) == told
    bare = parse_shop({"myshopify_domain": None, "currency": "EUR"}, SHOP, NOW)
    assert bare == ShopTold(None, "EUR", None, NOW)
    for changes in ({"currency": None}, {"myshopify_domain": "other.myshopify.com"}):
        with pytest.raises(BodyError):
            parse_shop({**example("shop/update"), **changes}, SHOP, NOW)


def test_news_of_the_shop_is_remembered(shop: Shop, sender: Sender) -> None:
    sender.send("shop/update")
    assert drain(utcnow).handled == 1
    db.session.rollback()
    row = db.session.get_one(Shop, shop.id)
    assert (row.name, row.timezone, row.other_currency) == ("Harbour & Loom Ltd", "Europe/Oslo", None)


def test_a_return_is_read_in_both_of_its_shapes() -> None:
    expected = ReturnFact(7700000000051, ORDER_ID, ReturnStatus.OPEN, NOW)
    assert parse_return(example("returns/approve"), NOW) == parse_return(example("returns/reopen"), NOW) == expected
    with pytest.raises(NothingToDo):
        parse_return({**example("returns/approve"), "status": None}, NOW)
    for changes in ({"status": "lost"}, {"order": {"id": "x"}}, {"admin_graphql_api_id": "gid://shopify/Order/1"}):
        with pytest.raises(BodyError):
            parse_return({**example("returns/approve"), **changes}, NOW)


def test_a_deletion_says_no_more_than_which_order_is_gone() -> None:
    assert parse_order_deletion(example("orders/delete"), NOW) == DeletionFact(ORDER_ID, NOW)
    with pytest.raises(BodyError, match="no deletion"):
        parse_order_deletion(example("orders/paid"), NOW)


def test_an_edit_names_its_order_and_its_moment() -> None:
    body = example("orders/edited")
    assert parse_edit(body, NOW) == OrderEdited(ORDER_ID, datetime(2026, 3, 2, 17, 26, 30, tzinfo=UTC))
    assert parse_edit({"order_edit": {"order_id": 5}}, NOW) == OrderEdited(5, NOW)
    with pytest.raises(BodyError, match="no edit"):
        parse_edit(example("orders/paid"), NOW)


def edited(sender: Sender, at: datetime) -> None:
    sender.send("orders/edited", {"order_edit": {"order_id": ORDER_ID, "committed_at": at.isoformat()}})


def test_an_edit_waits_until_the_order_is_told_as_it_is_since(shop: Shop, sender: Sender, inbox: Inbox) -> None:
    version_at = datetime(2026, 3, 3, 8, tzinfo=UTC)
    sender.send("orders/paid")
    drain(utcnow)
    edited(sender, version_at)
    assert drain(lambda: version_at).later == 1
    sender.send("orders/updated")
    # The edit waits longest and so comes first, once more in vain.
    assert drain(lambda: version_at + timedelta(seconds=30)).handled == 1
    assert drain(lambda: version_at + timedelta(seconds=60)).handled == 1
    assert {row.state for row in inbox()} == {DeliveryState.HANDLED}


def test_an_edit_that_nobody_explains_within_a_day_fails_with_its_reason(
    shop: Shop, sender: Sender, inbox: Inbox
) -> None:
    at = datetime(2026, 3, 4, 8, tzinfo=UTC)
    sender.send("orders/paid")
    drain(lambda: at)
    edited(sender, at)
    assert drain(lambda: at + LONGEST_WAIT).later == 1
    assert drain(lambda: at + LONGEST_WAIT + timedelta(hours=1)).failed == 1
    assert "look at it there" in (inbox()[1].reason or "")


def test_an_old_edit_told_right_after_its_order_is_waited_for(shop: Shop, sender: Sender) -> None:
    edited_at = datetime(2026, 3, 4, 8, tzinfo=UTC)
    long_after = edited_at + timedelta(days=90)
    sender.send("orders/paid")
    drain(lambda: long_after)
    edited(sender, edited_at)
    assert drain(lambda: long_after + timedelta(hours=1)).later == 1
    assert drain(lambda: long_after + LONGEST_WAIT + timedelta(hours=2)).failed == 1


def test_an_edit_of_an_order_that_was_never_told_is_not_waited_for(shop: Shop, sender: Sender) -> None:
    sender.send("orders/edited")
    assert drain(utcnow).handled == 1
