"""The terms of a programme in one numbered version, never edited: what earns, how much, within which limits, when.

Amounts are in minor units of ``currency``; None means "no such limit". Rates and shares are basis points. Texts
that are compared (tags, vendors, types, codes) are compared without case and outer blanks.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class Mode(StrEnum):
    """Whether paid orders settle by themselves or wait for a person."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"
    #: By itself up to ``Terms.automatic_up_to_minor`` or for ``Terms.automatic_tiers``, the rest by a person.
    MIXED = "mixed"


class OwedPolicy(StrEnum):
    """What becomes of a clawback that the balance does not cover."""

    #: Kept as owed, set off against later rewards.
    OFFSET = "offset"
    #: Forgiven, and logged.
    FORGIVE = "forgive"
    #: Kept as owed, and the customer earns nothing until it is settled.
    BLOCK = "block"


class Precedence(StrEnum):
    """Which rate counts when several apply to one line."""

    #: The highest of tier, product and campaign.
    HIGHEST = "highest"
    #: Tier, product and campaign added up.
    SUM = "sum"
    #: The campaign's alone where one applies, else the product's, else the tier's.
    CAMPAIGN_ONLY = "campaign_only"


class TierMethod(StrEnum):
    """Which spend counts for tiers."""

    LIFETIME = "lifetime"
    ROLLING_YEAR = "rolling_year"
    CALENDAR_YEAR = "calendar_year"


class Evaluation(StrEnum):
    """When a tier that the spend does not reach any more is taken away. Upgrades are always at once."""

    ALWAYS = "always"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    #: Only when staff asks for it.
    ON_DEMAND = "on_demand"


class ReleaseKind(StrEnum):
    """When a pending reward becomes due."""

    AT_ONCE = "at_once"
    DAYS_AFTER_PAID = "days_after_paid"
    DAYS_AFTER_FULFILLED = "days_after_fulfilled"
    #: On the first day after the end of the month, and ``number`` months later.
    MONTH_END = "month_end"
    ON_DATE = "on_date"


class RiskLevel(StrEnum):
    """Shopify's risk of an order, lowest first."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Tier:
    """A step of the tier table: reached at ``threshold_minor`` of net spend (≥), earns ``rate_bps``."""

    name: str
    threshold_minor: int
    rate_bps: int
    #: An emoji and a colour like #c0c0c0, for display.
    icon: str = ""
    color: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """Some of a shop's goods: a line is in it when any of these fits. Empty means everything."""

    product_ids: frozenset[int] = frozenset()
    variant_ids: frozenset[int] = frozenset()
    collection_ids: frozenset[int] = frozenset()
    vendors: frozenset[str] = frozenset()
    product_types: frozenset[str] = frozenset()
    product_tags: frozenset[str] = frozenset()
    skus: frozenset[str] = frozenset()

    @property
    def is_everything(self) -> bool:
        """True when nothing narrows it."""
        return self == Scope()

    @property
    def needs_products(self) -> bool:
        """True when an order's body is not enough to tell: collections, types and tags are the product's."""
        return bool(self.collection_ids or self.product_types or self.product_tags)


@dataclass(frozen=True, slots=True)
class RateRule:
    """A rate of its own for some goods."""

    name: str
    rate_bps: int
    scope: Scope


@dataclass(frozen=True, slots=True)
class Campaign:
    """For a while, a rate of its own or a multiple of the usual one. Exactly one of the two is set."""

    name: str
    #: Inclusive, and exclusive.
    starts_at: datetime
    ends_at: datetime
    rate_bps: int | None = None
    #: 20,000 doubles.
    multiplier_bps: int | None = None
    scope: Scope = Scope()


@dataclass(frozen=True, slots=True)
class Limits:
    """The most a customer can be granted, and the programme can grant. What exceeds is cut, not refused."""

    day_minor: int | None = None
    cycle_minor: int | None = None
    month_minor: int | None = None
    lifetime_minor: int | None = None
    #: Of pending and available credit together.
    balance_minor: int | None = None
    #: Of the whole programme, per calendar month.
    budget_minor: int | None = None
    #: Whether what is reversed makes room again in the period it was counted in.
    gives_back: bool = True


