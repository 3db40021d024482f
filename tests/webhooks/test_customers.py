"""Customers told, deleted, made one and tagged: their bodies as facts, or a sentence why not."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from app.clock import utcnow
from app.db import db
from app.engine.rules.facts import CustomerGone, CustomersMerged, CustomerTold
from app.models import Customer, Reward, Shop
from app.webhooks.body import BodyError, NothingToDo
from app.webhooks.customers import (
    TagsChanged,
    parse_customer,
    parse_customer_deletion,
    parse_merge,
    parse_tag_change,
)
from app.webhooks.inbox import drain
from tests.webhooks.conftest import Inbox
from tests.webhooks.sending import Sender, example

Body = dict[str, Any]
MARA = 8200000000017
NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)


def customer(**changes: Any) -> CustomerTold:
    return parse_customer({**example("customers/create"), **changes}, NOW)


def test_a_customer_is_read_field_by_field() -> None:
    assert customer() == CustomerTold(
        customer_id=MARA,
        email="mara.lindqvist@example.com",
        verified_email=True,
        name="Mara Lindqvist",
        tags=None,
        created_at=datetime(2025, 11, 2, 7, 15, tzinfo=UTC),
        updated_at=datetime(2026, 3, 2, 17, 29, tzinfo=UTC),
    )


def test_what_a_body_lacks_is_not_made_up() -> None:
    bare = parse_customer({"admin_graphql_api_id": f"gid://shopify/Customer/{MARA}"}, NOW)
    assert bare == CustomerTold(MARA, None, False, None, None, NOW, NOW)
    assert customer(created_at=None).created_at == customer().updated_at
    assert customer(tags="vip, linen").tags == ("vip", "linen")


@pytest.mark.parametrize(
    "changes", [{"admin_graphql_api_id": None}, {"admin_graphql_api_id": f"gid://shopify/Order/{MARA}"}]
)
def test_a_body_that_is_no_customer_is_refused(changes: Body) -> None:
    with pytest.raises(BodyError, match="gid://shopify/Customer/1"):
        customer(**changes)


def test_a_deletion_says_who_is_no_more() -> None:
    assert parse_customer_deletion(example("customers/delete"), NOW) == CustomerGone(MARA, NOW)


def test_a_customer_who_lives_is_not_deleted_by_the_topic_alone() -> None:
    with pytest.raises(BodyError, match="no deletion: it has a field created_at"):
        parse_customer_deletion(example("customers/update"), NOW)


def test_a_merge_says_who_is_kept_and_who_is_gone() -> None:
    assert parse_merge(example("customers/merge"), NOW) == CustomersMerged(8200000000018, MARA, NOW)


@pytest.mark.parametrize("status", ["failed", "in_progress", None])
def test_a_merge_that_was_not_carried_out_is_nothing_to_do(status: str | None) -> None:
    with pytest.raises(NothingToDo, match="only a completed one"):
        parse_merge({**example("customers/merge"), "status": status}, NOW)


def test_nobody_is_merged_into_oneself() -> None:
    with pytest.raises(BodyError, match="cannot be merged into itself"):
        parse_merge(
            {**example("customers/merge"), "admin_graphql_api_customer_kept_id": f"gid://shopify/Customer/{MARA}"}, NOW
        )


def test_changed_tags_say_whose_they_are() -> None:
    assert parse_tag_change(example("customer.tags_added")) == TagsChanged(MARA)
    for body in ({"customerId": f"gid://shopify/Customer/{MARA}"}, {"customerId": MARA, "tags": []}):
        with pytest.raises(BodyError):
            parse_tag_change(body)


def test_the_newest_word_about_a_customer_counts(shop: Shop, sender: Sender, inbox: Inbox) -> None:
    for topic in ("customers/update", "customers/create"):
        sender.send(topic)
    assert drain(utcnow).handled == 2
    row = db.session.scalars(select(Customer)).one()
    assert (row.shopify_id, row.name, row.verified_email) == (
        MARA,
        "Mara Lindqvist-Berg",
        "mara.lindqvist@example.com",
    )


def test_a_deleted_customer_is_known_as_deleted(shop: Shop, sender: Sender, inbox: Inbox) -> None:
    sender.send("customers/create")
    sender.send("customers/delete")
    assert drain(utcnow).handled == 2
    assert db.session.scalars(select(Customer.deleted_at)).one() is not None


def test_merged_customers_go_on_as_one(shop: Shop, sender: Sender, inbox: Inbox) -> None:
    sender.send("orders/paid")
    sender.send("customers/merge")
    assert drain(utcnow).handled == 2
    kept, gone = db.session.scalars(select(Customer).order_by(Customer.shopify_id.desc()))
    assert (gone.shopify_id, gone.merged_into_id) == (MARA, kept.id)
    assert db.session.scalars(select(Reward.customer_id)).all() == [kept.id]
