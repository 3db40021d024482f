"""Credits and debits by hand that wait for a second person, oldest first."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Adjustment, AdjustmentState, Customer

MOST_PROPOSALS = 50


@dataclass(frozen=True, slots=True)
class Proposal:
    """What somebody proposed, and for whom."""

    adjustment: Adjustment
    customer: Customer


def list_proposals(session: Session, shop_id: int, limit: int = MOST_PROPOSALS) -> tuple[Proposal, ...]:
    """Return what waits for a second person in a shop."""
    query = (
        select(Adjustment, Customer)
        .join(Customer, (Customer.shop_id == Adjustment.shop_id) & (Customer.id == Adjustment.customer_id))
        .where(Adjustment.shop_id == shop_id, Adjustment.state == AdjustmentState.PROPOSED)
        .order_by(Adjustment.id)
        .limit(limit)
    )
    return tuple(Proposal(adjustment, customer) for adjustment, customer in session.execute(query))


def find_customer_of(session: Session, shop_id: int, adjustment_id: int) -> int | None:
    """Return our id of the customer of an adjustment."""
    which = (Adjustment.shop_id == shop_id, Adjustment.id == adjustment_id)
    return session.scalar(select(Adjustment.customer_id).where(*which))
