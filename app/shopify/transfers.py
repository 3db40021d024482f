"""Sends credits and debits exactly once, although Shopify's mutations know no idempotency key.

Claim first, read back, then resend: a transfer is noted as *sending*, with the account's newest transaction as
watermark, before the call is made. When no answer comes it is *unknown* and is sent again only when read-backs
prove that nothing arrived. No network call is made inside a transaction.
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

from app.clock import utcnow
from app.config import Settings, current_settings
from app.db import transaction
from app.engine.rules.arrival import Absent, Arrived, Claim, Doubtful, Sent, decide_arrival, reaches_back
from app.engine.rules.states import TransferKind
from app.shopify.connect import open_gateway
from app.shopify.errors import (
    AccessDenied,
    DocumentRefused,
    OutcomeUnknown,
    ShopifyError,
    ShopUnavailable,
    Throttled,
    TokenRefused,
    Unauthorized,
)
from app.shopify.gateway import Gateway
from app.shopify.store_credit import Account, MoveRefused, Receipt, read_account, send_credit, send_debit
from app.shopify.transfer_books import TransferBooks

log = structlog.get_logger()

#: Longest a call waits for THROTTLED to pass.
MAX_WAIT_SECONDS = 5.0
#: What a call may take on top of its timeout and still count as the one that was sent.
ARRIVAL_MARGIN = timedelta(seconds=30)
#: A run ends after this long, so that a shop with thousands of transfers keeps no worker from the inbox.
RUN_FOR = timedelta(seconds=2)
#: A token is asked for anew this often, long before it can run out.
GATEWAY_LIVES = timedelta(minutes=1)

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class SendReport:
    """What one run did: how many transfers met which outcome, why it stopped early, and when the next is due."""

    outcomes: Counter[str]
    stopped_by: str | None
    next_due_at: datetime | None


class LeaseLost(ShopifyError):
    """The lease ran out before the call was made; it must not be made any more."""


class ShopTrouble(ShopifyError):
    """Something that concerns all of the shop's transfers; the run ends."""


def send_due(shop_id: int, books: TransferBooks, workers: int = 4, clock: Clock = utcnow) -> SendReport:
    """Send all of a shop's due transfers and read back the unknown ones, several owners side by side.

    Call it outside any transaction; it opens its own. ``clock`` is for tests.
    """
    with transaction() as session:
        due = books.count_due(session, shop_id, clock(), workers)
    run = _Run(shop_id, books, clock, current_settings())
    if due == 1:
        run.work()
    elif due > 1:
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # what the proxy stands for
        with ThreadPoolExecutor(due, thread_name_prefix=f"transfers-{shop_id}") as pool:
            for future in [pool.submit(run.work_in, app.app_context) for _ in range(due)]:
                future.result()
    with transaction() as session:
        next_due_at = books.find_next_due_at(session, shop_id)
    return SendReport(run.outcomes, run.stopped_by, next_due_at)


