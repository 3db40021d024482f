"""What a customer has spent, and which tier that reaches."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app.engine.rules.facts import DisputeFact, OrderFact, RefundFact, SpendEvent, TierAssignment, TierSource
from app.engine.rules.kept import compute_extra_minor, gross_total, kept_quantities, less_extra, net_minor_of
from app.engine.rules.periods import ALWAYS, last_evaluation, year_of
from app.engine.rules.terms import Evaluation, Terms, Tier, TierMethod
from app.engine.rules.timeline import moments_of

ROLLING = timedelta(days=365)
_INSTANT = timedelta(microseconds=1)


def compute_spend_events(
    order: OrderFact, refunds: Sequence[RefundFact], disputes: Sequence[DisputeFact] = ()
) -> tuple[SpendEvent, ...]:
    """Return what an order did to its customer's net spend, oldest first; changes of zero are left out.

    Exclusions and the minimum do not matter here: what is spent counts for tiers even where it earns nothing.
    Gift cards do not count, they are spent later. The events are differences of a running target, so they
    close to exactly zero once everything went back.
    """
    if order.is_test or not order.financial_status.was_paid:
        return ()
    events = []
    before = 0
    for moment in moments_of(order, refunds, disputes):
        spent = 0 if moment.lost or moment.order.cancelled_at is not None else _spend(moment.order, moment.refunds)
        if spent != before:
            events.append(SpendEvent(moment.at, spent - before, order.order_id, order.placed_at))
        before = spent
    return tuple(events)


@dataclass(frozen=True, slots=True)
class Standing:
    """Which tier a customer has at a moment, by what, and the net spend that counts for tiers then."""

    tier: Tier
    spend_minor: int
    source: TierSource = TierSource.SPEND


def compute_standing(
    events: Sequence[SpendEvent],
    terms: Terms,
    at: datetime,
    zone: ZoneInfo,
    *,
    assignments: Iterable[TierAssignment] = (),
    evaluations: Iterable[datetime] = (),
) -> Standing:
    """Return a customer's standing just before an instant.

    A tier given and locked by a person wins over everything. Else it is the highest of: the tiers given or bought
    that last, and the tiers the spend has reached at any moment since the last evaluation and the days of grace
    before it. ``evaluations`` are those that staff asked for, besides the scheduled ones.
    """
    spend_minor = spend_in_force(events, terms.tier_method, at, zone)
    lasting = [
        given for given in assignments if given.starts_at <= at and (given.ends_at is None or at < given.ends_at)
    ]
    by_name = {tier.name: tier for tier in terms.tiers}
    locks = [given for given in lasting if given.is_locked and given.tier_name in by_name]
    if locks:
        newest = max(locks, key=lambda given: given.starts_at)
        return Standing(by_name[newest.tier_name], spend_minor, newest.source)
    reached = _highest_since(events, terms, at, zone, _kept_since(terms, at, zone, evaluations))
    best = Standing(tier_for(reached, terms.tiers), spend_minor)
    for given in sorted(lasting, key=lambda given: given.source is TierSource.PAID):
        tier = by_name.get(given.tier_name)
        if tier is not None and tier.threshold_minor > best.tier.threshold_minor:
            best = Standing(tier, spend_minor, given.source)
    return best


def spend_in_force(events: Iterable[SpendEvent], method: TierMethod, at: datetime, zone: ZoneInfo) -> int:
    """Return the net spend that counts for tiers just before an instant, in minor units.

    Only orders placed in the last 365 days, or in the calendar year, count where the method says so; what went
    back counts off from the year of its order.
    """
    match method:
        case TierMethod.LIFETIME:
            since = ALWAYS.start
        case TierMethod.ROLLING_YEAR:
            since = at - ROLLING
        case TierMethod.CALENDAR_YEAR:
            since = year_of(at, zone).start
    return sum(event.amount_minor for event in events if event.at < at and event.placed_at >= since)


def _kept_since(terms: Terms, at: datetime, zone: ZoneInfo, evaluations: Iterable[datetime]) -> datetime:
    """Return from when on a tier once reached is still kept at an instant."""
    grace = timedelta(days=terms.tier_grace_days)
    if terms.tier_evaluation is Evaluation.ALWAYS:
        return at - grace
    scheduled = last_evaluation(at, terms.tier_evaluation, zone)
    past = [moment for moment in evaluations if moment <= at]
    newest = max(past if scheduled is None else [*past, scheduled], default=None)
    return ALWAYS.start if newest is None else newest - grace


def _highest_since(events: Sequence[SpendEvent], terms: Terms, at: datetime, zone: ZoneInfo, since: datetime) -> int:
    """Return the highest spend in force at any moment from ``since`` until just before ``at``."""
    moments = {at, max(since, ALWAYS.start + ROLLING)}
    # Just after each event: spend in force is asked strictly before an instant.
    moments |= {event.at + _INSTANT for event in events if since <= event.at < at}
    return max(spend_in_force(events, terms.tier_method, moment, zone) for moment in moments if moment <= at)


def tier_for(spend_minor: int, tiers: Sequence[Tier]) -> Tier:
    """Return the highest tier whose threshold the spend has reached, else the lowest one."""
    ascending = sorted(tiers, key=lambda tier: tier.threshold_minor)
    reached = [tier for tier in ascending if tier.threshold_minor <= spend_minor]
    return reached[-1] if reached else ascending[0]


def next_tier(spend_minor: int, tiers: Sequence[Tier]) -> Tier | None:
    """Return the tier the customer reaches next by spending more, or None at the top."""
    above = [tier for tier in tiers if tier.threshold_minor > spend_minor]
    return min(above, key=lambda tier: tier.threshold_minor, default=None)


def _spend(order: OrderFact, refunds: Sequence[RefundFact]) -> int:
    lines = [line for line in order.lines if not line.is_gift_card]
    quantities = kept_quantities(order, refunds)
    net_minor = sum(net_minor_of(line, quantities[line.line_id]) for line in lines)
    return less_extra(net_minor, gross_total(lines, quantities), compute_extra_minor(order, refunds))
