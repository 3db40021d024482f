"""What accounts, entries, transfers and reasons of the books are called on the pages."""

from flask import Flask
from flask_babel import lazy_gettext as _

from app.engine.rules.facts import MoveKind
from app.engine.rules.limits import LimitKind
from app.engine.rules.postings import Account, EntryKind
from app.engine.rules.states import TransferKind, TransferState

ACCOUNT_WORDS = {
    Account.PENDING: _("Pending"),
    Account.AVAILABLE: _("Available"),
    Account.OWED: _("Owed"),
    Account.PROMISED: _("Promised"),
    Account.REDEEMED: _("Spent"),
    Account.EXPIRED: _("Expired"),
    Account.ADJUSTED: _("By hand"),
    Account.EXTERNAL: _("Changed in Shopify"),
    Account.FORGIVEN: _("Forgiven"),
}
ENTRY_WORDS = {
    EntryKind.ACCRUAL: _("Earned"),
    EntryKind.VOID: _("Promise taken back"),
    EntryKind.SETTLEMENT: _("Settled"),
    EntryKind.CLAWBACK: _("Taken back"),
    EntryKind.SET_OFF: _("Set off against what is owed"),
    EntryKind.SHORTFALL: _("Less in Shopify than booked"),
    EntryKind.REDEMPTION: _("Spent at checkout"),
    EntryKind.RETURN: _("Given back by Shopify"),
    EntryKind.EXPIRY: _("Expired"),
    EntryKind.ADJUSTMENT: _("By hand"),
    EntryKind.EXTERNAL: _("Changed in Shopify"),
    EntryKind.FORGIVENESS: _("Forgiven"),
    EntryKind.MERGE: _("Carried over in a merge"),
}
TRANSFER_WORDS = {
    TransferState.PLANNED: _("Planned"),
    TransferState.SENDING: _("Sending"),
    TransferState.CONFIRMED: _("Confirmed"),
    TransferState.REFUSED: _("Refused"),
    TransferState.UNKNOWN: _("Unknown"),
    TransferState.NOT_APPLICABLE: _("Not applicable"),
}
DIRECTION_WORDS = {TransferKind.CREDIT: _("Credit"), TransferKind.DEBIT: _("Debit")}
MOVE_WORDS = {
    MoveKind.REDEMPTION: _("Spent at checkout"),
    MoveKind.RETURN: _("Given back by Shopify"),
    MoveKind.EXPIRY: _("Expired"),
    MoveKind.EXTERNAL_CREDIT: _("Credited in Shopify"),
    MoveKind.EXTERNAL_DEBIT: _("Debited in Shopify"),
}
#: Which limit cut a reward; the cap of one order is no counter and has its own words.
LIMIT_WORDS = {
    LimitKind.DAY: _("Limit per day"),
    LimitKind.CYCLE: _("Limit per statement period"),
    LimitKind.MONTH: _("Limit per month"),
    LimitKind.LIFETIME: _("Limit per customer"),
    LimitKind.BALANCE: _("Largest balance"),
    LimitKind.BUDGET: _("Budget of the month"),
    LimitKind.OWED: _("The customer owes"),
}
CAP_WORDS = _("Cap per order")


def init_book_words(app: Flask) -> None:
    """Give the templates these words."""
    app.jinja_env.globals.update(
        account_words=ACCOUNT_WORDS,
        entry_words=ENTRY_WORDS,
        transfer_words=TRANSFER_WORDS,
        direction_words=DIRECTION_WORDS,
        move_words=MOVE_WORDS,
        limit_words=LIMIT_WORDS,
    )
