"""Which accounts a business event moves money between: the table of DESIGN's chart of accounts, as code."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from app.engine.rules.facts import MoveKind


class Account(StrEnum):
    """An account of the books. The first three exist once per customer, the rest once per programme."""

    PENDING = "customer:pending"
    AVAILABLE = "customer:available"
    OWED = "customer:owed"
    PROMISED = "program:promised"
    REDEEMED = "program:redeemed"
    EXPIRED = "program:expired"
    ADJUSTED = "program:adjusted"
    EXTERNAL = "program:external"
    FORGIVEN = "program:forgiven"

    @property
    def is_customers(self) -> bool:
        """True for the accounts that exist once per customer."""
        return self.value.startswith("customer:")


class EntryKind(StrEnum):
    """What a ledger entry records."""

    ACCRUAL = "accrual"
    VOID = "void"
    SETTLEMENT = "settlement"
    CLAWBACK = "clawback"
    SET_OFF = "set_off"
    SHORTFALL = "shortfall"
    REDEMPTION = "redemption"
    #: Spent credit that Shopify gave back.
    RETURN = "return"
    EXPIRY = "expiry"
    #: Made or taken by a person, with a reason.
    ADJUSTMENT = "adjustment"
    #: Made or taken in Shopify by someone else.
    EXTERNAL = "external"
    #: What was owed is not asked for any more.
    FORGIVENESS = "forgiveness"
    #: What a customer owed goes on with the one the customer was merged into.
    MERGE = "merge"


@dataclass(frozen=True, slots=True)
class Posting:
    """Moves a positive amount, in minor units, from one account to another."""

    source: Account
    destination: Account
    amount_minor: int

    def __post_init__(self) -> None:
        if self.amount_minor <= 0:
            raise ValueError(f"A posting moves a positive amount, not {self.amount_minor}.")


def accrue(amount_minor: int) -> tuple[Posting, ...]:
    """The promise is booked as pending."""
    return (Posting(Account.PROMISED, Account.PENDING, amount_minor),)


def void(amount_minor: int) -> tuple[Posting, ...]:
    """A promise that never settled goes back."""
    return (Posting(Account.PENDING, Account.PROMISED, amount_minor),)


def settle(amount_minor: int) -> tuple[Posting, ...]:
    """The credit becomes the customer's."""
    return (Posting(Account.PENDING, Account.AVAILABLE, amount_minor),)


def set_off(amount_minor: int) -> tuple[Posting, ...]:
    """Newly settled credit pays what the customer owes."""
    return (Posting(Account.AVAILABLE, Account.OWED, amount_minor),)


def claw_back(amount_minor: int, available_minor: int, expired_minor: int = 0) -> tuple[Posting, ...]:
    """Settled credit is taken back: first what expired of it, then from what is available, the rest as owed."""
    expired_minor = min(amount_minor, expired_minor)
    rows = (Posting(Account.EXPIRED, Account.PROMISED, expired_minor),) if expired_minor else ()
    return rows + take(Account.PROMISED, amount_minor - expired_minor, available_minor)


def take(destination: Account, amount_minor: int, available_minor: int) -> tuple[Posting, ...]:
    """An amount leaves the customer: from what is available, the rest as owed (which may go below zero)."""
    covered_minor = min(amount_minor, max(available_minor, 0))
    rows = []
    if covered_minor:
        rows.append(Posting(Account.AVAILABLE, destination, covered_minor))
    if amount_minor > covered_minor:
        rows.append(Posting(Account.OWED, destination, amount_minor - covered_minor))
    return tuple(rows)


def fall_short(amount_minor: int) -> tuple[Posting, ...]:
    """A debit found less in Shopify than the books had: the customer owes the rest."""
    return (Posting(Account.OWED, Account.AVAILABLE, amount_minor),)


def fall_short_by_hand(amount_minor: int) -> tuple[Posting, ...]:
    """A debit by hand found less in Shopify than the books had, and may leave nothing owed: it took so much less."""
    return give_by_hand(amount_minor)


def forgive(amount_minor: int) -> tuple[Posting, ...]:
    """What is owed is not asked for any more."""
    return (Posting(Account.FORGIVEN, Account.OWED, amount_minor),)


def give_by_hand(amount_minor: int) -> tuple[Posting, ...]:
    """A person gives credit."""
    return (Posting(Account.ADJUSTED, Account.AVAILABLE, amount_minor),)


def expire(amount_minor: int) -> tuple[Posting, ...]:
    """Credit came to the end of its time."""
    return (Posting(Account.AVAILABLE, Account.EXPIRED, amount_minor),)


