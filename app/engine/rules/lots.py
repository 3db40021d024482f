"""Lots: how much of each credit was used, has expired or is left.

Shopify spends whatever expires soonest first, and credit without an expiry last (FACTS 4.1). So what became of each
credit follows from what is known about the account, in whatever order that was heard: a purchase that is heard of
late takes back an expiry that was booked too soon.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.engine.rules.periods import midnight
from app.engine.rules.terms import Expiry

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Lot:
    """One credit on an account. ``key`` names it; of two with one expiry the earlier one is used first."""

    key: int
    at: datetime
    amount_minor: int
    #: From this instant on it cannot be spent; None never expires.
    expires_at: datetime | None = None
    #: What expired of it by Shopify's own word; None while Shopify has not said.
    told_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Credit spent or taken (negative), or given back where it was spent (positive)."""

    at: datetime
    amount_minor: int
    #: Spent at the checkout: only that is ever given back.
    is_spending: bool = False


@dataclass(frozen=True, slots=True)
class LotState:
    """What became of a lot's amount: the three always sum to it."""

    used_minor: int
    expired_minor: int
    left_minor: int


@dataclass(slots=True)
class _Running:
    lot: Lot
    left_minor: int

    @property
    def expires_at(self) -> datetime:
        return self.lot.expires_at or _NEVER


def compute_expires_at(expiry: Expiry, settled_at: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when credit settled at an instant expires, in whole seconds and never sooner than promised; or None.

    A day of the shop's ends with the next midnight in its time zone. Where that is over already, credit has no
    expiry: nobody is given what is gone before it arrives.
    """
    if expiry.on is not None:
        ends_at = midnight(expiry.on + timedelta(days=1), zone)
        return ends_at if ends_at > settled_at else None
    if expiry.days is None:
        return None
    whole = settled_at.replace(microsecond=0)
    return (whole if whole == settled_at else whole + timedelta(seconds=1)) + timedelta(days=expiry.days)


def compute_lots(
    lots: Iterable[Lot], changes: Iterable[Change], at: datetime, outstanding_minor: int = 0
) -> dict[int, LotState]:
    """Return what became of each lot by an instant.

    ``outstanding_minor`` is what debits that were not carried out yet are to take. While they may have come before
    an expiry, so much is not counted as expired. What Shopify says of a lot stands: the rest of it was used.
    """
    running = [_Running(lot, lot.amount_minor - (lot.told_minor or 0)) for lot in sorted(lots, key=_soonest_first)]
    spent: list[tuple[_Running, int]] = []
    free: list[_Running] = []
    for change in sorted((change for change in changes if change.at <= at), key=lambda each: each.at):
        if change.amount_minor < 0:
            drawn = _draw([*running, *free], -change.amount_minor, change.at)
            spent += drawn if change.is_spending else []
        else:
            free.append(_Running(Lot(0, change.at, 0), _give_back(spent, change)))
    expired = {
        each.lot.key: each.left_minor if each.lot.told_minor is None else each.lot.told_minor
        for each in running
        if each.expires_at <= at or each.lot.told_minor is not None
    }
    for each in running:
        if each.lot.key in expired and each.lot.told_minor is None:
            reserved_minor = min(outstanding_minor, expired[each.lot.key])
            expired[each.lot.key] -= reserved_minor
            outstanding_minor -= reserved_minor
    return {each.lot.key: _state(each, expired.get(each.lot.key)) for each in running}


def compute_covered_by_expiry(clawed_back_minor: int, debited_minor: int, expired_minor: int) -> int:
    """Return how much of what was taken back of a reward is paid by what expired of its own credit.

    What expired is gone from the customer already. So of what was taken back, the part that no debit took while the
    credit was there is covered by it, as far as it goes: no cent is taken twice.
    """
    return min(max(clawed_back_minor - debited_minor, 0), expired_minor)


def _soonest_first(lot: Lot) -> tuple[datetime, datetime, int]:
    return lot.expires_at or _NEVER, lot.at, lot.key


def _draw(running: Sequence[_Running], amount_minor: int, at: datetime) -> list[tuple[_Running, int]]:
    """Take an amount from the lots there are at an instant, and return from which how much. It may be too much."""
    drawn = []
    for each in running:
        if each.lot.at <= at < each.expires_at and each.left_minor and amount_minor:
            taken_minor = min(each.left_minor, amount_minor)
            each.left_minor -= taken_minor
            amount_minor -= taken_minor
            drawn.append((each, taken_minor))
    return drawn


def _give_back(spent: list[tuple[_Running, int]], change: Change) -> int:
    """Put an amount back to where it was spent last, and return the rest: that has no lot, and no expiry.

    It is the rest, too, what came out of a lot that has expired since: whether that expires at once only Shopify
    can tell.
    """
    amount_minor, without_lot_minor = change.amount_minor, 0
    while amount_minor and spent:
        each, taken_minor = spent.pop()
        back_minor = min(taken_minor, amount_minor)
        if back_minor < taken_minor:
            spent.append((each, taken_minor - back_minor))
        if change.at < each.expires_at:
            each.left_minor += back_minor
        else:
            without_lot_minor += back_minor
        amount_minor -= back_minor
    return without_lot_minor + amount_minor


def _state(each: _Running, expired_minor: int | None) -> LotState:
    if expired_minor is None:
        return LotState(each.lot.amount_minor - each.left_minor, 0, each.left_minor)
    return LotState(each.lot.amount_minor - expired_minor, expired_minor, 0)
