"""Control calls about the catalogue: products and collections."""

from flask import Response

from sandbox import products
from sandbox.calls import (
    as_json,
    catalogue_announcer,
    chosen_shop,
    control_blueprint,
    controlled,
    read_body,
    read_limit,
)
from sandbox.product_bodies import collection_body, product_body
from sandbox.product_requests import read_collection, read_product
from sandbox.state import Shop
from sandbox.wares import Collection, Product

blueprint = control_blueprint("control_catalogue")


@blueprint.get("/sandbox/products")
@controlled
def list_products() -> Response:
    """The shop's products, newest first."""
    shop = chosen_shop()
    with shop.lock:
        newest = list(shop.products.values())[-read_limit(100) :][::-1]
        return as_json({"products": [_show(shop, product) for product in newest], "count": len(shop.products)})


@blueprint.post("/sandbox/products")
@controlled
def add_product() -> Response:
    """Put a product into the catalogue."""
    body = read_body()
    shop = chosen_shop(body)
    wanted = read_product(body, shop.currency)
    with shop.lock:
        product = products.create_product(shop, wanted)
        catalogue_announcer().product(shop, product, is_new=True)
        return as_json({"product": _show(shop, product)}, 201)


@blueprint.post("/sandbox/products/<int:product_id>")
@controlled
def change_product(product_id: int) -> Response:
    """Change what the call names."""
    body = read_body()
    shop = chosen_shop(body)
    wanted = read_product(body, shop.currency)
    with shop.lock:
        product = products.get_product(shop, product_id)
        products.update_product(shop, product, wanted)
        catalogue_announcer().product(shop, product)
        return as_json({"product": _show(shop, product)})


@blueprint.post("/sandbox/products/<int:product_id>/delete")
@controlled
def delete_product(product_id: int) -> Response:
    """Take a product out of the catalogue."""
    shop = chosen_shop(read_body())
    with shop.lock:
        product = products.get_product(shop, product_id)
        products.delete_product(shop, product)
        catalogue_announcer().product_deleted(shop, product)
    return as_json({"deleted": product_id})


@blueprint.get("/sandbox/collections")
@controlled
def list_collections() -> Response:
    """The shop's collections with their products."""
    shop = chosen_shop()
    with shop.lock:
        return as_json({"collections": [_show_collection(shop, one) for one in shop.collections.values()]})


@blueprint.post("/sandbox/collections")
@controlled
def add_collection() -> Response:
    """Make a collection, by hand or by a rule."""
    body = read_body()
    shop = chosen_shop(body)
    wanted = read_collection(body)
    with shop.lock:
        collection = products.create_collection(shop, wanted)
        catalogue_announcer().collection(shop, collection, is_new=True)
        return as_json({"collection": _show_collection(shop, collection)}, 201)


@blueprint.post("/sandbox/collections/<int:collection_id>")
@controlled
def change_collection(collection_id: int) -> Response:
    """Change title, rule or products."""
    body = read_body()
    shop = chosen_shop(body)
    wanted = read_collection(body)
    with shop.lock:
        collection = products.get_collection(shop, collection_id)
        products.update_collection(shop, collection, wanted)
        catalogue_announcer().collection(shop, collection)
        return as_json({"collection": _show_collection(shop, collection)})


@blueprint.post("/sandbox/collections/<int:collection_id>/delete")
@controlled
def delete_collection(collection_id: int) -> Response:
    """Dissolve a collection; its products stay."""
    shop = chosen_shop(read_body())
    with shop.lock:
        collection = products.get_collection(shop, collection_id)
        del shop.collections[collection_id]
        catalogue_announcer().collection_deleted(shop, collection)
    return as_json({"deleted": collection_id})


def _show(shop: Shop, product: Product) -> dict[str, object]:
    """Return the product as webhooks tell it, with its collections, which they do not tell."""
    titles = [{"id": one.id, "title": one.title} for one in products.collections_of(shop, product)]
    return {**product_body(product, shop.timezone), "collections": titles}


def _show_collection(shop: Shop, collection: Collection) -> dict[str, object]:
    held = [product.id for product in products.products_in(shop, collection)]
    return {**collection_body(collection, shop.timezone), "products": held}
