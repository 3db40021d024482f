"""What is known of customers' lots: credits that arrived, what was spent or taken, and what the books say expired."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from app.engine.rules.facts import MoveKind
from app.engine.rules.lot_account import compute_lots
from app.engine.rules.lots import NOBODY, Change, Lot, Reckoning, SetOff
from app.engine.rules.postings import Account, EntryKind
from app.engine.rules.statement_lines import EXPIRATION_OF
from app.engine.rules.states import TransferKind, TransferState
from app.models import CreditAccount, CreditMoveRow, LedgerEntry, LedgerPosting, Shop, Transfer

#: Shopify may take so long to say that a credit expired; where its whole statement says nothing later, none did.
SAID_WITHIN = timedelta(days=1)
#: The key of a credit that gives back what was taken although it had expired begins so.
MAKES_GOOD = "credit:expired:"
_DONE = (TransferState.CONFIRMED, TransferState.NOT_APPLICABLE)


@dataclass(slots=True)
class LotBook:
    """One customer's credits that expired, or will, with all that draws on them."""

    credits: dict[int, Transfer] = field(default_factory=dict)
    debits: list[Transfer] = field(default_factory=list)
    moves: list[CreditMoveRow] = field(default_factory=list)
    #: By transfer: what the books hold as expired by our own reckoning, and in how many entries.
    booked: Counter[int] = field(default_factory=Counter)
    entries: Counter[int] = field(default_factory=Counter)
    #: By reward: what was taken back in all, what of that its expired credit paid, and how often that was corrected.
    clawed_back: Counter[int] = field(default_factory=Counter)
    covered: Counter[int] = field(default_factory=Counter)
    corrections: Counter[int] = field(default_factory=Counter)
    set_offs: list[SetOff] = field(default_factory=list)
    #: Until when Shopify's whole statement is known; None while it never was.
    said_until: datetime | None = None

    @property
    def open_debits(self) -> list[Transfer]:
        """Return the debits that were not carried out yet."""
        return [debit for debit in self.debits if debit.state not in _DONE]

    def told(self) -> dict[int, int]:
        """Return by transfer what expired of it by Shopify's own word: nothing, where that is long overdue."""
        ours = {_expiration_of(row): row.id for row in self.credits.values()}
        told: Counter[int] = Counter(dict.fromkeys(self._silent(), 0))
        for move in self.moves:
            if move.key in ours:
                told[ours[move.key]] += move.amount_minor
        return dict(told)

    def _silent(self) -> list[int]:
        if self.said_until is None:
            return []
        latest = self.said_until - SAID_WITHIN
        return [row.id for row in self.credits.values() if row.expires_at is not None and row.expires_at <= latest]

    def taken_minor(self, reward_id: int) -> int:
        """Return what was taken back of a reward, without what a debit is still to take or need not take any more."""
        debits = [row for row in self.debits if row.reward_id == reward_id]
        open_minor = sum(row.left_minor for row in debits if row.state not in _DONE)
        return self.clawed_back[reward_id] - open_minor - sum(row.cancelled_minor for row in debits)

    def reckon(self, now: datetime) -> Reckoning:
        """Return what became of the customer's credit; the states are by transfer."""
        told = self.told()
        lots = [
            Lot(
                row.id,
                _moment(row),
                row.left_minor,
                row.expires_at,
                told.get(row.id),
                row.reward_id or NOBODY,
                row.key.startswith(MAKES_GOOD),
            )
            for row in self.credits.values()
        ]
        changes = [
            Change(_moment(row), -(row.sent_minor or 0), owner=row.reward_id or NOBODY)
            for row in self.debits
            if row.state in _DONE
        ]
        signs = {MoveKind.RETURN: 1, MoveKind.REDEMPTION: -1, MoveKind.EXTERNAL_DEBIT: -1}
        changes += [
            Change(move.at, signs[move.kind] * move.amount_minor, move.kind is MoveKind.REDEMPTION)
            for move in self.moves
            if move.kind in signs
        ]
        outstanding = [
            Change(row.created_at, -row.left_minor, owner=row.reward_id or NOBODY) for row in self.open_debits
        ]
        return compute_lots([*lots, *self._lots_of_others()], [*changes, *self.set_offs], now, outstanding)

    def _lots_of_others(self) -> list[Lot]:
        """Return credit that somebody else gave, less what expired of it; when it does is not known beforehand."""
        ours = {_expiration_of(row) for row in self.credits.values()}
        gone = (move.amount_minor for move in self.moves if move.kind is MoveKind.EXPIRY and move.key not in ours)
        gone_minor, lots = sum(gone), []
        for move in sorted(self.moves, key=lambda each: (each.at, each.id)):
            if move.kind is MoveKind.EXTERNAL_CREDIT:
                expired_minor = min(gone_minor, move.amount_minor)
                gone_minor -= expired_minor
                lots.append(Lot(-move.id, move.at, move.amount_minor - expired_minor))
        return lots


