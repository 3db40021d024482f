"""Short words for what happens to an order on its way, and for what is measured of that."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Text, cast, select, update

from app.db import transaction
from app.engine.flows import pace
from app.engine.flows.journey import (
    SlowStage,
    find_slow_stages,
)
from app.engine.journeys import DAY, read_journeys
from app.engine.rules.facts import OrderFact
from app.engine.rules.journey import Journey
from app.engine.rules.messages import MailKind, MailState, MessageState, Stage
from app.engine.rules.stage_limits import Lag
from app.engine.rules.states import TransferState
from app.engine.stage_lags import read_lags
from app.models import (
    Delivery,
    DeliveryState,
    Mail,
    MailSettings,
    Message,
    Order,
    Reward,
    Shop,
    Transfer,
)
from tests.flows.builders import Till, all_rows, day, order, reading

MINUTE = timedelta(minutes=1)
#: What the books want of a transfer that is done.
DONE: dict[str, Any] = {
    "sent_minor": Transfer.amount_minor,
    "shopify_transaction_id": "gid://shopify/x/" + cast(Transfer.id, Text),
}


def hear(till: Till, fact: OrderFact, *, triggered: float, received: float, topic: str = "orders/paid") -> None:
    """Note a delivery about an order, that many seconds after day 10 began."""
    with transaction() as session:
        session.add(
            Delivery(
                shop_id=till.id, webhook_id=f"{topic}:{fact.order_id}:{received}", topic=topic, body=b"",
                triggered_at=at(triggered), received_at=at(received), handled_at=at(received),
                state=DeliveryState.HANDLED, order_shopify_id=fact.order_id,
            )
        )  # fmt: skip


def at(seconds: float) -> datetime:
    """Return an instant of day 10, on which orders are told."""
    return day(10) + timedelta(seconds=seconds)


def carry(till: Till, *, sent: float, confirmed: float | None = None) -> None:
    """Let the planned transfers be sent, and confirmed where that is said."""
    state = TransferState.SENDING if confirmed is None else TransferState.CONFIRMED
    when = {"sent_at": at(sent), "confirmed_at": None if confirmed is None else at(confirmed)}
    with transaction() as session:
        planned = (Transfer.shop_id == till.id, Transfer.state == TransferState.PLANNED)
        done = {} if confirmed is None else DONE
        session.execute(update(Transfer).where(*planned).values(state=state, **when, **done))


def tell_by_mail(till: Till, seconds: float, state: MailState = MailState.SENT) -> None:
    """Make one mail of all that waits to be told, and let it leave, or not."""
    with transaction() as session:
        mail = Mail(
            shop_id=till.id, kind=MailKind.DIGEST, address="ada@example.com", address_key="ada@example.com",
            language="en", subject="", html="", text="", state=state, created_at=at(seconds),
            sent_at=at(seconds) if state is MailState.SENT else None,
        )  # fmt: skip
        session.add(mail)
        session.flush()
        waiting = (Message.shop_id == till.id, Message.state == MessageState.WAITING)
        done = {"state": MessageState.MAILED, "mail_id": mail.id, "done_at": at(seconds)}
        session.execute(update(Message).where(*waiting).values(done))


def journey_of(till: Till, fact: OrderFact, now: datetime | None = None) -> Journey:
    """Return the journey of an order's reward as it stood, an hour after day 10 began unless told otherwise."""
    with reading() as session:
        query = select(Reward).join(Order, Order.id == Reward.order_id)
        reward = session.scalars(query.where(Order.shop_id == till.id, Order.shopify_id == fact.order_id)).one()
        return read_journeys(session, session.get_one(Shop, till.id), [reward], now or at(3_600))[reward.id]


def measure(till: Till, now: datetime) -> None:
    """Measure twice: the second time changes nothing but when it was."""
    till.run(lambda session, shop: pace.measure_stages(session, shop, now))
    rows = all_rows()
    till.run(lambda session, shop: pace.measure_stages(session, shop, now))
    assert [row for row in all_rows() if row not in rows] == []


def lags(till: Till, hours: int = DAY) -> dict[Lag, tuple[int, float, float]]:
    """Return of each lag of how many it is said, and within how many seconds half and 95 in 100 were through."""
    with reading() as session:
        return {
            lag: (found.samples, found.half.total_seconds(), found.most.total_seconds())
            for lag, found in read_lags(session, till.id, hours).items()
        }


def slow(till: Till, now: datetime) -> list[SlowStage]:
    """Return the stages that are too slow."""
    with reading() as session:
        return list(find_slow_stages(session, session.get_one(Shop, till.id), now))


def limit(till: Till, **seconds: int) -> None:
    """Set limits of stages; those not named have none."""
    limits = {stage.value: 0 for stage in Stage} | seconds
    with transaction() as session:
        session.add(MailSettings(shop_id=till.id, stage_limits=limits))


def change_shop(till: Till, **values: object) -> None:
    """Change what a shop's row says."""
    with transaction() as session:
        session.execute(update(Shop).where(Shop.id == till.id).values(values))


def busy_day(till: Till) -> list[OrderFact]:
    """Let ten orders go all the way, the later the slower: the n-th is sent after n seconds and confirmed after 2 n."""
    facts = [order(number, placed_at=at(-20), updated_at=at(-20)) for number in range(1, 11)]
    for number, fact in enumerate(facts, start=1):
        hear(till, fact, triggered=-10, received=-10 + number / 2)
    till.tell(*facts)
    with transaction() as session:
        planned = session.scalars(select(Transfer).where(Transfer.shop_id == till.id).order_by(Transfer.id))
        for number, transfer in enumerate(planned, start=1):
            transfer.sent_at, transfer.confirmed_at = at(number), at(3 * number)
            transfer.state, transfer.sent_minor = TransferState.CONFIRMED, transfer.amount_minor
            transfer.shopify_transaction_id = f"gid://shopify/x/{transfer.id}"
    tell_by_mail(till, 100)
    return facts
