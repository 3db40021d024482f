"""What is said of customers, their tiers, their statements and of credit by hand."""

from flask import Flask
from flask_babel import lazy_gettext as _

from app.admin.queries.customers import Show, Sort
from app.engine.rules.facts import TierSource
from app.engine.rules.postings import Line
from app.engine.rules.states import TransferKind
from app.models import AdjustmentState, ReasonCode, TierChangeKind

SORT_WORDS = {
    Sort.NEWEST: _("Newest first"),
    Sort.NAME: _("By name"),
    Sort.SPEND: _("By spend"),
    Sort.BALANCE: _("By balance in Shopify"),
    Sort.OWED: _("By what they owe"),
}
SHOW_WORDS = {
    Show.OWING: _("Owe something"),
    Show.PENDING: _("Have pending cashback"),
    Show.GONE: _("Deleted or merged"),
}
REASON_WORDS = {
    ReasonCode.GOODWILL: _("Goodwill"),
    ReasonCode.PROMOTIONAL: _("Promotion"),
    ReasonCode.REFERRAL: _("Referral"),
    ReasonCode.ADJUSTMENT: _("Correction"),
    ReasonCode.REFUND: _("Refund"),
    ReasonCode.OTHER: _("Something else"),
}
#: Where a credit or debit by hand stands, in a word, and the colour it is shown in.
ADJUSTMENT_WORDS = {
    AdjustmentState.PROPOSED: (_("Waiting for a second person"), "attention"),
    AdjustmentState.BOOKED: (_("Booked"), "success"),
    AdjustmentState.DECLINED: (_("Declined"), "neutral"),
}
#: What is given and what is taken by hand.
HAND_WORDS = {TransferKind.CREDIT: _("Given"), TransferKind.DEBIT: _("Taken")}
CHANGE_WORDS = {
    TierChangeKind.INITIAL: _("First tier"),
    TierChangeKind.UPGRADE: _("Moved up"),
    TierChangeKind.DOWNGRADE: _("Moved down"),
    TierChangeKind.MANUAL: _("By hand"),
}
SOURCE_WORDS = {
    TierSource.SPEND: _("By spend"),
    TierSource.PAID: _("Bought"),
    TierSource.MANUAL: _("By hand"),
}
LINE_WORDS = {
    Line.EARNED: _("Earned"),
    Line.VOIDED: _("Promises taken back"),
    Line.SETTLED: _("Settled"),
    Line.SET_OFF: _("Set off against what is owed"),
    Line.FALLEN_SHORT: _("Less in Shopify than booked"),
    Line.REVERSED: _("Taken back"),
    Line.REDEEMED: _("Spent"),
    Line.RETURNED: _("Given back by Shopify"),
    Line.EXPIRED: _("Expired"),
    Line.ADJUSTED: _("By hand"),
    Line.EXTERNAL: _("Changed in Shopify"),
    Line.FORGIVEN: _("Forgiven"),
}


def init_customer_words(app: Flask) -> None:
    """Give the templates these words."""
    app.jinja_env.globals.update(
        sort_words=SORT_WORDS,
        show_words=SHOW_WORDS,
        reason_words=REASON_WORDS,
        adjustment_words=ADJUSTMENT_WORDS,
        hand_words=HAND_WORDS,
        tier_change_words=CHANGE_WORDS,
        tier_source_words=SOURCE_WORDS,
        line_words=LINE_WORDS,
    )
