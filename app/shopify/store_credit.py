"""Store-credit accounts as they stand in Shopify, several at once, and the orders that credits to them rest on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.engine.rules.arrival import Movement, MovementKind
from app.engine.rules.facts import FinancialStatus
from app.engine.rules.money import MoneyError, to_minor
from app.engine.rules.verification import SeenOrder
from app.sentences import say
from app.shopify.documents import (
    NOTES_SINCE,
    ORDER_CHECK,
    STORE_CREDIT_ACCOUNT,
    STORE_CREDIT_ACCOUNT_WITH_NOTES,
    STORE_CREDIT_FIND,
    Document,
    compose,
)
from app.shopify.errors import NoAnswer
from app.shopify.gateway import Gateway
from app.shopify.nodes import unreadable

#: What an account's newest transaction is looked for in; only expirations, which have no id, make it longer.
FIRST_PAGE = 3
PAGE = 25
#: More transactions than this since one transfer was sent is not a shop at work.
MOST_PAGES = 40
_KINDS = {
    "StoreCreditAccountCreditTransaction": MovementKind.CREDIT,
    "StoreCreditAccountDebitTransaction": MovementKind.DEBIT,
    "StoreCreditAccountDebitRevertTransaction": MovementKind.DEBIT_REVERT,
    "StoreCreditAccountExpirationTransaction": MovementKind.EXPIRATION,
}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """One owner's account in one currency, newest movements first; ``gid`` is None where there is none yet."""

    gid: str | None
    owner_exists: bool
    balance_minor: int
    movements: tuple[Movement, ...]

    @property
    def watermark(self) -> int:
        """Return the greatest transaction number seen, 0 for an account without any."""
        return max((m.number for m in self.movements if m.number is not None), default=0)


@dataclass(frozen=True, slots=True)
class Question:
    """Which account is asked for, until where in its past, and with which order."""

    owner_gid: str
    currency: str
    is_enough: Callable[[Sequence[Movement]], bool]
    page: int = PAGE
    order_gid: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """An account, and the order as it is there; None when it was not asked for, or is not known in this shop."""

    account: Account
    order: SeenOrder | None


def knows_notes(gateway: Gateway) -> bool:
    """Say whether this API version writes and reads notes on transactions."""
    return gateway.api_version >= NOTES_SINCE


def read_accounts(gateway: Gateway, questions: Sequence[Question], *, max_wait_seconds: float = 10.0) -> list[Reading]:
    """Return accounts with their newest movements, and their orders, in the order of the questions.

    A first request finds all accounts and orders, a second asks for the accounts there are; further ones follow for
    those of which a page is not enough.
    """
    partial = [_Partial(question, knows_notes(gateway)) for question in questions]
    for _ in range(MOST_PAGES):
        open_ones = [(number, each) for number, each in enumerate(partial) if not each.is_done]
        if not open_ones:
            return [Reading(each.account(), each.order) for each in partial]
        documents: list[tuple[Document, int]] = []
        variables: Json = {}
        for number, each in open_ones:
            documents += [(document, number) for document in each.documents()]
            variables |= {f"{name}_{number}": value for name, value in each.variables().items()}
        data = gateway.execute(compose(tuple(documents)), variables, max_wait_seconds=max_wait_seconds)
        try:
            for number, each in open_ones:
                each.take(data, number)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise unreadable(error) from error
    raise NoAnswer(say("The account has more transactions than can be read back."))


class _Partial:
    """An account that is being read: found first, with the order, and then page by page."""

    def __init__(self, question: Question, with_notes: bool) -> None:
        self.order: SeenOrder | None = None
        self.is_done = False
        self._question = question
        self._account_document = STORE_CREDIT_ACCOUNT_WITH_NOTES if with_notes else STORE_CREDIT_ACCOUNT
        self._gid: str | None = None
        self._owner_exists = False
        self._balance_minor = 0
        self._movements: list[Movement] = []
        self._after: str | None = None

    def documents(self) -> list[Document]:
        """Return what is to be asked next."""
        if self._gid is not None:
            return [self._account_document]
        return [STORE_CREDIT_FIND] if self._question.order_gid is None else [STORE_CREDIT_FIND, ORDER_CHECK]

    def variables(self) -> Json:
        """Return the variables of what is to be asked next."""
        question = self._question
        if self._gid is not None:
            size = question.page if self._after is None else PAGE
            return {"account": self._gid, "first": size, "after": self._after}
        asked: Json = {"customer": question.owner_gid, "accounts": f"currency_code:{question.currency}"}
        return asked if question.order_gid is None else asked | {"order": question.order_gid}

    def take(self, data: Json, number: int) -> None:
        """Add what one answer says."""
        if self._gid is None:
            self._take_owner(data[f"owner_{number}"])
            if self._question.order_gid is not None:
                self.order = _seen(data[f"order_{number}"])
            return
        account = data[f"account_{number}"]
        currency = self._question.currency
        self._balance_minor = minor_of(account["balance"], currency)
        transactions = account["transactions"]
        self._movements += [_movement(node, currency) for node in transactions["nodes"]]
        page = transactions["pageInfo"]
        self.is_done = self._question.is_enough(self._movements) or not page["hasNextPage"]
        self._after = page["endCursor"]

    def _take_owner(self, owner: Json | None) -> None:
        nodes = owner["storeCreditAccounts"]["nodes"] if owner else []
        self._owner_exists = owner is not None
        self._gid = str(nodes[0]["id"]) if nodes else None
        self.is_done = not nodes

    def account(self) -> Account:
        """Return all that was read."""
        return Account(self._gid, self._owner_exists, self._balance_minor, tuple(self._movements))


def _seen(order: Json | None) -> SeenOrder | None:
    if order is None:
        return None
    status, customer = order["displayFinancialStatus"], order["customer"]
    return SeenOrder(
        updated_at=_instant(order["updatedAt"]),
        is_cancelled=order["cancelledAt"] is not None,
        was_paid=None if status is None else FinancialStatus(status.lower()).was_paid,
        customer_gid=None if customer is None else str(customer["id"]),
    )


def _movement(node: Json, currency: str) -> Movement:
    gid = node.get("id")
    expires_at = node.get("expiresAt")
    return Movement(
        kind=_KINDS[node["__typename"]],
        gid=None if gid is None else str(gid),
        amount_minor=minor_of(node["amount"], currency),
        balance_after_minor=minor_of(node["balanceAfterTransaction"], currency),
        created_at=_instant(node["createdAt"]),
        is_adjustment=node["event"] == "ADJUSTMENT" and node["origin"] is None,
        expires_at=None if expires_at is None else _instant(expires_at),
        note=node.get("note"),
    )


def minor_of(money: Mapping[str, Any], currency: str) -> int:
    """Return an amount of Shopify's; raise MoneyError unless it is in that currency, exactly."""
    if money["currencyCode"] != currency:
        raise MoneyError(f"An amount is in {money['currencyCode']}, not in {currency}.")
    return to_minor(money["amount"], currency)


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return instant.astimezone(UTC)
