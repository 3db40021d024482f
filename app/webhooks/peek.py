"""What waiting deliveries will say about orders, read ahead of their handling; nothing is claimed or marked here."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import BigInteger, and_, func, literal, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from app.engine.rules.facts import CustomersMerged, OrderFact, RiskFact
from app.errors import BoomerangError
from app.models import Delivery, Shop
from app.webhooks.body import read_object
from app.webhooks.order_changes import OrderEdited
from app.webhooks.orders_read import TOPIC as READ_TOPIC
from app.webhooks.orders_read import OrderRead
from app.webhooks.topics import Origin, find_handler, list_topics_of_same_flow
from app.webhooks.turns import MOST_IN_A_TURN, Turns, is_waiting, list_waiting_shops

ORDER_TOPICS = (*list_topics_of_same_flow("orders/paid"), READ_TOPIC)
RISK_TOPIC = "orders/risk_assessment_changed"
#: What may give a customer orders that are known already: a guest's, or another customer's.
CUSTOMER_TOPICS = ("customers/create", "customers/update", "customers/merge")
EDIT_TOPIC = "orders/edited"
#: What is asked about only once it had to wait: usually the next delivery says it.
PATIENT_TOPICS = (*CUSTOMER_TOPICS, EDIT_TOPIC)
#: A gateway's name as a value in a list; as a name of a field it is in every line of an order.
_PAID_WITH_CREDIT = re.compile(rb'"(?:gift_card|shopify_store_credit)"\s*[,\]]')


@dataclass(slots=True)
class Ahead:
    """What waits from one shop."""

    orders: list[OrderFact] = field(default_factory=list)
    #: Orders whose risk somebody has assessed anew.
    reassessed: set[int] = field(default_factory=set)
    #: Customers whose news had to wait once: perhaps an order comes to them whose terms look at their tags.
    customer_ids: set[int] = field(default_factory=set)
    #: Orders that were edited, and not told since.
    edited: set[int] = field(default_factory=set)


def peek(
    session: Session,
    now: datetime,
    *,
    is_curious: Callable[[Session, Shop], bool],
    skip: Collection[int] = (),
    limit: int = 200,
    catch: type[Exception] = BoomerangError,
    turns: Turns | None = None,
) -> dict[int, Ahead]:
    """Return, by shop, the orders that the next ``limit`` waiting deliveries tell of; unreadable ones are left out.

    Next are they in the order of the shops' turns, as in ``inbox.drain``, and the oldest of each shop first.

    Reading a body costs time, so of shops that are not curious only edits and orders paid with credit are read.
    ``catch`` is what counts as unreadable, as in ``inbox.drain``.
    """
    shop_ids = (turns or Turns()).order(list_waiting_shops(session, now, skip))
    # Walked shop by shop in this order, and no further than the limit.
    turn = func.unnest(literal(shop_ids, ARRAY(BigInteger))).table_valued("shop_id", with_ordinality="place")
    turn = turn.render_derived()
    next_of_shop = (
        select(Delivery.id, Delivery.topic, Delivery.body, Delivery.received_at, Delivery.triggered_at)
        .where(
            Delivery.shop_id == turn.c.shop_id,
            *is_waiting(now),
            or_(
                Delivery.topic.in_([*ORDER_TOPICS, RISK_TOPIC]),
                and_(Delivery.topic.in_(PATIENT_TOPICS), Delivery.attempts > 0),
            ),
        )
        .order_by(Delivery.id)
        .limit(limit if len(shop_ids) == 1 else MOST_IN_A_TURN)
        .lateral()
    )
    told = next_of_shop.c
    waiting = (
        select(Shop, told.topic, told.body, told.received_at, told.triggered_at)
        .select_from(turn)
        .join(Shop, (Shop.id == turn.c.shop_id) & Shop.uninstalled_at.is_(None))
        .join(next_of_shop, true())
        .order_by(turn.c.place, told.id)
        .limit(limit)
    )
    ahead: dict[int, Ahead] = {}
    curious: dict[int, bool] = {}
    for shop, topic, body, received_at, triggered_at in session.execute(waiting):
        if shop.id not in curious:
            curious[shop.id] = is_curious(session, shop)
        if not curious[shop.id] and topic != EDIT_TOPIC and not _PAID_WITH_CREDIT.search(body):
            continue
        handler = find_handler(topic)
        assert handler is not None
        try:
            fact = handler.parse(read_object(body), Origin(shop.domain, shop.currency, received_at, triggered_at))
        except catch:
            continue  # the drain will say why
        here = ahead.setdefault(shop.id, Ahead())
        match fact:
            case OrderFact():
                here.orders.append(fact)
            case OrderRead():
                here.orders.append(fact.order)
            case RiskFact():
                here.reassessed.add(fact.order_id)
            case OrderEdited():
                here.edited.add(fact.order_id)
            case CustomersMerged():
                here.customer_ids.add(fact.kept_id)
            case _:
                here.customer_ids.add(fact.customer_id)
    return ahead
