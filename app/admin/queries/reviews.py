"""What waits for a person's decision."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, TextClause, func, select, tuple_
from sqlalchemy.orm import Session

from app.engine.rules.holds import HoldReason
from app.engine.rules.states import DECIDABLE, RewardState
from app.models import AuditEvent, Customer, Order, Reward
from app.models.columns import among
from app.models.rewards import WAITS

PAGE_SIZE = 25
#: Further than this nobody counts.
MOST_COUNTED = 10_000
#: So many of the last rejections are looked at for reasons to offer again.
_REJECTIONS = 60
_REASONS = 8
_KEPT = Reward.granted_minor - Reward.reversed_minor


class Show(StrEnum):
    """Which part of the queue is wanted."""

    PENDING = "pending"
    HELD = "held"
    #: Approved by one person, and waiting for whoever looks.
    SECOND = "second"


class Sort(StrEnum):
    """What comes first; without one of these, what waits longest."""

    LARGEST = "largest"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to see of the queue."""

    #: Who looks.
    actor: str
    show: Show | None = None
    why: HoldReason | None = None
    tier: str = ""
    above_minor: int | None = None
    #: Only what came before this.
    before: datetime | None = None
    sort: Sort | None = None

    @property
    def is_narrowed(self) -> bool:
        """True when not all of the queue is wanted."""
        return any((self.show, self.why, self.tier, self.above_minor is not None, self.before))


@dataclass(frozen=True, slots=True)
class Review:
    """One reward with its order and customer."""

    reward: Reward
    order: Order
    customer: Customer | None

    @property
    def is_seconded(self) -> bool:
        """True when one person has approved this very amount."""
        reward = self.reward
        return reward.first_approved_by is not None and reward.first_approved_minor == reward.kept_minor


@dataclass(frozen=True, slots=True)
class Queue:
    """One page of the queue; ``after`` is where the next one begins, when more follow."""

    reviews: tuple[Review, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many rewards wait, and how much they are together, in minor units of the shop's currency.

    ``is_more``: there are more, which nobody counted.
    """

    count: int
    total_minor: int
    is_more: bool = False


def list_reviews(session: Session, shop_id: int, wanted: Wanted, after: str = "", size: int = PAGE_SIZE) -> Queue:
    """Return a page of the waiting rewards that are wanted."""
    query = _reviews(shop_id).where(*_conditions(wanted))
    if wanted.sort is Sort.LARGEST:
        query = query.order_by(_KEPT.desc(), Reward.id.desc())
        if place := _read_place(after, 2):
            query = query.where(tuple_(_KEPT, Reward.id) < tuple(place))
    else:
        query = query.order_by(Reward.id)
        if place := _read_place(after, 1):
            query = query.where(Reward.id > place[0])
    found = [Review(*row) for row in session.execute(query.limit(size + 1))]
    more = found[size - 1].reward if len(found) > size else None
    return Queue(tuple(found[:size]), None if more is None else _place_of(more, wanted))


def list_picks(session: Session, shop_id: int, wanted: Wanted, most: int) -> list[tuple[int, int]]:
    """Return id and version of all that is wanted, up to a number, longest waiting first."""
    query = select(Reward.id, Reward.version).where(Reward.shop_id == shop_id, *_conditions(wanted))
    return [(row.id, row.version) for row in session.execute(query.order_by(Reward.id).limit(most))]


def find_review(session: Session, shop_id: int, reward_id: int) -> Review | None:
    """Return one reward as it stands now, whatever its state."""
    row = session.execute(_reviews(shop_id).where(Reward.id == reward_id)).one_or_none()
    return None if row is None else Review(*row)


def find_reviews(session: Session, shop_id: int, reward_ids: Collection[int]) -> dict[int, Review]:
    """Return some rewards as they stand now, whatever their states, by id."""
    rows = session.execute(_reviews(shop_id).where(among(Reward.id, reward_ids)))
    return {row[0].id: Review(*row) for row in rows}


def count_wanted(session: Session, shop_id: int, wanted: Wanted) -> Waiting:
    """Return how many of the waiting rewards are wanted; beyond ``MOST_COUNTED`` nobody counts."""
    kept = select(_KEPT.label("minor")).where(Reward.shop_id == shop_id, *_conditions(wanted))
    some = kept.limit(MOST_COUNTED + 1).subquery()
    count, total_minor = session.execute(select(func.count(), func.coalesce(func.sum(some.c.minor), 0))).one()
    return Waiting(min(count, MOST_COUNTED), int(total_minor), count > MOST_COUNTED)


def count_waiting(session: Session, shop_id: int, *states: RewardState) -> Waiting:
    """Return how many rewards are in some states, by default in those a person decides about."""
    query = select(func.count(), func.coalesce(func.sum(_KEPT), 0)).where(
        Reward.shop_id == shop_id, Reward.state.in_(states or DECIDABLE)
    )
    count, total_minor = session.execute(query).one()
    return Waiting(count, int(total_minor))


def has_waiting(session: Session, shop_id: int) -> bool:
    """Return whether anything waits for a person."""
    return session.scalar(select(Reward.id).where(Reward.shop_id == shop_id, WAITS).limit(1)) is not None


def list_recent_reasons(session: Session, shop_id: int) -> Sequence[str]:
    """Return for what orders were rejected lately, newest first, each reason once."""
    which = (AuditEvent.shop_id == shop_id, AuditEvent.action == "reject", AuditEvent.reason.is_not(None))
    newest = select(AuditEvent.reason).where(*which).order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
    return list(dict.fromkeys(reason for reason in session.scalars(newest.limit(_REJECTIONS)) if reason))[:_REASONS]


def _reviews(shop_id: int) -> Select[Reward, Order, Customer]:
    return (
        select(Reward, Order, Customer)
        .join(Order, (Order.shop_id == Reward.shop_id) & (Order.id == Reward.order_id))
        .outerjoin(Customer, (Customer.shop_id == Reward.shop_id) & (Customer.id == Reward.customer_id))
        .where(Reward.shop_id == shop_id)
    )


def _conditions(wanted: Wanted) -> list[ColumnElement[bool] | TextClause]:
    # Written out, not as parameters: only so does PostgreSQL know at once that the desk's own indexes hold all of it.
    conditions: list[ColumnElement[bool] | TextClause] = [WAITS]
    if wanted.show is Show.PENDING:
        conditions.append(Reward.state == RewardState.IN_REVIEW)
    if wanted.show is Show.HELD:
        conditions.append(Reward.state == RewardState.HELD)
    if wanted.show is Show.SECOND:
        conditions += [Reward.first_approved_by != wanted.actor, Reward.first_approved_minor == _KEPT]
    if wanted.why is not None:
        conditions.append(Reward.hold_reason == wanted.why)
    if wanted.tier:
        conditions.append(Reward.tier_name == wanted.tier)
    if wanted.above_minor is not None:
        conditions.append(wanted.above_minor < _KEPT)
    if wanted.before is not None:
        conditions.append(Reward.created_at <= wanted.before)
    return conditions


def _read_place(text: str, parts: int) -> list[int]:
    numbers = text.split("_")
    is_place = len(numbers) == parts and all(one.isascii() and one.isdigit() and len(one) < 19 for one in numbers)
    return [int(one) for one in numbers] if is_place else []


def _place_of(reward: Reward, wanted: Wanted) -> str:
    return f"{reward.kept_minor}_{reward.id}" if wanted.sort is Sort.LARGEST else str(reward.id)
