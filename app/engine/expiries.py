"""Expired credit in the books: aimed at what has expired by all that is known, as rewards are aimed at their target.

What Shopify's own statement says of a credit stands. Where it says nothing yet, the books follow their own reckoning
of the lots, by the difference to what they hold already; so a purchase that is heard of late takes an expiry back.
"""

from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from app.engine.daybook import Cause, Daybook
from app.engine.lot_books import LotBook, read_lot_books
from app.engine.programme import Programme
from app.engine.rules import postings
from app.engine.rules.expiry import compute_expires_at
from app.engine.rules.lots import NOBODY
from app.engine.rules.postings import Account, EntryKind
from app.engine.rules.states import TransferKind
from app.engine.rules.terms import OwedPolicy, Terms
from app.models import Reward, Shop, Transfer


class Expiries:
    """What has expired of customers' credit by a moment, beside what the books hold of it.

    The caller holds the customers' locks, and enters what it has itself to enter between ``lower`` and ``raise_``.
    """

    def __init__(
        self, session: Session, shop: Shop, customer_ids: Collection[int], daybook: Daybook, now: datetime
    ) -> None:
        self._session = session
        self._shop = shop
        self._daybook = daybook
        self._now = now
        self._books = read_lot_books(session, shop, customer_ids, now)
        self._reckoned = {customer_id: book.reckon(now) for customer_id, book in self._books.items()}

    def is_open(self, customer_id: int) -> bool:
        """Say whether a debit that is still to be carried out may keep something from counting as expired."""
        return bool(self._books[customer_id].open_debits)

    def lower(self) -> None:
        """Take back what was booked as expired and had not, or is told by Shopify itself now."""
        for customer_id, transfer, difference in self._differences():
            if difference < 0:
                self._enter(customer_id, transfer, postings.unexpire(-difference))

    def raise_(self) -> None:
        """Book what has expired, and let it pay for what was taken back of the same rewards."""
        for customer_id, transfer, difference in self._differences():
            if difference > 0:
                self._enter(customer_id, transfer, postings.expire(difference))
        for customer_id, book in self._books.items():
            for reward_id in sorted((self._reckoned[customer_id].expired.keys() | book.covered.keys()) - {NOBODY}):
                self._correct(customer_id, book, reward_id)

    def pay(self, customer_id: int, reward_id: int, amount_minor: int) -> int:
        """Return how much of what is taken back of a reward now is paid by what expired of it; after ``raise_``."""
        book = self._books.get(customer_id)
        if book is None:
            return 0
        book.clawed_back[reward_id] += amount_minor
        return self._cover(customer_id, book, reward_id)

    def _differences(self) -> list[tuple[int, Transfer, int]]:
        found = []
        for customer_id, book in self._books.items():
            told = book.told()
            for transfer_id in book.credits:
                state = self._reckoned[customer_id].states[transfer_id]
                reckoned_minor = 0 if transfer_id in told else state.expired_minor
                difference = reckoned_minor - book.booked[transfer_id]
                found.append((customer_id, book.credits[transfer_id], difference))
        return found

    def _enter(self, customer_id: int, transfer: Transfer, rows: tuple[postings.Posting, ...]) -> None:
        number = self._books[customer_id].entries[transfer.id] + 1
        self._daybook.enter(
            EntryKind.EXPIRY,
            customer_id,
            f"transfer:{transfer.id}:{number}",
            rows,
            self._now,
            Cause(reward_id=transfer.reward_id, currency=transfer.currency),
        )

    def _cover(self, customer_id: int, book: LotBook, reward_id: int) -> int:
        """Note how much of what was taken back of a reward its expired cents pay; return by how much that grew."""
        covered_minor = self._reckoned[customer_id].covered_minor(reward_id, book.taken_minor(reward_id))
        difference = covered_minor - book.covered[reward_id]
        book.covered[reward_id] = covered_minor
        return difference

    def _correct(self, customer_id: int, book: LotBook, reward_id: int) -> None:
        """Let what expired pay for what was taken back already, or take that back again."""
        difference = self._cover(customer_id, book, reward_id)
        if difference:
            reward = self._session.get_one(Reward, reward_id)
            terms = Programme(self._session, self._shop).version(reward.terms_version)
            subject = f"expired:reward:{reward_id}:{book.corrections[reward_id] + 1}"
            cause = Cause(reward_id=reward_id, currency=reward.currency)
            change = self._give_back if difference > 0 else self._charge
            change(customer_id, subject, abs(difference), cause, terms)

    def _give_back(self, customer_id: int, subject: str, amount_minor: int, cause: Cause, terms: Terms) -> None:
        owed_minor = -self._daybook.balance(customer_id, Account.OWED)
        forgiven_minor = -self._daybook.balance(customer_id, Account.FORGIVEN)
        rows = postings.give_back_expired(amount_minor, owed_minor, forgiven_minor)
        self._daybook.enter(EntryKind.CLAWBACK, customer_id, subject, rows, self._now, cause)
        if rows[-1].destination is Account.AVAILABLE:
            expires_at = compute_expires_at(terms.expiry, self._now, ZoneInfo(self._shop.timezone))
            self._daybook.plan(TransferKind.CREDIT, customer_id, subject, rows[-1].amount_minor, cause, expires_at)

    def _charge(self, customer_id: int, subject: str, amount_minor: int, cause: Cause, terms: Terms) -> None:
        available_minor = self._daybook.balance(customer_id, Account.AVAILABLE)
        rows = postings.take(Account.EXPIRED, amount_minor, available_minor)
        self._daybook.enter(EntryKind.CLAWBACK, customer_id, subject, rows, self._now, cause)
        if rows[0].source is Account.AVAILABLE:
            self._daybook.plan(TransferKind.DEBIT, customer_id, subject, rows[0].amount_minor, cause)
        if rows[-1].source is Account.OWED and terms.owed is OwedPolicy.FORGIVE:
            forgiven = postings.forgive(rows[-1].amount_minor)
            self._daybook.enter(EntryKind.FORGIVENESS, customer_id, subject, forgiven, self._now, cause)
