"""Products, variants and collections: changed by control calls, told by webhooks, read by GraphQL."""

from typing import Any

import pytest

from sandbox.server import Sandbox
from tests.sandbox.conftest import Shopper
from tests.sandbox.tiny_app import TinyApp

NODES = """query Wares($ids: [ID!]!) { nodes(ids: $ids) { __typename ... on Product { id vendor productType tags
    collections(first: 50) { nodes { id title } } variants(first: 50) { nodes { id sku price compareAtPrice } } } } }"""
ONE = """query One($id: ID!) { product(id: $id) { title handle status isGiftCard updatedAt
    variants(first: 5) { nodes { displayName product { id } } } } }"""
FOUND = "query Found($query: String) { products(first: 9, query: $query, sortKey: TITLE) { nodes { title } } }"
HELD = """query Held($id: ID!, $product: ID!) { collection(id: $id) { title handle hasProduct(id: $product)
    products(first: 9) { nodes { title inCollection(id: $id) } } } }"""


def add(shopper: Shopper, title: str = "Enamel mug", **more: object) -> dict[str, Any]:
    return shopper.post("products", title=title, **{"price": "18.50", **more})["product"]


def read(shopper: Shopper, *products: dict[str, Any]) -> list[dict[str, Any]]:
    return shopper.graphql(NODES, ids=[one["admin_graphql_api_id"] for one in products])["data"]["nodes"]


def test_a_product_is_read_with_collections_and_variants(shopper: Shopper) -> None:
    mug = add(
        shopper,
        vendor="North Shed",
        product_type="Kitchen",
        tags=["new", "blue"],
        sku="NS-1",
        compare_at_price="22.00",
        variants=[{"title": "Large", "price": "24.00", "sku": "NS-2"}],
    )
    made = shopper.post("collections", title="Gifts", products=[mug["id"]])["collection"]
    (node,) = read(shopper, mug)
    variants = node.pop("variants")["nodes"]
    assert node == {
        "__typename": "Product",
        "id": mug["admin_graphql_api_id"],
        "vendor": "North Shed",
        "productType": "Kitchen",
        "tags": ["new", "blue"],
        "collections": {"nodes": [{"id": made["admin_graphql_api_id"], "title": "Gifts"}]},
    }
    assert [(one["sku"], one["price"], one["compareAtPrice"]) for one in variants] == [
        ("NS-1", "18.50", "22.00"),
        ("NS-2", "24.00", None),
    ]


def test_a_product_that_is_sold_first_comes_into_the_catalogue(shopper: Shopper) -> None:
    line = {"title": "Tote", "price": "9.00", "compare_at_price": "12.00", "product_tags": "sale", "sku": "T-1"}
    (sold,) = shopper.order(lines=[{**line, "collections": ["Bags"], "product_type": "Bag"}])["line_items"]
    document = """query Line($id: ID!) { product(id: $id) { tags productType collections(first: 2) { nodes { title } }
        variants(first: 2) { nodes { id price compareAtPrice sku } } } }"""
    product = shopper.graphql(document, id=f"gid://shopify/Product/{sold['product_id']}")["data"]["product"]
    assert (product["tags"], product["productType"]) == (["sale"], "Bag")
    assert product["collections"]["nodes"] == [{"title": "Bags"}]
    assert product["variants"]["nodes"] == [
        {
            "id": f"gid://shopify/ProductVariant/{sold['variant_id']}",
            "price": "9.00",
            "compareAtPrice": "12.00",
            "sku": "T-1",
        }
    ]


def test_a_changed_product_is_told_whole_but_without_collections(all_topics: Shopper, app: TinyApp) -> None:
    mug = add(all_topics, tags=["new"])
    change = {"tags": ["sale", "old"], "product_type": "Kitchen", "compare_at_price": "20.00"}
    all_topics.post(f"products/{mug['id']}", **change)
    all_topics.settle()
    (created,), (updated,) = app.bodies("products/create"), app.bodies("products/update")
    assert (created["tags"], created["variants"][0]["compare_at_price"]) == ("new", None)
    assert (updated["tags"], updated["product_type"], updated["title"]) == ("sale, old", "Kitchen", "Enamel mug")
    assert (updated["variants"][0]["price"], updated["variants"][0]["compare_at_price"]) == ("18.50", "20.00")
    assert updated["admin_graphql_api_id"] == f"gid://shopify/Product/{mug['id']}"
    assert updated["variant_gids"][0]["admin_graphql_api_id"] == updated["variants"][0]["admin_graphql_api_id"]
    assert "collections" not in updated
    (node,) = read(all_topics, mug)
    assert (node["tags"], node["variants"]["nodes"][0]["compareAtPrice"]) == (["sale", "old"], "20.00")


