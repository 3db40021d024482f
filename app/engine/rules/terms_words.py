"""What the parts of terms are called, and how their values read: the same words on screens and in a diff."""

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from app.engine.rules.money import Money, Rate, decimal_text
from app.engine.rules.terms import (
    Evaluation,
    OwedPolicy,
    Precedence,
    ReleaseKind,
    RiskLevel,
    Scope,
    TierMethod,
)
from app.sentences import Sentence, marked, say

#: How a value reads: a text as it is written, or what the reader's language has words for.
Told = str | Money | Rate

#: By the path of names that the document has.
LABELS = {
    "currency": marked("Currency"),
    "tiers": marked("Tier"),
    "tiers.threshold": marked("from net spend"),
    "tiers.rate": marked("cashback"),
    "tiers.icon": marked("icon"),
    "tiers.color": marked("colour"),
    "minimum_order": marked("Minimum order"),
    "cap_per_order": marked("Cap per order"),
    "hold_above": marked("Hold above"),
    "includes_tax": marked("Tax earns"),
    "includes_shipping": marked("Shipping earns"),
    "before_discounts": marked("Count before discounts"),
    "excludes_paid_with_credit": marked("Exclude what is paid with store credit or gift cards"),
    "excludes_b2b": marked("Exclude orders of companies"),
    "excludes_on_sale": marked("Exclude goods on sale"),
    "excluded_product_ids": marked("Excluded products"),
    "excluded_variant_ids": marked("Excluded variants"),
    "excluded_collection_ids": marked("Excluded collections"),
    "excluded_vendors": marked("Excluded vendors"),
    "excluded_product_types": marked("Excluded product types"),
    "excluded_product_tags": marked("Excluded product tags"),
    "excluded_skus": marked("Excluded SKUs"),
    "excluded_tags": marked("Excluded tags"),
    "excluded_channels": marked("Excluded sales channels"),
    "excluded_discount_codes": marked("Excluded discount codes"),
    "rates": marked("Rate"),
    "rates.rate": marked("cashback"),
    "rates.scope": marked("goods"),
    "campaigns": marked("Campaign"),
    "campaigns.starts_at": marked("begins"),
    "campaigns.ends_at": marked("ends"),
    "campaigns.rate": marked("cashback"),
    "campaigns.multiplier": marked("multiplier"),
    "campaigns.scope": marked("goods"),
    "precedence": marked("When several rates apply"),
    "tier_method": marked("Spend that counts for tiers"),
    "tier_evaluation": marked("Tiers are taken away"),
    "tier_grace_days": marked("Days of grace"),
    "limits.day": marked("Limit per day"),
    "limits.cycle": marked("Limit per statement period"),
    "limits.month": marked("Limit per month"),
    "limits.lifetime": marked("Limit per customer"),
    "limits.balance": marked("Largest balance"),
    "limits.budget": marked("Programme's budget per month"),
    "limits.gives_back": marked("What goes back makes room again"),
    "holds.first_order": marked("Hold first orders"),
    "holds.account_younger_than_days": marked("Hold accounts younger than days"),
    "holds.risk_from": marked("Hold from this risk on"),
    "holds.refund_share_above": marked("Hold above this refunded share"),
    "holds.orders_per_day_above": marked("Hold above so many orders in 24 hours"),
    "holds.tags": marked("Hold tags"),
    "holds.product_ids": marked("Hold products"),
    "holds.country_mismatch": marked("Hold when countries differ"),
    "holds.open_return": marked("Hold while a return is open"),
    "holds.release_after_days": marked("Holds end by themselves after days"),
    "automatic_up_to": marked("Mixed mode: automatic up to"),
    "automatic_tiers": marked("Mixed mode: automatic for tiers"),
    "release.kind": marked("Release"),
    "release.number": marked("Days or months until release"),
    "release.on": marked("Day of release"),
    "expiry.days": marked("Credit expires after days"),
    "expiry.on": marked("Credit expires on"),
    "cycle.days": marked("Days of a statement period"),
    "cycle.starts_on": marked("First day of a statement period"),
    "owed": marked("What a refund leaves owed"),
    "claim_days": marked("Days for guests to claim"),
    "second_person_above": marked("Second person above"),
    "debit_may_owe": marked("Debits by hand may leave credit owed"),
}

