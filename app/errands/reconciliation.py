"""Makes good what webhooks never told: asks Shopify which orders changed, and tells the books what they lack of them.

Asked for by the clock every so many minutes, and by hand. No call is made inside a transaction, and what is found
goes through the inbox into the same flows, so that looking twice, or at once in two workers, changes nothing.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from app.clock import utcnow
from app.db import transaction
from app.engine.flows import reconcile
from app.engine.flows.reconcile import Page, Turn
from app.models import ReconcileRun, Shop
from app.queue import INBOX, enqueue_once
from app.sentences import say, sentence_of
from app.shopify.connect import open_gateway
from app.shopify.errors import ShopifyError, Unauthorized
from app.shopify.gateway import Gateway
from app.shopify.order_nodes import OrderTold
from app.shopify.orders import OrderReader
from app.shopify.reconcile import PAGE, ChangedOrders, ChangedPage, read_changed
from app.webhooks.orders_read import OrderRead, store_read

log = structlog.get_logger()

#: Longest a question waits for room in the shop's allowance before the turn ends.
MAX_WAIT_SECONDS = 5.0

Clock = Callable[[], datetime]


def reconcile_turn(
    shop_id: int, *, lasts: timedelta | None, clock: Clock = utcnow, page_size: int = PAGE
) -> ReconcileRun | None:
    """Look at a shop's changed orders until all are seen or the turn is over, and return the run if it is finished.

    Goes on with a run that is open. When Shopify does not answer, the run is left for later and its error raised.
    """
    with transaction(shop_id) as session:
        turn = reconcile.begin(session, session.get_one(Shop, shop_id), clock())
    work = _Work(shop_id, turn, clock, page_size)
    try:
        is_done = work.until(None if lasts is None else clock() + lasts)
    except ShopifyError as error:
        with transaction(shop_id) as session:
            reconcile.postpone(session, turn.run_id, sentence_of(error), clock())
        raise
    if not is_done:
        return None
    with transaction(shop_id) as session:
        run = reconcile.finish(session, turn.run_id, clock())
        session.expunge(run)
    return run


class _Work:
    """One worker's turn at one run."""

    def __init__(self, shop_id: int, turn: Turn, clock: Clock, page_size: int) -> None:
        self._shop_id = shop_id
        self._turn = turn
        self._clock = clock
        self._page_size = page_size
        self._from_at = turn.from_at

    def until(self, ends_at: datetime | None) -> bool:
        """Carry page after page; return whether the last one was seen. A refused token is refreshed once."""
        gateway, token = open_gateway(self._shop_id, clock=self._clock, is_background=True)
        try:
            return self._carry(gateway, ends_at)
        except Unauthorized:
            gateway, _ = open_gateway(self._shop_id, refused=token, clock=self._clock, is_background=True)
            return self._carry(gateway, ends_at)

    def _carry(self, gateway: Gateway, ends_at: datetime | None) -> bool:
        pages = ChangedOrders(gateway, self._from_at, size=self._page_size, max_wait_seconds=MAX_WAIT_SECONDS)
        reader = OrderReader(gateway, max_wait_seconds=MAX_WAIT_SECONDS, clock=self._clock)
        while True:
            page = pages.next_page()
            with transaction(self._shop_id) as session:
                unknown = reconcile.list_unknown(session, self._shop_id, page.versions)
            reading = read_changed(reader, unknown)
            self._keep(page, reading.told, reading.unreadable)
            if page.is_last:
                return True
            if ends_at is not None and self._clock() >= ends_at:
                return False

    def _keep(self, page: ChangedPage, told: list[OrderTold], unreadable: dict[int, str]) -> None:
        """Put what the books lack into the inbox, count what was missed, and write down how far the run is."""
        now = self._clock()
        for order_id, reason in unreadable.items():
            log.warning("order_unreadable", shop_id=self._shop_id, order=order_id, reason=reason)
        with transaction(self._shop_id) as session:
            shop = session.get_one(Shop, self._shop_id)
            orders = [one.order for one in told]
            missed, refunds_missed = reconcile.count_missed(session, shop, orders, now)
            fresh = store_read(session, shop.id, [OrderRead(one.order, one.details) for one in told], now)
            trouble = next(
                (say("Order {order}: {reason}", order=order_id, reason=why) for order_id, why in unreadable.items()),
                None,
            )
            self._from_at = page.reached_at or self._from_at
            reconcile.note_page(
                session,
                self._turn.run_id,
                Page(self._from_at, len(page.versions), missed, refunds_missed, len(unreadable), trouble),
            )
        if fresh:
            enqueue_once(INBOX, "drain_inbox")
