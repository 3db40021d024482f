"""Orders and refunds as rows: find them by Shopify's ids, and keep the fullest telling of each refund."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.rules.facts import DetailFact, DisputeFact, PaymentFact, RefundFact, ReturnFact, RiskFact
from app.engine.rules.facts_json import from_json, to_json
from app.engine.rules.versions import detail_rank, fullest, is_fuller
from app.models import DetailKind, Order, OrderDetail, Refund
from app.models.columns import among


def find_orders(session: Session, shop_id: int, shopify_ids: Collection[int]) -> dict[int, Order]:
    """Return the shop's orders with these ids of Shopify's, by that id; unknown ones are left out.

    They are read anew, also when the session has seen them: it may have done so before they were locked.
    """
    if not shopify_ids:
        return {}
    rows = session.scalars(
        select(Order)
        .where(Order.shop_id == shop_id, among(Order.shopify_id, shopify_ids))
        .execution_options(populate_existing=True)
    )
    return {row.shopify_id: row for row in rows}


def store_details(session: Session, shop_id: int, facts: Iterable[DetailFact], now: datetime) -> None:
    """Keep what was told about orders, each thing once, in its newest telling. The caller holds the orders' locks."""
    tellings: dict[tuple[DetailKind, int], DetailFact] = {}
    for fact in facts:
        key = _key_of(fact)
        known = tellings.get(key)
        if known is None or detail_rank(fact) > detail_rank(known):
            tellings[key] = fact
    rows = session.scalars(
        select(OrderDetail)
        .where(
            OrderDetail.shop_id == shop_id,
            among(OrderDetail.order_shopify_id, {fact.order_id for fact in tellings.values()}),
        )
        .execution_options(populate_existing=True)
    )
    for row in rows:
        key = (row.kind, row.shopify_id)
        if key in tellings:
            fact = tellings.pop(key)
            if detail_rank(fact) > detail_rank(from_json(type(fact), row.fact)):
                row.fact = to_json(fact)
    fresh = [
        {
            "shop_id": shop_id,
            "order_shopify_id": fact.order_id,
            "kind": kind,
            "shopify_id": shopify_id,
            "fact": to_json(fact),
            "first_seen_at": now,
        }
        for (kind, shopify_id), fact in tellings.items()
    ]
    if fresh:
        session.execute(insert(OrderDetail), fresh)
    session.flush()


def _key_of(fact: DetailFact) -> tuple[DetailKind, int]:
    match fact:
        case PaymentFact():
            return DetailKind.PAYMENT, fact.payment_id
        case DisputeFact():
            return DetailKind.DISPUTE, fact.dispute_id
        case RiskFact():
            return DetailKind.RISK, fact.order_id
        case ReturnFact():
            return DetailKind.RETURN, fact.return_id
        case _:
            return DetailKind.DELETION, fact.order_id


def store_refunds(session: Session, shop_id: int, facts: Iterable[RefundFact], now: datetime) -> None:
    """Keep each refund once, in its fullest telling. The caller holds the locks of their orders."""
    tellings = fullest(facts)
    if not tellings:
        return
    rows = session.scalars(
        select(Refund)
        .where(Refund.shop_id == shop_id, among(Refund.shopify_id, tellings))
        .execution_options(populate_existing=True)
    )
    known = {row.shopify_id: row for row in rows}
    fresh = [
        {
            "shop_id": shop_id,
            "shopify_id": fact.refund_id,
            "order_shopify_id": fact.order_id,
            "processed_at": fact.processed_at,
            "fact": to_json(fact),
            "first_seen_at": now,
        }
        for fact in tellings.values()
        if fact.refund_id not in known
    ]
    if fresh:
        session.execute(upsert(Refund).values(fresh).on_conflict_do_nothing(index_elements=["shop_id", "shopify_id"]))
    for refund_id, row in known.items():
        fact = tellings[refund_id]
        if is_fuller(fact, row.fact):
            row.fact, row.processed_at = to_json(fact), fact.processed_at
    session.flush()
