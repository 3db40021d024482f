"""Which orders changed since an instant, page by page, and what those say now of which the books lack something."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.sentences import say, sentence_of
from app.shopify.documents import ORDERS_UPDATED
from app.shopify.gateway import Gateway
from app.shopify.nodes import Unreadable, number_of, unreadable
from app.shopify.orders import OrderReader, OrderTold

#: Ids and versions only: a query of this size costs little.
PAGE = 100

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ChangedPage:
    """Orders that changed, oldest version first, by id with Shopify's ``updated_at``."""

    versions: dict[int, datetime]
    #: The newest version on the page; None for an empty one.
    reached_at: datetime | None
    is_last: bool


class ChangedOrders:
    """The pages of a shop's orders that changed since an instant.

    Each page asks by the version it begins with, not by a cursor: what changes meanwhile moves to the end and is met
    there, and any worker can go on from an instant that is written down. Only where more orders share a second than
    fit on a page does a cursor lead through them.
    """

    def __init__(self, gateway: Gateway, from_at: datetime, *, size: int = PAGE, max_wait_seconds: float = 5.0) -> None:
        self._gateway = gateway
        self._from_at = from_at
        self._size = size
        self._max_wait_seconds = max_wait_seconds
        self._after: str | None = None

    def next_page(self) -> ChangedPage:
        """Return the next page. Raises the errors of ``app.shopify.errors``."""
        since = self._from_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        data = self._gateway.execute(
            ORDERS_UPDATED,
            {"query": f"updated_at:>='{since}'", "first": self._size, "after": self._after},
            max_wait_seconds=self._max_wait_seconds,
        )
        try:
            orders = data["orders"]
            versions = {number_of(node["id"]): _instant(node["updatedAt"]) for node in orders["nodes"]}
            is_last, cursor = not orders["pageInfo"]["hasNextPage"], orders["pageInfo"]["endCursor"]
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise unreadable(error) from error
        reached_at = max(versions.values(), default=None)
        if not is_last and reached_at is None:
            raise Unreadable(say("Shopify's answer names no orders and yet another page."))
        if reached_at is not None and reached_at > self._from_at.replace(microsecond=0):
            self._from_at, self._after = reached_at, None
        else:
            self._after = cursor
        return ChangedPage(versions, reached_at, is_last)


@dataclass(frozen=True, slots=True)
class Reading:
    """What Shopify says about some orders. Those it does not know any more are left out."""

    told: list[OrderTold]
    #: Why an answer could not be read, by the order's id.
    unreadable: dict[int, str]


def read_changed(reader: OrderReader, order_ids: Collection[int]) -> Reading:
    """Return what Shopify says about orders that changed. Raises the errors of ``app.shopify.errors``."""
    reading = Reading([], {})
    for order_id, told in reader.read(order_ids):
        if isinstance(told, Unreadable):
            reading.unreadable[order_id] = sentence_of(told)
        elif told is not None:
            reading.told.append(told)
    return reading


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"the time {text} has no offset")
    return instant
