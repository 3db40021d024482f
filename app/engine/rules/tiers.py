"""What a customer has spent, and which tier that reaches."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.engine.rules.facts import (
    NO_DETAILS,
    Details,
    OrderFact,
    PaymentFact,
    RefundFact,
    SpendEvent,
    TierAssignment,
    TierSource,
)
from app.engine.rules.kept import compute_extra_minor, gross_total, kept_quantities, less_extra, net_minor_of
from app.engine.rules.periods import ALWAYS, last_evaluation, midnight, year_of
from app.engine.rules.terms import Evaluation, Terms, Tier, TierMethod
from app.engine.rules.timeline import moments_of

ROLLING_DAYS = 365


def compute_spend_events(
    order: OrderFact, refunds: Sequence[RefundFact], details: Details = NO_DETAILS
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
    for moment in moments_of(order, refunds, details.disputes):
        is_gone = moment.lost or moment.order.cancelled_at is not None
        spent = 0 if is_gone else _spend(moment.order, moment.refunds, details.payments)
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
    events: Iterable[SpendEvent],
    terms: Terms,
    at: datetime,
    zone: ZoneInfo,
    *,
    assignments: Iterable[TierAssignment] = (),
    evaluations: Iterable[datetime] = (),
) -> Standing:
    """Return a customer's standing just before an instant; see ``Look``."""
    return Look(terms, at, zone, evaluations).standing(events, assignments)


class Look:
    """One look at tiers: what decides them just before an instant, worked out once for any number of customers."""

    def __init__(self, terms: Terms, at: datetime, zone: ZoneInfo, evaluations: Iterable[datetime] = ()) -> None:
        """``evaluations`` are those that staff asked for, besides the scheduled ones."""
        self._terms = terms
        self._at = at
        self._zone = zone
        self._since = _kept_since(terms, at, zone, evaluations)
        self._counts_from = _counts_from(terms.tier_method, at, zone)
        self._counted_from = (
            ALWAYS.start if self._since == ALWAYS.start else _counts_from(terms.tier_method, self._since, zone)
        )
        self._by_name = {tier.name: tier for tier in terms.tiers}

    def standing(self, events: Iterable[SpendEvent], assignments: Iterable[TierAssignment] = ()) -> Standing:
        """Return a customer's standing, given the events of their spend in any order.

        A tier given and locked by a person wins over everything. Else it is the highest of: the tiers given or
        bought that last, and the tiers the spend has reached at any moment since the last evaluation and the days
        of grace before it. A tier that these terms do not have cannot be given under them.
        """
        spend_minor, highest_minor = self._spend(events)
        lasting = [
            given
            for given in assignments
            if given.starts_at <= self._at
            and (given.ends_at is None or self._at < given.ends_at)
            and given.tier_name in self._by_name
        ]
        locks = [given for given in lasting if given.is_locked]
        if locks:
            newest = max(locks, key=lambda given: given.starts_at)
            return Standing(self._by_name[newest.tier_name], spend_minor, newest.source)
        best = Standing(tier_for(highest_minor, self._terms.tiers), spend_minor)
        for given in sorted(lasting, key=lambda given: given.source is not TierSource.PAID):
            tier = self._by_name[given.tier_name]
            if tier.threshold_minor > best.tier.threshold_minor:
                best = Standing(tier, spend_minor, given.source)
        return best

    def _spend(self, events: Iterable[SpendEvent]) -> tuple[int, int]:
        """Return the spend in force now, and the highest one at any moment from ``since`` until now.

        Spend rises just after an event and falls by events and by orders that stop counting, so one walk along
        the changes in the order of time sees every height.
        """
        spend_minor = 0
        changes: defaultdict[datetime, int] = defaultdict(int)
        for event in events:
            if event.at >= self._at or event.placed_at < self._counted_from:
                continue
            if event.placed_at < self._counts_from:
                until = _stops_counting(self._terms.tier_method, event.placed_at, self._zone)
                if event.at >= until:
                    continue
                changes[until] -= event.amount_minor
            if event.at < self._since:
                spend_minor += event.amount_minor
            else:
                changes[event.at] += event.amount_minor
        highest_minor = spend_minor
        for moment in sorted(changes):
            spend_minor += changes[moment]
            highest_minor = max(highest_minor, spend_minor)
        return spend_minor, highest_minor


def spend_in_force(events: Iterable[SpendEvent], method: TierMethod, at: datetime, zone: ZoneInfo) -> int:
    """Return the net spend that counts for tiers just before an instant, in minor units.

    Where the method says so, only orders placed today or on the 365 days before, or in the calendar year, count,
    by the day in the shop's time zone; what went back counts off from its order, whenever that was.
    """
    since = _counts_from(method, at, zone)
    return sum(event.amount_minor for event in events if event.at < at and event.placed_at >= since)


def tier_for(spend_minor: int, tiers: Sequence[Tier]) -> Tier:
    """Return the highest tier whose threshold the spend has reached, else the lowest one."""
    ascending = sorted(tiers, key=_threshold_of)
    return ascending[bisect_right(ascending, spend_minor, lo=1, key=_threshold_of) - 1]


def next_tier(spend_minor: int, tiers: Sequence[Tier]) -> Tier | None:
    """Return the tier the customer reaches next by spending more, or None at the top."""
    above = [tier for tier in tiers if tier.threshold_minor > spend_minor]
    return min(above, key=_threshold_of, default=None)


def _threshold_of(tier: Tier) -> int:
    return tier.threshold_minor


def _kept_since(terms: Terms, at: datetime, zone: ZoneInfo, evaluations: Iterable[datetime]) -> datetime:
    """Return from when on a tier once reached is still kept at an instant."""
    if terms.tier_evaluation is Evaluation.ALWAYS:
        newest = at
    else:
        past = [moment for moment in evaluations if moment <= at]
        scheduled = last_evaluation(at, terms.tier_evaluation, zone)
        newest = max(past if scheduled is None else [*past, scheduled], default=ALWAYS.start)
    if newest == ALWAYS.start:
        return newest
    # The shop's days, not 24 hours each: the grace before a midnight begins at a midnight. The hour that clocks
    # show twice stays the same one of the two.
    local = newest.astimezone(zone)
    return (local - timedelta(days=terms.tier_grace_days)).replace(fold=local.fold).astimezone(UTC)


def _counts_from(method: TierMethod, at: datetime, zone: ZoneInfo) -> datetime:
    """Return since when an order must have been placed to count at an instant."""
    if method is TierMethod.LIFETIME:
        return ALWAYS.start
    if method is TierMethod.CALENDAR_YEAR:
        return year_of(at, zone).start
    return midnight(at.astimezone(zone).date() - timedelta(days=ROLLING_DAYS), zone)


def _stops_counting(method: TierMethod, placed_at: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant at which an order does not count any more. Lifetime spend never stops."""
    if method is TierMethod.CALENDAR_YEAR:
        return year_of(placed_at, zone).end
    return midnight(placed_at.astimezone(zone).date() + timedelta(days=ROLLING_DAYS + 1), zone)


def _spend(order: OrderFact, refunds: Sequence[RefundFact], payments: Sequence[PaymentFact]) -> int:
    lines = [line for line in order.lines if not line.is_gift_card]
    quantities = kept_quantities(order, refunds)
    net_minor = sum(net_minor_of(line, quantities[line.line_id]) for line in lines)
    return less_extra(net_minor, gross_total(lines, quantities), compute_extra_minor(order, refunds, payments))
