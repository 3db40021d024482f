"""How customers and their store credit are read by GraphQL."""

from collections.abc import Callable
from typing import Any

from sandbox.connections import connection, paginate
from sandbox.credit import NEVER, CreditAccount, CreditTransaction
from sandbox.models import Customer
from sandbox.people import merge_blockers
from sandbox.resolvers import Call, Info, Resolver, gid, money, plain
from sandbox.search import select


def customer_accounts(customer: Customer, info: Info, query: str | None = None, **page: Any) -> dict[str, Any]:
    """Resolve `storeCreditAccounts`, with its one search term `currency_code`."""
    call: Call = info.context
    call.need("read_store_credit_accounts", info)
    accounts = call.shop.credit.accounts_of(customer, call.now)
    found = select(accounts, query, {"currency_code": lambda account: account.currency, "id": lambda a: a.id})
    return connection(paginate(found, lambda account: account.id, **page))


CREDIT_SEARCH: dict[str, Callable[[CreditTransaction], object]] = {
    "id": lambda entry: entry.id,
    "type": lambda entry: entry.type,
    "expires_at": lambda entry: entry.expires_at,
}


def account_transactions(
    account: CreditAccount,
    info: Info,
    query: str | None = None,
    reverse: bool = False,
    sortKey: str = "CREATED_AT",  # noqa: N803 - the argument's name in Shopify's schema
    **page: Any,
) -> dict[str, Any]:
    """Resolve an account's `transactions`."""
    info.context.need("read_store_credit_account_transactions", info)
    shown = [entry for entry in account.transactions if not entry.hidden]
    found = select(shown, query, CREDIT_SEARCH)
    if sortKey == "EXPIRES_AT":
        found.sort(key=lambda entry: (entry.expires_at or NEVER, entry.id))
    else:
        found.sort(key=lambda entry: (entry.created_at, entry.id))
    return connection(paginate(found[::-1] if reverse else found, lambda entry: entry.id, **page))


def _mergeable(customer: Customer, info: Info) -> dict[str, Any]:
    """Resolve `mergeable`: store credit forbids it."""
    blockers = merge_blockers(info.context.shop, customer)
    reason = f"{customer.display_name} has store credit." if blockers else None
    return {"errorFields": blockers, "isMergeable": not blockers, "reason": reason}


CUSTOMER: dict[str, Resolver] = {
    "id": plain(lambda c: gid("Customer", c.id)),
    "legacyResourceId": plain(lambda c: c.id),
    "displayName": plain(lambda c: c.display_name),
    "firstName": plain(lambda c: c.first_name or None),
    "lastName": plain(lambda c: c.last_name or None),
    "createdAt": plain(lambda c: c.created_at),
    "updatedAt": plain(lambda c: c.updated_at),
    "numberOfOrders": plain(lambda c: c.number_of_orders),
    "amountSpent": lambda c, info: money(c.spent_minor, info.context.shop.currency),
    "defaultEmailAddress": plain(lambda c: {"emailAddress": c.email} if c.email else None),
    "locale": plain(lambda c: c.locale),
    "state": plain(lambda c: "DISABLED"),
    "tags": plain(lambda c: sorted(c.tags)),
    "taxExempt": plain(lambda c: False),
    "verifiedEmail": plain(lambda c: c.verified_email),
    "mergeable": _mergeable,
    "storeCreditAccounts": customer_accounts,
}


ACCOUNT: dict[str, Resolver] = {
    "id": plain(lambda a: gid("StoreCreditAccount", a.id)),
    "balance": plain(lambda a: money(a.balance_minor, a.currency)),
    "transactions": account_transactions,
}


CREDIT_ENTRY: dict[str, Resolver] = {
    "amount": plain(lambda e: money(e.amount_minor, e.account.currency)),
    "balanceAfterTransaction": plain(lambda e: money(e.balance_after_minor, e.account.currency)),
    "createdAt": plain(lambda e: e.created_at),
    "note": plain(lambda e: e.note),
}


def _entry(kind: str) -> dict[str, Resolver]:
    return {**CREDIT_ENTRY, "id": plain(lambda e: gid(kind, e.id))}


CREDIT_OBJECTS: dict[str, dict[str, Resolver]] = {
    "Customer": CUSTOMER,
    "StoreCreditAccount": ACCOUNT,
    "StoreCreditAccountCreditTransaction": {
        **_entry("StoreCreditAccountCreditTransaction"),
        "expiresAt": plain(lambda e: e.expires_at),
        "remainingAmount": plain(lambda e: money(e.remaining_minor, e.account.currency)),
    },
    "StoreCreditAccountDebitTransaction": _entry("StoreCreditAccountDebitTransaction"),
    "StoreCreditAccountDebitRevertTransaction": {
        **_entry("StoreCreditAccountDebitRevertTransaction"),
        "debitTransaction": plain(lambda e: e.reverts),
    },
    "StoreCreditAccountExpirationTransaction": {
        **CREDIT_ENTRY,
        "creditTransaction": plain(lambda e: e.expired),
    },
}
