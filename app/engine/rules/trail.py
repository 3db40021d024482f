"""The trail of steps that explains a target: what counts, at which rates, within which limits, and what is kept."""

from collections.abc import Sequence
from datetime import UTC

from app.engine.rules.eligibility import IneligibleReason
from app.engine.rules.facts import DisputeFact, OrderFact, RefundFact, TierSource
from app.engine.rules.grants import Grant, Share
from app.engine.rules.kept import returned_quantities
from app.engine.rules.money import allocate, exact_share_text, share_half_up
from app.engine.rules.parts import Kept, Part
from app.engine.rules.steps import Step
from app.engine.rules.steps_kept import (
    Cancelled,
    DisputeLost,
    ExtraMoney,
    KeptBelowMinimum,
    ShippingGone,
    UnitsGone,
)
from app.engine.rules.steps_limits import BelowMinimum, CreditPaid, OrderExcluded
from app.engine.rules.steps_rates import Amount, AmountSum, LineRate, LineShare, RateAmount, TierRate
from app.engine.rules.terms import Precedence, Terms, Tier

#: The shipping is no line; Shopify's ids are above zero.
SHIPPING_ID = 0
SHIPPING = "Shipping"


def explain_amount(
    parts: Sequence[Part], grant: Grant, terms: Terms, tier: Tier, spend_minor: int, source: TierSource
) -> list[Step]:
    """Return the steps from the eligible amount of an order as ordered to the amount the rates make of it."""
    reason = grant.ineligible
    if reason is IneligibleReason.NO_ELIGIBLE_LINES or reason is IneligibleReason.PAID_WITH_CREDIT:
        return [OrderExcluded(reason)]
    if reason is IneligibleReason.BELOW_MINIMUM:
        return [BelowMinimum(grant.eligible_minor, terms.minimum_order_minor)]
    trail: list[Step] = [TierRate(tier.name, tier.rate_bps, spend_minor, source)]
    if not all(part.rate.is_of_the_tier for part in parts):
        trail += [_line_rate(part, terms.precedence) for part in parts]
    trail += _amounts(grant, terms.currency)
    if reason is not None:
        trail.append(OrderExcluded(reason))
    elif len(parts) > 1:
        shares = allocate(grant.calculated_minor, [part.worth_minor * part.rate.rate_bps for part in parts])
        trail += [LineShare(*_name(part), share) for part, share in zip(parts, shares, strict=True)]
    return trail


def explain_credit(parts: Sequence[Part], grant: Grant, order: OrderFact, credit_minor: int) -> list[Step]:
    """Return the step about what was paid with credit, where that took a part of what counts."""
    if credit_minor == 0 or not grant.by_rate:
        return []
    worth_minor = sum(part.worth_minor for part in parts)
    return [CreditPaid(credit_minor, order.total_minor, worth_minor, grant.eligible_minor)]


def explain_end(order: OrderFact, lost: Sequence[DisputeFact]) -> Step:
    """Return the step about what made an order keep nothing: its cancellation, or else a dispute that was lost."""
    if order.cancelled_at is not None:
        return Cancelled(order.cancelled_at.astimezone(UTC).isoformat())
    first = min(lost, key=lambda dispute: dispute.dispute_id)
    at = first.finalized_at or first.initiated_at
    return DisputeLost(first.dispute_id, at.astimezone(UTC).isoformat())


def explain_kept(
    parts: Sequence[Part], refunds: Sequence[RefundFact], kept: Kept, grant: Grant, paid: Share, minimum_minor: int
) -> list[Step]:
    """Return the steps about what is gone of an order; ``paid`` is the share not paid with credit."""
    trail: list[Step] = []
    returned = returned_quantities(refunds)
    for (line, worth_minor, _), kept_minor in zip(parts, kept.worths, strict=True):
        if line is None:
            if kept_minor < worth_minor:
                trail.append(ShippingGone(kept.shipping_back_minor, kept_minor))
            continue
        units = kept.units[line.line_id]
        if units < line.quantity:
            removed, back = max(line.removed_quantity, 0), returned[line.line_id]
            trail.append(UnitsGone(line.line_id, line.title, removed, back, units, kept_minor))
    before_minor = share_half_up(sum(kept.worths), *paid)
    if grant.eligible_minor < before_minor:
        trail.append(ExtraMoney(kept.extra_minor, before_minor, grant.eligible_minor))
    if 0 < grant.eligible_minor < minimum_minor:
        trail.append(KeptBelowMinimum(grant.eligible_minor, minimum_minor))
    return trail


def _amounts(grant: Grant, currency: str) -> list[Step]:
    amount_minor = grant.calculated_minor
    if len(grant.by_rate) == 1:
        ((rate_bps, eligible_minor),) = grant.by_rate
        exact = exact_share_text(eligible_minor, rate_bps, currency)
        return [Amount(eligible_minor, rate_bps, exact, amount_minor)]
    trail: list[Step] = [RateAmount(eligible_minor, rate_bps) for rate_bps, eligible_minor in grant.by_rate]
    trail.append(AmountSum(sum(rate_bps * eligible for rate_bps, eligible in grant.by_rate), amount_minor))
    return trail


def _line_rate(part: Part, precedence: Precedence) -> LineRate:
    rate, rule, campaign = part.rate, part.rate.rule, part.rate.campaign
    step = LineRate(*_name(part), rate.rate_bps, precedence, rate.tier_bps)
    if rule is not None:
        step.rule, step.rule_bps = rule.name, rule.rate_bps
    if campaign is not None:
        step.campaign, step.campaign_bps, step.multiplier_bps = (
            campaign.name,
            rate.campaign_bps,
            campaign.multiplier_bps,
        )
    return step


def _name(part: Part) -> tuple[int, str]:
    return (SHIPPING_ID, SHIPPING) if part.line is None else (part.line.line_id, part.line.title)
