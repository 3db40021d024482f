"""The rows of imports: locked, ended, and what they came to."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.engine.audit import record
from app.engine.rules.estimate import Summary, TierCount
from app.models import Customer, HistoryImport, ImportState, Order, Reward, Shop


def lock_running(session: Session, shop_id: int) -> HistoryImport | None:
    """Lock the shop's import that is not over, and return it as it is now."""
    running = select(HistoryImport).where(HistoryImport.shop_id == shop_id, HistoryImport.finished_at.is_(None))
    return session.scalar(running.with_for_update().execution_options(populate_existing=True))


def end_import(row: HistoryImport, state: ImportState, now: datetime) -> None:
    """Let nobody take the import up again."""
    row.state, row.finished_at, row.next_step_at = state, now, None


def sum_up(session: Session, row: HistoryImport) -> dict[str, Any] | None:
    """Return what the import came to: its counts, everybody's tiers as they stand now, and the rewards asked for.

    None for a dry run, which says itself what it has counted when it comes to its end.
    """
    if row.is_dry_run:
        return None
    shop = session.get_one(Shop, row.shop_id)
    summary = Summary(shop.currency, orders=row.seen_orders, known=row.seen_orders - row.new_orders)
    summary.unreadable = row.unreadable_orders
    of_shop = (Customer.shop_id == row.shop_id, Customer.tier_name.is_not(None), Customer.deleted_at.is_(None))
    columns = (Customer.tier_name, func.count(), func.coalesce(func.sum(Customer.tier_spend_minor), 0))
    for name, customers, spent in session.execute(select(*columns).where(*of_shop).group_by(Customer.tier_name)):
        tier = summary.tiers[str(name)] = TierCount(customers, int(spent or 0))
        summary.customers += tier.customers
        summary.spend_minor += tier.spend_minor
    if row.rewards_past:
        asked = (Order.shop_id == row.shop_id, Order.reward_asked_at == row.asked_at, Reward.granted_minor > 0)
        kept = func.coalesce(func.sum(Reward.granted_minor - Reward.reversed_minor), 0)
        rewards = select(func.count(), kept).join(Order, Order.id == Reward.order_id).where(*asked)
        summary.rewards, granted = session.execute(rewards).one()
        summary.granted_minor = int(granted or 0)
    return summary.to_json()


def record_import(
    session: Session,
    row: HistoryImport,
    actor: str,
    action: str,
    before: dict[str, Any],
    after: dict[str, Any],
    now: datetime,
) -> None:
    """Write down who did what to an import."""
    record(session, row.shop_id, actor, action, subject=("import", row.id), before=before, after=after, now=now)
    session.flush()