def test_a_price_to_compare_with_can_be_taken_away(shopper: Shopper) -> None:
    mug = add(shopper, compare_at_price="20.00")
    shopper.post(f"products/{mug['id']}", compare_at_price=None)
    assert read(shopper, mug)[0]["variants"]["nodes"][0]["compareAtPrice"] is None


def test_a_variant_is_changed_by_its_title_or_id_or_added(shopper: Shopper) -> None:
    mug = add(shopper, variants=[{"title": "Large", "price": "24.00"}])
    large = mug["variants"][1]["id"]
    shopper.post(
        f"products/{mug['id']}", variants=[{"title": "Large", "sku": "L"}, {"title": "Huge", "price": "30.00"}]
    )
    changed = shopper.post(f"products/{mug['id']}", variants=[{"id": large, "price": "25.00"}])["product"]
    assert [(one["title"], one["price"], one["sku"]) for one in changed["variants"]] == [
        ("Default Title", "18.50", None),
        ("Large", "25.00", "L"),
        ("Huge", "30.00", None),
    ]
    assert "has no variant 5" in shopper.refusal(f"products/{mug['id']}", {"variants": [{"id": 5, "price": "1.00"}]})


def test_a_deleted_product_leaves_orders_without_it(all_topics: Shopper, app: TinyApp) -> None:
    order = all_topics.order(lines=[{"title": "Tote", "price": "9.00", "vendor": "Fjell"}])
    product_id = order["line_items"][0]["product_id"]
    all_topics.post(f"products/{product_id}/delete")
    all_topics.settle()
    assert app.bodies("products/delete") == [{"id": product_id}]
    (line,) = all_topics.get(f"orders/{order['id']}")["order"]["line_items"]
    assert (line["product_exists"], line["product_id"], line["variant_id"]) == (False, None, None)
    assert (line["title"], line["vendor"]) == ("Tote", "Fjell")
    gid = f"gid://shopify/Product/{product_id}"
    assert all_topics.graphql(NODES, ids=[gid])["data"]["nodes"] == [None]
    document = (
        "query L($id: ID!) { order(id: $id) { lineItems(first: 1) { nodes { product { id } variant { id } } } } }"
    )
    read_back = all_topics.graphql(document, id=order["admin_graphql_api_id"])["data"]["order"]
    assert read_back["lineItems"]["nodes"] == [{"product": None, "variant": None}]


def test_members_of_a_collection_come_and_go_with_one_webhook(all_topics: Shopper, app: TinyApp) -> None:
    mug, tote, sock = (add(all_topics, title) for title in ("Mug", "Tote", "Sock"))
    made = all_topics.post("collections", title="Gifts & more", products=[mug["id"]])["collection"]
    path = f"collections/{made['id']}"
    after = all_topics.post(path, add=[tote["id"], sock["id"]], remove=[mug["id"]])["collection"]
    all_topics.settle()
    assert after["products"] == [tote["id"], sock["id"]]
    (body,) = app.bodies("collections/update")
    assert (body["id"], body["title"], body["handle"]) == (made["id"], "Gifts & more", "gifts-more")
    assert "products" not in body
    assert app.topics().count("products/update") == 0
    held = all_topics.graphql(HELD, id=made["admin_graphql_api_id"], product=mug["admin_graphql_api_id"])
    assert held["data"]["collection"] == {
        "title": "Gifts & more",
        "handle": "gifts-more",
        "hasProduct": False,
        "products": {"nodes": [{"title": "Tote", "inCollection": True}, {"title": "Sock", "inCollection": True}]},
    }


