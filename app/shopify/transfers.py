"""Sends credits and debits exactly once, although Shopify's mutations know no idempotency key.

Claim first, read back, then resend: a transfer is noted as *sending*, with the account's newest transaction as
watermark, before the call is made. When no answer comes it is *unknown* and is sent again only when read-backs
prove that nothing arrived. Several owners share one request (``transfer_batch.py``), each with a fate of its own. No
network call is made inside a transaction.
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

import structlog
from flask import Flask, current_app
from sqlalchemy import select

from app.clock import utcnow
from app.config import Settings, current_settings
from app.db import bound_to, transaction
from app.models import Shop, ShopToken
from app.sentences import sentence_of
from app.shopify.connect import open_gateway
from app.shopify.errors import ShopifyError, Unauthorized
from app.shopify.gateway import Gateway
from app.shopify.transfer_batch import Batch
from app.shopify.transfer_books import Circumstances, HearOrders, TransferBooks
from app.shopify.transfer_sending import MAX_WAIT_SECONDS

log = structlog.get_logger()

#: So many owners share one request. Shopify makes the moves of a request one after the other, so ten are done well
#: within the timeout; ten cost some 150 of the 1,000 points that one request may; and a lost answer leaves no more
#: than ten customers waiting for the quiet period.
BATCH = 10
#: What a call may take on top of its timeout and still count as the one that was sent.
ARRIVAL_MARGIN = timedelta(seconds=30)
#: A run ends after this long, so that a shop with thousands of transfers keeps no worker from the inbox.
RUN_FOR = timedelta(seconds=2)
#: A token is asked for anew this often, long before it can run out.
GATEWAY_LIVES = timedelta(minutes=1)
SEES_ALL_ORDERS = "read_all_orders"

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class SendReport:
    """What one run did: how many transfers met which outcome, why it stopped early, and when the next is due."""

    outcomes: Counter[str]
    stopped_by: str | None
    next_due_at: datetime | None


class ShopTrouble(ShopifyError):
    """Something that concerns all of the shop's transfers; the run ends."""


def send_due(
    shop_id: int,
    books: TransferBooks,
    *,
    hear_orders: HearOrders,
    workers: int = 4,
    batch: int = BATCH,
    clock: Clock = utcnow,
) -> SendReport:
    """Send all of a shop's due transfers and read back the unknown ones: batches of owners, several side by side.

    ``hear_orders`` tells the books of orders that have changed since. Call it outside any transaction; it opens its
    own. ``clock`` is for tests.
    """
    with bound_to(shop_id):
        with transaction() as session:
            due = books.count_due(session, shop_id, clock(), workers * batch)
        run = _Run(shop_id, books, hear_orders, batch, clock, current_settings())
        threads = -(-due // batch)
        if threads == 1:
            run.work()
        elif threads > 1:
            app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # what the proxy stands for
            with ThreadPoolExecutor(threads, thread_name_prefix=f"transfers-{shop_id}") as pool:
                for future in [pool.submit(run.work_in, app.app_context) for _ in range(threads)]:
                    future.result()
        with transaction() as session:
            next_due_at = books.find_next_due_at(session, shop_id)
        return SendReport(run.outcomes, run.stopped_by, next_due_at)


class _Run:
    """One run over a shop's due transfers; its threads share the reasons to stop and the count of outcomes."""

    def __init__(
        self, shop_id: int, books: TransferBooks, hear_orders: HearOrders, batch: int, clock: Clock, settings: Settings
    ) -> None:
        self.outcomes: Counter[str] = Counter()
        self.stopped_by: str | None = None
        self._shop_id = shop_id
        self._books = books
        self._batch = batch
        self._clock = clock
        self._lease_seconds = 3 * settings.shopify_timeout_seconds + 2 * MAX_WAIT_SECONDS
        self._ends_at = clock() + RUN_FOR
        self._stop = Event()
        with transaction() as session:
            notify = session.scalar(select(Shop.notify_customers).where(Shop.id == shop_id))
            scope = session.scalar(select(ShopToken.scope).where(ShopToken.shop_id == shop_id))
        self._circumstances = Circumstances(
            shop_id=shop_id,
            books=books,
            hear_orders=hear_orders,
            clock=clock,
            window=timedelta(seconds=settings.shopify_timeout_seconds + MAX_WAIT_SECONDS) + ARRIVAL_MARGIN,
            quiet_seconds=settings.transfer_quiet_seconds,
            notify=bool(notify),
            sees_all_orders=SEES_ALL_ORDERS in (scope or "").split(","),
        )

    def work_in(self, app_context: Callable[[], AbstractContextManager[object]]) -> None:
        """Work in a thread of its own, with a session of its own."""
        with app_context(), bound_to(self._shop_id):
            self.work()

    def work(self) -> None:
        """Carry transfers until none is due or the run has a reason to stop."""
        refused: str | None = None
        try:
            while not self._stop.is_set():
                gateway, token = open_gateway(self._shop_id, refused=refused, clock=self._clock)
                try:
                    if not self._carry_some(gateway):
                        return
                except Unauthorized as error:
                    if refused is not None:
                        raise ShopTrouble(sentence_of(error)) from error
                    refused = token
        except ShopifyError as trouble:
            # Reached only by what concerns the whole shop: no token, no permission, no shop.
            self.stopped_by = str(trouble)
            self._stop.set()
            log.warning("transfers_stopped", shop_id=self._shop_id, reason=str(trouble))

    def _carry_some(self, gateway: Gateway) -> bool:
        """Carry transfers for as long as the token counts as fresh; return whether more may be due."""
        until = min(self._clock() + GATEWAY_LIVES, self._ends_at)
        while not self._stop.is_set():
            now = self._clock()
            if now >= until:
                return now < self._ends_at
            with transaction() as session:
                claims = self._books.claim_some(session, self._shop_id, now, self._lease_seconds, self._batch)
            if not claims:
                return False
            batch = Batch(gateway, self._circumstances)
            try:
                batch.carry(claims)
            finally:
                self.outcomes.update(batch.outcomes.values())
                for transfer_id, outcome in batch.outcomes.items():
                    log.info("transfer", shop_id=self._shop_id, transfer_id=transfer_id, outcome=outcome)
        return False
