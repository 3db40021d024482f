"""What a person must know about store-credit accounts, and what to do: sentences of the engine's status."""

from datetime import datetime, timedelta

from app.admin.display import format_age, format_money
from app.admin.queries.accounts import AccountFindings

#: Shopify may fail for so long before somebody must know.
STOPPED_FOR = timedelta(minutes=15)


def tell_accounts(found: AccountFindings, currency: str, now: datetime) -> list[tuple[str, str]]:
    """Return what is wrong with accounts, each with its advice."""
    return [*_drift(found, currency), *_repeated(found), *_reading(found, now), *_spending(found)]


def _drift(found: AccountFindings, currency: str) -> list[tuple[str, str]]:
    if not found.drift_customers or found.drift_since is None:
        return []
    amounts = [
        f"{format_money(minor, currency)} {word}"
        for minor, word in ((found.more_minor, "more"), (found.less_minor, "less"))
        if minor
    ]
    return [
        (
            f"Books and Shopify differ for {_count(found.drift_customers, 'customer')}, since "
            f"{format_age(found.drift_since)}: Shopify has {' and '.join(amounts)} than the books.",
            "List them by `flask drift`, compare each with the customer's store credit in Shopify, and put right by a "
            "credit or debit by hand whichever of the two is wrong. Boomerang looks again every hour.",
        )
    ]


def _repeated(found: AccountFindings) -> list[tuple[str, str]]:
    if not found.repeated_transfers:
        return []
    are = "looks" if found.repeated_transfers == 1 else "look"
    return [
        (
            f"{_count(found.repeated_transfers, 'transaction')} in Shopify {are} like one of our transfers "
            "carried out twice.",
            "List them by `flask drift`, take back by hand what a customer got twice, and then say by "
            "`flask repeated-transfer` that it was looked at.",
        )
    ]


def _reading(found: AccountFindings, now: datetime) -> list[tuple[str, str]]:
    if found.stopped_since is None or now - found.stopped_since <= STOPPED_FOR:
        return []
    return [
        (
            f"For {format_age(found.stopped_since)} no store-credit account could be read: {found.stopped_by}",
            "It is tried again every few minutes. Until then what customers spend is missing in the books.",
        )
    ]


def _spending(found: AccountFindings) -> list[tuple[str, str]]:
    if found.can_spend is not False:
        return []
    return [
        (
            "Customers cannot spend store credit: it is switched off at this shop's checkout.",
            "Switch store credit on in Shopify's settings for customer accounts; Boomerang looks once a day.",
        )
    ]


def _count(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"
