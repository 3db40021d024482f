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
    customers, more, less, since = session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(case((drift > 0, drift), else_=0)), 0),
            func.coalesce(func.sum(case((drift < 0, -drift), else_=0)), 0),
            func.min(CreditAccount.drift_since),
        ).where(CreditAccount.shop_id == shop.id, CreditAccount.currency == shop.currency, drift != 0)
    ).one()
    repeated = select(func.count()).where(
        CreditMoveRow.shop_id == shop.id,
        CreditMoveRow.repeats_transfer_id.is_not(None),
        CreditMoveRow.repeat_seen_at.is_(None),
    )
    row = session.scalar(select(StatementImport).where(StatementImport.shop_id == shop.id))
    return AccountFindings(
        drift_customers=customers,
        more_minor=int(more),
        less_minor=int(less),
        drift_since=since,
        repeated_transfers=session.scalar(repeated) or 0,
        can_spend=shop.store_credit_enabled,
        stopped_since=None if row is None else row.stopped_since,
        stopped_by=None if row is None else row.stopped_by,
    )