class _Run:
    """One run over a shop's due transfers; its threads share the reasons to stop and the count of outcomes."""

    def __init__(self, shop_id: int, books: TransferBooks, clock: Clock, settings: Settings) -> None:
        self.outcomes: Counter[str] = Counter()
        self.stopped_by: str | None = None
        self._shop_id = shop_id
        self._books = books
        self._clock = clock
        self._quiet_seconds = settings.transfer_quiet_seconds
        self._lease_seconds = 3 * settings.shopify_timeout_seconds + 2 * MAX_WAIT_SECONDS
        self._window = timedelta(seconds=settings.shopify_timeout_seconds + MAX_WAIT_SECONDS) + ARRIVAL_MARGIN
        self._ends_at = clock() + RUN_FOR
        self._stop = Event()

    def work_in(self, app_context: Callable[[], AbstractContextManager[object]]) -> None:
        """Work in a thread of its own, with a session of its own."""
        with app_context():
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
                        raise ShopTrouble(str(error)) from error
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
                claim = self._books.claim_next(session, self._shop_id, now, self._lease_seconds)
            if claim is None:
                return False
            outcome = self._read_back(gateway, claim) if claim.is_in_flight else self._send(gateway, claim)
            self.outcomes[outcome] += 1
            log.info("transfer", shop_id=self._shop_id, transfer_id=claim.transfer_id, outcome=outcome)
        return False

    def _send(self, gateway: Gateway, claim: Claim) -> str:
        try:
            account = _read_account(gateway, claim)
        except ShopifyError as error:
            return self._put_back(claim, error)
        if claim.sent is not None:
            # It counts as not arrived, but this read is newer than the one that said so.
            verdict = self._judge(claim, claim.sent, account)
            if not isinstance(verdict, Absent):
                return self._conclude(claim, verdict)
        return self._send_to(gateway, claim, account)

    def _send_to(self, gateway: Gateway, claim: Claim, account: Account) -> str:
        is_credit = claim.kind is TransferKind.CREDIT
        if is_credit and not account.owner_exists:
            with transaction() as session:
                self._books.refuse(session, claim, "Shopify no longer knows this customer; nothing can be credited.")
            return "refused"
        sent_minor = claim.amount_minor if is_credit else min(claim.amount_minor, max(account.balance_minor, 0))
        with transaction() as session:
            if sent_minor == 0:
                self._books.mark_not_applicable(session, claim, self._clock())
                return "not_applicable"
            sent = self._books.mark_sending(session, claim, account.watermark, sent_minor, self._clock())
            if sent is None:
                waits = "Another transfer of this customer is on its way."
                self._books.put_back(session, claim, waits, self._clock(), wait_seconds=1)
                return "put_back"
        return self._call(gateway, claim, sent, account)

    def _call(self, gateway: Gateway, claim: Claim, sent: Sent, account: Account) -> str:
        """Make the call once and book what came of it."""
        left_at = sent.sent_at

        def before_send() -> None:
            nonlocal left_at
            left_at = self._clock()
            if left_at >= claim.leased_until:
                raise LeaseLost("The lease on this transfer ran out before it was sent.")

        try:
            receipt = _execute(gateway, claim, sent, account, before_send)
        except LeaseLost:
            return "lease_lost"
        except OutcomeUnknown as error:
            with transaction() as session:
                self._books.mark_unknown(session, claim, left_at, str(error), self._clock())
            return "unknown"
        except MoveRefused as refusal:
            return self._take_refusal(claim, refusal)
        except ShopifyError as error:
            return self._put_back(claim, error)
        with transaction() as session:
            self._books.confirm(session, claim, receipt.gid, receipt.balance_after_minor, self._clock())
        return "confirmed"

    def _take_refusal(self, claim: Claim, refusal: MoveRefused) -> str:
        with transaction() as session:
            if claim.kind is TransferKind.DEBIT and refusal.code == "INSUFFICIENT_FUNDS":
                # Spent between reading and sending: read again and take what is there.
                wait = 0 if claim.attempt == 1 else None
                self._books.put_back(session, claim, str(refusal), self._clock(), wait_seconds=wait)
                return "put_back"
            self._books.refuse(session, claim, str(refusal))
            return "refused"

    def _put_back(self, claim: Claim, error: ShopifyError) -> str:
        """Plan it again if nothing was executed; what concerns the whole shop is raised on."""
        if isinstance(error, DocumentRefused):
            with transaction() as session:
                self._books.refuse(session, claim, str(error))
            return "refused"
        wait = error.wait_seconds if isinstance(error, Throttled) else None
        with transaction() as session:
            self._books.put_back(
                session, claim, str(error), self._clock(), 0 if isinstance(error, Unauthorized) else wait
            )
        _raise_if_it_concerns_the_shop(error)
        return "put_back"

    def _read_back(self, gateway: Gateway, claim: Claim) -> str:
        read_at = self._clock()
        if claim.sent is None:
            raise ValueError(f"The transfer {claim.transfer_id} is in flight without a word of what was sent.")
        try:
            account = _read_account(gateway, claim)
        except ShopifyError as error:
            with transaction() as session:
                self._books.postpone_read(session, claim, str(error), self._clock())
            _raise_if_it_concerns_the_shop(error)
            return "postponed"
        verdict = self._judge(claim, claim.sent, account)
        if not isinstance(verdict, Absent):
            return self._conclude(claim, verdict)
        with transaction() as session:
            is_planned = self._books.record_empty_read(session, claim, read_at, self._quiet_seconds)
        return "planned_again" if is_planned else "still_unknown"

    def _judge(self, claim: Claim, sent: Sent, account: Account) -> Arrived | Absent | Doubtful:
        gids = [movement.gid for movement in account.movements if movement.gid is not None]
        with transaction() as session:
            claimed = self._books.list_claimed(session, claim, gids)
        return decide_arrival(claim, sent, account.movements, claimed, self._window)

    def _conclude(self, claim: Claim, verdict: Arrived | Doubtful) -> str:
        with transaction() as session:
            if isinstance(verdict, Doubtful):
                self._books.ask_person(session, claim, verdict.sentence)
                return "needs_person"
            movement = verdict.movement
            self._books.confirm(session, claim, str(movement.gid), movement.balance_after_minor, self._clock())
            return "confirmed"


def _read_account(gateway: Gateway, claim: Claim) -> Account:
    return read_account(
        gateway,
        claim.customer_gid,
        claim.currency,
        is_enough=reaches_back(claim.sent),
        max_wait_seconds=MAX_WAIT_SECONDS,
    )


def _execute(gateway: Gateway, claim: Claim, sent: Sent, account: Account, before_send: Callable[[], None]) -> Receipt:
    if claim.kind is TransferKind.DEBIT:
        return send_debit(
            gateway,
            account.gid or claim.customer_gid,
            sent.amount_minor,
            claim.currency,
            max_wait_seconds=MAX_WAIT_SECONDS,
            before_send=before_send,
        )
    return send_credit(
        gateway,
        claim.customer_gid,
        sent.amount_minor,
        claim.currency,
        expires_at=sent.expires_at,
        max_wait_seconds=MAX_WAIT_SECONDS,
        before_send=before_send,
    )


def _raise_if_it_concerns_the_shop(error: ShopifyError) -> None:
    if isinstance(error, Unauthorized | AccessDenied | ShopUnavailable | TokenRefused):
        raise error
