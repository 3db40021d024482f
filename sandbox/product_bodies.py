"""The JSON bodies of webhooks about products and collections, in the shape of API version 2026-10."""

from sandbox.body_parts import Json
from sandbox.clock import local_text, millisecond_text
from sandbox.money import Money, webhook_text
from sandbox.wares import Collection, Product, Variant


def product_body(product: Product, timezone: str) -> Json:
    """Return the product as `products/create` and `products/update` carry it; which collections hold it is not told."""
    return {
        "admin_graphql_api_id": f"gid://shopify/Product/{product.id}",
        "body_html": None,
        "created_at": local_text(product.created_at, timezone),
        "handle": product.handle,
        "id": product.id,
        "product_type": product.product_type,
        "published_at": local_text(product.created_at, timezone),
        "template_suffix": None,
        "title": product.title,
        "updated_at": local_text(product.updated_at, timezone),
        "vendor": product.vendor,
        "status": "active",
        "published_scope": "web",
        "tags": ", ".join(product.tags),
        "variants": [_variant(variant, index, timezone) for index, variant in enumerate(product.variants, 1)],
        "options": [],
        "images": [],
        "image": None,
        "media": [],
        "variant_gids": [_variant_gid(variant) for variant in product.variants],
        "has_variants_that_requires_components": False,
        "category": None,
    }


def collection_body(collection: Collection, timezone: str) -> Json:
    """Return the collection as `collections/create` and `collections/update` carry it: without its products."""
    return {
        "id": collection.id,
        "handle": collection.handle,
        "title": collection.title,
        "updated_at": local_text(collection.updated_at, timezone),
        "body_html": None,
        "published_at": local_text(collection.created_at, timezone),
        "sort_order": None,
        "template_suffix": None,
        "published_scope": "web",
        "admin_graphql_api_id": f"gid://shopify/Collection/{collection.id}",
    }


def deleted_collection_body(collection: Collection) -> Json:
    """Return what `collections/delete` tells."""
    gid = f"gid://shopify/Collection/{collection.id}"
    return {"id": collection.id, "published_scope": "web", "admin_graphql_api_id": gid}


def _variant(variant: Variant, position: int, timezone: str) -> Json:
    return {
        "admin_graphql_api_id": f"gid://shopify/ProductVariant/{variant.id}",
        "barcode": None,
        "compare_at_price": _price(variant.compare_at_minor, variant),
        "created_at": local_text(variant.created_at, timezone),
        "id": variant.id,
        "inventory_policy": "deny",
        "position": position,
        "price": _price(variant.price_minor, variant),
        "product_id": variant.product.id,
        "sku": variant.sku,
        "taxable": not variant.product.gift_card,
        "title": variant.title,
        "updated_at": local_text(variant.updated_at, timezone),
        "option1": variant.title,
        "option2": None,
        "option3": None,
        "image_id": None,
        "inventory_item_id": None,
        "inventory_quantity": 100,
        "old_inventory_quantity": 100,
    }


def _variant_gid(variant: Variant) -> Json:
    gid = f"gid://shopify/ProductVariant/{variant.id}"
    return {"admin_graphql_api_id": gid, "updated_at": millisecond_text(variant.updated_at)}


def _price(minor: int | None, variant: Variant) -> str | None:
    return None if minor is None else webhook_text(Money(minor, variant.currency))
