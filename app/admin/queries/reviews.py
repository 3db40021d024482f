"""What waits for a person's decision."""

from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.admin.queries.orders import PAGE_SIZE
from app.engine.rules.states import DECIDABLE, RewardState
from app.models import Customer, Order, Reward


@dataclass(frozen=True, slots=True)
class Review:
    """One reward with its order and customer."""

    reward: Reward
    order: Order
    customer: Customer | None


@dataclass(frozen=True, slots=True)
class Queue:
    """One page of the queue, oldest first; ``next_after`` is the last reward's id when more follow."""

    reviews: tuple[Review, ...]
    next_after: int | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many rewards wait, and how much they are together, in minor units of the shop's currency."""

    count: int
    total_minor: int


def list_reviews(session: Session, shop_id: int, after: int = 0, size: int = PAGE_SIZE) -> Queue:
    """Return the waiting rewards that came after one, oldest first."""
    query = _reviews(shop_id).where(Reward.state.in_(DECIDABLE), Reward.id > after).order_by(Reward.id)
    found = [Review(*row) for row in session.execute(query.limit(size + 1))]
    next_after = found[size - 1].reward.id if len(found) > size else None
    return Queue(tuple(found[:size]), next_after)


def find_review(session: Session, shop_id: int, reward_id: int) -> Review | None:
    """Return one reward as it stands now, whatever its state."""
    row = session.execute(_reviews(shop_id).where(Reward.id == reward_id)).one_or_none()
    return None if row is None else Review(*row)


def count_waiting(session: Session, shop_id: int, *states: RewardState) -> Waiting:
    """Return how many rewards are in some states, by default in those a person decides about."""
    query = select(func.count(), func.coalesce(func.sum(Reward.granted_minor - Reward.reversed_minor), 0)).where(
        Reward.shop_id == shop_id, Reward.state.in_(states or DECIDABLE)
    )
    count, total_minor = session.execute(query).one()
    return Waiting(count, int(total_minor))


def has_waiting(session: Session, shop_id: int) -> bool:
    """Return whether anything waits for a person."""
    query = select(Reward.id).where(Reward.shop_id == shop_id, Reward.state.in_(DECIDABLE))
    return session.scalar(query.limit(1)) is not None


def _reviews(shop_id: int) -> Select[Reward, Order, Customer]:
    return (
        select(Reward, Order, Customer)
        .join(Order, (Order.shop_id == Reward.shop_id) & (Order.id == Reward.order_id))
        .outerjoin(Customer, (Customer.shop_id == Reward.shop_id) & (Customer.id == Reward.customer_id))
        .where(Reward.shop_id == shop_id)
    )
