"""What a sandbox shop holds: customers, products, orders, refunds, payments. Amounts in minor units."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Customer:
    """A made-up person who buys."""

    id: int
    email: str | None
    first_name: str
    last_name: str
    tags: list[str]
    created_at: datetime
    number_of_orders: int = 0
    spent_minor: int = 0

    @property
    def display_name(self) -> str:
        """The name as Shopify shows it: the mail address when there is no name."""
        return f"{self.first_name} {self.last_name}".strip() or self.email or ""


@dataclass
class Product:
    """Something to buy, with one variant."""

    id: int
    variant_id: int
    title: str
    vendor: str
    product_type: str
    tags: list[str]
    gift_card: bool
    created_at: datetime
    price_minor: int = 0


@dataclass(frozen=True)
class Tax:
    """One tax rate for the order's taxable lines; shipping is not taxed here."""

    rate: str
    included: bool


@dataclass
class Line:
    """One line of an order; discount and tax are those of its whole quantity."""

    id: int
    product: Product | None
    title: str
    price_minor: int
    quantity: int
    sku: str | None
    vendor: str | None
    gift_card: bool
    taxable: bool
    currency: str
    tax: Tax | None = None
    discount_minor: int = 0
    tax_minor: int = 0
    refunded: int = 0
    removed: int = 0

    @property
    def kept(self) -> int:
        """Units neither refunded nor edited away: Shopify's current quantity."""
        return self.quantity - self.refunded - self.removed

    @property
    def gross_minor(self) -> int:
        """Price times quantity."""
        return self.price_minor * self.quantity

    @property
    def net_minor(self) -> int:
        """What the line costs after discounts; with the tax when prices include it."""
        return self.gross_minor - self.discount_minor


@dataclass(frozen=True)
class Discount:
    """A discount on the whole order: `percentage` or `fixed`, with the value as it was given."""

    type: str
    value: str
    code: str


@dataclass
class Payment:
    """One transaction of an order: a sale or a refund, through one gateway."""

    id: int
    kind: str
    gateway: str
    amount_minor: int
    currency: str
    created_at: datetime
    parent: "Payment | None" = None
    order: "Order | None" = None


@dataclass
class RefundLine:
    """Units of one line that a refund takes back."""

    id: int
    line: Line
    quantity: int
    subtotal_minor: int
    tax_minor: int
    restock_type: str


@dataclass
class Refund:
    """One refund; `discrepancy_minor` is money given back for no line (negative, as Shopify books it)."""

    id: int
    order: "Order"
    created_at: datetime
    note: str | None
    lines: list[RefundLine]
    shipping_minor: int
    shipping_id: int
    discrepancy_minor: int
    adjustment_id: int
    payments: list[Payment]

    @property
    def total_minor(self) -> int:
        """The money that went back."""
        return sum(payment.amount_minor for payment in self.payments)


@dataclass
class Order:
    """An order with all that happened to it."""

    id: int
    number: int
    shop_domain: str
    timezone: str
    currency: str
    customer: Customer | None
    email: str | None
    lines: list[Line]
    discount: Discount | None
    tax: Tax | None
    shipping_minor: int
    shipping_line_id: int
    tags: list[str]
    test: bool
    source_name: str
    created_at: datetime
    updated_at: datetime
    payments: list[Payment] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
    closed_at: datetime | None = None
    edited: bool = False
    paid_at: datetime | None = None
    paid_at_clock: datetime | None = None
    """The real moment of payment, for measuring; `paid_at` may lie in a made-up past."""
