"""Orders and refunds as rows: find them by Shopify's ids, and keep the fullest telling of each refund."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.rules.facts import RefundFact
from app.engine.rules.facts_json import to_json
from app.engine.rules.versions import fullest, is_fuller
from app.models import Order, Refund


def find_orders(session: Session, shop_id: int, shopify_ids: Collection[int]) -> dict[int, Order]:
    """Return the shop's orders with these ids of Shopify's, by that id; unknown ones are left out.

    They are read anew, also when the session has seen them: it may have done so before they were locked.
    """
    if not shopify_ids:
        return {}
    rows = session.scalars(
        select(Order)
        .where(Order.shop_id == shop_id, Order.shopify_id.in_(list(shopify_ids)))
        .execution_options(populate_existing=True)
    )
    return {row.shopify_id: row for row in rows}


def store_refunds(session: Session, shop_id: int, facts: Iterable[RefundFact], now: datetime) -> None:
    """Keep each refund once, in its fullest telling. The caller holds the locks of their orders."""
    tellings = fullest(facts)
    if not tellings:
        return
    rows = session.scalars(
        select(Refund)
        .where(Refund.shop_id == shop_id, Refund.shopify_id.in_(list(tellings)))
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
