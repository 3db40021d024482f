"""Store-credit accounts as they stand in Shopify: read one, credit it, debit it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.engine.rules.arrival import Movement, MovementKind
from app.engine.rules.money import MoneyError, to_decimal_string, to_minor
from app.shopify.documents import STORE_CREDIT_ACCOUNT, STORE_CREDIT_CREDIT, STORE_CREDIT_DEBIT
from app.shopify.errors import NoAnswer, NotExecuted
from app.shopify.gateway import Gateway

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


class MoveRefused(NotExecuted):
    """Shopify refused a credit or debit for a reason of its own (a user error); nothing was executed."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"Shopify refused it: {message} ({code}).")
        self.code = code


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
class Receipt:
    """Shopify's answer to a credit or debit that was executed."""

    gid: str
    balance_after_minor: int


def read_account(
    gateway: Gateway,
    owner_gid: str,
    currency: str,
    *,
    is_enough: Callable[[Sequence[Movement]], bool],
    max_wait_seconds: float = 10.0,
) -> Account:
    """Return an account with its newest movements, page by page until ``is_enough`` or there are no more."""
    movements: list[Movement] = []
    after: str | None = None
    for _ in range(MOST_PAGES):
        data = gateway.execute(
            STORE_CREDIT_ACCOUNT,
            {"customer": owner_gid, "accounts": f"currency_code:{currency}", "first": PAGE, "after": after},
            max_wait_seconds=max_wait_seconds,
        )
        try:
            owner = data["customer"]
            nodes = owner["storeCreditAccounts"]["nodes"] if owner else []
            if not nodes:
                return Account(None, owner is not None, 0, ())
            account = nodes[0]
            balance_minor = _minor(account["balance"], currency)
            transactions = account["transactions"]
            movements += [_movement(node, currency) for node in transactions["nodes"]]
            page = transactions["pageInfo"]
            if is_enough(movements) or not page["hasNextPage"]:
                return Account(str(account["id"]), True, balance_minor, tuple(movements))
            after = page["endCursor"]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _unreadable(error) from error
    raise NoAnswer("The account has more transactions than can be read back.")


def send_credit(
    gateway: Gateway,
    owner_gid: str,
    amount_minor: int,
    currency: str,
    *,
    expires_at: datetime | None,
    max_wait_seconds: float,
    before_send: Callable[[], None],
) -> Receipt:
    """Credit an owner, which opens the account if need be; raise MoveRefused or another ShopifyError."""
    credit: Json = {"creditAmount": _money(amount_minor, currency)}
    if expires_at is not None:
        credit["expiresAt"] = f"{expires_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    data = gateway.execute(
        STORE_CREDIT_CREDIT,
        {"owner": owner_gid, "input": credit},
        max_wait_seconds=max_wait_seconds,
        before_send=before_send,
    )
    return _receipt(data.get("storeCreditAccountCredit"), amount_minor, currency)


def send_debit(
    gateway: Gateway,
    account_gid: str,
    amount_minor: int,
    currency: str,
    *,
    max_wait_seconds: float,
    before_send: Callable[[], None],
) -> Receipt:
    """Debit an account, all or nothing; raise MoveRefused or another ShopifyError."""
    data = gateway.execute(
        STORE_CREDIT_DEBIT,
        {"account": account_gid, "input": {"debitAmount": _money(amount_minor, currency)}},
        max_wait_seconds=max_wait_seconds,
        before_send=before_send,
    )
    return _receipt(data.get("storeCreditAccountDebit"), -amount_minor, currency)


def _receipt(payload: object, signed_minor: int, currency: str) -> Receipt:
    if not isinstance(payload, dict):
        raise NoAnswer("Shopify's answer says nothing about the transaction.")
    try:
        made = payload["storeCreditAccountTransaction"]
        if made is None:
            refusal = payload["userErrors"][0]
            raise MoveRefused(str(refusal["code"]), str(refusal["message"]))
        if _minor(made["amount"], currency) != signed_minor:
            raise NoAnswer("Shopify's answer speaks of another amount than was asked for.")
        return Receipt(str(made["id"]), _minor(made["balanceAfterTransaction"], currency))
    except (LookupError, TypeError, ValueError) as error:
        raise _unreadable(error) from error


def _movement(node: Json, currency: str) -> Movement:
    gid = node.get("id")
    expires_at = node.get("expiresAt")
    return Movement(
        kind=_KINDS[node["__typename"]],
        gid=None if gid is None else str(gid),
        amount_minor=_minor(node["amount"], currency),
        balance_after_minor=_minor(node["balanceAfterTransaction"], currency),
        created_at=_instant(node["createdAt"]),
        is_adjustment=node["event"] == "ADJUSTMENT" and node["origin"] is None,
        expires_at=None if expires_at is None else _instant(expires_at),
    )


def _money(minor: int, currency: str) -> Json:
    return {"amount": to_decimal_string(minor, currency), "currencyCode": currency}


def _minor(money: Json, currency: str) -> int:
    if money["currencyCode"] != currency:
        raise MoneyError(f"An amount is in {money['currencyCode']}, not in {currency}.")
    return to_minor(money["amount"], currency)


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return instant.astimezone(UTC)


def _unreadable(error: Exception) -> NoAnswer:
    return NoAnswer(f"Shopify's answer is not shaped as its schema says ({type(error).__name__}: {error}).")
