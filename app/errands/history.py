"""Imports a shop's past orders, step by step: Shopify writes them to a file, the file is read, the flows are fed.

No call is made inside a transaction. What is left to do is in the import's row, so a step may be carried out by
anybody, twice, or break off at any line.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice

import structlog
from sqlalchemy.exc import DBAPIError

from app.clock import utcnow
from app.config import current_settings
from app.db import transaction
from app.engine.flows import import_steps, imports
from app.engine.flows.import_steps import Claim
from app.errands.history_batches import Batches, DryRun, Worker
from app.errors import BoomerangError, Broken
from app.models import ImportState
from app.sentences import say, sentence_of
from app.shopify import history as shopify_history
from app.shopify.connect import open_gateway
from app.shopify.errors import ShopifyError, Unauthorized
from app.shopify.gateway import Gateway
from app.shopify.history import Operation
from app.shopify.result_file import FileGone, read_lines

log = structlog.get_logger()

#: So many orders go into one transaction.
BATCH = 500
#: A dry run counts in memory and cannot be put aside; a worker's job ends after ten minutes.
LONGEST_DRY_RUN = timedelta(minutes=9)

Clock = Callable[[], datetime]


def import_step(
    shop_id: int,
    *,
    lasts: timedelta | None,
    clock: Clock = utcnow,
    catch: type[Exception] = BoomerangError,
    batch: int = BATCH,
) -> bool:
    """Carry the shop's import on for a while, and return whether there is more to do at once.

    ``lasts`` is how long a file is read before others have a turn, None for to its end. ``catch`` is what counts as
    unexpected but survivable in one order: only the frame in jobs.py passes all of Exception.
    """
    with transaction(shop_id) as session:
        claim = import_steps.claim(session, shop_id, clock())
    if claim is None:
        return False
    step = _Step(claim, None if lasts is None else clock() + lasts, clock, catch, batch)
    try:
        return step.carry()
    except FileGone:
        step.tell(lambda session, now: import_steps.start_again(session, claim, now))
        return True
    except Broken as error:
        said = sentence_of(error)
        step.tell(lambda session, now: import_steps.fail(session, claim, said, now))
    except (BoomerangError, DBAPIError) as error:
        sentence = (
            sentence_of(error)
            if isinstance(error, BoomerangError)
            else say("The database: {kind}.", kind=type(error.orig).__name__)
        )
        log.warning("import_waits", shop_id=shop_id, reason=sentence)
        step.tell(lambda session, now: import_steps.try_later(session, claim, sentence, now))
    return False


def stop_collecting(shop_id: int) -> None:
    """Have Shopify stop writing the file of an import that was cancelled; without an answer it ends by itself."""
    with transaction(shop_id) as session:
        row = imports.find_newest(session, shop_id)
        gid = row.operation_gid if row is not None and row.state is ImportState.CANCELLED else None
    if gid is None:
        return
    try:
        gateway, token = open_gateway(shop_id, is_background=True)
        try:
            shopify_history.cancel(gateway, gid)
        except Unauthorized:
            gateway, _ = open_gateway(shop_id, refused=token, is_background=True)
            shopify_history.cancel(gateway, gid)
    except ShopifyError as error:
        log.warning("operation_goes_on", shop_id=shop_id, operation=gid, reason=str(error))


class _Step:
    """One worker's step of one import."""

    def __init__(
        self, claim: Claim, ends_at: datetime | None, clock: Clock, catch: type[Exception], batch: int
    ) -> None:
        self._claim = claim
        self._ends_at = ends_at
        self._clock = clock
        self._catch = catch
        self._batch = batch

    def carry(self) -> bool:
        """Do what the import's state asks for; a refused token is refreshed once."""
        shop_id = self._claim.shop_id
        gateway, token = open_gateway(shop_id, clock=self._clock, is_background=True)
        try:
            return self._carry(gateway)
        except Unauthorized:
            gateway, _ = open_gateway(shop_id, refused=token, clock=self._clock, is_background=True)
            return self._carry(gateway)

    def tell(self, change: Callable[..., object]) -> None:
        """Write into the import's row."""
        with transaction(self._claim.shop_id) as session:
            change(session, self._clock())

    def _carry(self, gateway: Gateway) -> bool:
        claim = self._claim
        if claim.state is ImportState.ASKED or claim.operation_gid is None:
            self._begin(gateway)
            return False
        operation = shopify_history.look(gateway, claim.operation_gid)
        if claim.state is ImportState.COLLECTING:
            return self._collect(operation)
        return self._import(gateway, operation)

    def _begin(self, gateway: Gateway) -> None:
        claim = self._claim
        gid = shopify_history.begin(gateway, claim.since_at)
        with transaction(claim.shop_id) as session:
            is_ours = import_steps.begin_collecting(session, claim, gid, self._clock())
        if not is_ours:
            shopify_history.cancel(gateway, gid)

    def _collect(self, operation: Operation) -> bool:
        claim = self._claim
        if operation.is_running:
            self.tell(lambda session, now: import_steps.note_collected(session, claim, operation.orders, now))
            return False
        if operation.is_partial and operation.url is None:
            raise FileGone(404)
        self.tell(
            lambda session, now: import_steps.begin_importing(
                session, claim, operation.orders, operation.file_bytes, now, is_partial=operation.is_partial
            )
        )
        return True

    def _import(self, gateway: Gateway, operation: Operation) -> bool:
        """Read on until the turn is over; return whether there is more."""
        claim = self._claim
        worker: Worker = (
            DryRun(claim, gateway, self._clock)
            if claim.is_dry_run
            else Batches(claim, gateway, self._clock, self._catch)
        )
        if operation.url is not None:
            timeout = current_settings().shopify_timeout_seconds
            lines = read_lines(operation.url, start=claim.done_bytes, timeout_seconds=timeout)
            orders = shopify_history.assemble(lines, is_partial=operation.is_partial)
            while some := list(islice(orders, self._batch)):
                if not worker.take(some):
                    return False  # paused, cancelled, or another worker's by now
                if self._is_over():
                    self.tell(lambda session, now: import_steps.rest(session, claim, now))
                    return True
        elif operation.orders:
            raise FileGone(404)
        summary = worker.sum_up()
        self.tell(lambda session, now: import_steps.finish(session, claim, now, summary))
        return False

    def _is_over(self) -> bool:
        if self._ends_at is None:
            return False
        if not self._claim.is_dry_run:
            return self._clock() >= self._ends_at
        if self._clock() >= self._ends_at + LONGEST_DRY_RUN:
            raise Broken(say("There are too many orders for a dry run by a worker; make it from the command line."))
        return False
