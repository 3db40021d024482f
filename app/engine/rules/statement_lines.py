"""What the lines of Shopify's statement of a store-credit account are: ours, still ours perhaps, or moves of others.

Shopify knows no reference on a transaction, so a line is ours if a transfer claims its id. A line that a transfer on
its way may turn out to be is left alone until that transfer's outcome is known: it must not be booked twice.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.engine.rules.arrival import CLOCK_SKEW, NEAR_EXPIRY, MovementKind
from app.engine.rules.facts import CreditMove, MoveKind
from app.engine.rules.states import TransferKind

#: The key of a move that says a credit expired: this, and Shopify's id of the credit's transaction.
EXPIRATION_OF = "expiration:"
#: Shopify's word for what was made by hand or by an app, and for what a refund put on the account.
BY_HAND, BY_REFUND = "ADJUSTMENT", "ORDER_REFUND"
#: A call that was given up for lost lands within this time or never.
LATEST_LANDING = timedelta(hours=1)

_COMES = (MovementKind.CREDIT, MovementKind.DEBIT_REVERT)
_MOVED_BY = {TransferKind.CREDIT: (MovementKind.CREDIT, 1), TransferKind.DEBIT: (MovementKind.DEBIT, -1)}


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One transaction of an account, in minor units of its currency, negative where credit left it.

    Raises ValueError for an amount that goes the other way than its kind says.
    """

    kind: MovementKind
    #: None for expirations: Shopify gives them no id.
    gid: str | None
    amount_minor: int
    at: datetime
    #: What caused it, in Shopify's words.
    event: str
    order_id: int | None = None
    expires_at: datetime | None = None
    #: The credit that an expiration took the rest of.
    expired_gid: str | None = None

    def __post_init__(self) -> None:
        if self.amount_minor and (self.amount_minor > 0) != (self.kind in _COMES):
            raise ValueError(f"A {self.kind} of {self.amount_minor} goes the wrong way.")

    @property
    def number(self) -> int | None:
        """Return the number at the end of the id; later transactions have greater ones."""
        return None if self.gid is None else int(self.gid.rpartition("/")[2])

    @property
    def key(self) -> str:
        """Return what names the transaction for ever."""
        return self.gid or f"{EXPIRATION_OF}{self.expired_gid}"

    @property
    def is_by_hand(self) -> bool:
        """True for what a person or an app made, as our own transfers are."""
        return self.event == BY_HAND and self.order_id is None


@dataclass(frozen=True, slots=True)
class Sending:
    """A transfer of ours that was sent at least once; ``amount_minor`` is positive."""

    transfer_id: int
    kind: TransferKind
    amount_minor: int
    #: The account's newest transaction before it was sent.
    watermark: int
    sent_at: datetime
    #: The fingerprint.
    expires_at: datetime | None
    #: How often it was taken up to be sent.
    attempts: int
    #: Shopify executed it for certain, by a transaction that is known.
    is_confirmed: bool


@dataclass(frozen=True, slots=True)
class SortedLines:
    """What a statement's lines turned out to be."""

    #: Made by others, to be booked; oldest first.
    moves: tuple[CreditMove, ...]
    #: Perhaps ours: a transfer that is on its way has to say.
    left: tuple[StatementLine, ...]
    #: By key of a move: the transfer that it looks like a second execution of.
    repeats: Mapping[str, int]


def sort_lines(
    customer_id: int, lines: Iterable[StatementLine], claimed: Collection[str | None], sendings: Sequence[Sending]
) -> SortedLines:
    """Tell our own lines from others'; ``claimed`` are the ids that transfers answer for, ``customer_id`` Shopify's."""
    moves, left, repeats = [], [], {}
    # What expires within the second in which it came back came back first.
    for line in sorted(lines, key=lambda each: (each.at, each.number is None, each.number or 0)):
        if line.amount_minor == 0 or line.gid in claimed:
            continue
        if any(_may_be(line, sending) for sending in sendings):
            left.append(line)
            continue
        moves.append(CreditMove(line.key, customer_id, classify(line), abs(line.amount_minor), line.at, line.order_id))
        repeated = [sending.transfer_id for sending in sendings if _repeats(line, sending)]
        if repeated:
            repeats[line.key] = repeated[-1]
    return SortedLines(tuple(moves), tuple(left), repeats)


def classify(line: StatementLine) -> MoveKind:
    """Return what a line is that no transfer of ours made.

    A refund of an order's money to store credit is money from outside the programme. Credit that was spent and comes
    back is a debit revert, or a credit for a payment that failed, was not needed whole or was taxed anew.
    """
    if line.kind is MovementKind.EXPIRATION:
        return MoveKind.EXPIRY
    if line.kind is MovementKind.DEBIT_REVERT:
        return MoveKind.RETURN
    if line.kind is MovementKind.DEBIT:
        return MoveKind.EXTERNAL_DEBIT if line.is_by_hand else MoveKind.REDEMPTION
    return MoveKind.EXTERNAL_CREDIT if line.is_by_hand or line.event == BY_REFUND else MoveKind.RETURN


def read_through(known: int, lines: Iterable[StatementLine], left: Iterable[StatementLine]) -> int:
    """Return the newest number up to which nothing has to be looked at again; ``known`` is the one before."""
    newest = max((line.number for line in lines if line.number is not None), default=known)
    open_from = min((line.number for line in left if line.number is not None), default=newest + 1)
    return max(known, min(newest, open_from - 1))


def _may_be(line: StatementLine, sending: Sending) -> bool:
    """Say whether a line may be a transfer whose outcome is not known; ``arrival.decide_arrival`` will tell."""
    if sending.is_confirmed or not _looks_like(line, sending):
        return False
    return sending.expires_at is None or _is_near(line, sending)


def _repeats(line: StatementLine, sending: Sending) -> bool:
    """Say whether a line looks like a second execution of a transfer that has one.

    The same fingerprint is proof. Without one, or with one that is only near, it must have been sent more than once.
    """
    if not (sending.is_confirmed and _looks_like(line, sending)):
        return False
    if sending.expires_at is not None and line.expires_at == sending.expires_at:
        return True
    if sending.attempts < 2:
        return False
    if sending.expires_at is not None:
        return _is_near(line, sending)
    return line.expires_at is None and -CLOCK_SKEW <= line.at - sending.sent_at <= LATEST_LANDING


def _looks_like(line: StatementLine, sending: Sending) -> bool:
    kind, sign = _MOVED_BY[sending.kind]
    return (
        line.is_by_hand
        and (line.kind, line.amount_minor) == (kind, sign * sending.amount_minor)
        and line.number is not None
        and line.number > sending.watermark
    )


def _is_near(line: StatementLine, sending: Sending) -> bool:
    """Say whether a line expires almost when a transfer was to; a debit never expires, and has no fingerprint."""
    if line.expires_at is None or sending.expires_at is None:
        return False
    return abs(line.expires_at - sending.expires_at) <= NEAR_EXPIRY
