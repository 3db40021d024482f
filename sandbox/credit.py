"""Store credit accounts: one per owner and currency, debits eat the credit that expires soonest."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from sandbox.models import Customer, Payment
from sandbox.money import exponent

LIMIT_UNITS = 15_000
"""Highest balance in whole units of a currency with decimals; about a hundred times that without."""
NEVER = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass
class CreditTransaction:
    """One movement; the amount is negative when credit leaves the account."""

    id: int
    account: "CreditAccount"
    type: str
    amount_minor: int
    balance_after_minor: int
    event: str
    created_at: datetime
    landed_at: datetime
    """The real moment, for measuring; an expiry is dated back to when it fell due."""
    expires_at: datetime | None = None
    remaining_minor: int = 0
    origin: Payment | None = None
    reverts: "CreditTransaction | None" = None
    expired: "CreditTransaction | None" = None
    note: str | None = None
    drawn: list[tuple["CreditTransaction", int]] = field(default_factory=list)
    """What a debit took of which credits, and is still to be given back."""
    hidden: bool = False
    """Left out of lists, though the balance has it: what an app can only find as a difference."""


@dataclass
class CreditAccount:
    """One owner's credit in one currency."""

    id: int
    owner: Customer
    currency: str
    balance_minor: int = 0
    transactions: list[CreditTransaction] = field(default_factory=list)


class CreditRefused(Exception):
    """Shopify's user error for a store-credit mutation: its code, the field it names, its message."""

    def __init__(self, code: str, field: list[str], message: str) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.message = message


class CreditBook:
    """All store credit accounts of one shop; the caller holds the shop's lock."""

    def __init__(self, ids: Iterator[int]) -> None:
        self._ids = ids
        self.accounts: dict[int, CreditAccount] = {}
        self._by_owner: dict[int, dict[str, CreditAccount]] = {}
        self._by_payment: dict[int, CreditTransaction] = {}
        self.enabled = True
        """Whether customers can spend it at checkout."""

    def accounts_of(self, customer: Customer, now: datetime) -> list[CreditAccount]:
        """Return the customer's accounts, oldest first, with what has expired taken off."""
        accounts = list(self._by_owner.get(customer.id, {}).values())
        for account in accounts:
            self.expire(account, now)
        return accounts

    def find(self, customer: Customer, currency: str, now: datetime) -> CreditAccount | None:
        """Return the customer's account in the currency, if there is one."""
        account = self._by_owner.get(customer.id, {}).get(currency)
        if account is not None:
            self.expire(account, now)
        return account

    def get(self, account_id: int, now: datetime) -> CreditAccount | None:
        """Return an account by its id."""
        account = self.accounts.get(account_id)
        if account is not None:
            self.expire(account, now)
        return account

    def open(self, customer: Customer, currency: str) -> CreditAccount:
        """Return the customer's account in the currency, made now unless it exists."""
        accounts = self._by_owner.setdefault(customer.id, {})
        if currency not in accounts:
            account = CreditAccount(next(self._ids), customer, currency)
            accounts[currency] = self.accounts[account.id] = account
        return accounts[currency]

    def credit(
        self,
        account: CreditAccount,
        minor: int,
        now: datetime,
        expires_at: datetime | None,
        event: str = "ADJUSTMENT",
        origin: Payment | None = None,
    ) -> CreditTransaction:
        """Add credit."""
        self.expire(account, now)
        entry = self._write(account, "credit", minor, event, now)
        entry.expires_at = expires_at
        entry.remaining_minor = minor
        entry.origin = origin
        return entry

    def debit(
        self,
        account: CreditAccount,
        minor: int,
        now: datetime,
        event: str = "ADJUSTMENT",
        origin: Payment | None = None,
    ) -> CreditTransaction:
        """Take credit, soonest-expiring first; the whole debit or nothing."""
        if minor > account.balance_minor:
            raise CreditRefused(
                "INSUFFICIENT_FUNDS",
                ["debitInput", "debitAmount", "amount"],
                "The store credit account does not have sufficient funds to satisfy the request",
            )
        left, drawn = minor, []
        for credit in sorted(account.transactions, key=lambda entry: (entry.expires_at or NEVER, entry.id)):
            taken = min(left, credit.remaining_minor)
            credit.remaining_minor -= taken
            left -= taken
            if taken:
                drawn.append((credit, taken))
            if left == 0:
                break
        entry = self._write(account, "debit", -minor, event, now)
        entry.origin, entry.drawn = origin, drawn
        if origin is not None:
            self._by_payment[origin.id] = entry
        return entry

    def revert(self, sale: Payment, minor: int, now: datetime, event: str, back: Payment) -> CreditTransaction:
        """Give back what the debit behind a sale took, where it came from; what expired since expires no more."""
        debit = self._by_payment[sale.id]
        entry = self._write(debit.account, "debit_revert", minor, event, now)
        entry.remaining_minor = minor
        while entry.remaining_minor and debit.drawn:
            credit, taken = debit.drawn.pop()
            part = min(taken, entry.remaining_minor)
            if part < taken:
                debit.drawn.append((credit, taken - part))
            if credit.expires_at is not None and credit.expires_at <= now:
                break
            credit.remaining_minor += part
            entry.remaining_minor -= part
        entry.reverts = debit
        entry.origin = back
        return entry

    def expire(self, account: CreditAccount, now: datetime) -> None:
        """Take off every credit whose time has come, each dated to its own moment."""
        due = [e for e in account.transactions if e.remaining_minor and e.expires_at and e.expires_at <= now]
        for credit in sorted(due, key=lambda entry: (entry.expires_at or NEVER, entry.id)):
            entry = self._write(account, "expiration", -credit.remaining_minor, "ADJUSTMENT", now)
            entry.created_at = credit.expires_at or now
            entry.expired = credit
            credit.remaining_minor = 0

    def _write(self, account: CreditAccount, kind: str, minor: int, event: str, now: datetime) -> CreditTransaction:
        account.balance_minor += minor
        landed_at = datetime.now(UTC)
        entry = CreditTransaction(next(self._ids), account, kind, minor, account.balance_minor, event, now, landed_at)
        account.transactions.append(entry)
        return entry


def exceeds_limit(account_minor: int, minor: int, currency: str) -> bool:
    """Say whether a credit would lift a balance above Shopify's limit of about 15,000 US dollars."""
    places = exponent(currency)
    limit = LIMIT_UNITS if places else LIMIT_UNITS * 100
    return account_minor + minor > int(Decimal(limit).scaleb(places))


def check_expiry(expires_at: datetime | None, now: datetime) -> None:
    """Refuse an expiry that is not in the future."""
    if expires_at is not None and expires_at <= now:
        raise CreditRefused("EXPIRES_AT_IN_PAST", ["creditInput", "expiresAt"], "The expiry date must be in the future")
