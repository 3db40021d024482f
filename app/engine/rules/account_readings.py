"""What reading store-credit accounts told, and which are to be read: between Shopify's room and the flow."""

from dataclasses import dataclass
from datetime import datetime

from app.engine.rules.statement_lines import StatementLine


@dataclass(frozen=True, slots=True)
class DueAccount:
    """A customer whose account is to be read; ``customer_id`` is Shopify's."""

    customer_id: int
    currency: str
    #: The newest transaction that is taken in already.
    read_through: int
    #: Nobody else reads it until then.
    leased_until: datetime


@dataclass(frozen=True, slots=True)
class Balance:
    """One account of a customer, in minor units of its currency."""

    account_id: int
    currency: str
    balance_minor: int


@dataclass(frozen=True, slots=True)
class AccountReading:
    """What Shopify said of a customer's accounts at one moment."""

    due: DueAccount
    asked_at: datetime
    #: False when Shopify knows no such customer (any more).
    is_known: bool
    balances: tuple[Balance, ...] = ()
    #: The transactions of the account in the due currency, at least those that were not taken in before.
    lines: tuple[StatementLine, ...] = ()
    #: From the first transaction on.
    is_whole: bool = False

    @property
    def balance_minor(self) -> int:
        """Return what the account in the due currency holds; nothing where there is none."""
        return sum(each.balance_minor for each in self.balances if each.currency == self.due.currency)

    @property
    def newest(self) -> int:
        """Return the newest transaction that this reading can have seen."""
        return max((line.number for line in self.lines if line.number is not None), default=self.due.read_through)
