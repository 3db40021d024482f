"""What a reward should be now, given everything known about its order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

from app.engine.rules import steps
from app.engine.rules.eligibility import IneligibleReason, decide_line_exclusion, decide_order_exclusion
from app.engine.rules.explain import compute_amount_step
from app.engine.rules.facts import NO_DETAILS, Details, OrderFact, OrderLine, RefundFact, TierSource
from app.engine.rules.kept import (
    compute_extra_minor,
    gross_total,
    kept_quantities,
    less_extra,
    net_minor_of,
    ordered_quantities,
    returned_quantities,
)
from app.engine.rules.limits import Ceiling, LimitKind
from app.engine.rules.money import allocate, share_half_up
from app.engine.rules.steps import Step
from app.engine.rules.terms import Terms, Tier

_WHOLE_BPS = 10_000


@dataclass(frozen=True, slots=True)
class Target:
    """What the books should hold for one order, in minor units: 0 ≤ kept ≤ granted ≤ calculated or adjusted."""

    #: As ordered, by the rates alone.
    calculated_minor: int
    #: As ordered, after the cap or a person's adjustment, and after the limits.
    granted_minor: int
    #: What the order as it is kept now would be granted.
    kept_minor: int
    #: As ordered.
    eligible_minor: int
    kept_eligible_minor: int
    #: Set exactly when nothing is granted.
    ineligible: IneligibleReason | None
    #: The explanation as data, in the order of the pipeline.
    steps: tuple[Step, ...]
    #: The limit that cut it lowest, if one did.
    cut_by: LimitKind | None = None

    @property
    def reversed_minor(self) -> int:
        """What of the granted amount goes back."""
        return self.granted_minor - self.kept_minor


@dataclass(frozen=True, slots=True)
class Adjustment:
    """The amount a person set for the order as ordered, instead of the one calculated and its cap."""

    amount_minor: int
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Grant:
    """The pipeline's result for one state of an order: as ordered, or as kept."""

    eligible_minor: int
    calculated_minor: int
    granted_minor: int
    ineligible: IneligibleReason | None


def compute_target(
    order: OrderFact,
    refunds: Sequence[RefundFact],
    terms: Terms,
    tier: Tier,
    *,
    spend_minor: int = 0,
    source: TierSource = TierSource.SPEND,
    details: Details = NO_DETAILS,
    ceilings: Sequence[Ceiling] = (),
    adjustment: Adjustment | None = None,
) -> Target:
    """Return what the order should be rewarded with, in minor units of the terms' currency.

    Aims at a running total instead of rounding each refund by itself, so that a row of partial refunds
    always ends at exactly the amount first granted. ``tier`` is the frozen one; ``spend_minor`` and ``source``
    say how it was reached, for the explanation only.
    """
    excluded = decide_order_exclusion(order, terms)
    if excluded is not None:
        return Target(0, 0, 0, 0, 0, excluded, (steps.OrderExcluded(excluded),))
    lines = [line for line in order.lines if decide_line_exclusion(line, terms) is None]
    ordered = _grant(lines, ordered_quantities(order), 0, terms, tier)
    kept_units = kept_quantities(order, refunds)
    kept = _grant(lines, kept_units, compute_extra_minor(order, refunds), terms, tier)
    trail = _line_steps(order, terms) + _ordered_steps(lines, ordered, terms, tier, spend_minor)
    if ordered.granted_minor and kept.eligible_minor < ordered.eligible_minor:
        trail += _kept_steps(order, refunds, lines, kept_units, terms)
        reversed_minor = ordered.granted_minor - kept.granted_minor
        trail.append(steps.KeptAmount(kept.eligible_minor, kept.granted_minor, reversed_minor))
    return Target(
        calculated_minor=ordered.calculated_minor,
        granted_minor=ordered.granted_minor,
        kept_minor=kept.granted_minor,
        eligible_minor=ordered.eligible_minor,
        kept_eligible_minor=kept.eligible_minor,
        ineligible=ordered.ineligible,
        steps=tuple(trail),
    )


