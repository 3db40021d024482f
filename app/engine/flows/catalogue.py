"""What the shop's catalogue says about products: remembered as last asked, marked stale when it changes.

Orders are decided with these facts and keep them (``orders.products``), so nothing here changes an order that
was decided before.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.rules.facts import ProductFact
from app.engine.rules.facts_json import terms_from_json, to_json
from app.models import Product, Shop, TermsVersion


def record_products(session: Session, shop: Shop, found: Mapping[int, ProductFact | None], now: datetime) -> None:
    """Remember what Shopify said about products when it was asked at ``now``, by id; None for one it does not know.

    A product that was deleted keeps what was last said about it: orders of it may still be on their way.
    """
    if not found:
        return
    rows = [
        {
            "shop_id": shop.id,
            "shopify_id": product_id,
            "fact": None if fact is None else to_json(fact),
            "fetched_at": now,
            "is_stale": False,
        }
        for product_id, fact in sorted(found.items())
    ]
    statement = upsert(Product).values(rows)
    told = statement.excluded
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["shop_id", "shopify_id"],
            set_={"fact": func.coalesce(told.fact, Product.fact), "fetched_at": told.fetched_at, "is_stale": False},
            # An answer to an earlier question replaces no later one's, and is not news of what has changed since.
            where=Product.fetched_at <= told.fetched_at,
        )
    )


def mark_stale(session: Session, shop: Shop, product_ids: Collection[int], now: datetime) -> None:
    """Have products asked anew before the next order with them is decided; those nobody asked for stay unknown."""
    if product_ids:
        # Also what is stale already: somebody may be asking at this moment, whose answer is from before the change.
        is_older = or_(Product.is_stale.is_(False), Product.fetched_at < now)
        _mark(session, shop, now, Product.shopify_id.in_(list(product_ids)), is_older)


def mark_collections_stale(session: Session, shop: Shop, collection_ids: Collection[int], now: datetime) -> None:
    """Have all products asked anew if the terms name one of these collections: who came or went is not told."""
    if collection_ids and not _named_collections(session, shop).isdisjoint(collection_ids):
        _mark(session, shop, now, Product.is_stale.is_(False))


def _mark(session: Session, shop: Shop, now: datetime, *which: ColumnElement[bool]) -> None:
    """Mark products; only who asks from now on hears how they are now."""
    # Locked in the order of their ids, so that two marking at once do not wait in a circle.
    changed = select(Product.id).where(Product.shop_id == shop.id, *which)
    locked = changed.order_by(Product.shopify_id).with_for_update().subquery()
    values = {"is_stale": True, "fetched_at": func.greatest(Product.fetched_at, now)}
    session.execute(
        update(Product).where(Product.id.in_(select(locked.c.id))).values(values),
        execution_options={"synchronize_session": False},
    )


def _named_collections(session: Session, shop: Shop) -> set[int]:
    """Return the collections that any version of the shop's terms names: old orders are still decided by old ones."""
    named: set[int] = set()
    for body in session.scalars(select(TermsVersion.body).where(TermsVersion.shop_id == shop.id)):
        terms = terms_from_json(body)
        scopes = [*(rule.scope for rule in terms.rates), *(campaign.scope for campaign in terms.campaigns)]
        named = named.union(terms.excluded_collection_ids, *(scope.collection_ids for scope in scopes))
    return named
