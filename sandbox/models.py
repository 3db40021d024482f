"""What a sandbox shop holds: customers, products, orders, refunds, payments. Amounts in minor units."""

from dataclasses import dataclass, field
from datetime import datetime

from sandbox.order_parts import Address, Company, RiskAssessment
from sandbox.wares import Product, Variant

PAID_IN = ("sale", "capture")
"""The kinds of transactions by which money comes in."""
PAYING = ("authorization", *PAID_IN)


@dataclass
class Customer:
    """A made-up person who buys."""

    id: int
    email: str | None
    first_name: str
    last_name: str
    tags: list[str]
    created_at: datetime
    updated_at: datetime
    verified_email: bool = True
    note: str | None = None
    number_of_orders: int = 0
    spent_minor: int = 0
    #: What they read.
    locale: str = "en"
    announced: bool = False
    """Whether the app was told that this customer is new."""

    @property
    def display_name(self) -> str:
        """The name as Shopify shows it: the mail address when there is no name."""
        return f"{self.first_name} {self.last_name}".strip() or self.email or ""


@dataclass(frozen=True)
class Tax:
    """One tax rate for the order's taxable lines, and for its shipping if that is wanted."""

    rate: str
    included: bool
    on_shipping: bool = False


@dataclass
class Line:
    """One line of an order; discount and tax are those of its whole quantity."""

    id: int
    product: Product | None
    variant: Variant | None
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
    by_hand_minor: int = 0
    """The part of the discount that staff gave in an edit."""
    tax_minor: int = 0
    refunded: int = 0
    removed: int = 0
    fulfilled: int = 0

    @property
    def kept(self) -> int:
        """Units neither refunded nor edited away: Shopify's current quantity."""
        return self.quantity - self.refunded - self.removed

    @property
    def fulfillable(self) -> int:
        """Units still to be sent; what was refunded or removed is taken from these first."""
        return max(0, self.kept - self.fulfilled)

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
    """A discount on all lines, or on the shipping: `percentage` or `fixed`, with the value as it was given."""

    type: str
    value: str
    code: str | None
    """None for a discount that applies by itself."""


@dataclass
class Payment:
    """One transaction of an order: sale, authorization, capture, void or refund, through one gateway."""

    id: int
    kind: str
    gateway: str
    amount_minor: int
    currency: str
    created_at: datetime
    parent: "Payment | None" = None
    order: "Order | None" = None
    status: str = "success"
    announced: bool = False
    """Whether the app was told of it."""

    @property
    def is_in(self) -> bool:
        """Whether it brought money in."""
        return self.kind in PAID_IN and self.status == "success"


@dataclass
class Fulfillment:
    """Units of lines that were sent together."""

    id: int
    order: "Order"
    number: int
    created_at: datetime
    lines: list[tuple[Line, int]]


@dataclass
class Dispute:
    """A chargeback, or the bank's inquiry before one."""

    id: int
    order: "Order"
    type: str
    amount_minor: int
    reason: str
    network_reason_code: str
    status: str
    initiated_at: datetime
    evidence_due_by: datetime | None
    evidence_sent_on: datetime | None = None
    finalized_on: datetime | None = None


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
    shipping_tax_minor: int
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
    shipping_price_minor: int
    shipping_discount: Discount | None
    shipping_discount_minor: int
    shipping_tax_minor: int
    shipping_line_id: int
    tags: list[str]
    test: bool
    source_name: str
    created_at: datetime
    updated_at: datetime
    billing_address: Address | None = None
    shipping_address: Address | None = None
    company: Company | None = None
    payments: list[Payment] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    fulfillments: list[Fulfillment] = field(default_factory=list)
    disputes: list[Dispute] = field(default_factory=list)
    assessments: list[RiskAssessment] = field(default_factory=list)
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
    closed_at: datetime | None = None
    edited: bool = False
    paid_at: datetime | None = None
    paid_at_clock: datetime | None = None
    """The real moment of payment, for measuring; `paid_at` may lie in a made-up past."""

    @property
    def locale(self) -> str:
        """What the customer reads."""
        return "en" if self.customer is None else self.customer.locale

    @property
    def shipping_minor(self) -> int:
        """What shipping costs after its discount."""
        return self.shipping_price_minor - self.shipping_discount_minor

    @property
    def gateways(self) -> list[str]:
        """Through what it was paid, or is to be: each gateway that did not fail, once."""
        used = [payment for payment in self.payments if payment.kind in PAYING and payment.status == "success"]
        return list(dict.fromkeys(payment.gateway for payment in used))
