"""Orders that Shopify was asked about wait in the inbox like deliveries, so that the same flows hear of them."""

from collections.abc import Sequence

from app.clock import utcnow
from app.db import transaction
from app.queue import INBOX, enqueue_once
from app.shopify.order_nodes import OrderTold
from app.webhooks.orders_read import OrderRead, store_read


def hear_orders(shop_id: int, told: Sequence[OrderTold]) -> None:
    """Put orders as Shopify tells them into the inbox, and have it drained if any of them is new there."""
    reads = [
        OrderRead(each.order, (*each.payments, *each.disputes, *(() if each.risk is None else (each.risk,))))
        for each in told
    ]
    with transaction(shop_id) as session:
        fresh = store_read(session, shop_id, reads, utcnow())
    if fresh:
        enqueue_once(INBOX, "drain_inbox")
