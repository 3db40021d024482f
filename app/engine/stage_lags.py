"""How long the stages took of late, as it was last measured, and the limits of a shop."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.rules.digest_times import longest_wait
from app.engine.rules.messages import Stage
from app.engine.rules.stage_limits import Lag, compute_limits
from app.engine.schedules import schedule_of
from app.models import MailSettings, Shop, StageLag

#: Fewer say nothing about a shop.
ENOUGH = 5
#: What is told may take so long where nobody can read when a shop tells.
UNREADABLE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Measured:
    """Within which time half, nine in ten and 95 in 100 went through a stage, of how many that is said, and when."""

    samples: int
    half: timedelta
    nine: timedelta
    most: timedelta
    measured_at: datetime


def read_lags(session: Session, shop_id: int, hours: int) -> dict[Lag, Measured]:
    """Return what was measured over the last 24 or 168 hours; nothing of what nothing went through."""
    return read_all_lags(session, shop_id).get(hours, {})


def read_all_lags(session: Session, shop_id: int) -> dict[int, dict[Lag, Measured]]:
    """Return what was measured, by the hours it was measured over."""
    found: dict[int, dict[Lag, Measured]] = defaultdict(dict)
    for row in session.scalars(select(StageLag).where(StageLag.shop_id == shop_id, StageLag.samples > 0)):
        found[row.hours][row.what] = measured(row)
    return found


def measured(row: StageLag) -> Measured:
    """Return what a row says that has samples."""
    half, nine, most = (timedelta(milliseconds=number or 0) for number in (row.p50_ms, row.p90_ms, row.p95_ms))
    return Measured(row.samples, half, nine, most, row.measured_at)


def read_limits(session: Session, shop: Shop, now: datetime) -> dict[Stage, timedelta]:
    """Return the longest each stage of a shop may take these days; those it never minds are left out."""
    settings = session.scalars(select(MailSettings).where(MailSettings.shop_id == shop.id)).one_or_none()
    try:
        told = longest_wait(schedule_of(shop, settings), now)
    except (ValueError, ZoneInfoNotFoundError):
        told = UNREADABLE  # that the clock makes nothing of these times is a trouble of its own
    return compute_limits({} if settings is None else settings.stage_limits, told)


def is_too_slow(found: Measured | None, limit: timedelta | None) -> bool:
    """Say whether enough was measured of a stage, and more than one in twenty took longer than its limit."""
    return found is not None and limit is not None and found.samples >= ENOUGH and found.most > limit
