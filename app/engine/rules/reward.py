"""What a reward should be now, given everything known about its order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.engine.rules.eligibility import IneligibleReason, decide_order_exclusion
from app.engine.rules.facts import NO_DETAILS, Details, OrderFact, RefundFact, TierSource
from app.engine.rules.grants import NOTHING_KEPT, WHOLE, Grant, Share, compute_grant, less_paid_back
from app.engine.rules.limits import Ceiling, LimitKind
from app.engine.rules.money import share_half_up
from app.engine.rules.parts import Part, find_kept, find_parts
from app.engine.rules.steps import Step
from app.engine.rules.steps_kept import KeptAmount
from app.engine.rules.steps_limits import Adjusted, CapCut, LimitCut, OrderExcluded
from app.engine.rules.terms import Terms, Tier
from app.engine.rules.trail import explain_amount, explain_credit, explain_end, explain_kept
from app.engine.rules.worth import credit_paid_minor


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
    """The amount a person set for the order as ordered, instead of the one calculated and its cap.

    It is more than zero: who wants to give nothing rejects the reward.
    """

    amount_minor: int
    actor: str
    reason: str


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
    is_past: bool = False,
) -> Target:
    """Return what the order should be rewarded with, in minor units of the terms' currency.

    Aims at a running total instead of rounding each refund by itself, so that a row of partial refunds
    always ends at exactly the amount first granted. ``tier`` is the frozen one; ``spend_minor`` and ``source``
    say how it was reached, for the explanation only. ``ceilings`` are what the limits leave for this order.
    ``is_past`` says that it was placed before the programme began and nobody has asked for its reward.
    """
    excluded = IneligibleReason.BEFORE_PROGRAMME if is_past else decide_order_exclusion(order, terms)
    if excluded is not None:
        return Target(0, 0, 0, 0, 0, excluded, (OrderExcluded(excluded),))
    parts, trail = find_parts(order, terms, tier, details)
    credit_minor = credit_paid_minor(order, terms, details.payments)
    paid = WHOLE if credit_minor == 0 else Share(order.total_minor - credit_minor, order.total_minor)
    ordered = compute_grant([(part.rate.rate_bps, part.worth_minor) for part in parts], paid, terms.minimum_order_minor)
    trail += explain_credit(parts, ordered, order, credit_minor)
    trail += explain_amount(parts, ordered, terms, tier, spend_minor, source)
    kept, gone = _keep(order, refunds, terms, details, parts, ordered, paid)
    amounts = _limit(ordered, kept, terms, adjustment, ceilings)
    trail += amounts.steps
    if amounts.granted_minor and (amounts.is_less or kept.eligible_minor < ordered.eligible_minor):
        trail += gone
        trail.append(KeptAmount(kept.eligible_minor, amounts.kept_minor, amounts.granted_minor - amounts.kept_minor))
    return Target(
        calculated_minor=ordered.calculated_minor,
        granted_minor=amounts.granted_minor,
        kept_minor=amounts.kept_minor,
        eligible_minor=ordered.eligible_minor,
        kept_eligible_minor=kept.eligible_minor,
        ineligible=amounts.ineligible,
        steps=tuple(trail),
        cut_by=amounts.cut_by,
    )


def _keep(
    order: OrderFact,
    refunds: Sequence[RefundFact],
    terms: Terms,
    details: Details,
    parts: Sequence[Part],
    ordered: Grant,
    paid: Share,
) -> tuple[Grant, list[Step]]:
    """Run the pipeline again for the order as it is kept; return what it comes to, and why it is less."""
    lost = [dispute for dispute in details.disputes if dispute.status.is_lost]
    if order.cancelled_at is not None or lost:
        return NOTHING_KEPT, [explain_end(order, lost)]
    if not refunds and not any(line.removed_quantity > 0 for line in order.lines):
        return ordered, []
    kept = find_kept(order, refunds, parts, details)
    earning = [(part.rate.rate_bps, worth_minor) for part, worth_minor in zip(parts, kept.worths, strict=True)]
    share = paid.times(less_paid_back(kept.gross_minor, kept.extra_minor))
    grant = compute_grant(earning, share, terms.minimum_order_minor)
    return grant, explain_kept(parts, refunds, kept, grant, paid, terms.minimum_order_minor)


class _Amounts(NamedTuple):
    """What is granted and kept after the cap or a person's adjustment, and after the limits."""

    granted_minor: int
    kept_minor: int
    ineligible: IneligibleReason | None
    cut_by: LimitKind | None
    steps: list[Step]

    @property
    def is_less(self) -> bool:
        return self.kept_minor < self.granted_minor


def _limit(
    ordered: Grant, kept: Grant, terms: Terms, adjustment: Adjustment | None, ceilings: Sequence[Ceiling]
) -> _Amounts:
    if ordered.ineligible is not None:
        return _Amounts(0, 0, ordered.ineligible, None, [])
    before_minor, kept_minor, trail = _cap(ordered, kept, terms, adjustment)
    lowest = min(ceilings, key=lambda ceiling: ceiling.ceiling_minor, default=None)
    if lowest is None or lowest.ceiling_minor >= before_minor:
        return _Amounts(before_minor, kept_minor, None, None, trail)
    granted_minor = max(lowest.ceiling_minor, 0)
    after_minor = lowest.before_minor + granted_minor
    trail.append(
        LimitCut(lowest.kind, lowest.limit_minor, lowest.before_minor, after_minor, before_minor, granted_minor)
    )
    ineligible = None
    if granted_minor == 0:
        owes = lowest.kind is LimitKind.OWED
        ineligible = IneligibleReason.CUSTOMER_OWES if owes else IneligibleReason.LIMIT_REACHED
        trail.append(OrderExcluded(ineligible))
    return _Amounts(granted_minor, min(kept_minor, granted_minor), ineligible, lowest.kind, trail)


def _cap(ordered: Grant, kept: Grant, terms: Terms, adjustment: Adjustment | None) -> tuple[int, int, list[Step]]:
    """Return what is granted and kept before the limits, and the step about it.

    Of an amount set by a person the same share is kept as of the calculated one, so that it goes back whole when
    everything does, and an order that grows does not raise it.
    """
    calculated_minor = ordered.calculated_minor
    if adjustment is not None:
        set_minor = adjustment.amount_minor
        step = Adjusted(calculated_minor, set_minor, adjustment.actor, adjustment.reason)
        return set_minor, share_half_up(set_minor, kept.calculated_minor, calculated_minor), [step]
    cap_minor = terms.cap_per_order_minor
    if cap_minor is None or calculated_minor <= cap_minor:
        return calculated_minor, kept.calculated_minor, []
    return cap_minor, min(kept.calculated_minor, cap_minor), [CapCut(calculated_minor, cap_minor)]
