"""What the days' figures are counted by, batch after batch, behind the books and never ahead of them.

Entries are counted in the order of their numbers, each once: the row that says how far is locked meanwhile. Numbers
are given out before their transactions end, so the youngest entries are left for later; whoever shows the figures
adds them (``day_sums.sum_days``).
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.day_sums import NUMBERS, DaySum, add_to, sum_days
from app.engine.rules.states import DECIDABLE
from app.models import DailyFigures, FigureCount, LedgerEntry, Reward, Shop

#: No transaction that books something lasts so long.
LAG = timedelta(minutes=15)
#: What is there to be counted is counted so often, and what waits for a person is looked at so often.
COUNTED_EVERY = timedelta(minutes=10)
LOOKED_EVERY = timedelta(hours=1)
BATCH = 20_000


def list_due_shops(session: Session, now: datetime) -> list[int]:
    """Return the shops whose entries are to be counted, or whose queue is to be looked at."""
    uncounted = exists().where(LedgerEntry.shop_id == FigureCount.shop_id, LedgerEntry.id > FigureCount.counted_to)
    query = (
        select(Shop.id)
        .outerjoin(FigureCount, FigureCount.shop_id == Shop.id)
        .where(
            Shop.uninstalled_at.is_(None),
            or_(
                FigureCount.counted_at.is_(None),
                FigureCount.counted_at <= now - LOOKED_EVERY,
                (FigureCount.counted_at <= now - COUNTED_EVERY) & uncounted,
            ),
        )
        .order_by(Shop.id)
    )
    return list(session.scalars(query))


def count_days(session: Session, shop: Shop, now: datetime, limit: int = BATCH) -> bool:
    """Count the next entries of a shop, and return whether any may be left that are old enough.

    With the last of them it is noted how many rewards wait for a person now.
    """
    row = _lock_count(session, shop)
    if row.timezone != shop.timezone:
        _begin_anew(session, shop, row)
    sums = sum_days(session, shop, row.counted_to, limit, recorded_by=now - LAG)
    _add(session, shop.id, sums.days)
    row.counted_to = max(row.counted_to, sums.last_id)
    if sums.entries == limit:
        session.flush()
        return True
    _note_waiting(session, shop, now)
    row.counted_at = now
    session.flush()
    return False


def _lock_count(session: Session, shop: Shop) -> FigureCount:
    first = upsert(FigureCount).values(shop_id=shop.id, timezone=shop.timezone)
    session.execute(first.on_conflict_do_nothing(index_elements=["shop_id"]))
    query = select(FigureCount).where(FigureCount.shop_id == shop.id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def _begin_anew(session: Session, shop: Shop, row: FigureCount) -> None:
    """Forget what was counted: the days begin at another hour now. What waited on a day stays as it was seen."""
    nothing = {**dict.fromkeys(NUMBERS, 0), "granted_by_tier": {}}
    session.execute(update(DailyFigures).where(DailyFigures.shop_id == shop.id).values(nothing))
    row.counted_to, row.timezone, row.counted_at = 0, shop.timezone, None


def _add(session: Session, shop_id: int, days: Mapping[date, DaySum]) -> None:
    """Add sums to their days."""
    query = select(DailyFigures).where(DailyFigures.shop_id == shop_id, DailyFigures.on_day.in_(list(days)))
    known = {row.on_day: row for row in session.scalars(query.execution_options(populate_existing=True))}
    for on_day, added in days.items():
        row = known.get(on_day)
        if row is None:
            row = DailyFigures(shop_id=shop_id, on_day=on_day, **dict.fromkeys(NUMBERS, 0), granted_by_tier={})
            session.add(row)
        add_to(row, added)
    session.flush()


def _note_waiting(session: Session, shop: Shop, now: datetime) -> None:
    query = select(func.count()).where(Reward.shop_id == shop.id, Reward.state.in_(DECIDABLE))
    today = now.astimezone(ZoneInfo(shop.timezone)).date()
    seen = upsert(DailyFigures).values(shop_id=shop.id, on_day=today, waiting=session.scalar(query))
    session.execute(
        seen.on_conflict_do_update(index_elements=["shop_id", "on_day"], set_={"waiting": seen.excluded.waiting})
    )
