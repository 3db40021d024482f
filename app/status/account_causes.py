"""What a person must know about store-credit accounts, and what to do: sentences of the engine's status."""

from datetime import datetime, timedelta

from flask_babel import gettext as _
from flask_babel import ngettext

from app.languages import format_money, translate
from app.status.accounts import AccountFindings
from app.status.cause import Cause, lasted

#: Shopify may fail for so long before somebody must know.
STOPPED_FOR = timedelta(minutes=15)
ACCOUNTS = "/accounts"


def tell_accounts(found: AccountFindings, currency: str, now: datetime) -> list[Cause]:
    """Return what is wrong with accounts."""
    return [*_drift(found, currency, now), *_repeated(found), *_reading(found, now), *_spending(found)]


def _drift(found: AccountFindings, currency: str, now: datetime) -> list[Cause]:
    if not found.drift_customers or found.drift_since is None:
        return []
    values = {
        "age": lasted(found.drift_since, now),
        "more": format_money(found.more_minor, currency),
        "less": format_money(found.less_minor, currency),
    }
    count = found.drift_customers
    if not found.less_minor:
        what = ngettext(
            "Books and Shopify differ for %(num)s customer, since %(age)s: Shopify has %(more)s more than the books.",
            "Books and Shopify differ for %(num)s customers, since %(age)s: Shopify has %(more)s more than the books.",
            count,
            **values,
        )
    elif not found.more_minor:
        what = ngettext(
            "Books and Shopify differ for %(num)s customer, since %(age)s: Shopify has %(less)s less than the books.",
            "Books and Shopify differ for %(num)s customers, since %(age)s: Shopify has %(less)s less than the books.",
            count,
            **values,
        )
    else:
        what = _(
            "Books and Shopify differ for %(num)s customers, since %(age)s: "
            "Shopify has %(more)s more and %(less)s less than the books.",
            num=count,
            **values,
        )
    advice = _(
        "Compare each account with the customer's store credit in Shopify, and put right by a credit or debit by hand "
        "whichever of the two is wrong. Boomerang looks again every hour."
    )
    return [Cause("drift", what, advice, ACCOUNTS)]


def _repeated(found: AccountFindings) -> list[Cause]:
    if not found.repeated_transfers:
        return []
    what = ngettext(
        "%(num)s transaction in Shopify looks like one of our transfers carried out twice.",
        "%(num)s transactions in Shopify look like one of our transfers carried out twice.",
        found.repeated_transfers,
    )
    advice = _(
        "List them by `flask drift`, take back by hand what a customer got twice, and then say by "
        "`flask repeated-transfer` that it was looked at."
    )
    return [Cause("transfers_repeated", what, advice, ACCOUNTS)]


def _reading(found: AccountFindings, now: datetime) -> list[Cause]:
    if found.stopped_since is None or now - found.stopped_since <= STOPPED_FOR:
        return []
    what = _(
        "For %(age)s no store-credit account could be read: %(reason)s",
        age=lasted(found.stopped_since, now),
        reason=translate(found.stopped_by or ""),
    )
    advice = _("It is tried again every few minutes. Until then what customers spend is missing in the books.")
    return [Cause("accounts_unreadable", what, advice)]


def _spending(found: AccountFindings) -> list[Cause]:
    if found.can_spend is not False:
        return []
    what = _("Customers cannot spend store credit: it is switched off at this shop's checkout.")
    advice = _("Switch store credit on in Shopify's settings for customer accounts; Boomerang looks once a day.")
    return [Cause("spending_off", what, advice)]
