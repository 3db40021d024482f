"""What the front page shows: the figures of each day, and what waits for somebody now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session, aliased

from app.engine.day_sums import NUMBERS, DaySum, add_to, sum_days
from app.engine.rules.states import DECIDABLE, RewardState, TransferState
from app.engine.staffing import PREFIX
from app.models import (
    Adjustment,
    AdjustmentState,
    DailyFigures,
    Delivery,
    DeliveryState,
    FigureCount,
    PrivacyRequest,
    Reward,
    Shop,
    Transfer,
)
from app.models.columns import as_columns

#: So many entries that are not counted yet are added at a visit; with more there is something to wait for.
TAIL = 3_000
#: Approvals of so many days, but no more than so many, tell how long one takes.
DECIDED_WITHIN = timedelta(days=30)
MOST_DECISIONS = 5_000


@dataclass(frozen=True, slots=True)
class Days:
    """The figures of the days from one on, and what the days before come to."""

    by_day: Mapping[date, DaySum]
    #: How many rewards waited, on days on which somebody looked.
    waiting: Mapping[date, int]
    before: DaySum
    #: More has happened than was counted so far.
    is_behind: bool

    def total(self, since: date) -> DaySum:
        """Return what the days from one on come to."""
        found = DaySum()
        for on_day, figures in self.by_day.items():
            if on_day >= since:
                add_to(found, figures)
        return found


@dataclass(frozen=True, slots=True)
class Waiting:
    """Rewards that wait in one state, and since when the oldest does; amounts in minor units."""

    count: int
    total_minor: int
    oldest_at: datetime | None


NOTHING = Waiting(0, 0, None)


@dataclass(frozen=True, slots=True)
class Decisions:
    """How many rewards people decided about, and within which time half and nine in ten of them."""

    count: int
    half_within: timedelta | None
    most_within: timedelta | None


@dataclass(frozen=True, slots=True)
class Open:
    """What else asks for somebody."""

    proposals: int
    #: For whom the oldest of these is.
    proposed_customer_id: int | None
    refused_transfers: int
    unknown_transfers: int
    failed_deliveries: int
    privacy_requests: int
    privacy_due_at: datetime | None


def read_days(session: Session, shop: Shop, first: date) -> Days:
    """Return the figures of the days from one on: what is counted, and what came since."""
    earlier = aliased(DailyFigures)
    is_earlier = (earlier.shop_id == shop.id, earlier.on_day < first)
    before_it = [
        select(func.sum(column)).where(*is_earlier).scalar_subquery()
        for column in (earlier.available_minor, earlier.owed_minor)
    ]
    # Columns, since ninety rows of the model's would take longer to make than to read.
    columns = [getattr(DailyFigures, name) for name in (*NUMBERS, "granted_by_tier")]
    is_wanted = and_(DailyFigures.shop_id == shop.id, DailyFigures.on_day >= first)
    # In one statement: what is counted between two of them would be found twice, or not at all.
    found = session.execute(
        select(FigureCount.counted_to, *before_it, DailyFigures.on_day, DailyFigures.waiting, *columns)
        .outerjoin(DailyFigures, is_wanted)
        .where(FigureCount.shop_id == shop.id)
    ).all()
    counted_to, available, owed = found[0][:3] if found else (0, 0, 0)
    before = DaySum(available_minor=int(available or 0), owed_minor=int(owed or 0))
    rows = [row[3:] for row in found if row.on_day is not None]
    by_day: dict[date, DaySum] = {on_day: DaySum(*figures) for on_day, _, *figures in rows}
    tail = sum_days(session, shop, counted_to, TAIL)
    for on_day, figures in tail.days.items():
        add_to(by_day.setdefault(on_day, DaySum()) if on_day >= first else before, figures)
    waiting = {on_day: count for on_day, count, *_ in rows if count is not None}
    return Days(by_day, waiting, before, tail.entries == TAIL)


def read_waiting(session: Session, shop_id: int) -> dict[RewardState, Waiting]:
    """Return what waits for a decision, by its state."""
    kept = func.coalesce(func.sum(Reward.granted_minor - Reward.reversed_minor), 0)
    query = (
        select(Reward.state, func.count(), kept, func.min(Reward.created_at))
        .where(Reward.shop_id == shop_id, Reward.state.in_(DECIDABLE))
        .group_by(Reward.state)
    )
    found = {state: Waiting(count, int(minor), oldest) for state, count, minor, oldest in session.execute(query)}
    return {state: found.get(state, NOTHING) for state in (RewardState.IN_REVIEW, RewardState.HELD)}


def measure_decisions(session: Session, shop_id: int, now: datetime) -> Decisions:
    """Return how long people took from an order's arrival to their decision about it."""
    newest = (
        select((Reward.decided_at - Reward.created_at).label("took"), Reward.decided_by)
        .where(Reward.shop_id == shop_id, Reward.decided_at.is_not(None), Reward.decided_at > now - DECIDED_WITHIN)
        .order_by(Reward.decided_at.desc())
        .limit(MOST_DECISIONS)
        .subquery()
    )
    took = [func.percentile_disc(share).within_group(newest.c.took) for share in (0.5, 0.9)]
    by_people = func.starts_with(newest.c.decided_by, PREFIX)
    count, half, most = session.execute(select(func.count(), *took).where(by_people)).one()
    return Decisions(count, half, most)


def read_open(session: Session, shop_id: int) -> Open:
    """Return what else asks for somebody."""
    proposed = (Adjustment.shop_id == shop_id, Adjustment.state == AdjustmentState.PROPOSED)
    privacy = (PrivacyRequest.shop_id == shop_id, PrivacyRequest.done_at.is_(None))
    failed = (Delivery.shop_id == shop_id, Delivery.state == DeliveryState.FAILED)
    # In one statement: each costs its way to the database and back, however little there is to count.
    asked = {
        "proposals": select(func.count()).where(*proposed),
        "proposed_customer_id": select(Adjustment.customer_id).where(*proposed).order_by(Adjustment.id).limit(1),
        "refused_transfers": _count_transfers(shop_id, TransferState.REFUSED),
        "unknown_transfers": _count_transfers(shop_id, TransferState.UNKNOWN),
        "failed_deliveries": select(func.count()).where(*failed),
        "privacy_requests": select(func.count()).where(*privacy),
        "privacy_due_at": select(func.min(PrivacyRequest.due_at)).where(*privacy),
    }
    return Open(**session.execute(as_columns(asked)).one()._asdict())


def _count_transfers(shop_id: int, state: TransferState) -> Select[Any]:
    return select(func.count()).where(Transfer.shop_id == shop_id, Transfer.state == state)
