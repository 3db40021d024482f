"""Statements: the list of all periods, newest first, and one with its rewards as their record is kept."""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from app.admin.queries.keyset import Place, Slice, Window, cut, within
from app.admin.queries.orders import badge_of, list_transfer_states
from app.admin.queries.search import matches_customer
from app.engine.flows.statements import StatementRead, read_statement
from app.engine.rules.postings import Account
from app.engine.rules.statements import Amounts
from app.engine.rules.states import Badge
from app.models import CreditAccount, Customer, LedgerEntry, LedgerPosting, Order, Reward, Shop, Statement, Transfer
from app.models.columns import among


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One row of the list: a period, whose it is, and what they had at its end (or have now)."""

    statement: Statement
    customer: Customer
    closing: Amounts


@dataclass(frozen=True, slots=True)
class RewardRow:
    """The record of one reward that was first booked in the period."""

    reward: Reward
    order: Order
    badge: Badge | None
    #: Shopify's transactions that carried it out, and took of it back.
    transactions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StatementFile:
    """One statement, whose it is, and Shopify's number of the account it is of."""

    read: StatementRead
    customer: Customer
    account_id: int | None
    rewards: tuple[RewardRow, ...]


def list_statements(
    session: Session, shop: Shop, window: Window, *, search: str = "", customer_id: int = 0
) -> Slice[StatementRow]:
    """Return a page of statements, of all customers or of those that are found."""
    query = select(Statement.starts_at, Statement.id).where(Statement.shop_id == shop.id)
    if customer_id:
        query = query.where(Statement.customer_id == customer_id)
    if search:
        found = select(Customer.id).where(Customer.shop_id == shop.id, matches_customer(search))
        query = query.where(Statement.customer_id.in_(found))
    keys = session.execute(within(query, Statement.starts_at, Statement.id, window)).all()
    page = cut([Place(at, number) for at, number in keys], window, lambda place: place)
    return Slice(_read_rows(session, shop, [place.id for place in page.rows]), page.newer, page.older)


def has_statements(session: Session, shop_id: int) -> bool:
    """Return whether anything was ever booked, so that there is a statement."""
    return session.scalar(select(Statement.id).where(Statement.shop_id == shop_id).limit(1)) is not None


def find_statement(session: Session, shop: Shop, statement_id: int) -> StatementFile:
    """Return a statement; raise NotFound if the shop has none of this number."""
    read = read_statement(session, shop.id, statement_id)
    whose = (Customer.shop_id == shop.id, Customer.id == read.customer_id)
    account = select(CreditAccount.shopify_id).where(
        CreditAccount.shop_id == shop.id,
        CreditAccount.customer_id == read.customer_id,
        CreditAccount.currency == read.currency,
    )
    return StatementFile(
        read,
        session.scalars(select(Customer).where(*whose)).one(),
        session.scalar(account),
        _read_rewards(session, shop.id, statement_id),
    )


def _read_rows(session: Session, shop: Shop, ids: list[int]) -> tuple[StatementRow, ...]:
    query = (
        select(Statement, Customer)
        .join(Customer, (Customer.shop_id == Statement.shop_id) & (Customer.id == Statement.customer_id))
        .where(Statement.shop_id == shop.id, among(Statement.id, ids))
        .order_by(Statement.starts_at.desc(), Statement.id.desc())
    )
    closing = _read_closings(session, shop, ids)
    return tuple(
        StatementRow(statement, customer, closing.get(statement.id, Amounts()))
        for statement, customer in session.execute(query)
    )


def _read_closings(session: Session, shop: Shop, ids: list[int]) -> dict[int, Amounts]:
    """Return what was there at the end of each period: the sum of everything recorded until then."""

    def held(account: Account) -> ColumnElement[int]:
        amount = case(
            (LedgerPosting.destination == account, LedgerPosting.amount_minor),
            (LedgerPosting.source == account, -LedgerPosting.amount_minor),
            else_=0,
        )
        return func.sum(amount)

    until = (
        (LedgerEntry.shop_id == Statement.shop_id)
        & (LedgerEntry.customer_id == Statement.customer_id)
        & (LedgerEntry.currency == shop.currency)
        & (LedgerEntry.recorded_at < Statement.ends_at)
    )
    of_entry = (LedgerPosting.shop_id == LedgerEntry.shop_id) & (LedgerPosting.entry_id == LedgerEntry.id)
    sums = (
        select(Statement.id, held(Account.PENDING), held(Account.AVAILABLE), held(Account.OWED))
        .join(LedgerEntry, until)
        .join(LedgerPosting, of_entry)
        .where(Statement.shop_id == shop.id, among(Statement.id, ids))
        .group_by(Statement.id)
    )
    return {number: Amounts(*map(int, amounts)) for number, *amounts in session.execute(sums)}


def _read_rewards(session: Session, shop_id: int, statement_id: int) -> tuple[RewardRow, ...]:
    query = (
        select(Reward, Order)
        .join(Order, (Order.shop_id == Reward.shop_id) & (Order.id == Reward.order_id))
        .where(Reward.shop_id == shop_id, Reward.statement_id == statement_id)
        .order_by(Order.placed_at, Order.id)
    )
    found = session.execute(query).all()
    ids = [reward.id for reward, _ in found]
    states = list_transfer_states(session, shop_id, ids)
    carried = _list_transactions(session, shop_id, ids)
    return tuple(RewardRow(reward, order, badge_of(reward, states), carried[reward.id]) for reward, order in found)


def _list_transactions(session: Session, shop_id: int, reward_ids: list[int]) -> dict[int, tuple[str, ...]]:
    carried: defaultdict[int, tuple[str, ...]] = defaultdict(tuple)
    of_these = (Transfer.shop_id == shop_id, among(Transfer.reward_id, reward_ids))
    query = select(Transfer.reward_id, Transfer.shopify_transaction_id).where(*of_these)
    for reward_id, gid in session.execute(query.order_by(Transfer.id)):
        if reward_id is not None and gid is not None:
            carried[reward_id] += (gid,)
    return carried
