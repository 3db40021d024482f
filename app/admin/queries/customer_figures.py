"""What customers have: from the books, from Shopify's accounts as last read, and when they last ordered."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, ColumnElement, case, cast, func, literal_column, select, true
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import Subquery

from app.engine.rules.postings import Account
from app.models import CreditAccount, LedgerPosting, Order, Shop
from app.models.columns import among


@dataclass(frozen=True, slots=True)
class Figures:
    """What one customer has, in minor units of the shop's currency."""

    pending_minor: int = 0
    available_minor: int = 0
    owed_minor: int = 0
    #: As Shopify said when the account was last read; None while it was not.
    shopify_minor: int | None = None
    last_order_at: datetime | None = None


def read_figures(session: Session, shop: Shop, customer_ids: Collection[int]) -> dict[int, Figures]:
    """Return what customers have, each kind of figure in one query for all of them."""
    booked = _read_books(session, shop, customer_ids)
    accounts = select(CreditAccount.customer_id, CreditAccount.balance_minor).where(
        CreditAccount.shop_id == shop.id,
        CreditAccount.currency == shop.currency,
        among(CreditAccount.customer_id, customer_ids),
    )
    in_shopify: dict[int, int | None] = dict(session.execute(accounts).all())
    ordered = _read_last_orders(session, shop.id, customer_ids)
    return {
        each: Figures(*booked.get(each, (0, 0, 0)), in_shopify.get(each), ordered.get(each)) for each in customer_ids
    }


def select_owing(shop: Shop) -> Subquery:
    """Return who owes something, and how much: looked for among the few entries that touch what is owed."""
    owed = func.sum(
        case((LedgerPosting.source == Account.OWED, LedgerPosting.amount_minor), else_=-LedgerPosting.amount_minor)
    )
    return (
        select(LedgerPosting.customer_id, cast(owed, BigInteger).label("owed_minor"))
        .where(
            LedgerPosting.shop_id == shop.id,
            LedgerPosting.currency == shop.currency,
            # In the words of the index, which is used for nothing else.
            literal_column("(postings.source = 'customer:owed' OR postings.destination = 'customer:owed')"),
        )
        .group_by(LedgerPosting.customer_id)
        .having(owed > 0)
        .subquery()
    )


def _read_books(session: Session, shop: Shop, customer_ids: Collection[int]) -> dict[int, tuple[int, int, int]]:
    """Return what is pending, available and owed, by customer."""

    def held(account: Account, sign: int = 1) -> ColumnElement[int]:
        amount = case(
            (LedgerPosting.destination == account, LedgerPosting.amount_minor),
            (LedgerPosting.source == account, -LedgerPosting.amount_minor),
            else_=0,
        )
        return cast(sign * func.sum(amount), BigInteger)

    sums = select(
        LedgerPosting.customer_id, held(Account.PENDING), held(Account.AVAILABLE), held(Account.OWED, -1)
    ).where(
        LedgerPosting.shop_id == shop.id,
        among(LedgerPosting.customer_id, customer_ids),
        LedgerPosting.currency == shop.currency,
    )
    return {number: (a, b, c) for number, a, b, c in session.execute(sums.group_by(LedgerPosting.customer_id))}


def _read_last_orders(session: Session, shop_id: int, customer_ids: Collection[int]) -> dict[int, datetime]:
    """Return when each customer's newest order was placed: one step into the index for each, however many they have."""
    wanted_id = func.unnest(cast(sorted(customer_ids), ARRAY(BigInteger))).column_valued("wanted_id")
    newest = (
        select(Order.placed_at)
        .where(Order.shop_id == shop_id, Order.customer_id == wanted_id)
        .order_by(Order.placed_at.desc())
        .limit(1)
        .lateral()
    )
    return dict(session.execute(select(wanted_id, newest.c.placed_at).join(newest, true())).all())
