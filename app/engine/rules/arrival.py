"""Did a credit or debit arrive? Judged from the account's transactions that are newer than the watermark."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.engine.rules.money import Money
from app.engine.rules.money import format as format_money
from app.engine.rules.states import TransferKind
from app.engine.rules.verification import KnownOrder
from app.sentences import marked, say

#: How far Shopify's clock and ours may be apart before a time stops being evidence.
CLOCK_SKEW = timedelta(minutes=10)
#: An expiry that is not ours but this close to it looks like ours kept inexactly.
NEAR_EXPIRY = timedelta(days=1)


class MovementKind(StrEnum):
    """What a transaction of a store-credit account did."""

    CREDIT = "credit"
    DEBIT = "debit"
    DEBIT_REVERT = "debit_revert"
    EXPIRATION = "expiration"


@dataclass(frozen=True, slots=True)
class Movement:
    """One transaction of a store-credit account. The amount is negative where credit left the account."""

    kind: MovementKind
    #: None for expirations: Shopify gives them no id.
    gid: str | None
    amount_minor: int
    balance_after_minor: int
    created_at: datetime
    #: Made by hand or by an app, not by an order.
    is_adjustment: bool
    expires_at: datetime | None = None
    #: What whoever made it wrote beside it, from API version 2027-01 on; None where there is nothing to read.
    note: str | None = None

    @property
    def number(self) -> int | None:
        """Return the number at the end of the id; later transactions have greater ones."""
        return None if self.gid is None else int(self.gid.rpartition("/")[2])


@dataclass(frozen=True, slots=True)
class Sent:
    """What was asked of Shopify: a positive amount in minor units, and what was noted before asking."""

    amount_minor: int
    #: The account's newest transaction before sending; 0 when it had none.
    watermark: int
    #: When it was sent, at the latest.
    sent_at: datetime
    #: The fingerprint: no other transfer to this owner expires in this second.
    expires_at: datetime | None = None
    #: What was written beside it and names it for ever; None before API version 2027-01.
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """One transfer in the hands of one worker until ``leased_until``."""

    shop_id: int
    transfer_id: int
    customer_gid: str
    kind: TransferKind
    currency: str
    amount_minor: int
    #: Counts the times it was taken up to be sent.
    attempt: int
    leased_until: datetime
    #: True: it was sent and its outcome is unknown; it may only be read back.
    is_in_flight: bool
    #: The last sending, also one that is believed not to have arrived; None when it was never sent.
    sent: Sent | None = None
    #: The order that it comes from; None for what staff gave or took.
    order: KnownOrder | None = None


@dataclass(frozen=True, slots=True)
class Arrived:
    """This transaction is the transfer."""

    movement: Movement


@dataclass(frozen=True, slots=True)
class Absent:
    """No transaction can be the transfer, so far."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A transaction that may be the transfer, and why that is not sure."""

    movement: Movement
    why: str


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A person has to look: the sentence names what was found, the candidates say it one by one."""

    sentence: str
    candidates: tuple[Candidate, ...] = ()


def decide_arrival(
    claim: Claim,
    sent: Sent,
    movements: Sequence[Movement],
    claimed: Collection[str],
    window: timedelta,
    *,
    reads_notes: bool = False,
) -> Arrived | Absent | Doubtful:
    """Return whether a sending arrived, from an account's movements since its watermark.

    ``claimed`` are ids that answer for other transfers. A note that can be read decides alone. With a fingerprint,
    exactly one transaction that expires in that second is ours. Without one, exactly one of the same amount is, if
    it was made within ``window`` after sending: what falls outside is no proof that nothing arrived, so a person
    decides.
    """
    wanted_kind = MovementKind.CREDIT if claim.kind is TransferKind.CREDIT else MovementKind.DEBIT
    wanted_minor = sent.amount_minor if claim.kind is TransferKind.CREDIT else -sent.amount_minor
    free = [
        movement
        for movement in movements
        if movement.number is not None
        and movement.number > sent.watermark
        and movement.gid not in claimed
        and movement.is_adjustment
    ]
    alike = [movement for movement in free if (movement.kind, movement.amount_minor) == (wanted_kind, wanted_minor)]
    if sent.note is not None and reads_notes:
        return _decide_by_note([movement for movement in free if movement.note == sent.note], alike, claim.currency)
    if sent.expires_at is not None:
        return _decide_by_fingerprint(alike, sent.expires_at, claim.currency)
    return _decide_by_time(alike, sent.sent_at - CLOCK_SKEW, sent.sent_at + window, claim.currency)


def reaches_back(sent: Sent | None) -> Callable[[Sequence[Movement]], bool]:
    """Return a test whether movements, newest first, reach back far enough.

    Before a first sending that is to the account's newest transaction, afterwards to where nothing can be
    missed any more. There two signs must agree, so that neither a clock that is off nor an odd order within
    one second ends the reading early.
    """
    if sent is None:
        return lambda movements: any(movement.number is not None for movement in movements)
    before = sent.sent_at - CLOCK_SKEW
    return lambda movements: any(
        movement.number is not None and movement.number <= sent.watermark and movement.created_at < before
        for movement in movements
    )


def _decide_by_note(noted: Sequence[Movement], alike: Sequence[Movement], currency: str) -> Arrived | Absent | Doubtful:
    if not noted:
        return Absent()
    if len(noted) == 1 and noted[0] in alike:
        return Arrived(noted[0])
    several = marked("Several carry the transfer's note.")
    why = several if len(noted) > 1 else marked("It carries the transfer's note, but differs.")
    return _doubt(
        marked("Found on the account with the transfer's note: {listed}. Say which one arrived, or that none did."),
        [Candidate(m, why) for m in noted],
        currency,
    )


def _decide_by_fingerprint(
    alike: Sequence[Movement], expires_at: datetime, currency: str
) -> Arrived | Absent | Doubtful:
    ours = [movement for movement in alike if movement.expires_at == expires_at]
    if len(ours) == 1:
        return Arrived(ours[0])
    if ours:
        why = marked("Several expire in the very second of the transfer.")
        found = [Candidate(movement, why) for movement in ours]
    else:
        why = marked("It expires almost when the transfer should, but not in that second.")
        near = [m for m in alike if m.expires_at is not None and abs(m.expires_at - expires_at) <= NEAR_EXPIRY]
        found = [Candidate(movement, why) for movement in near]
    return _doubt(
        marked(
            "Found on the account, expiring when ours should or almost then: {listed}. Say which one arrived, or that"
            " none did."
        ),
        found,
        currency,
    )


def _decide_by_time(
    alike: Sequence[Movement], earliest: datetime, latest: datetime, currency: str
) -> Arrived | Absent | Doubtful:
    in_time = [earliest <= movement.created_at <= latest for movement in alike]
    if in_time == [True]:
        return Arrived(alike[0])
    same, early_or_late = marked("Others look the same."), marked("It was made too early or too late.")
    found = [
        Candidate(movement, same if fits else early_or_late) for movement, fits in zip(alike, in_time, strict=True)
    ]
    return _doubt(
        marked("Found on the account, and none is certainly ours: {listed}. Say which one arrived, or that none did."),
        found,
        currency,
    )


def _doubt(sentence: str, found: Sequence[Candidate], currency: str) -> Absent | Doubtful:
    """Return a doubt that lists what was found; without anything found there is none."""
    if not found:
        return Absent()
    listed = "; ".join(
        f"{m.gid} of {format_money(Money(m.amount_minor, currency))} at {m.created_at:%Y-%m-%d %H:%M:%S} UTC"
        for m in (candidate.movement for candidate in found)
    )
    return Doubtful(say(sentence, listed=listed), tuple(found))
