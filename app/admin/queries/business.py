"""What the page of business figures reads: an average order, and who moved between the tiers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.engine.rules.money import share_half_up
from app.models import Order, TierChange, TierChangeKind

#: Of no more than the newest so many orders of so long.
NEWEST_ORDERS = 1_000
ORDERS_WITHIN = timedelta(days=90)


@dataclass(slots=True)
class TierMoves:
    """How many customers came to a tier, in each way, and how many left it."""

    tier: str
    up: int = 0
    down: int = 0
    by_hand: int = 0
    left: int = 0


def average_order_minor(session: Session, shop_id: int, currency: str, now: datetime) -> int | None:
    """Return what an order was worth lately, in minor units; None where there was none."""
    newest = (
        select(Order.total_minor)
        .where(
            Order.shop_id == shop_id,
            Order.placed_at > now - ORDERS_WITHIN,
            Order.cancelled_at.is_(None),
            Order.currency == currency,
        )
        .order_by(Order.placed_at.desc(), Order.id.desc())
        .limit(NEWEST_ORDERS)
        .subquery()
    )
    count, total = session.execute(select(func.count(), func.sum(newest.c.total_minor))).one()
    return share_half_up(int(total), 1, count) if count else None


def list_tier_moves(session: Session, shop_id: int, since: datetime, tiers: Sequence[str]) -> list[TierMoves]:
    """Return who moved since an instant, by tier, in the order of ``tiers`` and then those that are no more.

    Who came to the programme has not moved.
    """
    query = (
        select(TierChange.before, TierChange.after, TierChange.kind, func.count())
        .where(TierChange.shop_id == shop_id, TierChange.at >= since, TierChange.kind != TierChangeKind.INITIAL)
        .group_by(TierChange.before, TierChange.after, TierChange.kind)
        .order_by(TierChange.after)
    )
    found: dict[str, TierMoves] = {}
    for before, after, kind, count in session.execute(query):
        came = found.setdefault(after, TierMoves(after))
        came.up += count if kind is TierChangeKind.UPGRADE else 0
        came.down += count if kind is TierChangeKind.DOWNGRADE else 0
        came.by_hand += count if kind is TierChangeKind.MANUAL else 0
        if before is not None:
            found.setdefault(before, TierMoves(before)).left += count
    rank = {name: number for number, name in enumerate(tiers)}
    return sorted(found.values(), key=lambda one: (rank.get(one.tier, len(rank)), one.tier))
