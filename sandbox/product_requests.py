"""What control calls may ask of the catalogue: products, variants, collections; what is None stays as it is."""

from dataclasses import dataclass

from sandbox.errors import BadInput
from sandbox.money import parse
from sandbox.requests_in import Json, read_choice, read_flag, read_id, read_optional_id, read_tags, read_text
from sandbox.wares import RULE_COLUMNS, Rule

VARIANT_FIELDS = ("price", "compare_at_price", "sku")


@dataclass(frozen=True)
class VariantRequest:
    """One variant, new or changed; `has_compare_at` tells a price of None from none given."""

    id: int | None = None
    title: str | None = None
    sku: str | None = None
    price_minor: int | None = None
    compare_at_minor: int | None = None
    has_compare_at: bool = False


@dataclass(frozen=True)
class ProductRequest:
    """One product, new or changed."""

    title: str | None
    vendor: str | None
    product_type: str | None
    tags: tuple[str, ...] | None
    gift_card: bool
    variants: tuple[VariantRequest, ...]


@dataclass(frozen=True)
class CollectionRequest:
    """One collection, new or changed; products by their ids."""

    title: str | None
    rule: Rule | None
    products: tuple[int, ...]
    add: tuple[int, ...]
    remove: tuple[int, ...]


def read_product(body: Json, currency: str) -> ProductRequest:
    """Check a product; `price`, `compare_at_price` and `sku` beside it are those of its first variant."""
    listed = body.get("variants", [])
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise BadInput('variants must be a list such as [{"title": "Small", "price": "12.34"}].')
    own = [{name: body[name] for name in VARIANT_FIELDS if name in body}]
    variants = [_variant(item, currency, f"variants[{index}]") for index, item in enumerate(listed)]
    if own[0]:
        variants.insert(0, _variant(own[0], currency, "product"))
    return ProductRequest(
        title=read_text(body, "title"),
        vendor=read_text(body, "vendor"),
        product_type=read_text(body, "product_type"),
        tags=read_tags(body["tags"]) if "tags" in body else None,
        gift_card=read_flag(body, "gift_card", False),
        variants=tuple(variants),
    )


def read_collection(body: Json) -> CollectionRequest:
    """Check a collection."""
    return CollectionRequest(
        title=read_text(body, "title"),
        rule=_rule(body.get("rule")),
        products=_ids(body, "products"),
        add=_ids(body, "add"),
        remove=_ids(body, "remove"),
    )


def _variant(item: Json, currency: str, name: str) -> VariantRequest:
    price, compare_at = item.get("price"), item.get("compare_at_price")
    return VariantRequest(
        id=read_optional_id(item, "id"),
        title=read_text(item, "title"),
        sku=read_text(item, "sku"),
        price_minor=None if price is None else parse(price, currency, f"{name}.price"),
        compare_at_minor=None if compare_at is None else parse(compare_at, currency, f"{name}.compare_at_price"),
        has_compare_at="compare_at_price" in item,
    )


def _rule(value: object) -> Rule | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("equals"), str):
        raise BadInput('rule must be {"column": "tag", "equals": "sale"}.')
    return Rule(read_choice(value.get("column"), "rule.column", RULE_COLUMNS), value["equals"])


def _ids(body: Json, name: str) -> tuple[int, ...]:
    value = body.get(name, [])
    if not isinstance(value, list):
        raise BadInput(f"{name} must be a list of product ids.")
    return tuple(read_id(item, name) for item in value)
