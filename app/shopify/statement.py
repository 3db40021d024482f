"""Imports Shopify's statements of store-credit accounts, so that the books can be held against its balances.

No network call is made inside a transaction. A run lasts a few seconds; the rows say what is left to read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app.clock import utcnow
from app.db import bound_to, transaction
from app.engine.rules.account_readings import DueAccount
from app.models import Shop
from app.sentences import sentence_of
from app.shopify.account_lines import BATCH, read_configuration, read_statements
from app.shopify.connect import open_gateway
from app.shopify.errors import ShopifyError, Throttled, Unauthorized
from app.shopify.gateway import Gateway
from app.shopify.nodes import Unreadable
from app.shopify.statement_books import StatementBooks

log = structlog.get_logger()

RUN_FOR = timedelta(seconds=2)
#: Longest a call waits for THROTTLED to pass; then the shop's allowance is better left to others.
MAX_WAIT_SECONDS = 2.0

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What one run did: how many customers' accounts were read, whether more are due, and why it stopped early."""

    read: int
    is_more: bool
    stopped_by: str | None = None
    #: The shop's allowance of query points was used up.
    is_throttled: bool = False


def import_due(
    shop_id: int, books: StatementBooks, clock: Clock = utcnow, run_for: timedelta = RUN_FOR
) -> ImportReport:
    """Read the accounts of a shop whose time has come, take their statements in, and compare.

    Call it outside any transaction; it opens its own. Trouble with Shopify ends the run, is kept with the shop, and
    is tried again some minutes later.
    """
    with bound_to(shop_id):
        run = _Run(shop_id, books, clock, run_for)
        try:
            is_more = run.work()
        except Throttled:
            return ImportReport(run.read, is_more=False, is_throttled=True)
        except ShopifyError as trouble:
            log.warning("statements_stopped", shop_id=shop_id, reason=str(trouble))
            run.note_stop(sentence_of(trouble))
            return ImportReport(run.read, is_more=False, stopped_by=str(trouble))
        run.note_stop(None)
        return ImportReport(run.read, is_more)


class _Run:
    """One run over a shop's accounts."""

    def __init__(self, shop_id: int, books: StatementBooks, clock: Clock, run_for: timedelta) -> None:
        self.read = 0
        self._shop_id = shop_id
        self._books = books
        self._clock = clock
        self._ends_at = clock() + run_for

    def work(self) -> bool:
        """Work until nothing is due or the time is over; return whether more may be due."""
        self._list_people()
        gateway, token = open_gateway(self._shop_id, clock=self._clock, is_background=True)
        try:
            return self._read_due(gateway)
        except Unauthorized:
            gateway, _ = open_gateway(self._shop_id, refused=token, clock=self._clock, is_background=True)
            return self._read_due(gateway)

    def note_stop(self, reason: str | None) -> None:
        """Keep why the run ended, with the shop."""
        with transaction() as session:
            self._books.note_stop(session, session.get_one(Shop, self._shop_id), reason, self._clock())

    def _list_people(self) -> None:
        while not self._is_over():
            with transaction() as session:
                if not self._books.list_people(session, session.get_one(Shop, self._shop_id), self._clock()):
                    return

    def _read_due(self, gateway: Gateway) -> bool:
        self._read_configuration(gateway)
        while not self._is_over():
            with transaction() as session:
                shop = session.get_one(Shop, self._shop_id)
                due = self._books.take_due(session, shop, self._clock(), BATCH)
            if not due:
                return False
            try:
                self._take_in(gateway, due)
            except Unreadable:
                self._take_in_one_by_one(gateway, due)
            self.read += len(due)
        return True

    def _take_in(self, gateway: Gateway, due: list[DueAccount]) -> None:
        unsure = self._record(gateway, due)
        # One after the other: from the beginning on, each may be long.
        for each in [each for each in due if each.customer_id in unsure]:
            self._record(gateway, [each], whole=True)

    def _take_in_one_by_one(self, gateway: Gateway, due: list[DueAccount]) -> None:
        """Take in what can be read of accounts that cannot be read together; raise what is odd about the others."""
        odd: Unreadable | None = None
        for each in due:
            try:
                self._take_in(gateway, [each])
            except Unreadable as error:
                odd = error
        if odd is not None:
            raise odd

    def _record(self, gateway: Gateway, due: list[DueAccount], *, whole: bool = False) -> frozenset[int]:
        readings = read_statements(gateway, due, self._clock, whole=whole, max_wait_seconds=MAX_WAIT_SECONDS)
        with transaction() as session:
            shop = session.get_one(Shop, self._shop_id)
            return self._books.record_readings(session, shop, readings, self._clock())

    def _read_configuration(self, gateway: Gateway) -> None:
        with transaction() as session:
            shop = session.get_one(Shop, self._shop_id)
            if not self._books.needs_configuration(session, shop, self._clock()):
                return
        is_enabled = read_configuration(gateway, MAX_WAIT_SECONDS)
        with transaction() as session:
            shop = session.get_one(Shop, self._shop_id)
            self._books.record_configuration(session, shop, is_enabled, self._clock())

    def _is_over(self) -> bool:
        return self._clock() >= self._ends_at
