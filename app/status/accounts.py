"""What comparing the books with Shopify's store-credit accounts found, for a shop."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from app.models import CreditAccount, CreditMoveRow, Shop, StatementImport


@dataclass(frozen=True, slots=True)
class AccountFindings:
    """Differences, and what people have to know about accounts. Amounts are in minor units of the shop's currency."""

    drift_customers: int
    #: Shopify has so much more than the books, all customers taken together of whom it has more; and so much less.
    more_minor: int
    less_minor: int
    drift_since: datetime | None
    #: Moves that look like a transfer of ours carried out twice, and that nobody has looked at.
    repeated_transfers: int
    #: False when customers cannot spend store credit at checkout; None while Shopify was not asked.
    can_spend: bool | None
    #: Since when accounts cannot be read, and why.
    stopped_since: datetime | None
    stopped_by: str | None


def find_accounts(session: Session, shop: Shop) -> AccountFindings:
    """Return what is known about a shop's accounts."""
    drift = CreditAccount.drift_minor
    repeated = select(func.count()).where(
        CreditMoveRow.shop_id == shop.id,
        CreditMoveRow.repeats_transfer_id.is_not(None),
        CreditMoveRow.repeat_seen_at.is_(None),
    )
    reading = {
        name: select(column).where(StatementImport.shop_id == shop.id)
        for name, column in (("since", StatementImport.stopped_since), ("because", StatementImport.stopped_by))
    }
    found = session.execute(
        select(
            func.count().label("customers"),
            func.coalesce(func.sum(case((drift > 0, drift), else_=0)), 0).label("more"),
            func.coalesce(func.sum(case((drift < 0, -drift), else_=0)), 0).label("less"),
            func.min(CreditAccount.drift_since).label("drift_since"),
            repeated.scalar_subquery().label("repeated"),
            reading["since"].scalar_subquery().label("stopped_since"),
            reading["because"].scalar_subquery().label("stopped_by"),
        ).where(CreditAccount.shop_id == shop.id, CreditAccount.currency == shop.currency, drift != 0)
    ).one()
    return AccountFindings(
        drift_customers=found.customers,
        more_minor=int(found.more),
        less_minor=int(found.less),
        drift_since=found.drift_since,
        repeated_transfers=found.repeated,
        can_spend=shop.store_credit_enabled,
        stopped_since=found.stopped_since,
        stopped_by=found.stopped_by,
    )
