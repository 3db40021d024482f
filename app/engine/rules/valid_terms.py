"""What is wrong with terms that somebody wants to publish, in sentences."""

from collections.abc import Sequence
from itertools import pairwise

from app.engine.rules.money import MoneyError, exponent
from app.engine.rules.terms import Terms, Tier

_WHOLE_BPS = 10_000


def validate_terms(terms: Terms) -> list[str]:
    """Return what is wrong with terms, one sentence each; an empty list means they may be published."""
    problems = _validate_tiers(terms.tiers)
    try:
        exponent(terms.currency)
    except MoneyError as error:
        problems.append(str(error))
    if terms.version < 1:
        problems.append("Versions of the terms are counted from 1.")
    if terms.minimum_order_minor < 0:
        problems.append("The minimum order must not be negative; 0 means no minimum.")
    if terms.cap_per_order_minor is not None and terms.cap_per_order_minor <= 0:
        problems.append("The cap per order must be above zero; leave it empty for no cap.")
    if terms.hold_above_minor is not None and terms.hold_above_minor < 0:
        problems.append("The amount above which orders are held must not be negative; empty holds none.")
    if any(not tag.strip() for tag in terms.excluded_tags):
        problems.append("An excluded tag must not be blank.")
    if any(product_id <= 0 for product_id in terms.excluded_product_ids):
        problems.append("An excluded product is named by its Shopify id, a positive number.")
    return problems


def _validate_tiers(tiers: Sequence[Tier]) -> list[str]:
    if not tiers:
        return ["There must be at least one tier."]
    problems = []
    names = [tier.name.strip().casefold() for tier in tiers]
    if not all(names):
        problems.append("Every tier needs a name.")
    if len(set(names)) < len(names):
        problems.append("Two tiers must not have the same name.")
    if tiers[0].threshold_minor != 0:
        problems.append("The first tier must start at 0, so that every customer has one.")
    thresholds = [tier.threshold_minor for tier in tiers]
    if any(later <= earlier for earlier, later in pairwise(thresholds)):
        problems.append("The thresholds must rise from one tier to the next.")
    problems += [
        f"The rate of the tier {tier.name!r} must be between 0 % and 100 %."
        for tier in tiers
        if not 0 <= tier.rate_bps <= _WHOLE_BPS
    ]
    return problems
