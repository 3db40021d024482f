"""One customer with everything the books, Shopify and people have of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.admin.queries.keyset import Window
from app.admin.queries.ledger import EntryRow, list_entries
from app.admin.queries.ledger import Wanted as WantedEntries
from app.admin.queries.orders import badge_of, list_transfer_states
from app.admin.queries.running import read_running
from app.engine.programme import Programme
from app.engine.rules.facts import TierSource
from app.engine.rules.postings import Posting
from app.engine.rules.statements import Figures, compute_figures
from app.engine.rules.states import Badge
from app.engine.rules.terms import OwedPolicy, Terms, Tier
from app.engine.rules.tiers import next_tier
from app.models import (
    Adjustment,
    AdjustmentState,
    CreditAccount,
    Customer,
    LedgerPosting,
    Order,
    Reward,
    Shop,
    Statement,
    TierAssignmentRow,
    TierChange,
)

#: Of each list the newest so many; a link leads to the rest.
MOST = 25
MOST_TOLD = 12


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One of the customer's orders."""

    order: Order
    reward: Reward | None
    badge: Badge | None


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a customer stands between two tiers; amounts in minor units of the shop's currency."""

    tier: Tier | None
    following: Tier | None
    spend_minor: int
    #: What is still to be spent for the following tier.
    missing_minor: int


@dataclass(frozen=True, slots=True)
class CustomerFile:
    """All that is known about one customer. Lists are newest first."""

    customer: Customer
    #: The store credit in the shop's currency as last read, and in other currencies.
    account: CreditAccount | None
    other_accounts: tuple[CreditAccount, ...]
    #: All that was ever booked; its closing is what there is now.
    figures: Figures
    terms: Terms
    progress: Progress
    changes: tuple[TierChange, ...]
    assignments: tuple[TierAssignmentRow, ...]
    orders: tuple[OrderRow, ...]
    statements: tuple[Statement, ...]
    adjustments: tuple[Adjustment, ...]
    entries: tuple[EntryRow, ...]
    #: What was available after each of the entries.
    running: dict[int, int]
    merged_into: Customer | None
    absorbed: tuple[Customer, ...]

    @property
    def owed_minor(self) -> int:
        """Return what the customer owes."""
        return -self.figures.closing.owed_minor

    @property
    def is_blocked(self) -> bool:
        """True while the customer earns nothing for owing something."""
        return self.owed_minor > 0 and self.terms.owed is OwedPolicy.BLOCK

    @property
    def is_gone(self) -> bool:
        """True when there is no account any more to give anything to."""
        gone = (self.customer.merged_into_id, self.customer.deleted_at, self.customer.redacted_at)
        return any(each is not None for each in gone)

    @property
    def waiting(self) -> tuple[Adjustment, ...]:
        """Return what waits for a second person."""
        return tuple(row for row in self.adjustments if row.state is AdjustmentState.PROPOSED)

    def given(self, now: datetime) -> tuple[TierAssignmentRow, ...]:
        """Return what was given by hand and lasts."""
        return tuple(
            row
            for row in self.assignments
            if row.source is TierSource.MANUAL and (row.ends_at is None or row.ends_at > now)
        )


def find_customer(session: Session, shop: Shop, customer_id: int, now: datetime) -> CustomerFile | None:
    """Return the file of a customer, by our id."""
    which = (Customer.shop_id == shop.id, Customer.id == customer_id)
    customer = session.scalars(select(Customer).where(*which).execution_options(populate_existing=True)).one_or_none()
    if customer is None:
        return None
    accounts = _list_accounts(session, shop.id, customer_id)
    terms = Programme(session, shop).at(now)
    entries = list_entries(session, shop.id, WantedEntries(customer_ids=(customer_id,)), Window(size=MOST)).rows
    return CustomerFile(
        customer=customer,
        account=next((row for row in accounts if row.currency == shop.currency), None),
        other_accounts=tuple(row for row in accounts if row.currency != shop.currency and row.balance_minor),
        figures=read_lifetime(session, shop, customer_id),
        terms=terms,
        progress=_progress(customer, terms.tiers),
        changes=_list_changes(session, shop.id, customer_id),
        assignments=_list_assignments(session, shop.id, customer_id, now),
        orders=_list_orders(session, shop.id, customer_id),
        statements=_list_statements(session, shop.id, customer_id),
        adjustments=_list_adjustments(session, shop.id, customer_id),
        entries=entries,
        running=read_running(session, shop.id, customer_id, shop.currency, [row.entry.id for row in entries]),
        merged_into=_find_kept(session, shop.id, customer),
        absorbed=_list_absorbed(session, shop.id, customer_id),
    )


