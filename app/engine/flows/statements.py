"""Read a customer's statements: a period with its figures and the rewards that were first booked in it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.engine.rules.postings import Posting
from app.engine.rules.statements import Figures, compute_figures
from app.engine.rules.states import RewardState
from app.errors import NotFound
from app.models import LedgerEntry, LedgerPosting, Order, Reward, Shop, Statement


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
    currency = session.get_one(Shop, shop_id).currency
    before = LedgerEntry.recorded_at < row.starts_at
    within = (LedgerEntry.recorded_at >= row.starts_at) & (LedgerEntry.recorded_at < row.ends_at)
    figures = compute_figures(_sums(session, row, currency, before), _sums(session, row, currency, within))
    return StatementRead(row.id, row.customer_id, currency, row.starts_at, row.ends_at, figures, _rewards(session, row))


def _sums(session: Session, row: Statement, currency: str, when: ColumnElement[bool]) -> list[Posting]:
    """Return what moved from each account to each other, as one posting of the sum."""
    sums = session.execute(
        select(LedgerPosting.source, LedgerPosting.destination, func.sum(LedgerPosting.amount_minor))
        .join(LedgerEntry, LedgerEntry.id == LedgerPosting.entry_id)
        .where(
            LedgerEntry.shop_id == row.shop_id,
            LedgerEntry.customer_id == row.customer_id,
            LedgerEntry.currency == currency,
            when,
        )
        .group_by(LedgerPosting.source, LedgerPosting.destination)
    )
    return [Posting(source, destination, int(minor)) for source, destination, minor in sums]


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
