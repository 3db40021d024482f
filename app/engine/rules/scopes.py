"""Whether a line of an order is in a scope: some of a shop's goods, named by product, collection, vendor and so on."""

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache

from app.engine.rules.facts import OrderLine, ProductFact
from app.engine.rules.terms import Scope


class Dimension(StrEnum):
    """By what a scope names goods."""

    EVERYTHING = "everything"
    PRODUCT = "product"
    VARIANT = "variant"
    SKU = "sku"
    VENDOR = "vendor"
    PRODUCT_TYPE = "product_type"
    PRODUCT_TAG = "product_tag"
    COLLECTION = "collection"


@lru_cache(maxsize=8192)
def plain(text: str) -> str:
    """Return a text as it is compared: tags, vendors, types and codes without case and outer blanks."""
    return text.strip().casefold()


def plain_set(texts: Iterable[str]) -> frozenset[str]:
    """Return texts as they are compared."""
    return frozenset(map(plain, texts))


class Goods:
    """A scope made ready for comparing."""

    __slots__ = (
        "_collections",
        "_everything",
        "_products",
        "_skus",
        "_tags",
        "_types",
        "_variants",
        "_vendors",
    )

    def __init__(self, scope: Scope) -> None:
        self._products = scope.product_ids
        self._variants = scope.variant_ids
        self._collections = scope.collection_ids
        self._skus = plain_set(scope.skus)
        self._vendors = plain_set(scope.vendors)
        self._types = plain_set(scope.product_types)
        self._tags = plain_set(scope.product_tags)
        self._everything = scope.is_everything

    def find_fit(self, line: OrderLine | None, product: ProductFact | None) -> Dimension | None:
        """Return the first dimension by which a line is in the scope, or None when it is not.

        ``product`` is what the catalogue says of the line's product, where that is known. Without a line it is
        the shipping that is asked about, which is in a scope for everything only.
        """
        if self._everything:
            return Dimension.EVERYTHING
        if line is None:
            return None
        if line.product_id in self._products:
            return Dimension.PRODUCT
        if line.variant_id in self._variants:
            return Dimension.VARIANT
        if self._skus and line.sku is not None and plain(line.sku) in self._skus:
            return Dimension.SKU
        if self._vendors and _vendor(line, product) in self._vendors:
            return Dimension.VENDOR
        if product is None:
            return None
        if self._types and product.product_type is not None and plain(product.product_type) in self._types:
            return Dimension.PRODUCT_TYPE
        if self._tags and not self._tags.isdisjoint(map(plain, product.tags)):
            return Dimension.PRODUCT_TAG
        if self._collections and not self._collections.isdisjoint(product.collection_ids):
            return Dimension.COLLECTION
        return None


def _vendor(line: OrderLine, product: ProductFact | None) -> str | None:
    """The line says who sold it then; the catalogue only who does today."""
    vendor = line.vendor if line.vendor is not None or product is None else product.vendor
    return None if vendor is None else plain(vendor)