def is_customer(session: Session, shop_id: int, customer_id: int) -> bool:
    """Return whether the shop has a customer of this number."""
    which = (Customer.shop_id == shop_id, Customer.id == customer_id)
    return session.scalar(select(Customer.id).where(*which)) is not None


def read_lifetime(session: Session, shop: Shop, customer_id: int) -> Figures:
    """Return all that was ever booked for a customer, on the lines of a statement without a beginning."""
    sums = session.execute(
        select(LedgerPosting.source, LedgerPosting.destination, func.sum(LedgerPosting.amount_minor))
        .where(
            LedgerPosting.shop_id == shop.id,
            LedgerPosting.customer_id == customer_id,
            LedgerPosting.currency == shop.currency,
        )
        .group_by(LedgerPosting.source, LedgerPosting.destination)
    )
    return compute_figures((), [Posting(source, destination, int(minor)) for source, destination, minor in sums])


def _progress(customer: Customer, tiers: Sequence[Tier]) -> Progress:
    spend_minor = customer.tier_spend_minor or 0
    tier = next((each for each in tiers if each.name == customer.tier_name), None)
    reached_minor = max(spend_minor, tier.threshold_minor if tier else 0)
    following = next_tier(reached_minor, tiers)
    return Progress(tier, following, spend_minor, following.threshold_minor - spend_minor if following else 0)


def _list_accounts(session: Session, shop_id: int, customer_id: int) -> list[CreditAccount]:
    query = select(CreditAccount).where(CreditAccount.shop_id == shop_id, CreditAccount.customer_id == customer_id)
    rows = session.scalars(query.order_by(CreditAccount.currency).execution_options(populate_existing=True))
    return list(rows)


def _list_changes(session: Session, shop_id: int, customer_id: int) -> tuple[TierChange, ...]:
    query = select(TierChange).where(TierChange.shop_id == shop_id, TierChange.customer_id == customer_id)
    return tuple(session.scalars(query.order_by(TierChange.id.desc()).limit(MOST_TOLD)))


def _list_assignments(session: Session, shop_id: int, customer_id: int, now: datetime) -> tuple[TierAssignmentRow, ...]:
    """Return those that last, and the newest of those that ended."""
    row = TierAssignmentRow
    query = select(row).where(row.shop_id == shop_id, row.customer_id == customer_id)
    lasts = or_(row.ends_at.is_(None), row.ends_at > now)
    ordered = query.order_by(lasts.desc(), row.id.desc()).limit(MOST_TOLD)
    return tuple(session.scalars(ordered.execution_options(populate_existing=True)))


def _list_orders(session: Session, shop_id: int, customer_id: int) -> tuple[OrderRow, ...]:
    query = (
        select(Order, Reward)
        .outerjoin(Reward, (Reward.shop_id == Order.shop_id) & (Reward.order_id == Order.id))
        .where(Order.shop_id == shop_id, Order.customer_id == customer_id)
        .order_by(Order.placed_at.desc(), Order.id.desc())
        .limit(MOST)
    )
    found = session.execute(query).all()
    states = list_transfer_states(session, shop_id, [reward.id for _, reward in found if reward is not None])
    return tuple(OrderRow(order, reward, badge_of(reward, states)) for order, reward in found)


def _list_statements(session: Session, shop_id: int, customer_id: int) -> tuple[Statement, ...]:
    query = select(Statement).where(Statement.shop_id == shop_id, Statement.customer_id == customer_id)
    return tuple(session.scalars(query.order_by(Statement.starts_at.desc()).limit(MOST_TOLD)))


def _list_adjustments(session: Session, shop_id: int, customer_id: int) -> tuple[Adjustment, ...]:
    """Return those that wait, whatever came after them, and the newest others."""
    query = select(Adjustment).where(Adjustment.shop_id == shop_id, Adjustment.customer_id == customer_id)
    waits = Adjustment.state == AdjustmentState.PROPOSED
    ordered = query.order_by(waits.desc(), Adjustment.id.desc()).limit(MOST)
    return tuple(session.scalars(ordered.execution_options(populate_existing=True)))


def _find_kept(session: Session, shop_id: int, customer: Customer) -> Customer | None:
    """Return the customer this one was merged into."""
    query = select(Customer).where(Customer.shop_id == shop_id, Customer.id == customer.merged_into_id)
    return session.scalars(query).one_or_none()


def _list_absorbed(session: Session, shop_id: int, customer_id: int) -> tuple[Customer, ...]:
    query = select(Customer).where(Customer.shop_id == shop_id, Customer.merged_into_id == customer_id)
    return tuple(session.scalars(query.order_by(Customer.id)))
