"""Made-up business is varied enough to try every rule, and the same for the same seed."""

from collections import Counter
from typing import Any

from sandbox import orders
from sandbox.bodies import order_body
from sandbox.catalogue import Crowd
from sandbox.options import Options
from sandbox.state import World
from sandbox.subscriptions import ON_REQUEST
from tests.sandbox.conftest import Shopper
from tests.sandbox.tiny_app import TinyApp

#: What only staff, or the app itself, sets off.
NOT_TRAFFIC = ("app/", "bulk_operations/", "collections/", "customer.", "products/", "returns/", "shop/")


def draw_bodies(seed: int, count: int) -> list[Any]:
    shop = World(Options(app_url="", seed=seed, first_id=1_000)).main
    crowd = Crowd(shop.random, 20)
    at = shop.clock.now()
    return [order_body(orders.place(shop, crowd.order(shop.currency, at))) for _ in range(count)]


def test_a_crowd_pays_lives_and_buys_in_many_ways() -> None:
    bodies = draw_bodies(1, 300)
    gateways = Counter(gateway for body in bodies for gateway in body["payment_gateway_names"])
    assert gateways["bogus"] > gateways["gift_card"] > 0
    assert len({body["billing_address"]["country_code"] for body in bodies}) > 2
    assert {body["fulfillment_status"] for body in bodies} == {None, "fulfilled"}
    assert all(body["financial_status"] == "paid" for body in bodies)


def test_the_same_seed_draws_the_same_orders() -> None:
    first, again, other = draw_bodies(1, 40), draw_bodies(1, 40), draw_bodies(2, 40)
    assert [body["total_price"] for body in first] == [body["total_price"] for body in again]
    assert [body["total_price"] for body in first] != [body["total_price"] for body in other]


def test_a_history_sends_every_kind_of_news_that_was_asked_for(all_topics: Shopper, app: TinyApp) -> None:
    all_topics.post("history", orders=500, days=300)
    all_topics.settle()
    told = set(app.topics())
    staff_only = {topic for topic in ON_REQUEST if topic.startswith(NOT_TRAFFIC)}
    staff_only |= {"customers/update", "customers/delete", "customers/merge", "orders/delete"}
    staff_only |= {"orders/partially_fulfilled"}
    assert set(ON_REQUEST) - told == staff_only
    transactions = app.bodies("order_transactions/create")
    assert len(transactions) == len({body["id"] for body in transactions})
    assert {body["kind"] for body in transactions} == {"sale", "refund"}


def test_wares_are_on_sale_and_in_collections(shopper: Shopper) -> None:
    shopper.post("history", orders=120, days=30)
    shopper.settle()
    products = shopper.get("products")["products"]
    assert any(one["compare_at_price"] for product in products for one in product["variants"])
    assert {"For the kitchen", "Coffee bar"} <= {one["title"] for product in products for one in product["collections"]}
