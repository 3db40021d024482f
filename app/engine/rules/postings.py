"""Which accounts a business event moves money between: the table of DESIGN's chart of accounts, as code."""

from dataclasses import dataclass
from enum import StrEnum


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


def claw_back(amount_minor: int, available_minor: int) -> tuple[Posting, ...]:
    """Settled credit is taken back: from what is available, the rest as owed (which may go below zero)."""
    covered = min(amount_minor, max(available_minor, 0))
    rows = []
    if covered:
        rows.append(Posting(Account.AVAILABLE, Account.PROMISED, covered))
    if amount_minor > covered:
        rows.append(Posting(Account.OWED, Account.PROMISED, amount_minor - covered))
    return tuple(rows)


def fall_short(amount_minor: int) -> tuple[Posting, ...]:
    """A debit found less in Shopify than the books had: the customer owes the rest."""
    return (Posting(Account.OWED, Account.AVAILABLE, amount_minor),)
