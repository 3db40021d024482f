"""Weeks of a shop whose terms look at its catalogue, its customers' tags, and how orders were paid."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from app.clock import utcnow
from app.config import Settings
from app.db import transaction
from app.engine.flows import terms
from app.engine.flows.check_books import check_books
from app.engine.rules.eligibility import IneligibleReason
from app.models import Order, Reward, Shop
from tests.stories.town import Town, open_town

ADA = {"email": "ada@example.com", "first_name": "Ada", "last_name": "Example"}


@pytest.fixture
def town(settings: Settings) -> Iterator[Town]:
    """Return a house with the app installed and told of all that the sandbox knows."""
    with open_town(settings, seed=5) as open_one:
        open_one.install()
        open_one.post("subscriptions", topics="all")
        yield open_one


def publish(town: Town, **changes: Any) -> None:
    """Publish the current terms with some changes, for the orders from now on."""
    with transaction() as session:
        shop_id = session.scalars(select(Shop.id)).one()
        current = terms.get_current(session, shop_id, utcnow())
        now = utcnow()
        terms.publish(session, shop_id, replace(current, **changes), "test", now)
    # Orders are dated in whole seconds, so the next one must wait for a second that begins after this moment.
    while utcnow().replace(microsecond=0) < now:
        time.sleep(0.02)


def order(town: Town, *lines: tuple[int | None, str], **more: Any) -> int:
    """Place a paid order of products at prices, and wait until all of it has been told and sent."""
    body = [{"product_id": product_id, "price": price} for product_id, price in lines]
    placed = town.post("orders", **{"customer": ADA, "lines": body, **more})
    town.wait_until_quiet()
    return int(placed["id"])


def granted(order_id: int) -> tuple[int, int]:
    """Return what an order was granted and what of it went back, after checking that all books add up."""
    with transaction() as session:
        assert list(check_books(session)) == []
        found = select(Reward).join(Order, Order.id == Reward.order_id).where(Order.shopify_id == order_id)
        reward = session.scalars(found).one()
        return reward.granted_minor, reward.reversed_minor


def ineligible(order_id: int) -> IneligibleReason | None:
    with transaction() as session:
        found = select(Reward.ineligible_reason).join(Order, Order.id == Reward.order_id)
        return session.scalars(found.where(Order.shopify_id == order_id)).one()


def product(town: Town, **what: Any) -> int:
    return int(town.post("products", **what)["product"]["id"])


def test_an_order_paid_partly_with_a_gift_card_earns_on_the_rest_and_gives_back_the_same_part(town: Town) -> None:
    order_id = order(town, (None, "60.00"), (None, "40.00"), gift_card="25.00")
    assert granted(order_id) == (150, 0)  # 2 % of 75.00
    town.post(f"orders/{order_id}/refund", lines=[{"index": 1, "quantity": 1}])
    town.wait_until_quiet()
    assert granted(order_id) == (150, 60)  # 2 % of 75 % of 60.00 stays
    town.post(f"orders/{order_id}/refund", lines=[{"index": 0, "quantity": 1}])
    town.wait_until_quiet()
    assert granted(order_id) == (150, 150)


def test_an_excluded_collection_earns_nothing_and_a_later_change_reaches_no_old_order(town: Town) -> None:
    lamp, rug = product(town, title="Lamp", price="50.00"), product(town, title="Rug", price="30.00")
    sale = town.post("collections", title="Final sale", products=[lamp])["collection"]["id"]
    publish(town, excluded_collection_ids=frozenset({sale}))
    first = order(town, (lamp, "50.00"), (rug, "30.00"))
    assert granted(first) == (60, 0)
    # The lamp leaves the collection and the rug comes in.
    town.post(f"collections/{sale}", add=[rug], remove=[lamp])
    town.wait_until_quiet()
    second = order(town, (lamp, "50.00"), (rug, "30.00"))
    assert granted(second) == (100, 0)
    # The first order is looked at again, and stays what it was.
    town.post(f"orders/{first}/refund", amount="5.00")
    town.wait_until_quiet()
    assert granted(first)[0] == 60


def test_tags_and_types_of_products_count_as_they_are_when_the_order_is_decided(town: Town) -> None:
    lamp = product(town, title="Lamp", price="50.00", product_type="Light")
    publish(town, excluded_product_types=frozenset({"light"}), excluded_product_tags=frozenset({"no-cashback"}))
    assert ineligible(order(town, (lamp, "50.00"))) is IneligibleReason.NO_ELIGIBLE_LINES
    town.post(f"products/{lamp}", product_type="Lamps")
    town.wait_until_quiet()
    assert granted(order(town, (lamp, "50.00"))) == (100, 0)
    town.post(f"products/{lamp}", tags=["No-Cashback"])
    town.wait_until_quiet()
    assert ineligible(order(town, (lamp, "50.00"))) is IneligibleReason.NO_ELIGIBLE_LINES


def test_what_is_on_sale_earns_nothing_while_it_is(town: Town) -> None:
    made = town.post("products", title="Lamp", price="40.00", compare_at_price="50.00")["product"]
    publish(town, excludes_on_sale=True)
    line = {"product_id": made["id"], "variant_id": made["variants"][0]["id"], "price": "40.00"}
    reduced = order(town, lines=[line])
    assert ineligible(reduced) is IneligibleReason.NO_ELIGIBLE_LINES
    town.post(f"products/{made['id']}", variants=[{"id": made["variants"][0]["id"], "compare_at_price": None}])
    town.wait_until_quiet()
    assert granted(order(town, lines=[line])) == (80, 0)


def test_a_customers_tag_excludes_from_the_moment_it_is_there(town: Town) -> None:
    publish(town, excluded_tags=frozenset({"staff"}))
    before = order(town, (None, "50.00"))
    assert granted(before) == (100, 0)
    customer = next(one for one in town.get("customers")["customers"] if one["email"] == ADA["email"])
    town.post(f"customers/{customer['id']}", tags=["Staff"])
    town.wait_until_quiet()
    assert ineligible(order(town, (None, "50.00"))) is IneligibleReason.EXCLUDED_CUSTOMER_TAG
    assert granted(before) == (100, 0)
    town.post(f"customers/{customer['id']}", tags=[])
    town.wait_until_quiet()
    assert granted(order(town, (None, "50.00"))) == (100, 0)


def test_while_shopify_answers_nothing_orders_wait_and_then_earn_what_they_should(town: Town) -> None:
    lamp = product(town, title="Lamp", price="50.00", product_type="Light")
    publish(town, excluded_product_types=frozenset({"light"}))
    town.post("faults", http_5xx=1, only=["queries"])
    town.post("orders", customer=ADA, lines=[{"product_id": lamp, "price": "50.00"}, {"price": "10.00"}])
    town.post("faults")
    town.wait_until_quiet()
    with transaction() as session:
        reward = session.scalars(select(Reward)).one()
        assert (reward.eligible_minor, reward.granted_minor) == (1_000, 20)
