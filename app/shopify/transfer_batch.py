"""One batch of transfers on its way: accounts and orders read together, each checked, and what may be sent is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from app.db import transaction
from app.engine.rules.arrival import Absent, Arrived, Claim, Sent, decide_arrival, reaches_back
from app.engine.rules.doubts import make_doubt
from app.engine.rules.states import TransferKind
from app.engine.rules.verification import Agrees, Unknown, check_order
from app.errors import BoomerangError
from app.sentences import say, sentence_of
from app.shopify.errors import DocumentRefused, ServerTrouble, ShopifyError
from app.shopify.gateway import Gateway
from app.shopify.orders import read_orders
from app.shopify.refusals import advice_for
from app.shopify.store_credit import FIRST_PAGE, PAGE, Account, Question, Reading, knows_notes, read_accounts
from app.shopify.transfer_books import Circumstances
from app.shopify.transfer_sending import (
    MAX_WAIT_SECONDS,
    MOST_ATTEMPTS,
    Sending,
    put_back,
    raise_if_it_concerns_the_shop,
)

log = structlog.get_logger()


@dataclass(slots=True)
class _Sorted:
    """What the readings of a batch say is to be done."""

    to_send: list[tuple[Claim, Account]] = field(default_factory=list)
    #: Orders, by Shopify's id, that the books have to hear of first.
    changed: set[int] = field(default_factory=set)


class Batch:
    """Carries some claimed transfers, each of another account, as far as they go now."""

    def __init__(self, gateway: Gateway, circumstances: Circumstances) -> None:
        #: What became of each, by the transfer's id.
        self.outcomes: dict[int, str] = {}
        self._gateway = gateway
        self._at = circumstances
        self._books = circumstances.books

    def carry(self, claims: Sequence[Claim]) -> None:
        """Carry them; raise what concerns all of the shop's transfers, after the books know of it."""
        read_at = self._at.clock()
        found = _Sorted()
        readings = self._read(claims)
        with transaction() as session:
            self._books.lock_owners(session, [claim for claim, _ in readings])
            for claim, reading in readings:
                self._sort(session, claim, reading, read_at, found)
        self._hear(found.changed)
        Sending(self._gateway, self._at, self.outcomes).send(found.to_send)

    def _read(self, claims: Sequence[Claim]) -> list[tuple[Claim, Reading]]:
        """Read what all rest on; where Shopify chokes on that, one half of them after the other."""
        questions = [_question(claim) for claim in claims]
        try:
            readings = read_accounts(self._gateway, questions, max_wait_seconds=MAX_WAIT_SECONDS)
        except (DocumentRefused, ServerTrouble) as error:
            if half := len(claims) // 2:
                return [*self._read(claims[:half]), *self._read(claims[half:])]
            return self._give_up(claims, error)
        except ShopifyError as error:
            return self._give_up(claims, error)
        return list(zip(claims, readings, strict=True))

    def _give_up(self, claims: Sequence[Claim], error: ShopifyError) -> list[tuple[Claim, Reading]]:
        """Note that nothing could be read; return nothing, or raise what concerns the shop."""
        with transaction() as session:
            self._books.lock_owners(session, claims)
            for claim in claims:
                if claim.is_in_flight:
                    self._books.postpone_read(session, claim, sentence_of(error), self._at.clock())
                    self.outcomes[claim.transfer_id] = "postponed"
                else:
                    self.outcomes[claim.transfer_id] = put_back(session, self._at, claim, error)
        raise_if_it_concerns_the_shop(error)
        return []

    def _sort(self, session: Session, claim: Claim, reading: Reading, read_at: datetime, found: _Sorted) -> None:
        """Settle what a reading settles; the rest is to be sent, or its order to be heard of."""
        outcome = None
        if claim.sent is not None:
            # Also what counts as not arrived is looked for: this read is newer than the one that said so.
            outcome = self._conclude(session, claim, claim.sent, reading.account)
        if outcome is None and claim.is_in_flight:
            is_planned = self._books.record_empty_read(session, claim, read_at, self._at.quiet_seconds)
            outcome = "planned_again" if is_planned else "still_unknown"
        if outcome is None and claim.kind is TransferKind.CREDIT:
            outcome = self._verify(session, claim, reading, found)
        if outcome is None:
            found.to_send.append((claim, reading.account))
        else:
            self.outcomes[claim.transfer_id] = outcome

    def _conclude(self, session: Session, claim: Claim, sent: Sent, account: Account) -> str | None:
        """Book where a sending ended up; None when nothing on the account can be it."""
        gids = [movement.gid for movement in account.movements if movement.gid is not None]
        claimed = self._books.list_claimed(session, claim, gids)
        reads_notes = knows_notes(self._gateway)
        verdict = decide_arrival(claim, sent, account.movements, claimed, self._at.window, reads_notes=reads_notes)
        if isinstance(verdict, Absent):
            return None
        if isinstance(verdict, Arrived):
            movement = verdict.movement
            now = self._at.clock()
            self._books.confirm(session, claim, str(movement.gid), movement.balance_after_minor, now)
            return "confirmed"
        self._books.ask_person(session, claim, verdict.sentence, make_doubt(sent, verdict, self._at.window))
        return "needs_person"

    def _verify(self, session: Session, claim: Claim, reading: Reading, found: _Sorted) -> str | None:
        """Hold a credit to what Shopify says now of its customer and its order; None when it may be sent."""
        now = self._at.clock()
        if not reading.account.owner_exists:
            self._books.refuse_owner(session, claim, say(advice_for("OWNER_NOT_FOUND").sentence), now)
            return "refused"
        if claim.order is None:
            return None
        verdict = check_order(
            claim.order, reading.order, claim.customer_gid, sees_all=self._at.sees_all_orders, now=now
        )
        if isinstance(verdict, Agrees):
            return None
        if isinstance(verdict, Unknown) or not (verdict.is_newer or claim.attempt <= MOST_ATTEMPTS):
            self._books.refuse(session, claim, verdict.sentence)
            return "refused"
        # Nobody may have it in hands while the books hear of the order, for what they hear may cut or cancel it.
        wait = 1 if claim.attempt == 1 else None
        self._books.put_back(session, claim, verdict.sentence, now, wait_seconds=wait)
        found.changed.add(claim.order.shopify_id)
        return "changed"

    def _hear(self, order_ids: set[int]) -> None:
        """Let the books hear of orders that have changed; what fails is tried again with the next attempt."""
        if not order_ids:
            return
        try:
            told = read_orders(self._gateway, order_ids, max_wait_seconds=MAX_WAIT_SECONDS, clock=self._at.clock)
            self._at.hear_orders(self._at.shop_id, [each for each in told.values() if each is not None])
        except BoomerangError as error:
            log.warning("orders_not_heard", shop_id=self._at.shop_id, order_ids=sorted(order_ids), reason=str(error))


def _question(claim: Claim) -> Question:
    return Question(
        owner_gid=claim.customer_gid,
        currency=claim.currency,
        is_enough=reaches_back(claim.sent),
        page=FIRST_PAGE if claim.sent is None else PAGE,
        order_gid=None if claim.is_in_flight or claim.order is None else claim.order.gid,
    )
