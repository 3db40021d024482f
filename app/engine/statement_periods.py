"""Statement periods: made when something is first booked in them, without a gap and without an overlap."""

from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from app.engine.programme import Programme
from app.engine.rules.periods import Period, cycle_of
from app.engine.rules.statements import continue_with
from app.models import Shop, Statement


def statement_for(session: Session, shop: Shop, customer_ids: Collection[int], now: datetime) -> dict[int, int]:
    """Return the id of each customer's statement in whose period ``now`` falls, made where there is none yet.

    The caller holds the customers' locks. Its length is what the terms in force say; where the customer's statements
    ended earlier, one more without any movement closes the gap.
    """
    of_these = (Statement.shop_id == shop.id, Statement.customer_id.in_(customer_ids))
    at_hand = select(Statement.customer_id, Statement.id).where(
        *of_these, Statement.starts_at <= now, Statement.ends_at > now
    )
    found: dict[int, int] = dict(list(session.execute(at_hand)))
    missing = set(customer_ids) - found.keys()
    if not missing:
        return found
    known = {
        customer_id: Period(start, end)
        for customer_id, start, end in session.execute(
            select(Statement.customer_id, func.min(Statement.starts_at), func.max(Statement.ends_at))
            .where(*of_these)
            .group_by(Statement.customer_id)
        )
    }
    wanted = cycle_of(now, Programme(session, shop).at(now).cycle, ZoneInfo(shop.timezone))
    rows = [
        {"shop_id": shop.id, "customer_id": customer_id, "starts_at": period.start, "ends_at": period.end}
        for customer_id in sorted(missing)
        for period in continue_with(wanted, known.get(customer_id), now)
    ]
    made = session.execute(
        insert(Statement).returning(Statement.customer_id, Statement.id, Statement.starts_at, Statement.ends_at),
        rows,
    )
    return found | {customer_id: statement_id for customer_id, statement_id, start, end in made if start <= now < end}