def _expiration_of(credit: Transfer) -> str:
    return f"{EXPIRATION_OF}{credit.shopify_transaction_id}"


def _moment(transfer: Transfer) -> datetime:
    return transfer.sent_at or transfer.created_at


def read_lot_books(session: Session, shop: Shop, customer_ids: Collection[int], now: datetime) -> dict[int, LotBook]:
    """Return the books of those customers, locked by the caller, of whom a credit reached the end of its time."""
    of_shop = (Transfer.shop_id == shop.id, Transfer.customer_id.in_(customer_ids))
    ended = select(Transfer.customer_id).where(
        *of_shop,
        Transfer.kind == TransferKind.CREDIT,
        Transfer.state == TransferState.CONFIRMED,
        Transfer.expires_at <= now,
    )
    books = {customer_id: LotBook() for customer_id in session.scalars(ended)}
    if not books:
        return books
    for row in session.scalars(
        select(Transfer)
        .where(*of_shop, Transfer.customer_id.in_(books))
        .order_by(Transfer.id)
        .execution_options(populate_existing=True)
    ):
        if row.kind is TransferKind.DEBIT:
            books[row.customer_id].debits.append(row)
        elif row.state is TransferState.CONFIRMED:
            books[row.customer_id].credits[row.id] = row
    for move in session.scalars(
        select(CreditMoveRow).where(CreditMoveRow.shop_id == shop.id, CreditMoveRow.customer_id.in_(books))
    ):
        books[move.customer_id].moves.append(move)
    for customer_id, read_at in session.execute(
        select(CreditAccount.customer_id, CreditAccount.whole_read_at).where(
            CreditAccount.shop_id == shop.id,
            CreditAccount.customer_id.in_(books),
            CreditAccount.currency == shop.currency,
        )
    ):
        books[customer_id].said_until = read_at
    _read_entries(session, shop, books)
    return books


def _read_entries(session: Session, shop: Shop, books: dict[int, LotBook]) -> None:
    entry, minor = LedgerEntry, LedgerPosting.amount_minor
    source, destination = LedgerPosting.source, LedgerPosting.destination
    expired = func.sum(case((destination == Account.EXPIRED, minor), (source == Account.EXPIRED, -minor), else_=0))
    taken = func.sum(case((destination == Account.PROMISED, minor), else_=0))
    paid = func.sum(case((destination == Account.OWED, minor), else_=0))
    rows = session.execute(
        select(entry.customer_id, entry.kind, entry.key, entry.reward_id, entry.recorded_at, expired, taken, paid)
        .join(LedgerPosting, LedgerPosting.entry_id == entry.id)
        .where(
            entry.shop_id == shop.id,
            entry.customer_id.in_(books),
            entry.kind.in_((EntryKind.EXPIRY, EntryKind.CLAWBACK, EntryKind.SET_OFF)),
            entry.move_id.is_(None),
        )
        .group_by(entry.id)
        .order_by(entry.id)
    )
    for customer_id, kind, key, reward_id, recorded_at, expired_minor, taken_minor, paid_minor in rows:
        book = books[customer_id]
        if kind is EntryKind.EXPIRY:
            transfer_id = int(key.split(":")[2])
            book.booked[transfer_id] += int(expired_minor)
            book.entries[transfer_id] += 1
        elif kind is EntryKind.CLAWBACK:
            book.clawed_back[reward_id] += int(taken_minor)
            book.covered[reward_id] -= int(expired_minor)
            book.corrections[reward_id] += key.startswith(f"{EntryKind.CLAWBACK}:expired:")
        else:
            book.set_offs.append(SetOff(recorded_at, int(paid_minor), reward_id))
