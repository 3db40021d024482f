"""Sweeps of the clock that fail over the rows of a shop: noted, so that status and metrics can say so."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import case, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.models import Shop, SweepFailure


def list_shops(session: Session) -> list[int]:
    """Return all shops, also those that have removed the app: of them some things are asked for still."""
    return list(session.scalars(select(Shop.id).order_by(Shop.id)))


def note(session: Session, shop_id: int, sweep: str, error: str, until: datetime, now: datetime) -> bool:
    """Note that a sweep fails in a shop, and is looked at again before ``until``; return True if that is new."""
    was_failing = SweepFailure.until >= now
    found = session.scalar(
        select(SweepFailure.id).where(SweepFailure.shop_id == shop_id, SweepFailure.sweep == sweep, was_failing)
    )
    fresh = upsert(SweepFailure).values(shop_id=shop_id, sweep=sweep, error=error, began_at=now, until=until)
    put = fresh.on_conflict_do_update(
        index_elements=["shop_id", "sweep"],
        set_={
            "began_at": case((was_failing, SweepFailure.began_at), else_=fresh.excluded.began_at),
            "error": fresh.excluded.error,
            "until": fresh.excluded.until,
        },
    )
    session.execute(put)
    return found is None


def list_failing(session: Session, shop_id: int, now: datetime) -> Sequence[SweepFailure]:
    """Return the sweeps that fail in a shop just now, by their names."""
    failing = select(SweepFailure).where(SweepFailure.shop_id == shop_id, SweepFailure.until >= now)
    return session.scalars(failing.order_by(SweepFailure.sweep).execution_options(populate_existing=True)).all()
