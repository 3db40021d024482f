"""How much of the limits an order has left: a customer's per day, statement period, month and life, and the rest.

A customer's periodic limits look at the customer's time line and not at our inbox: an order takes its room at
the moment it was placed, after everything placed before it and after whatever had gone back by then. So the same
facts give the same cuts in whatever order they arrive. The other three (largest balance, budget, owing) depend on
more than one customer's orders; they are decided once, when a reward is first booked, and stay with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from app.engine.rules.periods import ALWAYS, Period, cycle_of, day_of, month_of
from app.engine.rules.terms import Terms


class LimitKind(StrEnum):
    """What can cut a reward besides the cap per order."""

    DAY = "day"
    CYCLE = "cycle"
    MONTH = "month"
    LIFETIME = "lifetime"
    BALANCE = "balance"
    BUDGET = "budget"
    #: The customer owes, and the programme lets nobody earn who does.
    OWED = "owed"

    @property
    def is_periodic(self) -> bool:
        """True for the limits that are a function of the customer's own orders."""
        return self in (LimitKind.DAY, LimitKind.CYCLE, LimitKind.MONTH, LimitKind.LIFETIME)


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most one limit leaves for one order. All in minor units; ``before_minor`` is the counter before it."""

    kind: LimitKind
    ceiling_minor: int
    limit_minor: int
    before_minor: int


@dataclass(frozen=True, slots=True)
class GrantEvent:
    """A change of what one order takes of its customer's limits, at a moment of the customer's time line."""

    order_id: int
    #: When the order was placed: the periods it counts in.
    placed_at: datetime
    at: datetime
    amount_minor: int


def limits_periodically(terms: Terms) -> bool:
    """Return whether the terms have any limit per customer and period."""
    limits = terms.limits
    return not (limits.day_minor is limits.cycle_minor is limits.month_minor is limits.lifetime_minor is None)


def compute_ceilings(
    terms: Terms,
    events: Iterable[GrantEvent],
    *,
    order_id: int,
    placed_at: datetime,
    takes_at: datetime,
    zone: ZoneInfo,
) -> tuple[Ceiling, ...]:
    """Return what each periodic limit of the terms leaves for an order, given its customer's grant events.

    ``takes_at`` is the moment at which the order takes its room: when it was placed, or later when a person
    reopened it. Of two orders of one second the one with the lower id comes first. The order's own events are
    passed over.
    """
    earlier = [
        event for event in events if event.order_id != order_id and (event.at, event.order_id) < (takes_at, order_id)
    ]
    ceilings = []
    for kind, limit_minor, period in _periods(terms, placed_at, zone):
        used_minor = sum(event.amount_minor for event in earlier if event.placed_at in period)
        ceilings.append(Ceiling(kind, max(limit_minor - used_minor, 0), limit_minor, used_minor))
    return tuple(ceilings)


def _periods(terms: Terms, placed_at: datetime, zone: ZoneInfo) -> list[tuple[LimitKind, int, Period]]:
    limits = terms.limits
    periods = []
    if limits.day_minor is not None:
        periods.append((LimitKind.DAY, limits.day_minor, day_of(placed_at, zone)))
    if limits.cycle_minor is not None:
        periods.append((LimitKind.CYCLE, limits.cycle_minor, cycle_of(placed_at, terms.cycle, zone)))
    if limits.month_minor is not None:
        periods.append((LimitKind.MONTH, limits.month_minor, month_of(placed_at, zone)))
    if limits.lifetime_minor is not None:
        periods.append((LimitKind.LIFETIME, limits.lifetime_minor, ALWAYS))
    return periods
