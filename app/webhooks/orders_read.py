"""Orders that were read from Shopify wait in the inbox like deliveries: the same retries, the same log, the same flows.

Nothing of this comes over the network from outside: the topic is ours, and what knocks with it is not handled.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.engine.flows.earn import record_orders
from app.engine.locks import lock_orders
from app.engine.rules.facts import DisputeFact, OrderFact, PaymentFact, RiskFact
from app.engine.rules.facts_json import from_json, order_from_json, to_json
from app.engine.store import store_details
from app.models import Delivery, DeliveryState, Shop
from app.sentences import say
from app.webhooks.body import BodyError, Json

TOPIC = "boomerang/order_read"


@dataclass(frozen=True, slots=True)
class OrderRead:
    """One version of an order, read from Shopify, with what was told beside it."""

    order: OrderFact
    details: tuple[PaymentFact | DisputeFact | RiskFact, ...]


def store_read(session: Session, shop_id: int, orders: Sequence[OrderRead], now: datetime) -> int:
    """Put orders that were read into the inbox, each version once; return how many of them are new there."""
    rows = [_row(shop_id, read, now) for read in orders]
    if not rows:
        return 0
    statement = insert(Delivery).values(rows).on_conflict_do_nothing().returning(Delivery.id)
    return len(session.scalars(statement).all())


def parse_read(body: Json) -> OrderRead:
    """Return what ``store_read`` put there. Raises BodyError."""
    try:
        details: tuple[PaymentFact | DisputeFact | RiskFact, ...] = (
            *(from_json(PaymentFact, fact) for fact in body["payments"]),
            *(from_json(DisputeFact, fact) for fact in body["disputes"]),
            *(from_json(RiskFact, fact) for fact in body["risks"]),
        )
        return OrderRead(order_from_json(body["order"]), details)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise BodyError(say("The body is no order that Boomerang has read.")) from error


def record_read(session: Session, shop: Shop, facts: Sequence[OrderRead], now: datetime) -> None:
    """Record orders that were read: what was told beside them first, so that they can be decided at once."""
    lock_orders(session, shop.id, {read.order.order_id for read in facts})
    store_details(session, shop.id, [detail for read in facts for detail in read.details], now)
    record_orders(session, shop, [read.order for read in facts], now)


def _row(shop_id: int, read: OrderRead, now: datetime) -> Json:
    kinds = (("payments", PaymentFact), ("disputes", DisputeFact), ("risks", RiskFact))
    told = {name: [to_json(fact) for fact in read.details if isinstance(fact, kind)] for name, kind in kinds}
    order = json.dumps(to_json(read.order), sort_keys=True)
    # Two versions may share a second.
    version = blake2b(order.encode(), digest_size=8).hexdigest()
    return {
        "shop_id": shop_id,
        "webhook_id": f"read:{read.order.order_id}:{read.order.updated_at:%Y%m%dT%H%M%S}:{version}",
        "topic": TOPIC,
        "triggered_at": read.order.updated_at,
        "received_at": now,
        "body": json.dumps({"order": to_json(read.order), **told}).encode(),
        "state": DeliveryState.RECEIVED,
        "order_shopify_id": read.order.order_id,
        "customer_shopify_id": None if read.order.customer is None else read.order.customer.customer_id,
        "attempts": 0,
    }
