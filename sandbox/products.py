"""What the shop sells, and how that changes: products, their variants, and collections.

As in `orders.py`, the caller holds the shop's lock and tells the app.
"""

from datetime import datetime

from sandbox.errors import BadInput, NotThere
from sandbox.order_requests import LineRequest
from sandbox.product_requests import CollectionRequest, ProductRequest, VariantRequest
from sandbox.state import Shop
from sandbox.wares import Collection, Product, Rule, Variant


def get_product(shop: Shop, product_id: int) -> Product:
    """Return the product, or refuse."""
    product = shop.products.get(product_id)
    if product is None:
        raise NotThere(f"There is no product {product_id}; GET /sandbox/products lists them.")
    return product


def get_collection(shop: Shop, collection_id: int) -> Collection:
    """Return the collection, or refuse."""
    collection = shop.collections.get(collection_id)
    if collection is None:
        raise NotThere(f"There is no collection {collection_id}; GET /sandbox/collections lists them.")
    return collection


def find_ware(shop: Shop, wanted: LineRequest, currency: str, at: datetime) -> Variant:
    """Return the variant that a line of an order is of; the product is made unless it is known."""
    product = shop.products.get(wanted.product_id) if wanted.product_id else shop.products_by_title.get(wanted.title)
    if product is None or (wanted.product_id is None and product.gift_card != wanted.gift_card):
        product = _make_for(shop, wanted, at)
    if wanted.variant_id is None and product.variants:
        return product.variants[0]
    for variant in product.variants:
        if variant.id == wanted.variant_id:
            return variant
    form = VariantRequest(
        wanted.variant_id, "Default Title", wanted.sku, wanted.price_minor, wanted.compare_at_minor, has_compare_at=True
    )
    return _add_variant(shop, product, form, currency, at)


def create_product(shop: Shop, wanted: ProductRequest) -> Product:
    """Put a new product into the catalogue."""
    at = shop.clock.now()
    product = Product(
        id=next(shop.ids),
        title=wanted.title or "Thing",
        vendor=wanted.vendor or shop.name,
        product_type=wanted.product_type or "",
        tags=list(wanted.tags or ()),
        gift_card=wanted.gift_card,
        created_at=at,
        updated_at=at,
    )
    for variant in wanted.variants or (VariantRequest(),):
        _add_variant(shop, product, variant, shop.currency, at)
    _keep(shop, product)
    return product


def update_product(shop: Shop, product: Product, wanted: ProductRequest) -> None:
    """Change what is named, and leave the rest."""
    changes = [(_variant_of(product, variant), variant) for variant in wanted.variants]
    if wanted.title is not None:
        shop.products_by_title.pop(product.title, None)
        product.title = wanted.title
        shop.products_by_title[product.title] = product
    if wanted.vendor is not None:
        product.vendor = wanted.vendor
    if wanted.product_type is not None:
        product.product_type = wanted.product_type
    if wanted.tags is not None:
        product.tags = list(wanted.tags)
    product.updated_at = shop.clock.now()
    for variant, change in changes:
        if variant is None:
            _add_variant(shop, product, change, shop.currency, product.updated_at)
        else:
            _change(variant, change, product.updated_at)


def delete_product(shop: Shop, product: Product) -> None:
    """Take the product out of the catalogue and out of its collections; orders keep their lines."""
    product.is_deleted = True
    del shop.products[product.id]
    if shop.products_by_title.get(product.title) is product:
        del shop.products_by_title[product.title]
    for collection in shop.collections.values():
        if product in collection.members:
            collection.members.remove(product)


def create_collection(shop: Shop, wanted: CollectionRequest) -> Collection:
    """Make a collection, of products chosen by hand or by a rule."""
    members = [get_product(shop, number) for number in (*wanted.products, *wanted.add)]
    return _make_collection(shop, wanted.title or "Collection", wanted.rule, members)


def update_collection(shop: Shop, collection: Collection, wanted: CollectionRequest) -> None:
    """Change title, rule or members."""
    chosen = [get_product(shop, number) for number in wanted.products]
    added = [get_product(shop, number) for number in wanted.add]
    removed = [get_product(shop, number) for number in wanted.remove]
    if (chosen or added or removed) and (collection.rule or wanted.rule):
        raise BadInput(f"Collection {collection.id} has a rule; its products follow from that.")
    collection.title = wanted.title or collection.title
    collection.rule = wanted.rule or collection.rule
    kept = [product for product in (chosen or collection.members) if product not in removed]
    collection.members = list({product.id: product for product in (*kept, *added)}.values())
    collection.updated_at = shop.clock.now()


def collections_of(shop: Shop, product: Product) -> list[Collection]:
    """Return the collections that hold the product now."""
    return [collection for collection in shop.collections.values() if collection.has(product)]


def products_in(shop: Shop, collection: Collection) -> list[Product]:
    """Return the products that the collection holds now."""
    return [product for product in shop.products.values() if collection.has(product)]


def _make_for(shop: Shop, wanted: LineRequest, at: datetime) -> Product:
    product = Product(
        id=wanted.product_id or next(shop.ids),
        title=wanted.title,
        vendor=wanted.vendor or shop.name,
        product_type=wanted.product_type,
        tags=list(wanted.product_tags),
        gift_card=wanted.gift_card,
        created_at=at,
        updated_at=at,
    )
    _keep(shop, product)
    for title in wanted.collections:
        known = next((one for one in shop.collections.values() if one.title == title), None)
        collection = known or _make_collection(shop, title, None, [])
        if collection.rule is None:
            collection.members.append(product)
    return product


def _make_collection(shop: Shop, title: str, rule: Rule | None, members: list[Product]) -> Collection:
    now = shop.clock.now()
    collection = Collection(next(shop.ids), title, rule, now, now, members)
    shop.collections[collection.id] = collection
    return collection


def _keep(shop: Shop, product: Product) -> None:
    shop.products[product.id] = product
    shop.products_by_title[product.title] = product


def _add_variant(shop: Shop, product: Product, wanted: VariantRequest, currency: str, at: datetime) -> Variant:
    variant = Variant(
        id=wanted.id or next(shop.ids),
        product=product,
        title=wanted.title or "Default Title",
        sku=wanted.sku,
        price_minor=wanted.price_minor or 0,
        compare_at_minor=wanted.compare_at_minor,
        currency=currency,
        created_at=at,
        updated_at=at,
    )
    product.variants.append(variant)
    return variant


def _variant_of(product: Product, wanted: VariantRequest) -> Variant | None:
    """Return the variant meant: by its id, else by its title, else the only one; None for a new one."""
    if wanted.id is not None:
        found = next((variant for variant in product.variants if variant.id == wanted.id), None)
        if found is None:
            raise NotThere(f"Product {product.id} has no variant {wanted.id}.")
        return found
    if wanted.title is not None:
        return next((variant for variant in product.variants if variant.title == wanted.title), None)
    return product.variants[0]


def _change(variant: Variant, wanted: VariantRequest, at: datetime) -> None:
    if wanted.sku is not None:
        variant.sku = wanted.sku
    if wanted.price_minor is not None:
        variant.price_minor = wanted.price_minor
    if wanted.has_compare_at:
        variant.compare_at_minor = wanted.compare_at_minor
    variant.updated_at = at
