"""What entries of the books come to, day by day: the figures of the front page, summed up in the database.

A day is one of the shop's time zone, and an entry is of the day on which what it records happened outside.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.models import DailyFigures, Shop

#: ``:young`` is the instant from which on entries are too young to be counted for good: one with a smaller number
#: may still be on its way. The first that is too young ends what is looked at.
_SUMS = text(
    """
    WITH next AS (
        SELECT id, reward_id, occurred_at, recorded_at FROM ledger_entries
        WHERE shop_id = :shop_id AND id > :after ORDER BY id LIMIT :most
    ), looked_at AS (
        SELECT id, reward_id, CAST(occurred_at AT TIME ZONE :zone AS date) AS on_day FROM next
        WHERE id < COALESCE((SELECT MIN(id) FROM next WHERE recorded_at > CAST(:young AS timestamptz)), id + 1)
    ), moved AS (
        SELECT e.id, e.on_day, e.reward_id, p.source AS a, p.destination AS b, p.amount_minor AS minor
        FROM looked_at e LEFT JOIN postings p ON p.shop_id = :shop_id AND p.entry_id = e.id AND p.currency = :currency
    )
    SELECT m.on_day, r.tier_name, MAX(m.id), COUNT(DISTINCT m.id),
        COALESCE(SUM(minor) FILTER (WHERE a = 'customer:pending' AND b = 'customer:available'), 0),
        COALESCE(SUM(minor) FILTER (WHERE b = 'program:promised' AND a <> 'customer:pending'), 0),
        COALESCE(SUM(minor) FILTER (WHERE b = 'customer:available'), 0)
            - COALESCE(SUM(minor) FILTER (WHERE a = 'customer:available'), 0),
        COALESCE(SUM(minor) FILTER (WHERE b = 'customer:owed'), 0)
            - COALESCE(SUM(minor) FILTER (WHERE a = 'customer:owed'), 0),
        COUNT(*) FILTER (WHERE a = 'customer:pending' AND b = 'customer:available'),
        COUNT(*) FILTER (WHERE b = 'program:redeemed'),
        COALESCE(SUM(minor) FILTER (WHERE a = 'program:promised' AND b = 'customer:pending'), 0)
    FROM moved m LEFT JOIN rewards r ON r.shop_id = :shop_id AND r.id = m.reward_id
    GROUP BY m.on_day, r.tier_name
    """
)


@dataclass(slots=True)
class DaySum:
    """What entries of one day come to; amounts in minor units. See ``models.DailyFigures``."""

    issued_minor: int = 0
    reversed_minor: int = 0
    available_minor: int = 0
    owed_minor: int = 0
    settlements: int = 0
    redemptions: int = 0
    granted_by_tier: dict[str, int] = field(default_factory=dict)


#: The fields that are whole numbers.
NUMBERS = ("issued_minor", "reversed_minor", "available_minor", "owed_minor", "settlements", "redemptions")


def add_to(target: DaySum | DailyFigures, added: DaySum | DailyFigures) -> None:
    """Add the figures of one to those of another, which may be rows."""
    for name in NUMBERS:
        setattr(target, name, getattr(target, name) + getattr(added, name))
    # A new dictionary: a row would not notice that its old one was changed.
    target.granted_by_tier = dict(Counter(target.granted_by_tier) + Counter(added.granted_by_tier))


class Sums(NamedTuple):
    """Sums by day, how many entries were looked at, and the number of the last one (0 for none)."""

    days: Mapping[date, DaySum]
    entries: int
    last_id: int


def sum_days(session: Session, shop: Shop, after: int, most: int, *, recorded_by: datetime | None = None) -> Sums:
    """Return what the next entries after a number come to, at most so many, and only those recorded by an instant."""
    rows = session.execute(
        _SUMS,
        {
            "shop_id": shop.id,
            "zone": shop.timezone,
            "currency": shop.currency,
            "after": after,
            "most": most,
            "young": recorded_by,
        },
    )
    days: defaultdict[date, DaySum] = defaultdict(DaySum)
    entries, last_id = 0, 0
    for on_day, tier, newest_id, count, *numbers, granted in rows:
        entries, last_id = entries + count, max(last_id, newest_id)
        found = DaySum(granted_by_tier={tier: int(granted)} if granted else {})
        for name, number in zip(NUMBERS, numbers, strict=True):
            setattr(found, name, int(number))
        add_to(days[on_day], found)
    return Sums(days, entries, last_id)
