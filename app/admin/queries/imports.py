"""Imports of past orders: which there were, how far one is, what it came to, and how far back one may reach."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.flows import imports
from app.engine.rules.estimate import Summary, TierCount
from app.models import HistoryImport, ImportState, ShopToken, Window
from app.shopify.scopes import is_granted

PAGE_SIZE = 20
#: What Shopify shows without it ends 60 days ago.
ALL_ORDERS = "read_all_orders"
_COUNTS = ("orders", "known", "past", "guests", "customers", "spend_minor", "rewards", "granted_minor", "unreadable")
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Shown:
    """An import as it is shown: how far and how fast while it runs, what it came to once it is over."""

    row: HistoryImport
    summary: Summary | None
    orders_per_second: int | None
    left: timedelta | None

    @property
    def hundredths(self) -> int | None:
        """How much of the file is read, of a hundred; None before there is a file."""
        if self.row.state is not ImportState.IMPORTING or not self.row.collected:
            return None
        return min(100, self.row.seen_orders * 100 // self.row.collected)

    @property
    def is_count(self) -> bool:
        """Say whether it counted to its end, so that what it counted may be imported."""
        return self.row.is_dry_run and self.row.state is ImportState.FINISHED and self.summary is not None


@dataclass(frozen=True, slots=True)
class Imports:
    """A page of imports, newest first; ``next_before`` is the number of the last when more follow."""

    rows: tuple[Shown, ...]
    next_before: int | None


def list_imports(session: Session, shop_id: int, currency: str, before: int | None = None) -> Imports:
    """Return the shop's imports that began before one, newest first."""
    query = select(HistoryImport).where(HistoryImport.shop_id == shop_id).order_by(HistoryImport.id.desc())
    if before is not None:
        query = query.where(HistoryImport.id < max(0, min(before, _LARGEST_ID)))
    found = [show(row, currency) for row in session.scalars(query.limit(PAGE_SIZE + 1))]
    next_before = found[PAGE_SIZE - 1].row.id if len(found) > PAGE_SIZE else None
    return Imports(tuple(found[:PAGE_SIZE]), next_before)


def find_import(session: Session, shop_id: int, import_id: int) -> HistoryImport | None:
    """Return one import of the shop."""
    which = (HistoryImport.shop_id == shop_id, HistoryImport.id == min(import_id, _LARGEST_ID))
    return session.scalars(select(HistoryImport).where(*which)).one_or_none()


def show(row: HistoryImport, currency: str) -> Shown:
    """Return an import as it is shown."""
    seconds = imports.seconds_left(row)
    return Shown(
        row,
        _read_summary(row.summary, currency),
        imports.orders_per_second(row),
        None if seconds is None else timedelta(seconds=seconds),
    )


def sees_all_orders(session: Session, shop_id: int) -> bool:
    """Return whether the shop lets the app read orders older than 60 days."""
    token = session.get(ShopToken, shop_id)
    return token is not None and is_granted(ALL_ORDERS, token.scope)


def is_within_reach(window: Window, *, sees_all: bool) -> bool:
    """Return whether Shopify shows the app all orders of a window."""
    days = imports.DAYS[window]
    return sees_all or (days is not None and days <= imports.MOST_DAYS)


def _read_summary(told: Mapping[str, Any] | None, currency: str) -> Summary | None:
    if told is None:
        return None
    counts = {name: int(told.get(name, 0)) for name in _COUNTS}
    tiers = {name: TierCount(**count) for name, count in told.get("tiers", {}).items()}
    return Summary(currency, tiers=tiers, **counts)