def unexpire(amount_minor: int) -> tuple[Posting, ...]:
    """Credit had not expired after all: it was spent before, as is heard now."""
    return (Posting(Account.EXPIRED, Account.AVAILABLE, amount_minor),)


def cover(amount_minor: int) -> tuple[Posting, ...]:
    """Shopify let go of more than the books had: somebody else must have put it there, until it is heard of."""
    return (Posting(Account.EXTERNAL, Account.AVAILABLE, amount_minor),)


def missing(rows: Collection[Posting], available_minor: int) -> int:
    """Return by how much postings would take what is available below zero, or 0."""
    came = sum((row.destination is Account.AVAILABLE) * row.amount_minor for row in rows)
    went = sum((row.source is Account.AVAILABLE) * row.amount_minor for row in rows)
    return max(went - came - available_minor, 0)


def uncover(amount_minor: int) -> tuple[Posting, ...]:
    """What had to be presumed has been heard of by now."""
    return (Posting(Account.AVAILABLE, Account.EXTERNAL, amount_minor),)


#: What moved a customer's credit in Shopify besides our transfers, as a posting.
_MOVES = {
    MoveKind.REDEMPTION: (Account.AVAILABLE, Account.REDEEMED),
    MoveKind.RETURN: (Account.REDEEMED, Account.AVAILABLE),
    MoveKind.EXPIRY: (Account.AVAILABLE, Account.EXPIRED),
    MoveKind.EXTERNAL_CREDIT: (Account.EXTERNAL, Account.AVAILABLE),
    MoveKind.EXTERNAL_DEBIT: (Account.AVAILABLE, Account.EXTERNAL),
}


def move(kind: MoveKind, amount_minor: int) -> tuple[Posting, ...]:
    """A customer's credit was moved in Shopify, by the customer or by someone else."""
    return (Posting(*_MOVES[kind], amount_minor),)


def give_back_expired(amount_minor: int, owed_minor: int, forgiven_minor: int) -> tuple[Posting, ...]:
    """What was taken back had expired as well, so it is given back where it was charged.

    First it pays what the customer owes, then what was forgiven; the rest is the customer's again. ``owed_minor`` and
    ``forgiven_minor`` are positive.
    """
    rows = []
    for account, most_minor in ((Account.OWED, owed_minor), (Account.FORGIVEN, forgiven_minor)):
        paid_minor = min(amount_minor, most_minor)
        if paid_minor:
            rows.append(Posting(Account.EXPIRED, account, paid_minor))
        amount_minor -= paid_minor
    return (*rows, *(unexpire(amount_minor) if amount_minor else ()))


class Line(StrEnum):
    """A line of a statement: everything that changes a customer's accounts is on exactly one."""

    EARNED = "earned"
    VOIDED = "voided"
    SETTLED = "settled"
    SET_OFF = "set off"
    FALLEN_SHORT = "fallen short"
    REVERSED = "reversed"
    REDEEMED = "redeemed"
    RETURNED = "returned"
    EXPIRED = "expired"
    ADJUSTED = "adjusted"
    EXTERNAL = "external"
    FORGIVEN = "forgiven"


_LINES = {
    (Account.PROMISED, Account.PENDING): Line.EARNED,
    (Account.PENDING, Account.PROMISED): Line.VOIDED,
    (Account.PENDING, Account.AVAILABLE): Line.SETTLED,
    (Account.AVAILABLE, Account.OWED): Line.SET_OFF,
    (Account.OWED, Account.AVAILABLE): Line.FALLEN_SHORT,
    (Account.AVAILABLE, Account.REDEEMED): Line.REDEEMED,
    (Account.REDEEMED, Account.AVAILABLE): Line.RETURNED,
}
_LINES_OF = {
    Account.PROMISED: Line.REVERSED,
    Account.EXPIRED: Line.EXPIRED,
    Account.ADJUSTED: Line.ADJUSTED,
    Account.EXTERNAL: Line.EXTERNAL,
    Account.FORGIVEN: Line.FORGIVEN,
}


def line_of(source: Account, destination: Account) -> Line | None:
    """Return the statement's line that a posting is on; None for one that touches no account of a customer.

    Expired, adjusted, external and forgiven go both ways on one line; everything else has a line for each direction.
    """
    if not (source.is_customers or destination.is_customers):
        return None
    return _LINES.get((source, destination)) or _LINES_OF[destination if source.is_customers else source]
