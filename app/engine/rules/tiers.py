"""What a customer has spent, which tier that reaches, and whether terms make sense."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from app.engine.rules.facts import OrderFact, RefundFact, SpendEvent
from app.engine.rules.kept import (
    compute_extra_minor,
    distinct,
    gross_total,
    kept_quantities,
    less_extra,
    net_minor_of,
)
from app.engine.rules.money import MoneyError, exponent
from app.engine.rules.terms import Terms, Tier

_WHOLE_BPS = 10_000


def compute_spend_events(order: OrderFact, refunds: Sequence[RefundFact]) -> tuple[SpendEvent, ...]:
    """Return what an order did to its customer's net spend, oldest first; changes of zero are left out.

    Exclusions and the minimum do not matter here: what is spent counts for tiers even where it earns nothing.
    Gift cards do not count, they are spent later. The events are differences of a running target, so they
    close to exactly zero once everything went back.
    """
    if order.is_test or not order.financial_status.was_paid:
        return ()
    uncancelled = replace(order, cancelled_at=None)
    steps = [(order.placed_at, _spend(uncancelled, ()))]
    past: list[RefundFact] = []
    for refund in distinct(refunds):
        past.append(refund)
        at = max(refund.processed_at, order.placed_at)
        is_gone = order.cancelled_at is not None and order.cancelled_at <= at
        steps.append((at, 0 if is_gone else _spend(uncancelled, past)))
    if order.cancelled_at is not None:
        steps.append((max(order.cancelled_at, order.placed_at), 0))
        steps.sort(key=lambda step: step[0])
    return _differences(order.order_id, steps)


def spend_before(events: Iterable[SpendEvent], at: datetime) -> int:
    """Return the net spend strictly before an instant, in minor units."""
    return sum(event.amount_minor for event in events if event.at < at)


def tier_for(spend_minor: int, tiers: Sequence[Tier]) -> Tier:
    """Return the highest tier whose threshold the spend has reached, else the lowest one."""
    ascending = sorted(tiers, key=lambda tier: tier.threshold_minor)
    reached = [tier for tier in ascending if tier.threshold_minor <= spend_minor]
    return reached[-1] if reached else ascending[0]


def next_tier(spend_minor: int, tiers: Sequence[Tier]) -> Tier | None:
    """Return the tier the customer reaches next by spending more, or None at the top."""
    above = [tier for tier in tiers if tier.threshold_minor > spend_minor]
    return min(above, key=lambda tier: tier.threshold_minor, default=None)


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


def _spend(order: OrderFact, refunds: Sequence[RefundFact]) -> int:
    lines = [line for line in order.lines if not line.is_gift_card]
    quantities = kept_quantities(order, refunds)
    net_minor = sum(net_minor_of(line, quantities[line.line_id]) for line in lines)
    return less_extra(net_minor, gross_total(lines, quantities), compute_extra_minor(order, refunds))


def _differences(order_id: int, steps: Sequence[tuple[datetime, int]]) -> tuple[SpendEvent, ...]:
    events = []
    before = 0
    for at, target_minor in steps:
        if target_minor != before:
            events.append(SpendEvent(at, target_minor - before, order_id))
        before = target_minor
    return tuple(events)