def test_a_smart_collection_changes_without_a_webhook_of_its_own(all_topics: Shopper, app: TinyApp) -> None:
    mug = add(all_topics)
    all_topics.post("collections", title="Sale", rule={"column": "tag", "equals": "SALE"})
    all_topics.post(f"products/{mug['id']}", tags="sale")
    all_topics.settle()
    assert app.topics() == ["products/create", "collections/create", "products/update"]
    assert [one["title"] for one in read(all_topics, mug)[0]["collections"]["nodes"]] == ["Sale"]


def test_a_dissolved_collection_lets_its_products_go(all_topics: Shopper, app: TinyApp) -> None:
    mug = add(all_topics)
    made = all_topics.post("collections", products=[mug["id"]])["collection"]
    all_topics.post(f"collections/{made['id']}/delete")
    all_topics.settle()
    assert [body["id"] for body in app.bodies("collections/delete")] == [made["id"]]
    assert read(all_topics, mug)[0]["collections"]["nodes"] == []


def test_products_are_found_by_what_they_are(shopper: Shopper) -> None:
    add(shopper, "Mug", tags="new", vendor="North Shed")
    add(shopper, "Kettle", tags="new, steel", product_type="Kitchen")
    for query, titles in (
        ("tag:new", ["Kettle", "Mug"]),
        ("vendor:'North Shed'", ["Mug"]),
        ("tag:new -tag:steel", ["Mug"]),
    ):
        found = shopper.graphql(FOUND, query=query)["data"]["products"]["nodes"]
        assert [one["title"] for one in found] == titles
    every = shopper.graphql("{ collections(first: 5) { nodes { title } } products(first: 1) { nodes { id } } }")
    assert len(every["data"]["products"]["nodes"]) == 1
    one = shopper.get("products")["products"][0]
    product = shopper.graphql(ONE, id=one["admin_graphql_api_id"])["data"]["product"]
    assert (product["title"], product["handle"], product["status"]) == ("Kettle", "kettle", "ACTIVE")


def test_every_id_of_a_call_counts_in_its_cost(shopper: Shopper) -> None:
    few = shopper.graphql(NODES, ids=["gid://shopify/Product/1"] * 2)["extensions"]["cost"]["requestedQueryCost"]
    many = shopper.graphql(NODES, ids=["gid://shopify/Product/1"] * 20)["extensions"]["cost"]["requestedQueryCost"]
    assert many == 10 * few
    dear = shopper.graphql(NODES, ids=["gid://shopify/Product/1"] * 250)
    assert dear["errors"][0]["extensions"]["code"] == "MAX_COST_EXCEEDED"


def test_the_catalogue_needs_its_scope(app: TinyApp) -> None:
    with Sandbox(app_url=app.url, scopes="read_orders") as box:
        shopper = Shopper(box)
        mug = add(shopper)
        answer = shopper.graphql(NODES, ids=[mug["admin_graphql_api_id"]])
        assert "`read_products` access scope" in answer["errors"][0]["message"]


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("products", {"price": "1.005"}, "more decimals than USD knows"),
        ("products", {"variants": "many"}, "variants must be a list"),
        ("products", {"tags": 5}, "tags must be a list"),
        ("products/5", {}, "There is no product 5"),
        ("products/5/delete", {}, "There is no product 5"),
        ("collections", {"products": [5]}, "There is no product 5"),
        ("collections", {"products": 5}, "products must be a list"),
        ("collections", {"rule": {"column": "colour", "equals": "red"}}, "rule.column must be one of"),
        ("collections", {"rule": "sale"}, "rule must be"),
        ("collections/5", {}, "There is no collection 5"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    shopper: Shopper, path: str, body: dict[str, Any], sentence: str
) -> None:
    assert sentence in shopper.refusal(path, body)


def test_members_of_a_smart_collection_are_not_chosen(shopper: Shopper) -> None:
    mug = add(shopper)
    made = shopper.post("collections", rule={"column": "vendor", "equals": "Fjell"})["collection"]
    assert "has a rule" in shopper.refusal(f"collections/{made['id']}", {"add": [mug["id"]]})
