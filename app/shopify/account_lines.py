"""Reads store-credit accounts with their transactions, several customers at a time."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from app.engine.rules.account_readings import AccountReading, Balance, DueAccount
from app.engine.rules.arrival import MovementKind
from app.engine.rules.money import MoneyError, to_minor
from app.engine.rules.statement_lines import StatementLine
from app.sentences import say
from app.shopify.documents import STORE_CREDIT_ACCOUNTS, STORE_CREDIT_CONFIGURATION, STORE_CREDIT_STATEMENTS
from app.shopify.gateway import Gateway
from app.shopify.nodes import Unreadable, gid, number_of, read_nodes, unreadable

#: So many customers are asked for at once: with their transactions that costs some 450 points of an allowance of 2,000.
BATCH = 8
#: Accounts of a customer, one for each currency; and transactions on a page, of which most readings need one.
MOST_ACCOUNTS, PAGE = 10, 10
#: From the second page on; what is longer than so many of them is no customer's account.
LONG_PAGE, MOST_PAGES = 100, 200
_KINDS = {
    "StoreCreditAccountCreditTransaction": MovementKind.CREDIT,
    "StoreCreditAccountDebitTransaction": MovementKind.DEBIT,
    "StoreCreditAccountDebitRevertTransaction": MovementKind.DEBIT_REVERT,
    "StoreCreditAccountExpirationTransaction": MovementKind.EXPIRATION,
}

Json = dict[str, Any]
Clock = Callable[[], datetime]


def read_statements(
    gateway: Gateway,
    due: Sequence[DueAccount],
    clock: Clock,
    *,
    whole: bool = False,
    max_wait_seconds: float = 10.0,
) -> list[AccountReading]:
    """Return what Shopify says of customers' accounts, back to what is taken in already or from the beginning.

    Amounts are in minor units. Raises the errors of ``app.shopify.errors``; Unreadable for what no rule can sort.
    """
    asked_at = clock()
    read = _Reader(gateway, max_wait_seconds)
    try:
        owners = read.balances([each.customer_id for each in due])
        wanted: dict[int, int] = {}
        for each in due:
            of_currency = [one.account_id for one in owners[each.customer_id] or () if one.currency == each.currency]
            wanted |= dict.fromkeys(of_currency, 0 if whole else each.read_through)
        told = read.statements(wanted)
        return [_reading(each, asked_at, owners[each.customer_id], told, whole) for each in due]
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise unreadable(error) from error


def read_configuration(gateway: Gateway, max_wait_seconds: float = 10.0) -> bool:
    """Return whether customers can spend store credit at checkout."""
    data = gateway.execute(STORE_CREDIT_CONFIGURATION, max_wait_seconds=max_wait_seconds)
    try:
        is_enabled = data["storeCreditConfiguration"]["storeCreditEnabled"]
    except (LookupError, TypeError) as error:
        raise unreadable(error) from error
    if not isinstance(is_enabled, bool):
        raise Unreadable(say("Shopify's answer does not say whether store credit can be spent."))
    return is_enabled


def _reading(
    due: DueAccount,
    asked_at: datetime,
    balances: Sequence[Balance] | None,
    told: dict[int, tuple[Balance, list[StatementLine], bool]],
    whole: bool,
) -> AccountReading:
    if balances is None:
        return AccountReading(due, asked_at, is_known=False)
    lines: list[StatementLine] = []
    # The balance that goes with the transactions, not the one that was read a moment before.
    seen = []
    is_whole = True
    for balance in balances:
        own, found, reached_end = told.get(balance.account_id, (balance, [], True))
        seen.append(own)
        lines += found
        is_whole = is_whole and reached_end
    return AccountReading(due, asked_at, True, tuple(seen), tuple(lines), whole or is_whole)


class _Reader:
    """One conversation with a shop's gateway."""

    def __init__(self, gateway: Gateway, max_wait_seconds: float) -> None:
        self._gateway = gateway
        self._max_wait_seconds = max_wait_seconds

    def balances(self, customer_ids: Sequence[int]) -> dict[int, list[Balance] | None]:
        """Return each customer's accounts; None for one whom Shopify does not know."""
        found: dict[int, list[Balance] | None] = {}
        for customer_id, node in read_nodes(
            self._gateway,
            STORE_CREDIT_ACCOUNTS,
            "Customer",
            customer_ids,
            batch=BATCH,
            max_wait_seconds=self._max_wait_seconds,
            variables={"first": MOST_ACCOUNTS},
        ):
            if node is None:
                found[customer_id] = None
                continue
            accounts = node["storeCreditAccounts"]
            if accounts["pageInfo"]["hasNextPage"]:
                raise Unreadable(
                    say(
                        "Customer {customer_id} has store credit in more than {most_accounts} currencies.",
                        customer_id=customer_id,
                        most_accounts=MOST_ACCOUNTS,
                    )
                )
            found[customer_id] = [_balance(number_of(each["id"]), each["balance"]) for each in accounts["nodes"]]
        return found

    def statements(self, wanted: dict[int, int]) -> dict[int, tuple[Balance, list[StatementLine], bool]]:
        """Return each account with its transactions back to a number, and whether those are all there are."""
        found = {}
        for account_id, node in read_nodes(
            self._gateway,
            STORE_CREDIT_STATEMENTS,
            "StoreCreditAccount",
            wanted,
            batch=BATCH,
            max_wait_seconds=self._max_wait_seconds,
            variables={"first": PAGE, "after": None},
        ):
            if node is None:
                raise Unreadable(
                    say("Shopify names the account {account_id} and does not show it.", account_id=account_id)
                )
            balance = _balance(account_id, node["balance"])
            lines = _lines(node["transactions"]["nodes"], balance.currency)
            is_all = self._go_on(account_id, wanted[account_id], node["transactions"]["pageInfo"], lines, balance)
            found[account_id] = (balance, lines, is_all)
        return found

    def _go_on(
        self, account_id: int, read_through: int, page: Json, lines: list[StatementLine], balance: Balance
    ) -> bool:
        """Add older pages until what is known already comes; return whether there are no older ones."""
        for _ in range(MOST_PAGES):
            if not page["hasNextPage"]:
                return True
            if any(line.number is not None and line.number <= read_through for line in lines):
                return False
            ((_, node),) = read_nodes(
                self._gateway,
                STORE_CREDIT_STATEMENTS,
                "StoreCreditAccount",
                [account_id],
                batch=1,
                max_wait_seconds=self._max_wait_seconds,
                variables={"first": LONG_PAGE, "after": page["endCursor"]},
            )
            if node is None:
                raise Unreadable(
                    say("Shopify names the account {account_id} and does not show it.", account_id=account_id)
                )
            lines += _lines(node["transactions"]["nodes"], balance.currency)
            page = node["transactions"]["pageInfo"]
        raise Unreadable(
            say("The account {gid} has more transactions than can be read.", gid=gid("StoreCreditAccount", account_id))
        )


def _balance(account_id: int, money: Json) -> Balance:
    currency = str(money["currencyCode"])
    return Balance(account_id, currency, to_minor(money["amount"], currency))


def _lines(nodes: Iterable[Json], currency: str) -> list[StatementLine]:
    return [_line(node, currency) for node in nodes]


def _line(node: Json, currency: str) -> StatementLine:
    money, own = node["amount"], node.get("id")
    if money["currencyCode"] != currency:
        raise MoneyError(f"An amount is in {money['currencyCode']}, not in {currency}.")
    order = (node["origin"] or {}).get("order")
    expires_at = node.get("expiresAt")
    kind = _KINDS[node["__typename"]]
    return StatementLine(
        kind=kind,
        gid=None if own is None else str(own),
        amount_minor=to_minor(money["amount"], currency),
        at=_instant(node["createdAt"]),
        event=str(node["event"]),
        order_id=None if order is None else number_of(order["id"]),
        expires_at=None if expires_at is None else _instant(expires_at),
        expired_gid=str(node["creditTransaction"]["id"]) if kind is MovementKind.EXPIRATION else None,
    )


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return instant.astimezone(UTC)
