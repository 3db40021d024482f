"""Days, months and statement periods: where they begin and end, in the shop's own time zone."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from app.engine.rules.terms import Cycle, Evaluation


class Period(NamedTuple):
    """From ``start`` (inclusive) to ``end`` (exclusive), as instants in UTC."""

    start: datetime
    end: datetime

    def __contains__(self, at: object) -> bool:
        return isinstance(at, datetime) and self.start <= at < self.end


#: Holds every instant there is.
ALWAYS = Period(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant at which a day begins in a time zone."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def day_of(at: datetime, zone: ZoneInfo) -> Period:
    """Return the day an instant falls on. It has 23 or 25 hours where the clocks change."""
    day = at.astimezone(zone).date()
    return Period(midnight(day, zone), midnight(day + timedelta(days=1), zone))


def month_of(at: datetime, zone: ZoneInfo) -> Period:
    """Return the calendar month an instant falls in."""
    first = at.astimezone(zone).date().replace(day=1)
    return Period(midnight(first, zone), midnight(add_months(first, 1), zone))


def year_of(at: datetime, zone: ZoneInfo) -> Period:
    """Return the calendar year an instant falls in."""
    first = at.astimezone(zone).date().replace(month=1, day=1)
    return Period(midnight(first, zone), midnight(first.replace(year=first.year + 1), zone))


def cycle_of(at: datetime, cycle: Cycle, zone: ZoneInfo) -> Period:
    """Return the statement period an instant falls in; days before ``starts_on`` are counted backwards."""
    if cycle.days is None:
        return month_of(at, zone)
    first = cycle.starts_on or date(2026, 1, 1)
    number = (at.astimezone(zone).date() - first).days // cycle.days
    start = first + timedelta(days=number * cycle.days)
    return Period(midnight(start, zone), midnight(start + timedelta(days=cycle.days), zone))


def add_months(day: date, months: int) -> date:
    """Return the first day of the month that lies so many months after a day's."""
    count = day.year * 12 + day.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def last_evaluation(at: datetime, evaluation: Evaluation, zone: ZoneInfo) -> datetime | None:
    """Return the newest scheduled evaluation of tiers at or before an instant; None where there is no schedule.

    Days, weeks (from Sunday on), months and quarters are evaluated when they begin in the shop's time zone.
    """
    today = at.astimezone(zone).date()
    match evaluation:
        case Evaluation.DAILY:
            return midnight(today, zone)
        case Evaluation.WEEKLY:
            return midnight(today - timedelta(days=(today.weekday() + 1) % 7), zone)
        case Evaluation.MONTHLY:
            return midnight(today.replace(day=1), zone)
        case Evaluation.QUARTERLY:
            return midnight(date(today.year, (today.month - 1) // 3 * 3 + 1, 1), zone)
        case _:
            return None
