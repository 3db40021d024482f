"""What one customer has goes on with another one, after Shopify merged the two: orders, rewards and money."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.engine.audit import SYSTEM
from app.engine.daybook import NOTHING_ELSE, Daybook
from app.engine.offsets import cancel_against_each_other
from app.engine.rules.postings import Account, EntryKind, Posting, take
from app.engine.rules.states import BOOKED_PENDING, TransferKind, TransferState
from app.engine.settlement import Journal
from app.engine.transfer_rows import finish, plan, start_over
from app.models import (
    Adjustment,
    AdjustmentState,
    Customer,
    GrantRow,
    LedgerEntry,
    Order,
    Reward,
    Shop,
    TierAssignmentRow,
    Transfer,
)

_NOT_SENT = (TransferState.PLANNED, TransferState.REFUSED)


def move_rewards(session: Session, shop: Shop, gone: Customer, kept: Customer, at: datetime, now: datetime) -> None:
    """Give all orders, rewards, tiers and proposals of one customer to another; both are locked.

    What is settled only gets another name: what is taken back of it later is the other one's. What is pending is
    booked for the other one. No reward changes its state.
    """
    rows = session.execute(
        select(Reward, Order)
        .join(Order, Order.id == Reward.order_id)
        .where(Reward.shop_id == shop.id, Reward.customer_id == gone.id)
        .order_by(Reward.id)
        .with_for_update(of=Reward)
        .execution_options(populate_existing=True)
    ).all()
    journal = Journal(session, shop, {gone.id, kept.id}, actor=SYSTEM, now=now)
    for reward, order in rows:
        is_pending = reward.state in BOOKED_PENDING
        reward.version += 1
        if is_pending:
            journal.void(reward, order, reward.kept_minor, at)
        reward.customer_id = kept.id
        if is_pending:
            journal.accrue(reward, order, reward.kept_minor, at)
    session.flush()
    journal.write()
    for change in (
        update(Order).where(Order.shop_id == shop.id, Order.customer_id == gone.id),
        update(GrantRow).where(GrantRow.shop_id == shop.id, GrantRow.customer_id == gone.id),
        update(TierAssignmentRow).where(TierAssignmentRow.shop_id == shop.id, TierAssignmentRow.customer_id == gone.id),
        update(Adjustment).where(
            Adjustment.shop_id == shop.id,
            Adjustment.customer_id == gone.id,
            Adjustment.state == AdjustmentState.PROPOSED,
        ),
    ):
        session.execute(change.values(customer_id=kept.id))


def move_money(session: Session, shop: Shop, gone: Customer, kept: Customer, at: datetime, now: datetime) -> None:
    """Let one customer receive what was to be credited to another and not sent, and owe what the other one owes.

    Shopify merges nobody who has store credit, so a debit of the other's account would find nothing any more. What
    was owed is taken from what the kept customer has available, as if the two had always been one; the rest is owed.
    """
    moved_minor = _move_credits(session, shop, gone, kept, now)
    daybook = Daybook(session, shop, {gone.id, kept.id}, actor=SYSTEM, now=now)
    owed_minor = -daybook.balance(gone.id, Account.OWED)
    left: list[Posting] = []
    came: list[Posting] = []
    if moved_minor:
        left.append(Posting(Account.AVAILABLE, Account.EXTERNAL, moved_minor))
        came.append(Posting(Account.EXTERNAL, Account.AVAILABLE, moved_minor))
    if owed_minor:
        available_minor = daybook.balance(kept.id, Account.AVAILABLE) + moved_minor
        left.append(Posting(Account.EXTERNAL, Account.OWED, owed_minor))
        came += take(Account.EXTERNAL, owed_minor, available_minor)
    if not left:
        return
    is_merge = (LedgerEntry.shop_id == shop.id, LedgerEntry.kind == EntryKind.MERGE)
    before = session.scalar(select(func.count()).where(*is_merge, LedgerEntry.customer_id == gone.id))
    subject = f"customer:{gone.shopify_id}:{(before or 0) + 1}"
    daybook.enter(EntryKind.MERGE, gone.id, subject, tuple(left), at)
    daybook.enter(EntryKind.MERGE, kept.id, f"{subject}:into", tuple(came), at)
    for row in came:
        if row.source is Account.AVAILABLE:
            daybook.plan(TransferKind.DEBIT, kept.id, f"merge:{subject}", row.amount_minor, NOTHING_ELSE)
    daybook.write()


def _move_credits(session: Session, shop: Shop, gone: Customer, kept: Customer, now: datetime) -> int:
    """Plan the credits that were not sent for the kept customer; return their sum. Debits are closed as owed."""
    rows = session.scalars(
        select(Transfer)
        .where(
            Transfer.shop_id == shop.id,
            Transfer.customer_id == gone.id,
            Transfer.currency == shop.currency,
            Transfer.state.in_(_NOT_SENT),
        )
        .order_by(Transfer.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for row in rows:
        # Nobody may be about to send it; and as a refused one a credit meets the debit that takes it back.
        plan(row, now, None)
        if row.kind is TransferKind.CREDIT:
            row.state = TransferState.REFUSED
    session.flush()
    cancel_against_each_other(session, shop.id, {row.reward_id for row in rows if row.reward_id is not None})
    moved_minor = 0
    for row in rows:
        if row.state is TransferState.NOT_APPLICABLE:
            continue
        if row.kind is TransferKind.DEBIT:
            row.sent_minor = 0
            finish(session, row, TransferState.NOT_APPLICABLE, now)
        else:
            row.customer_id = kept.id
            start_over(row, now)
            moved_minor += row.left_minor
    session.flush()
    return moved_minor
