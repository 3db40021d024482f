"""Read a customer's statements: a period with its figures and the rewards that were first booked in it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.rules.statements import Figures
from app.engine.rules.states import RewardState
from app.engine.statement_reads import read_figures
from app.errors import NotFound
from app.models import Order, Reward, Shop, Statement


@dataclass(frozen=True, slots=True)
class StatedReward:
    """A reward as its statement lists it: amounts in minor units, as they are now."""

    reward_id: int
    order_id: int
    order_name: str
    placed_at: datetime
    state: RewardState
    granted_minor: int
    reversed_minor: int


@dataclass(frozen=True, slots=True)
class StatementRead:
    """One statement: its period (the end exclusive), its figures and its rewards, oldest order first."""

    statement_id: int
    customer_id: int
    currency: str
    starts_at: datetime
    ends_at: datetime
    figures: Figures
    rewards: tuple[StatedReward, ...]


def list_statements(session: Session, shop_id: int, customer_id: int) -> list[Statement]:
    """Return a customer's statements, newest first."""
    rows = session.scalars(
        select(Statement)
        .where(Statement.shop_id == shop_id, Statement.customer_id == customer_id)
        .order_by(Statement.starts_at.desc())
    )
    return list(rows)


def read_statement(session: Session, shop_id: int, statement_id: int) -> StatementRead:
    """Return a statement; raise NotFound if the shop has none of this number.

    The figures are sums of the entries recorded within its period, so those of a period that is over never change.
    """
    row = session.scalar(select(Statement).where(Statement.shop_id == shop_id, Statement.id == statement_id))
    if row is None:
        raise NotFound("There is no such statement in this shop.")
    shop = session.get_one(Shop, shop_id)
    figures = read_figures(session, shop, [row.id])[row.id]
    rewards = _rewards(session, row)
    return StatementRead(row.id, row.customer_id, shop.currency, row.starts_at, row.ends_at, figures, rewards)


def _rewards(session: Session, row: Statement) -> tuple[StatedReward, ...]:
    rewards = session.execute(
        select(Reward, Order)
        .join(Order, Order.id == Reward.order_id)
        .where(Reward.shop_id == row.shop_id, Reward.statement_id == row.id)
        .order_by(Order.placed_at, Order.id)
    )
    return tuple(
        StatedReward(
            reward.id, order.shopify_id, order.name, order.placed_at, reward.state,
            reward.granted_minor, reward.reversed_minor,
        )
        for reward, order in rewards
    )  # fmt: skip
