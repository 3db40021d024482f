"""How products, variants and collections are read by GraphQL, and the root fields that find them."""

from collections.abc import Callable
from typing import Any

from sandbox.connections import connection, paginate
from sandbox.money import Money, webhook_text
from sandbox.products import collections_of, products_in
from sandbox.resolvers import Call, Info, Resolver, gid, listed, number_of, plain
from sandbox.search import select
from sandbox.wares import Collection, Product, Variant

PRODUCT_SEARCH: dict[str, Callable[[Product], object]] = {
    "id": lambda product: product.id,
    "title": lambda product: product.title,
    "handle": lambda product: product.handle,
    "tag": lambda product: product.tags,
    "vendor": lambda product: product.vendor,
    "product_type": lambda product: product.product_type,
    "gift_card": lambda product: product.gift_card,
    "sku": lambda product: [variant.sku for variant in product.variants],
    "created_at": lambda product: product.created_at,
    "updated_at": lambda product: product.updated_at,
}
COLLECTION_SEARCH: dict[str, Callable[[Collection], object]] = {
    "id": lambda collection: collection.id,
    "title": lambda collection: collection.title,
    "handle": lambda collection: collection.handle,
    "updated_at": lambda collection: collection.updated_at,
}
SORT: dict[str, Callable[[Any], Any]] = {
    "CREATED_AT": lambda item: item.created_at,
    "ID": lambda item: item.id,
    "TITLE": lambda item: item.title,
    "UPDATED_AT": lambda item: item.updated_at,
}


def product(_root: None, info: Info, id: str) -> Product | None:  # noqa: A002
    """Resolve `product(id)`."""
    call: Call = info.context
    call.need("read_products", info)
    number = number_of(id, "Product")
    return None if number is None else call.shop.products.get(number)


def variant(_root: None, info: Info, id: str) -> Variant | None:  # noqa: A002
    """Resolve `productVariant(id)`."""
    call: Call = info.context
    call.need("read_products", info)
    number = number_of(id, "ProductVariant")
    every = (item for ware in call.shop.products.values() for item in ware.variants)
    return next((item for item in every if item.id == number), None)


def collection(_root: None, info: Info, id: str) -> Collection | None:  # noqa: A002
    """Resolve `collection(id)`."""
    call: Call = info.context
    call.need("read_products", info)
    number = number_of(id, "Collection")
    return None if number is None else call.shop.collections.get(number)


def products(_root: None, info: Info, **arguments: Any) -> dict[str, Any]:
    """Resolve `products`."""
    call: Call = info.context
    call.need("read_products", info)
    return _found(call.shop.products.values(), PRODUCT_SEARCH, **arguments)


def collections(_root: None, info: Info, **arguments: Any) -> dict[str, Any]:
    """Resolve `collections`."""
    call: Call = info.context
    call.need("read_products", info)
    return _found(call.shop.collections.values(), COLLECTION_SEARCH, **arguments)


def _found(
    items: Any,
    readers: Any,
    query: str | None = None,
    reverse: bool = False,
    sortKey: str = "ID",  # noqa: N803 - the argument's name in Shopify's schema
    **page: Any,
) -> dict[str, Any]:
    found = select(items, query, readers)
    found.sort(key=lambda item: (SORT[sortKey](item), item.id), reverse=reverse)
    return connection(paginate(found, lambda item: item.id, **page))


def _price(minor: int | None, variant: Variant) -> str | None:
    return None if minor is None else webhook_text(Money(minor, variant.currency))


def _collections_of(product: Product, info: Info, **arguments: Any) -> dict[str, Any]:
    return _found(collections_of(info.context.shop, product), COLLECTION_SEARCH, **arguments)


def _products_in(collection: Collection, info: Info, reverse: bool = False, **page: Any) -> dict[str, Any]:
    held = products_in(info.context.shop, collection)
    return connection(paginate(held[::-1] if reverse else held, lambda item: item.id, **page))


def _holds(collection: Collection, info: Info, id: str) -> bool:  # noqa: A002
    found = info.context.shop.products.get(number_of(id, "Product") or 0)
    return found is not None and collection.has(found)


def _is_in(product: Product, info: Info, id: str) -> bool:  # noqa: A002
    found = info.context.shop.collections.get(number_of(id, "Collection") or 0)
    return found is not None and found.has(product)


CATALOGUE_OBJECTS: dict[str, dict[str, Resolver]] = {
    "Product": {
        "id": plain(lambda p: gid("Product", p.id)),
        "legacyResourceId": plain(lambda p: p.id),
        "collections": _collections_of,
        "createdAt": plain(lambda p: p.created_at),
        "inCollection": _is_in,
        "isGiftCard": plain(lambda p: p.gift_card),
        "productType": plain(lambda p: p.product_type),
        "status": plain(lambda p: "ACTIVE"),
        "updatedAt": plain(lambda p: p.updated_at),
        "variants": listed(lambda p: p.variants),
    },
    "ProductVariant": {
        "id": plain(lambda v: gid("ProductVariant", v.id)),
        "legacyResourceId": plain(lambda v: v.id),
        "compareAtPrice": plain(lambda v: _price(v.compare_at_minor, v)),
        "createdAt": plain(lambda v: v.created_at),
        "displayName": plain(lambda v: f"{v.product.title} - {v.title}"),
        "price": plain(lambda v: _price(v.price_minor, v)),
        "taxable": plain(lambda v: not v.product.gift_card),
        "updatedAt": plain(lambda v: v.updated_at),
    },
    "Collection": {
        "id": plain(lambda c: gid("Collection", c.id)),
        "legacyResourceId": plain(lambda c: c.id),
        "hasProduct": _holds,
        "products": _products_in,
        "updatedAt": plain(lambda c: c.updated_at),
    },
}