#: How each choice reads. Choices of one text and several meanings are told apart by their type.
CHOICES: dict[type[StrEnum], dict[Any, str]] = {
    Precedence: {
        Precedence.HIGHEST: marked("the highest counts"),
        Precedence.SUM: marked("they are added up"),
        Precedence.CAMPAIGN_ONLY: marked("the campaign's alone, else the goods', else the tier's"),
    },
    TierMethod: {
        TierMethod.LIFETIME: marked("all there ever was"),
        TierMethod.ROLLING_YEAR: marked("the last 365 days"),
        TierMethod.CALENDAR_YEAR: marked("the calendar year"),
    },
    Evaluation: {
        Evaluation.ALWAYS: marked("at once"),
        Evaluation.DAILY: marked("every day"),
        Evaluation.WEEKLY: marked("every week"),
        Evaluation.MONTHLY: marked("every month"),
        Evaluation.QUARTERLY: marked("every quarter"),
        Evaluation.ON_DEMAND: marked("only when asked for"),
    },
    ReleaseKind: {
        ReleaseKind.AT_ONCE: marked("at once"),
        ReleaseKind.DAYS_AFTER_PAID: marked("days after the order"),
        ReleaseKind.DAYS_AFTER_FULFILLED: marked("days after it was fulfilled"),
        ReleaseKind.MONTH_END: marked("months after the end of the month"),
        ReleaseKind.ON_DATE: marked("on a date"),
    },
    RiskLevel: {
        RiskLevel.NONE: marked("none"),
        RiskLevel.LOW: marked("low"),
        RiskLevel.MEDIUM: marked("medium"),
        RiskLevel.HIGH: marked("high"),
    },
    OwedPolicy: {
        OwedPolicy.OFFSET: marked("set off against later cashback"),
        OwedPolicy.FORGIVE: marked("forgiven"),
        OwedPolicy.BLOCK: marked("kept, and nothing is earned until it is settled"),
    },
}
#: How the parts of a scope read, by their name.
GOODS = {
    "product_ids": marked("products {items}"),
    "variant_ids": marked("variants {items}"),
    "collection_ids": marked("collections {items}"),
    "vendors": marked("vendors {items}"),
    "product_types": marked("types {items}"),
    "product_tags": marked("product tags {items}"),
    "skus": marked("SKUs {items}"),
}


def tell_choice(choice: StrEnum) -> Sentence:
    """Return how a choice reads."""
    return say(CHOICES[type(choice)][choice])


def tell_scope(scope: Scope) -> Sentence:
    """Return which goods a scope holds: "products 5, 7; vendors 'Kiln'"."""
    told: Sentence | None = None
    for kind, words in GOODS.items():
        if getattr(scope, kind):
            part = say(words, items=tell_list(getattr(scope, kind)))
            told = part if told is None else say("{most}; {next}", most=told, next=part)
    return say("everything") if told is None else told


def tell_list(items: Iterable[int | str]) -> str:
    """Return some ids or texts in their order, divided by commas; texts in quotation marks, for they may hold some."""
    return ", ".join(repr(item) for item in sorted(items))


def tell_value(name: str, value: Any, currency: str, zone: ZoneInfo) -> Told:
    """Return how a value of terms reads; ``name`` is that of its field, which tells its unit."""
    match value:
        case None | "":
            return say("none")
        case bool():
            return say("yes") if value else say("no")
        case StrEnum():
            return tell_choice(value)
        case datetime():
            return f"{value.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}"
        case date():
            return value.isoformat()
        case Scope():
            return tell_scope(value)
        case frozenset():
            return tell_list(value) or say("none")
    if name.endswith("_minor"):
        return Money(value, currency)
    if name == "multiplier_bps":
        return say("{factor} times", factor=tell_multiplier(value))
    return Rate(value) if name.endswith("_bps") else str(value)


def tell_multiplier(multiplier_bps: int) -> str:
    """Return a multiplier as a decimal text: 20,000 → "2"."""
    return decimal_text(multiplier_bps, 4).rstrip("0").rstrip(".")
