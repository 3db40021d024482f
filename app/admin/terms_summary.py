"""The terms in a line for each section of the settings, so that one sees what is set without opening it."""

from collections.abc import Iterable

from app.admin.display import format_money
from app.engine.rules.money import rate_text
from app.engine.rules.terms import Cycle, Expiry, HoldRules, Limits, Release, ReleaseKind, Terms
from app.engine.rules.terms_words import tell_choice

_LIMITS = {
    "day_minor": "per day",
    "cycle_minor": "per statement period",
    "month_minor": "per month",
    "lifetime_minor": "per customer",
    "balance_minor": "balance",
    "budget_minor": "for all per month",
}
_EXCLUSIONS = {
    "excluded_product_ids": "product",
    "excluded_variant_ids": "variant",
    "excluded_collection_ids": "collection",
    "excluded_vendors": "vendor",
    "excluded_product_types": "product type",
    "excluded_product_tags": "product tag",
    "excluded_skus": "SKU",
    "excluded_tags": "tag",
    "excluded_channels": "channel",
    "excluded_discount_codes": "discount code",
}


def summarise(terms: Terms) -> dict[str, str]:
    """Return a line about each section of the settings."""
    rates = [tier.rate_bps for tier in terms.tiers]
    return {
        "tiers": f"{_number(len(rates), 'tier')}, {_span(min(rates), max(rates))}",
        "order": _order(terms),
        "earning": _earning(terms),
        "exclusions": _exclusions(terms),
        "rates": f"{_number(len(terms.rates), 'rate')}, {_number(len(terms.campaigns), 'campaign')}",
        "limits": _limits(terms.limits, terms.currency),
        "holds": _holds(terms),
        "mixed": _mixed(terms),
        "release": f"{_release(terms.release)}; credit {_expiry(terms.expiry)}",
        "people": f"Statements {_cycle(terms.cycle)}; guests have {_number(terms.claim_days, 'day')}",
    }


def _order(terms: Terms) -> str:
    least, most = terms.minimum_order_minor, terms.cap_per_order_minor
    minimum = f"From {format_money(least, terms.currency)}" if least else "No minimum"
    return f"{minimum}, {f'at most {format_money(most, terms.currency)}' if most is not None else 'no cap'}"


def _earning(terms: Terms) -> str:
    goods = "Goods before discounts" if terms.before_discounts else "Goods after discounts"
    tax = "with tax" if terms.includes_tax else "without tax"
    return f"{goods}, {tax}, {'with shipping' if terms.includes_shipping else 'without shipping'}"


def _exclusions(terms: Terms) -> str:
    listed = [_number(len(getattr(terms, name)), one) for name, one in _EXCLUSIONS.items() if getattr(terms, name)]
    flags = (
        (terms.excludes_b2b, "companies"),
        (terms.excludes_on_sale, "goods on sale"),
        (terms.excludes_paid_with_credit, "what is paid with credit"),
    )
    return _sentence([word for is_set, word in flags if is_set] + listed, "Nothing but gift cards")


def _limits(limits: Limits, currency: str) -> str:
    amounts = ((getattr(limits, name), word) for name, word in _LIMITS.items())
    return _sentence(
        [f"{format_money(minor, currency)} {word}" for minor, word in amounts if minor is not None], "None"
    )


def _holds(terms: Terms) -> str:
    rules = sum(
        getattr(terms.holds, name) != getattr(HoldRules(), name)
        for name in HoldRules.__slots__
        if name != "release_after_days"
    ) + (terms.hold_above_minor is not None)
    after = terms.holds.release_after_days
    return _number(rules, "rule") + ("" if after is None or not rules else f", for {_number(after, 'day')}")


def _mixed(terms: Terms) -> str:
    up_to = terms.automatic_up_to_minor
    parts = [] if up_to is None else [f"up to {format_money(up_to, terms.currency)}"]
    return _sentence([*parts, *sorted(terms.automatic_tiers)], "Not set up")


def _release(release: Release) -> str:
    if release.kind is ReleaseKind.AT_ONCE:
        return "At once"
    if release.kind is ReleaseKind.ON_DATE:
        return f"On {release.on}"
    choice = tell_choice(release.kind)
    # "1 day after the order", "2 days after the order".
    return f"{release.number} {choice.replace('s ', ' ', 1) if release.number == 1 else choice}"


def _expiry(expiry: Expiry) -> str:
    if expiry.days is not None:
        return f"expires after {_number(expiry.days, 'day')}"
    return "never expires" if expiry.on is None else f"expires on {expiry.on}"


def _cycle(cycle: Cycle) -> str:
    return "by calendar month" if cycle.days is None else f"every {_number(cycle.days, 'day')}"


def _span(least_bps: int, most_bps: int) -> str:
    return rate_text(least_bps) if least_bps == most_bps else f"{rate_text(least_bps)} to {rate_text(most_bps)}"


def _number(count: int, one: str) -> str:
    return f"{count or 'no'} {one if count == 1 else f'{one}s'}"


def _sentence(parts: Iterable[str], otherwise: str) -> str:
    text = ", ".join(parts) or otherwise
    return text[0].upper() + text[1:]
