"""What a customer's available account held after each entry, and what came and went in a while."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, false, func, select, true
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import Subquery

from app.engine.rules.postings import Account
from app.models import LedgerEntry, LedgerPosting
from app.models.columns import among


@dataclass(frozen=True, slots=True)
class Totals:
    """Opening + came - went = closing, in minor units."""

    opening_minor: int
    came_minor: int
    went_minor: int

    @property
    def closing_minor(self) -> int:
        """Return what was there at the end."""
        return self.opening_minor + self.came_minor - self.went_minor


def read_running(
    session: Session, shop_id: int, customer_id: int, currency: str, entry_ids: Collection[int]
) -> dict[int, int]:
    """Return what was available after each of some entries of one customer, in the order they were recorded in."""
    moved = _moved(shop_id, customer_id, currency)
    after = func.sum(moved.c.minor).over(order_by=(moved.c.recorded_at, moved.c.id))
    running = select(moved.c.id, after.label("minor")).subquery()
    found = session.execute(select(running.c.id, running.c.minor).where(among(running.c.id, entry_ids)))
    return {number: int(minor) for number, minor in found}


def read_totals(
    session: Session, shop_id: int, customer_id: int, currency: str, since: datetime | None, until: datetime | None
) -> Totals:
    """Return what was available before a while, and what came and went in it; None stands for ever."""
    moved = _moved(shop_id, customer_id, currency)
    minor, at = moved.c.minor, moved.c.recorded_at
    is_before: ColumnElement[bool] = false() if since is None else at < since
    is_within: ColumnElement[bool] = true() if since is None else at >= since
    sums = select(
        func.coalesce(func.sum(case((is_before, minor), else_=0)), 0),
        func.coalesce(func.sum(case(((minor > 0) & is_within, minor), else_=0)), 0),
        func.coalesce(func.sum(case(((minor < 0) & is_within, -minor), else_=0)), 0),
    )
    if until is not None:
        sums = sums.where(at < until)
    return Totals(*(int(each) for each in session.execute(sums).one()))


def _moved(shop_id: int, customer_id: int, currency: str) -> Subquery:
    """Return the customer's entries with what each changed of the available account."""
    amount = LedgerPosting.amount_minor
    change = case(
        (LedgerPosting.destination == Account.AVAILABLE, amount),
        (LedgerPosting.source == Account.AVAILABLE, -amount),
        else_=0,
    )
    return (
        select(LedgerEntry.id, LedgerEntry.recorded_at, func.sum(change).label("minor"))
        .join(
            LedgerPosting,
            (LedgerPosting.shop_id == LedgerEntry.shop_id) & (LedgerPosting.entry_id == LedgerEntry.id),
        )
        .where(LedgerEntry.shop_id == shop_id, LedgerEntry.customer_id == customer_id, LedgerEntry.currency == currency)
        .group_by(LedgerEntry.id, LedgerEntry.recorded_at)
        .subquery()
    )
