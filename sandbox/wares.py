"""What a sandbox shop sells: products with their variants, and the collections they are in. Amounts in minor units."""

import re
from dataclasses import dataclass, field
from datetime import datetime

RULE_COLUMNS = ("tag", "type", "vendor", "title")


@dataclass
class Variant:
    """One form in which a product is sold; `currency` is that of both prices."""

    id: int
    product: "Product"
    title: str
    sku: str | None
    price_minor: int
    compare_at_minor: int | None
    currency: str
    created_at: datetime
    updated_at: datetime


@dataclass
class Product:
    """Something to buy, with at least one variant."""

    id: int
    title: str
    vendor: str
    product_type: str
    tags: list[str]
    gift_card: bool
    created_at: datetime
    updated_at: datetime
    variants: list[Variant] = field(default_factory=list)
    is_deleted: bool = False

    @property
    def handle(self) -> str:
        """The product's part of an address, made from its title."""
        return make_handle(self.title)


@dataclass(frozen=True)
class Rule:
    """What makes a product a member of a smart collection: a column that equals a text."""

    column: str
    text: str

    def fits(self, product: Product) -> bool:
        """Say whether the product is a member by this rule; upper and lower case are alike."""
        values = {
            "tag": product.tags,
            "type": [product.product_type],
            "vendor": [product.vendor],
            "title": [product.title],
        }[self.column]
        return self.text.casefold() in (value.casefold() for value in values)


@dataclass
class Collection:
    """Products gathered by hand, or by a rule when there is one."""

    id: int
    title: str
    rule: Rule | None
    created_at: datetime
    updated_at: datetime
    members: list[Product] = field(default_factory=list)

    @property
    def handle(self) -> str:
        """The collection's part of an address, made from its title."""
        return make_handle(self.title)

    def has(self, product: Product) -> bool:
        """Say whether the product is in this collection now."""
        return self.rule.fits(product) if self.rule else product in self.members


def make_handle(title: str) -> str:
    """Return a title as addresses carry it: `Enamel mug, blue` becomes `enamel-mug-blue`."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