@dataclass(frozen=True, slots=True)
class HoldRules:
    """Which orders stop for a look, besides those above ``Terms.hold_above_minor``."""

    first_order: bool = False
    account_younger_than_days: int | None = None
    #: This risk and above.
    risk_from: RiskLevel | None = None
    #: Refunded share of what the customer spent before.
    refund_share_above_bps: int | None = None
    #: Orders of one customer within 24 hours, this one included.
    orders_per_day_above: int | None = None
    #: Of the order or the customer.
    tags: frozenset[str] = frozenset()
    product_ids: frozenset[int] = frozenset()
    #: Billing and shipping address name different countries.
    country_mismatch: bool = False
    #: Released by itself after so many days; None waits for a person.
    release_after_days: int | None = None
    #: A return of the order is open: until it is closed, cancelled or declined.
    open_return: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """When a reward that nothing stops is settled. ``number`` counts days or months; ``on`` is a day of the shop's."""

    kind: ReleaseKind = ReleaseKind.AT_ONCE
    number: int = 0
    on: date | None = None


@dataclass(frozen=True, slots=True)
class Expiry:
    """When credit expires in Shopify: so many days after it was settled, or at the end of a day. Or never."""

    days: int | None = None
    on: date | None = None


@dataclass(frozen=True, slots=True)
class Cycle:
    """A customer's statement period: the calendar month, or ``days`` days counted from the day ``starts_on``."""

    days: int | None = None
    starts_on: date | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """One version of the terms."""

    version: int
    currency: str
    tiers: tuple[Tier, ...]
    minimum_order_minor: int = 0
    cap_per_order_minor: int | None = None
    #: Orders whose eligible amount is above this are held for a look, also in automatic mode.
    hold_above_minor: int | None = None

    includes_tax: bool = False
    includes_shipping: bool = False
    before_discounts: bool = False
    #: The part paid with store credit or gift cards does not earn.
    excludes_paid_with_credit: bool = True
    #: Shopify keeps the credit of companies with their locations, not with the customer who orders.
    excludes_b2b: bool = True
    excludes_on_sale: bool = False
    excluded_product_ids: frozenset[int] = frozenset()
    excluded_variant_ids: frozenset[int] = frozenset()
    excluded_collection_ids: frozenset[int] = frozenset()
    excluded_vendors: frozenset[str] = frozenset()
    excluded_product_types: frozenset[str] = frozenset()
    excluded_product_tags: frozenset[str] = frozenset()
    excluded_skus: frozenset[str] = frozenset()
    #: An order tag or customer tag on this list excludes the whole order, and so do the two below.
    excluded_tags: frozenset[str] = frozenset()
    excluded_channels: frozenset[str] = frozenset()
    excluded_discount_codes: frozenset[str] = frozenset()

    rates: tuple[RateRule, ...] = ()
    campaigns: tuple[Campaign, ...] = ()
    precedence: Precedence = Precedence.HIGHEST

    tier_method: TierMethod = TierMethod.LIFETIME
    tier_evaluation: Evaluation = Evaluation.ALWAYS
    #: For so many days before an evaluation a tier may have been reached to be kept.
    tier_grace_days: int = 0

    limits: Limits = Limits()
    holds: HoldRules = HoldRules()
    #: In mixed mode: what is granted without a person.
    automatic_up_to_minor: int | None = None
    automatic_tiers: frozenset[str] = frozenset()
    release: Release = Release()
    expiry: Expiry = Expiry()
    cycle: Cycle = Cycle()
    owed: OwedPolicy = OwedPolicy.OFFSET
    #: How long a guest's reward waits for an account.
    claim_days: int = 90
    #: Credit or debit by hand above this needs a second person.
    second_person_above_minor: int | None = None
    #: Whether a debit by hand may take more than is there, and leave the rest owed.
    debit_may_owe: bool = False

    @property
    def needs_products(self) -> bool:
        """True when an order cannot be decided without what the shop's catalogue says about its products."""
        scopes = [*(rule.scope for rule in self.rates), *(campaign.scope for campaign in self.campaigns)]
        return bool(
            self.excluded_collection_ids
            or self.excluded_product_types
            or self.excluded_product_tags
            or self.excludes_on_sale
            or any(scope.needs_products for scope in scopes)
        )
