"""Credit that came to the end of its time leaves the books, also while Shopify's statement has not told of it yet."""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.engine.audit import SYSTEM
from app.engine.daybook import Daybook
from app.engine.expiries import Expiries
from app.engine.locks import lock_customers
from app.engine.rules.states import TransferKind, TransferState
from app.models import Shop, Transfer

#: While a debit is still to be carried out, nobody knows how much of an ended credit it took.
LOOK_AGAIN_AFTER = timedelta(minutes=10)


def expire_due(session: Session, shop: Shop, now: datetime, limit: int = 500) -> int:
    """Look at up to ``limit`` credits whose time is over and book what expired of them; return how many were looked at.

    Shopify lets credit expire whether the programme is paused or not, so the books follow also then.
    """
    due = (
        Transfer.shop_id == shop.id,
        Transfer.kind == TransferKind.CREDIT,
        Transfer.state == TransferState.CONFIRMED,
        Transfer.next_attempt_at <= now,
    )
    found = session.execute(
        select(Transfer.id, Transfer.customer_id)
        .where(*due)
        .order_by(Transfer.next_attempt_at, Transfer.id)
        .limit(limit)
    ).all()
    customers = {customer_id for _, customer_id in found}
    lock_customers(session, shop.id, customers)
    daybook = Daybook(session, shop, customers, actor=SYSTEM, now=now)
    expiries = Expiries(session, shop, customers, daybook, now)
    expiries.lower()
    expiries.raise_()
    daybook.write()
    for transfer_id, customer_id in found:
        again = now + LOOK_AGAIN_AFTER if expiries.is_open(customer_id) else None
        session.execute(update(Transfer).where(Transfer.id == transfer_id).values(next_attempt_at=again))
    return len(found)
