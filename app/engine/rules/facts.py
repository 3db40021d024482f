"""What happened outside, as frozen values: the only things rules decide on.

Amounts are integers in minor units of the shop's currency and their names end in ``_minor``. Instants are
aware datetimes in UTC. Ids are Shopify's numeric ids; they do not fit into 53 bits and are never floats.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.engine.rules.terms import RiskLevel


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
    #: The discounts taken off all units, as stated: tax inside where prices include tax.
    discount_minor: int = 0


@dataclass(frozen=True, slots=True)
class CustomerFact:
    """The customer an order belongs to; personal fields are for display only."""

    customer_id: int
    email: str | None = None
    name: str | None = None
    #: None when the body does not say (webhooks since 2025-01 carry no tags).
    tags: tuple[str, ...] | None = None
    #: When the account was opened, where the body says it.
    created_at: datetime | None = None


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
    #: Where the order's mails go, in small letters; it names the guest who may claim the reward later.
    email: str | None = None
    #: Bought for a company.
    is_b2b: bool = False
    discount_codes: tuple[str, ...] = ()
    #: What was paid for shipping after discounts, without tax, and the tax on it.
    shipping_minor: int = 0
    shipping_tax_minor: int = 0
    #: When the last of it was fulfilled; None while something is not.
    fulfilled_at: datetime | None = None
    #: Two letters.
    billing_country: str | None = None
    shipping_country: str | None = None
    #: What the customer read when they bought, such as ``de`` or ``pt-BR``.
    locale: str | None = None
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
    #: When its order was placed: the year the change counts in.
    placed_at: datetime = field(compare=False)


@dataclass(frozen=True, slots=True)
class PaymentFact:
    """One successful payment of an order (a sale or a capture)."""

    payment_id: int
    order_id: int
    #: Shopify's name of how it was paid.
    gateway: str
    amount_minor: int


class DisputeStatus(StrEnum):
    """Where a dispute stands, in Shopify's words."""

    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    #: The customer got the money back by a refund, which is told as one.
    CHARGE_REFUNDED = "charge_refunded"
    ACCEPTED = "accepted"
    WON = "won"
    LOST = "lost"

    @property
    def is_open(self) -> bool:
        """True while nobody has decided."""
        return self in (DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW)

    @property
    def is_lost(self) -> bool:
        """True when the money went back to the customer."""
        return self in (DisputeStatus.ACCEPTED, DisputeStatus.LOST)


@dataclass(frozen=True, slots=True)
class DisputeFact:
    """A payment that the customer contests at the bank."""

    dispute_id: int
    order_id: int
    status: DisputeStatus
    initiated_at: datetime
    finalized_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RiskFact:
    """How risky Shopify holds an order to be."""

    order_id: int
    level: RiskLevel
    assessed_at: datetime


class ReturnStatus(StrEnum):
    """Where a return stands, in Shopify's words. A closed one can be opened again."""

    REQUESTED = "requested"
    OPEN = "open"
    DECLINED = "declined"
    CANCELED = "canceled"
    CLOSED = "closed"

    @property
    def is_open(self) -> bool:
        """True while goods may still come back by it."""
        return self in (ReturnStatus.REQUESTED, ReturnStatus.OPEN)


@dataclass(frozen=True, slots=True)
class ReturnFact:
    """Goods of an order that a customer wants to send back. What was paid back for them is told as a refund."""

    return_id: int
    order_id: int
    status: ReturnStatus
    #: When it was told: the newest word counts.
    told_at: datetime


@dataclass(frozen=True, slots=True)
class DeletionFact:
    """An order was deleted in Shopify; it counts as cancelled from then on."""

    order_id: int
    at: datetime


#: What is told about an order besides its body and its refunds.
DetailFact = PaymentFact | DisputeFact | RiskFact | ReturnFact | DeletionFact


@dataclass(frozen=True, slots=True)
class ProductFact:
    """What the shop's catalogue says about a product."""

    product_id: int
    vendor: str | None = None
    product_type: str | None = None
    tags: tuple[str, ...] = ()
    collection_ids: tuple[int, ...] = ()
    #: Variants sold below their price of comparison.
    on_sale_variant_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Details:
    """What is known about an order besides its body and its refunds."""

    payments: tuple[PaymentFact, ...] = ()
    disputes: tuple[DisputeFact, ...] = ()
    risk: RiskFact | None = None
    returns: tuple[ReturnFact, ...] = ()
    #: The products of its lines, by id, as the catalogue was when the order was first decided.
    products: Mapping[int, ProductFact] = field(default_factory=dict)


NO_DETAILS = Details()


class MoveKind(StrEnum):
    """What moved a customer's store credit in Shopify besides our own transfers."""

    REDEMPTION = "redemption"
    #: Spent credit that Shopify gave back.
    RETURN = "return"
    EXPIRY = "expiry"
    EXTERNAL_CREDIT = "external_credit"
    EXTERNAL_DEBIT = "external_debit"


@dataclass(frozen=True, slots=True)
class CreditMove:
    """One transaction of a customer's store-credit account that is not one of our transfers."""

    #: Names the transaction for ever, like Shopify's global id of it.
    key: str
    customer_id: int
    kind: MoveKind
    #: Always positive.
    amount_minor: int
    at: datetime
    order_id: int | None = None


class TierSource(StrEnum):
    """What gives a customer a tier."""

    SPEND = "spend"
    PAID = "paid"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class TierAssignment:
    """A tier given by a person or bought, for a time: ``starts_at`` inclusive, ``ends_at`` exclusive."""

    tier_name: str
    starts_at: datetime
    ends_at: datetime | None = None
    source: TierSource = TierSource.MANUAL
    #: Nothing but a person moves the customer while it lasts.
    is_locked: bool = False


@dataclass(frozen=True, slots=True)
class CustomerTold:
    """One version of a customer's account."""

    customer_id: int
    email: str | None
    #: Whether Shopify knows that the email is the customer's own.
    verified_email: bool
    name: str | None
    #: None when the body does not say (webhooks since 2025-01 carry no tags).
    tags: tuple[str, ...] | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class CustomerGone:
    """A customer was deleted in Shopify."""

    customer_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class CustomersMerged:
    """Shopify made two customers one: ``gone_id`` is no more, and ``kept_id`` has the orders."""

    kept_id: int
    gone_id: int
    at: datetime
