"""When a reward that nothing stops becomes the customer's."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app.engine.rules.facts import OrderFact
from app.engine.rules.periods import add_months, midnight
from app.engine.rules.terms import Release, ReleaseKind


def compute_release_at(order: OrderFact, release: Release, zone: ZoneInfo) -> datetime | None:
    """Return the instant from which on a reward may settle; None while that waits for the fulfilment.

    Days count from the day after the one on which the order was placed (or fulfilled), and end when that day
    begins in the shop's time zone; so "14 days" are never fewer than 14 whole days.
    """
    placed_on = order.placed_at.astimezone(zone).date()
    match release.kind:
        case ReleaseKind.AT_ONCE:
            return order.placed_at
        case ReleaseKind.DAYS_AFTER_PAID:
            return midnight(placed_on + timedelta(days=release.number + 1), zone)
        case ReleaseKind.DAYS_AFTER_FULFILLED:
            if order.fulfilled_at is None:
                return None
            fulfilled_on = order.fulfilled_at.astimezone(zone).date()
            return midnight(fulfilled_on + timedelta(days=release.number + 1), zone)
        case ReleaseKind.MONTH_END:
            return midnight(add_months(placed_on, 1 + release.number), zone)
        case _:  # on a date
            return order.placed_at if release.on is None else max(midnight(release.on, zone), order.placed_at)


def is_due(release_at: datetime | None, release: Release, now: datetime) -> bool:
    """Say whether nothing keeps a reward from settling. What settles at once is due whatever our clock says."""
    return release.kind is ReleaseKind.AT_ONCE or (release_at is not None and release_at <= now)
