"""What happened outside, as frozen values: the only things rules decide on.

Amounts are integers in minor units of the shop's currency and their names end in ``_minor``. Instants are
aware datetimes in UTC. Ids are Shopify's numeric ids; they do not fit into 53 bits and are never floats.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class FinancialStatus(StrEnum):
    """Where an order's payment stands, in Shopify's words."""

    PENDING = "pending"
    AUTHORIZED = "authorized"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    VOIDED = "voided"
    EXPIRED = "expired"

    @property
    def was_paid(self) -> bool:
        """True when all the money has once arrived, whatever became of it later."""
        return self in (FinancialStatus.PAID, FinancialStatus.PARTIALLY_REFUNDED, FinancialStatus.REFUNDED)


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line of an order, as sold. ``net_minor`` and ``tax_minor`` are for the whole ``quantity``."""

    line_id: int
    title: str
    quantity: int
    #: Units taken out again by an order edit (not by a refund).
    removed_quantity: int
    #: price times quantity less its discount allocations, and less its tax where prices include tax.
    net_minor: int
    tax_minor: int
    product_id: int | None = None
    variant_id: int | None = None
    sku: str | None = None
    vendor: str | None = None
    is_gift_card: bool = False


@dataclass(frozen=True, slots=True)
class CustomerFact:
    """The customer an order belongs to; personal fields are for display only."""

    customer_id: int
    email: str | None = None
    name: str | None = None
    #: None when the body does not say (webhooks since 2025-01 carry no tags).
    tags: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class OrderFact:
    """One version of an order, told by any of the order topics; the newest ``updated_at`` counts."""

    order_id: int
    name: str
    currency: str
    financial_status: FinancialStatus
    is_test: bool
    #: When the order was placed; the moment at which the tier is taken and at which its spend counts.
    placed_at: datetime
    updated_at: datetime
    cancelled_at: datetime | None
    customer: CustomerFact | None
    lines: tuple[OrderLine, ...]
    tags: tuple[str, ...] = ()
    taxes_included: bool = False
    #: What the customer was to pay, tax and shipping included, as ordered.
    total_minor: int = 0
    source_name: str | None = None
    payment_gateways: tuple[str, ...] = ()
    #: Refunds that came inside the order's own body.
    refunds: tuple["RefundFact", ...] = ()


@dataclass(frozen=True, slots=True)
class RefundLine:
    """Units of one order line that went back, with what Shopify says they were worth."""

    line_id: int
    quantity: int
    #: As Shopify states it: tax inside where prices include tax, outside where they do not.
    subtotal_minor: int = 0
    tax_minor: int = 0


@dataclass(frozen=True, slots=True)
class RefundFact:
    """One refund. It may name lines, money, both, or neither."""

    refund_id: int
    order_id: int
    processed_at: datetime
    lines: tuple[RefundLine, ...] = ()
    #: Money that moved: the successful refund transactions.
    money_minor: int = 0
    #: The part of it that was for shipping, its tax included.
    shipping_minor: int = 0
    note: str | None = None


@dataclass(frozen=True, slots=True)
class SpendEvent:
    """A change of what a customer has spent: up when an order is placed, down when value goes back."""

    at: datetime
    amount_minor: int
    order_id: int = field(compare=False)
