"""How long the stages took in the full shop, and what its customers were told: all but what happened today."""

from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from app.db import db, transaction
from app.engine.journeys import DAY, WEEK
from app.engine.rules.messages import MailKind, MailState, MessageState, Topic
from app.engine.rules.stage_limits import Lag
from app.models import Customer, Mail, Message, StageLag

#: Half and 95 in 100 within so many milliseconds.
TOOK = {
    Lag.PAID: (1_400, 5_200),
    Lag.TRIGGERED: (310, 900),
    Lag.RECEIVED: (420, 2_300),
    Lag.DECIDED: (640, 2_900),
    Lag.RELEASED: (900, 2_100),
    Lag.SENT: (1_800, 94_000),
    Lag.CONFIRMED: (430, 380_000),
    Lag.TOLD: (4 * 3_600_000, 14 * 3_600_000),
    Lag.CREDIT: (2_300, 96_000),
}


def add_lags(shop_id: int, now: datetime) -> None:
    """Note what was measured a minute ago."""
    with transaction() as session:
        for what, (half, most) in TOOK.items():
            for hours in (DAY, WEEK):
                session.add(
                    StageLag(
                        shop_id=shop_id, what=what, hours=hours, samples=40 * hours, p50_ms=half, p90_ms=most,
                        p95_ms=most, measured_at=now,
                    )
                )  # fmt: skip
    db.session.remove()


def tell_customers(shop_id: int, now: datetime) -> None:
    """Let each customer have had one mail about all of their cashback that is older than a day."""
    with transaction() as session:
        waiting = (Message.shop_id == shop_id, Message.state == MessageState.WAITING, Message.topic == Topic.REWARD)
        old = (*waiting, Message.created_at < now - timedelta(days=1), Message.customer_id.is_not(None))
        newest = select(Message.customer_id, func.max(Message.created_at)).where(*old).group_by(Message.customer_id)
        for customer_id, at in session.execute(newest.order_by(Message.customer_id)).all():
            customer = session.get_one(Customer, customer_id)
            address = customer.email or "nobody@example.com"
            sent_at = at + timedelta(hours=4)
            mail = Mail(
                shop_id=shop_id, kind=MailKind.DIGEST, customer_id=customer_id, address=address, address_key=address,
                language="en", sayings=["earned"], subject="Your cashback", html="<p>Your cashback</p>",
                text="Your cashback", state=MailState.SENT, created_at=sent_at, sent_at=sent_at,
            )  # fmt: skip
            session.add(mail)
            session.flush()
            told = {"state": MessageState.MAILED, "mail_id": mail.id, "done_at": sent_at}
            session.execute(update(Message).where(*old, Message.customer_id == customer_id).values(told))
    db.session.remove()
