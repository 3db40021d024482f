"""Transfers that may be sent: noted as being sent, sent in one request, and what came of each booked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.db import transaction
from app.engine.rules.arrival import Claim, Sent
from app.engine.rules.states import TransferKind
from app.sentences import say, sentence_of
from app.shopify.credit_moves import AnotherAmount, Move, MoveRefused, Receipt, send_moves
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
from app.shopify.refusals import Fate, advice_for
from app.shopify.store_credit import Account, knows_notes
from app.shopify.transfer_books import Circumstances

#: Longest a call waits for points, or for THROTTLED to pass.
MAX_WAIT_SECONDS = 5.0
#: What is still wrong after so many attempts is left to a person, where waiting does not mend it.
MOST_ATTEMPTS = 5


class LeaseLost(ShopifyError):
    """The lease ran out before the call was made; it must not be made any more."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A transfer noted as being sent."""

    claim: Claim
    sent: Sent
    account: Account


class Sending:
    """Sends transfers of one batch; what becomes of each goes into ``outcomes``, by the transfer's id."""

    def __init__(self, gateway: Gateway, circumstances: Circumstances, outcomes: dict[int, str]) -> None:
        self._gateway = gateway
        self._at = circumstances
        self._books = circumstances.books
        self._outcomes = outcomes
        self._writes_notes = knows_notes(gateway)

    def send(self, to_send: Sequence[tuple[Claim, Account]]) -> None:
        """Send them; raise what concerns all of the shop's transfers, after the books know of it."""
        self._call(self._mark(to_send))

    def _mark(self, to_send: Sequence[tuple[Claim, Account]]) -> list[_Ready]:
        """Note what is about to be sent; a debit is clamped to what is there."""
        ready = []
        with transaction() as session:
            self._books.lock_owners(session, [claim for claim, _ in to_send])
            for claim, account in to_send:
                sent = self._mark_one(session, claim, account)
                if sent is not None:
                    ready.append(_Ready(claim, sent, account))
        return ready

    def _mark_one(self, session: Session, claim: Claim, account: Account) -> Sent | None:
        now = self._at.clock()
        is_credit = claim.kind is TransferKind.CREDIT
        minor = claim.amount_minor if is_credit else min(claim.amount_minor, max(account.balance_minor, 0))
        if minor == 0:
            self._books.mark_not_applicable(session, claim, now)
            self._outcomes[claim.transfer_id] = "not_applicable"
            return None
        sent = self._books.mark_sending(session, claim, account.watermark, minor, now, writes_note=self._writes_notes)
        if sent is None:
            waits = say("Another transfer of this customer is on its way.")
            self._books.put_back(session, claim, waits, now, wait_seconds=1)
            self._outcomes[claim.transfer_id] = "put_back"
        return sent

    def _call(self, ready: Sequence[_Ready]) -> None:
        """Make the moves once and book what came of each."""
        if not ready:
            return
        left_at = self._at.clock()
        leased_until = min(each.claim.leased_until for each in ready)

        def before_send() -> None:
            nonlocal left_at
            left_at = self._at.clock()
            if left_at >= leased_until:
                raise LeaseLost("The lease on these transfers ran out before they were sent.")

        moves = [self._move(each) for each in ready]
        results: Sequence[Receipt | ShopifyError]
        try:
            results = send_moves(self._gateway, moves, max_wait_seconds=MAX_WAIT_SECONDS, before_send=before_send)
        except DocumentRefused as error:
            if half := len(ready) // 2:
                # None was executed, and the others must not suffer for one that is wrong, nor for being too many.
                self._call(ready[:half])
                self._call(ready[half:])
                return
            results = [error]
        except ShopifyError as error:
            results = [error] * len(ready)
        with transaction() as session:
            self._books.lock_owners(session, [each.claim for each in ready])
            for each, result in zip(ready, results, strict=True):
                self._outcomes[each.claim.transfer_id] = self._book(session, each.claim, result, left_at)
        for result in results:
            if isinstance(result, ShopifyError):
                raise_if_it_concerns_the_shop(result)

    def _move(self, ready: _Ready) -> Move:
        claim, sent = ready.claim, ready.sent
        is_credit = claim.kind is TransferKind.CREDIT
        return Move(
            kind=claim.kind,
            target_gid=claim.customer_gid if is_credit else ready.account.gid or claim.customer_gid,
            amount_minor=sent.amount_minor,
            currency=claim.currency,
            expires_at=sent.expires_at if is_credit else None,
            note=sent.note,
            notify=self._at.notify,
        )

    def _book(self, session: Session, claim: Claim, result: Receipt | ShopifyError, left_at: datetime) -> str:
        now = self._at.clock()
        match result:
            case Receipt():
                self._books.confirm(session, claim, result.gid, result.balance_after_minor, now)
                return "confirmed"
            case LeaseLost():
                return "lease_lost"
            case AnotherAmount():
                self._books.ask_person(session, claim, sentence_of(result))
                return "needs_person"
            case OutcomeUnknown():
                self._books.mark_unknown(session, claim, left_at, sentence_of(result), now)
                return "unknown"
            case MoveRefused():
                return self._take_refusal(session, claim, result)
            case _:
                return put_back(session, self._at, claim, result)

    def _take_refusal(self, session: Session, claim: Claim, refusal: MoveRefused) -> str:
        advice = advice_for(refusal.code)
        reason = say("{refusal} {advice}", refusal=sentence_of(refusal), advice=say(advice.sentence))
        now = self._at.clock()
        # At once the first time; what is wrong after that takes longer to pass.
        wait = 0 if claim.attempt == 1 else None
        match advice.fate, claim.kind:
            case Fate.OWNER_GONE, TransferKind.CREDIT:
                self._books.refuse_owner(session, claim, reason, now)
                return "refused"
            case Fate.READ_AGAIN | Fate.NOTHING_THERE, TransferKind.DEBIT:
                # Read again, and take what is there; where there is nothing, that closes it.
                self._books.put_back(session, claim, reason, now, wait_seconds=wait)
                return "put_back"
            case Fate.NEW_EXPIRY, _ if claim.attempt <= MOST_ATTEMPTS:
                self._books.renew(session, claim, reason, now, wait_seconds=wait)
                return "put_back"
        self._books.refuse(session, claim, reason)
        return "refused"


def put_back(session: Session, circumstances: Circumstances, claim: Claim, error: ShopifyError) -> str:
    """Plan a transfer again, for nothing was executed; a call that Shopify finds wrong is not made again."""
    if isinstance(error, DocumentRefused):
        circumstances.books.refuse(session, claim, sentence_of(error))
        return "refused"
    wait = error.wait_seconds if isinstance(error, Throttled) else None
    wait = 0 if isinstance(error, Unauthorized) else wait
    circumstances.books.put_back(session, claim, sentence_of(error), circumstances.clock(), wait_seconds=wait)
    return "put_back"


def raise_if_it_concerns_the_shop(error: ShopifyError) -> None:
    """Raise an error on that every other call would meet, too."""
    if isinstance(error, Unauthorized | AccessDenied | ShopUnavailable | TokenRefused):
        raise error
