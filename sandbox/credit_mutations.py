"""The two store-credit mutations, with Shopify's checks in Shopify's order.

That order was read off recorded answers: the account or owner must exist, then the expiry must
lie ahead, then the amount must be positive, then the currency must fit, then the limit or the
balance decides. Neither mutation knows an idempotency key: sent twice, it happens twice.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from graphql import GraphQLError

from sandbox.credit import CreditAccount, CreditRefused, check_expiry, exceeds_limit
from sandbox.models import Customer
from sandbox.money import to_minor
from sandbox.resolvers import Call, Info, Resolver, number_of

SCOPE = "write_store_credit_account_transactions"
RESULT_ONLY = ("USDC", "XXX")
LONGEST_NOTE = 5_000
MISMATCH = "The currency provided does not match the currency of the store credit account"


def credit(_root: None, info: Info, id: str, creditInput: dict[str, Any]) -> dict[str, Any]:  # noqa: A002, N803
    """Resolve `storeCreditAccountCredit`; a customer's first credit in a currency opens the account."""
    call: Call = info.context
    call.need(SCOPE, info)
    amount, currency = _read_money(creditInput["creditAmount"])
    expires_at: datetime | None = creditInput.get("expiresAt")
    try:
        account, owner = _find(call, id, currency)
        if account is None and owner is None:
            raise _missing(id)
        check_expiry(expires_at, call.now)
        _check_positive(amount, "credit")
        _check_note(creditInput, "credit")
        minor = _check_currency(account, amount, currency, "credit")
        if exceeds_limit(account.balance_minor if account else 0, minor, currency):
            raise CreditRefused(
                "CREDIT_LIMIT_EXCEEDED",
                ["creditInput", "creditAmount", "amount"],
                "The operation would cause the account's credit limit to be exceeded",
            )
    except CreditRefused as refusal:
        return _refused(refusal)
    if account is None:
        assert owner is not None
        account = call.shop.credit.open(owner, currency)
    entry = call.shop.credit.credit(account, minor, call.now, expires_at)
    entry.note = creditInput.get("note")
    if creditInput.get("notify"):
        call.shop.told_customers.append(entry)
    return {"storeCreditAccountTransaction": entry, "userErrors": []}


def debit(_root: None, info: Info, id: str, debitInput: dict[str, Any]) -> dict[str, Any]:  # noqa: A002, N803
    """Resolve `storeCreditAccountDebit`; the whole amount or nothing."""
    call: Call = info.context
    call.need(SCOPE, info)
    amount, currency = _read_money(debitInput["debitAmount"])
    try:
        account, _ = _find(call, id, currency)
        if account is None:
            raise CreditRefused("ACCOUNT_NOT_FOUND", ["id"], "Store credit account does not exist")
        _check_positive(amount, "debit")
        _check_note(debitInput, "debit")
        minor = _check_currency(account, amount, currency, "debit")
        entry = call.shop.credit.debit(account, minor, call.now)
        entry.note = debitInput.get("note")
    except CreditRefused as refusal:
        return _refused(refusal)
    return {"storeCreditAccountTransaction": entry, "userErrors": []}


MUTATIONS: dict[str, Resolver] = {"storeCreditAccountCredit": credit, "storeCreditAccountDebit": debit}


def _read_money(value: dict[str, Any]) -> tuple[Decimal, str]:
    currency: str = value["currencyCode"]
    if currency in RESULT_ONLY:
        raise GraphQLError(
            f'CurrencyCode "{currency}" is invalid. It can only be used as a result and not as an input value.',
            extensions={"code": "CURRENCY_CODE_INVALID"},
        )
    return value["amount"], currency


def _find(call: Call, global_id: str, currency: str) -> tuple[CreditAccount | None, Customer | None]:
    """Return the account meant by an account's or an owner's id, and the owner if one was named."""
    account_id = number_of(global_id, "StoreCreditAccount")
    if account_id is not None:
        return call.shop.credit.get(account_id, call.now), None
    customer = call.shop.customers.get(number_of(global_id, "Customer") or 0)
    if customer is None:
        return None, None
    return call.shop.credit.find(customer, currency, call.now), customer


def _missing(global_id: str) -> CreditRefused:
    if global_id.startswith("gid://shopify/StoreCreditAccount/"):
        return CreditRefused("ACCOUNT_NOT_FOUND", ["id"], "Store credit account does not exist")
    return CreditRefused("OWNER_NOT_FOUND", ["id"], "Owner does not exist")


def _check_positive(amount: Decimal, verb: str) -> None:
    if amount <= 0:
        raise CreditRefused(
            "NEGATIVE_OR_ZERO_AMOUNT",
            [f"{verb}Input", f"{verb}Amount", "amount"],
            f"A positive amount must be used to {verb} a store credit account",
        )


def _check_note(given: dict[str, Any], verb: str) -> None:
    if len(given.get("note") or "") > LONGEST_NOTE:
        raise CreditRefused("NOTE_TOO_LONG", [f"{verb}Input", "note"], "The note is too long")


def _check_currency(account: CreditAccount | None, amount: Decimal, currency: str, verb: str) -> int:
    if account is not None and account.currency != currency:
        raise CreditRefused("MISMATCHING_CURRENCY", [f"{verb}Input", f"{verb}Amount", "currencyCode"], MISMATCH)
    minor = to_minor(amount, currency)
    if minor is None:
        raise GraphQLError(
            f"Amount {amount} has more decimals than {currency} knows.", extensions={"code": "BAD_REQUEST"}
        )
    return minor


def _refused(refusal: CreditRefused) -> dict[str, Any]:
    error = {"field": refusal.field, "message": refusal.message, "code": refusal.code}
    return {"storeCreditAccountTransaction": None, "userErrors": [error]}
