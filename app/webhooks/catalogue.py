"""products/* and collections/*: the catalogue changed, so what is remembered of it is to be asked anew."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.engine.flows.catalogue import mark_collections_stale, mark_stale
from app.models import Shop
from app.webhooks.body import Json
from app.webhooks.reader import Reader, read_deleted


@dataclass(frozen=True, slots=True)
class ProductChanged:
    """A product is not any more what it was."""

    product_id: int


@dataclass(frozen=True, slots=True)
class CollectionChanged:
    """A collection is not any more what it was; which products came or went is not said."""

    collection_id: int


def parse_product_change(body: Json) -> ProductChanged:
    """Return which product a products/update body is about. Raises BodyError."""
    return ProductChanged(Reader(body).gid("admin_graphql_api_id", "Product"))


def parse_product_deletion(body: Json) -> ProductChanged:
    """Return which product is no more. Raises BodyError, also for a body that says more than a deletion does."""
    return ProductChanged(read_deleted(Reader(body), "Product"))


def parse_collection_change(body: Json) -> CollectionChanged:
    """Return which collection a collections/update body is about. Raises BodyError."""
    return CollectionChanged(Reader(body).gid("admin_graphql_api_id", "Collection"))


def parse_collection_deletion(body: Json) -> CollectionChanged:
    """Return which collection is no more. Raises BodyError, also for a body that says more than a deletion does."""
    return CollectionChanged(read_deleted(Reader(body), "Collection"))


def record_catalogue_changes(
    session: Session, shop: Shop, facts: Sequence[ProductChanged | CollectionChanged], now: datetime
) -> None:
    """Have what changed asked anew the next time that an order's decision needs it."""
    mark_stale(session, shop, [fact.product_id for fact in facts if isinstance(fact, ProductChanged)], now)
    collections = [fact.collection_id for fact in facts if isinstance(fact, CollectionChanged)]
    mark_collections_stale(session, shop, collections, now)
