"""Asks Shopify for orders as they are now, whole: lines, shipping, refunds, payments, disputes, risk."""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import Any

from app.clock import utcnow
from app.sentences import say
from app.shopify.documents import ORDER_LINES, ORDERS, REFUND_LINES, Document
from app.shopify.errors import DocumentRefused
from app.shopify.gateway import Gateway
from app.shopify.nodes import Unreadable, read_nodes, unreadable
from app.shopify.order_nodes import OrderTold, read_order

__all__ = ["OrderReader", "OrderTold", "read_order", "read_orders"]

#: As many orders are asked for at once; fewer where Shopify finds that too dear for one query.
BATCH = 8
#: What is left of an order's or a refund's lines comes in pages of its own.
PAGE, MOST_PAGES = 50, 40
_TOO_DEAR = "MAX_COST_EXCEEDED"

Json = dict[str, Any]


def read_orders(
    gateway: Gateway,
    order_ids: Collection[int],
    *,
    max_wait_seconds: float = 10.0,
    clock: Callable[[], datetime] = utcnow,
) -> dict[int, OrderTold | None]:
    """Return what Shopify says about orders, by id; None for one that it does not know in this shop (any more).

    Raises the errors of ``app.shopify.errors``; Unreadable is raised for all if one of them cannot be read.
    """
    found: dict[int, OrderTold | None] = {}
    for order_id, told in OrderReader(gateway, max_wait_seconds=max_wait_seconds, clock=clock).read(order_ids):
        if isinstance(told, Unreadable):
            raise told
        found[order_id] = told
    return found


class OrderReader:
    """Reads orders, batch after batch, and remembers how many Shopify gives at once."""

    def __init__(
        self, gateway: Gateway, *, max_wait_seconds: float = 10.0, clock: Callable[[], datetime] = utcnow
    ) -> None:
        self._gateway = gateway
        self._max_wait_seconds = max_wait_seconds
        self._clock = clock
        self._batch = BATCH

    def read(self, order_ids: Collection[int]) -> Iterator[tuple[int, OrderTold | Unreadable | None]]:
        """Yield each order with what Shopify says, None if it does not know it, or why its answer cannot be read."""
        waiting = sorted(order_ids)
        while waiting:
            some = waiting[: self._batch]
            read_at = self._clock()
            nodes = self._ask(some)
            if nodes is None:
                continue
            waiting = waiting[len(some) :]
            for order_id, node in nodes:
                yield order_id, None if node is None else self._read_one(node, read_at)

    def _ask(self, some: list[int]) -> list[tuple[int, Json | None]] | None:
        """Return the orders' nodes; None when they were too dear together and fewer are to be asked for."""
        try:
            return list(
                read_nodes(
                    self._gateway,
                    ORDERS,
                    "Order",
                    some,
                    batch=len(some),
                    max_wait_seconds=self._max_wait_seconds,
                )
            )
        except DocumentRefused as refusal:
            if refusal.code != _TOO_DEAR or len(some) == 1:
                raise
            self._batch = max(1, len(some) // 2)
            return None

    def _read_one(self, node: Json, read_at: datetime) -> OrderTold | Unreadable | None:
        try:
            return read_order(self._complete(node), read_at)
        except Unreadable as error:
            return error

    def _complete(self, node: Json) -> Json:
        """Return the order with the lines, and the lines of its refunds, that did not fit into the first answer."""
        try:
            refunds = [
                {**refund, "refundLineItems": self._rest(REFUND_LINES, refund, "refund", "refundLineItems")}
                for refund in node["refunds"]
            ]
            return {**node, "lineItems": self._rest(ORDER_LINES, node, "order", "lineItems"), "refunds": refunds}
        except (LookupError, TypeError, AttributeError) as error:
            raise unreadable(error) from error

    def _rest(self, document: Document, first: Json, kind: str, field: str) -> list[Json]:
        """Return all nodes of a connection, of which the first page is there."""
        nodes, page = list(first[field]["nodes"]), first[field]["pageInfo"]
        for _ in range(MOST_PAGES):
            if not page["hasNextPage"]:
                return nodes
            data = self._gateway.execute(
                document,
                {"id": first["id"], "first": PAGE, "after": page["endCursor"]},
                max_wait_seconds=self._max_wait_seconds,
            )
            # An order that has changed between two pages would be read half old and half new.
            if data[kind] is None or data[kind].get("updatedAt") != first.get("updatedAt"):
                raise Unreadable(
                    say("{thing} changed while it was being read; it is read again later.", thing=first["id"])
                )
            nodes += data[kind][field]["nodes"]
            page = data[kind][field]["pageInfo"]
        raise Unreadable(say("{thing} has more lines than can be read.", thing=first["id"]))