def _grant(
    lines: Sequence[OrderLine], quantities: Mapping[int, int], extra_minor: int, terms: Terms, tier: Tier
) -> _Grant:
    """The one pipeline, run for the order as ordered and again for the order as kept."""
    net_minor = sum(net_minor_of(line, quantities[line.line_id]) for line in lines)
    eligible_minor = less_extra(net_minor, gross_total(lines, quantities), extra_minor)
    if eligible_minor == 0:
        return _Grant(0, 0, 0, IneligibleReason.NO_ELIGIBLE_LINES)
    if eligible_minor < terms.minimum_order_minor:
        return _Grant(eligible_minor, 0, 0, IneligibleReason.BELOW_MINIMUM)
    if tier.rate_bps == 0:
        return _Grant(eligible_minor, 0, 0, IneligibleReason.NO_RATE)
    calculated_minor = share_half_up(eligible_minor, tier.rate_bps, _WHOLE_BPS)
    if calculated_minor == 0:
        return _Grant(eligible_minor, 0, 0, IneligibleReason.ROUNDS_TO_ZERO)
    cap_minor = terms.cap_per_order_minor
    granted_minor = calculated_minor if cap_minor is None else min(calculated_minor, cap_minor)
    return _Grant(eligible_minor, calculated_minor, granted_minor, None)


def _line_steps(order: OrderFact, terms: Terms) -> list[Step]:
    trail: list[Step] = []
    for line in order.lines:
        net_minor = net_minor_of(line, line.quantity)
        reason = decide_line_exclusion(line, terms)
        if reason is None:
            trail.append(steps.LineCounts(line.line_id, line.title, line.quantity, net_minor))
        else:
            trail.append(steps.LineExcluded(line.line_id, line.title, line.quantity, net_minor, reason))
    return trail


def _ordered_steps(lines: Sequence[OrderLine], grant: _Grant, terms: Terms, tier: Tier, spend_minor: int) -> list[Step]:
    if grant.ineligible is IneligibleReason.NO_ELIGIBLE_LINES:
        return [steps.OrderExcluded(grant.ineligible)]
    if grant.ineligible is IneligibleReason.BELOW_MINIMUM:
        return [steps.BelowMinimum(grant.eligible_minor, terms.minimum_order_minor)]
    calculated_minor, rate_bps = grant.calculated_minor, tier.rate_bps
    trail: list[Step] = [
        steps.TierRate(tier.name, rate_bps, spend_minor),
        compute_amount_step(grant.eligible_minor, rate_bps, calculated_minor, terms.currency),
    ]
    if grant.ineligible is not None:
        return [*trail, steps.OrderExcluded(grant.ineligible)]
    shares = allocate(calculated_minor, [net_minor_of(line, line.quantity) for line in lines])
    if len(lines) > 1:
        trail += [steps.LineShare(line.line_id, line.title, share) for line, share in zip(lines, shares, strict=True)]
    if grant.granted_minor < calculated_minor:
        trail.append(steps.CapCut(calculated_minor, grant.granted_minor))
    return trail


def _kept_steps(
    order: OrderFact,
    refunds: Sequence[RefundFact],
    lines: Sequence[OrderLine],
    kept_units: Mapping[int, int],
    terms: Terms,
) -> list[Step]:
    if order.cancelled_at is not None:
        return [steps.Cancelled(order.cancelled_at.astimezone(UTC).isoformat())]
    trail: list[Step] = []
    returned = returned_quantities(refunds)
    for line in lines:
        units = kept_units[line.line_id]
        if units < line.quantity:
            removed, back = max(line.removed_quantity, 0), returned[line.line_id]
            kept_minor = net_minor_of(line, units)
            trail.append(steps.UnitsGone(line.line_id, line.title, removed, back, units, kept_minor))
    net_minor = sum(net_minor_of(line, kept_units[line.line_id]) for line in lines)
    extra_minor = compute_extra_minor(order, refunds)
    eligible_minor = less_extra(net_minor, gross_total(lines, kept_units), extra_minor)
    if eligible_minor < net_minor:
        trail.append(steps.ExtraMoney(extra_minor, net_minor, eligible_minor))
    if 0 < eligible_minor < terms.minimum_order_minor:
        trail.append(steps.KeptBelowMinimum(eligible_minor, terms.minimum_order_minor))
    return trail
