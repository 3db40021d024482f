"""What the parts of terms are called, and how their values read: the same words on screens and in a diff."""

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from app.engine.rules import money
from app.engine.rules.money import Money, decimal_text, rate_text
from app.engine.rules.terms import (
    Evaluation,
    OwedPolicy,
    Precedence,
    ReleaseKind,
    RiskLevel,
    Scope,
    TierMethod,
)

#: By the path of names that the document has.
LABELS = {
    "currency": "Currency",
    "tiers": "Tier",
    "tiers.threshold": "from net spend",
    "tiers.rate": "cashback",
    "tiers.icon": "icon",
    "tiers.color": "colour",
    "minimum_order": "Minimum order",
    "cap_per_order": "Cap per order",
    "hold_above": "Hold above",
    "includes_tax": "Tax earns",
    "includes_shipping": "Shipping earns",
    "before_discounts": "Count before discounts",
    "excludes_paid_with_credit": "Exclude what is paid with store credit or gift cards",
    "excludes_b2b": "Exclude orders of companies",
    "excludes_on_sale": "Exclude goods on sale",
    "excluded_product_ids": "Excluded products",
    "excluded_variant_ids": "Excluded variants",
    "excluded_collection_ids": "Excluded collections",
    "excluded_vendors": "Excluded vendors",
    "excluded_product_types": "Excluded product types",
    "excluded_product_tags": "Excluded product tags",
    "excluded_skus": "Excluded SKUs",
    "excluded_tags": "Excluded tags",
    "excluded_channels": "Excluded sales channels",
    "excluded_discount_codes": "Excluded discount codes",
    "rates": "Rate",
    "rates.rate": "cashback",
    "rates.scope": "goods",
    "campaigns": "Campaign",
    "campaigns.starts_at": "begins",
    "campaigns.ends_at": "ends",
    "campaigns.rate": "cashback",
    "campaigns.multiplier": "multiplier",
    "campaigns.scope": "goods",
    "precedence": "When several rates apply",
    "tier_method": "Spend that counts for tiers",
    "tier_evaluation": "Tiers are taken away",
    "tier_grace_days": "Days of grace",
    "limits.day": "Limit per day",
    "limits.cycle": "Limit per statement period",
    "limits.month": "Limit per month",
    "limits.lifetime": "Limit per customer",
    "limits.balance": "Largest balance",
    "limits.budget": "Programme's budget per month",
    "limits.gives_back": "What goes back makes room again",
    "holds.first_order": "Hold first orders",
    "holds.account_younger_than_days": "Hold accounts younger than days",
    "holds.risk_from": "Hold from this risk on",
    "holds.refund_share_above": "Hold above this refunded share",
    "holds.orders_per_day_above": "Hold above so many orders in 24 hours",
    "holds.tags": "Hold tags",
    "holds.product_ids": "Hold products",
    "holds.country_mismatch": "Hold when countries differ",
    "holds.open_return": "Hold while a return is open",
    "holds.release_after_days": "Holds end by themselves after days",
    "automatic_up_to": "Mixed mode: automatic up to",
    "automatic_tiers": "Mixed mode: automatic for tiers",
    "release.kind": "Release",
    "release.number": "Days or months until release",
    "release.on": "Day of release",
    "expiry.days": "Credit expires after days",
    "expiry.on": "Credit expires on",
    "cycle.days": "Days of a statement period",
    "cycle.starts_on": "First day of a statement period",
    "owed": "What a refund leaves owed",
    "claim_days": "Days for guests to claim",
    "second_person_above": "Second person above",
    "debit_may_owe": "Debits by hand may leave credit owed",
}

#: How each choice reads. Choices of one text and several meanings are told apart by their type.
CHOICES: dict[type[StrEnum], dict[Any, str]] = {
    Precedence: {
        Precedence.HIGHEST: "the highest counts",
        Precedence.SUM: "they are added up",
        Precedence.CAMPAIGN_ONLY: "the campaign's alone, else the goods', else the tier's",
    },
    TierMethod: {
        TierMethod.LIFETIME: "all there ever was",
        TierMethod.ROLLING_YEAR: "the last 365 days",
        TierMethod.CALENDAR_YEAR: "the calendar year",
    },
    Evaluation: {
        Evaluation.ALWAYS: "at once",
        Evaluation.DAILY: "every day",
        Evaluation.WEEKLY: "every week",
        Evaluation.MONTHLY: "every month",
        Evaluation.QUARTERLY: "every quarter",
        Evaluation.ON_DEMAND: "only when asked for",
    },
    ReleaseKind: {
        ReleaseKind.AT_ONCE: "at once",
        ReleaseKind.DAYS_AFTER_PAID: "days after the order",
        ReleaseKind.DAYS_AFTER_FULFILLED: "days after it was fulfilled",
        ReleaseKind.MONTH_END: "months after the end of the month",
        ReleaseKind.ON_DATE: "on a date",
    },
    RiskLevel: {
        RiskLevel.NONE: "none",
        RiskLevel.LOW: "low",
        RiskLevel.MEDIUM: "medium",
        RiskLevel.HIGH: "high",
    },
    OwedPolicy: {
        OwedPolicy.OFFSET: "set off against later cashback",
        OwedPolicy.FORGIVE: "forgiven",
        OwedPolicy.BLOCK: "kept, and nothing is earned until it is settled",
    },
}
#: How the parts of a scope read, by their name.
GOODS = {
    "product_ids": "products",
    "variant_ids": "variants",
    "collection_ids": "collections",
    "vendors": "vendors",
    "product_types": "types",
    "product_tags": "product tags",
    "skus": "SKUs",
}


def tell_choice(choice: StrEnum) -> str:
    """Return how a choice reads."""
    told: str = CHOICES[type(choice)][choice]
    return told


def tell_scope(scope: Scope) -> str:
    """Return which goods a scope holds: "products 5, 7; vendors 'Kiln'"."""
    parts = [f"{word} {tell_list(getattr(scope, kind))}" for kind, word in GOODS.items() if getattr(scope, kind)]
    return "; ".join(parts) or "everything"


def tell_list(items: Iterable[int | str]) -> str:
    """Return some ids or texts in their order, divided by commas; texts in quotation marks, for they may hold some."""
    return ", ".join(repr(item) for item in sorted(items))


def tell_amount(minor: int | None, currency: str) -> str:
    """Return an amount as it reads, or that there is none."""
    return "none" if minor is None else money.format(Money(minor, currency))


def tell_value(name: str, value: Any, currency: str, zone: ZoneInfo) -> str:
    """Return how a value of terms reads; ``name`` is that of its field, which tells its unit."""
    if name.endswith("_minor"):
        return tell_amount(value, currency)
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case StrEnum():
            return tell_choice(value)
        case datetime():
            return f"{value.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}"
        case date():
            return value.isoformat()
        case Scope():
            return tell_scope(value)
    if name == "multiplier_bps":
        return f"{tell_multiplier(value)} times"
    return rate_text(value) if name.endswith("_bps") else str(value)


def tell_multiplier(multiplier_bps: int) -> str:
    """Return a multiplier as a decimal text: 20,000 → "2"."""
    return decimal_text(multiplier_bps, 4).rstrip("0").rstrip(".")
