"""How instants and badges look on a page; money and rates are the languages' affair."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_datetime, format_timedelta
from babel.numbers import get_decimal_symbol
from flask import Flask, g
from flask_babel import lazy_gettext as _
from markupsafe import Markup

from app.clock import utcnow
from app.engine.rules.holds import HoldReason
from app.engine.rules.states import Badge, TransferState
from app.languages import current_language, current_locale, format_rate
from app.languages import format_money as format_money
from app.models import DeliveryState

#: Day and time together; other languages than English have the time as their own formats have it.
_MOMENT = {"en": "MMM d, y 'at' h:mm\u202fa"}
_PRECISE = {"en": "MMM d, y 'at' h:mm:ss\u202fa zzz"}

#: The colour a badge is shown in; the word always stands beside it.
BADGE_TONES = {
    Badge.PENDING: "attention",
    Badge.SCHEDULED: "info",
    Badge.HELD: "warning",
    Badge.PROCESSED: "success",
    Badge.SENDING: "info",
    Badge.FAILED: "critical",
    Badge.PARTLY_REVERSED: "neutral",
    Badge.REVERSED: "neutral",
    Badge.REJECTED: "neutral",
    Badge.NOT_ELIGIBLE: "neutral",
    Badge.AWAITING_ACCOUNT: "attention",
}
BADGE_WORDS = {
    Badge.PENDING: _("Pending"),
    Badge.SCHEDULED: _("Scheduled"),
    Badge.HELD: _("Held"),
    Badge.PROCESSED: _("Processed"),
    Badge.SENDING: _("Sending"),
    Badge.FAILED: _("Failed"),
    Badge.PARTLY_REVERSED: _("Partly reversed"),
    Badge.REVERSED: _("Reversed"),
    Badge.REJECTED: _("Rejected"),
    Badge.NOT_ELIGIBLE: _("Not eligible"),
    Badge.AWAITING_ACCOUNT: _("Awaiting account"),
}
TRANSFER_TONES = {
    TransferState.PLANNED: "info",
    TransferState.SENDING: "info",
    TransferState.CONFIRMED: "success",
    TransferState.REFUSED: "critical",
    TransferState.UNKNOWN: "warning",
    TransferState.NOT_APPLICABLE: "neutral",
}

#: What became of a delivery, in a word, and the colour it is shown in.
DELIVERY_WORDS = {
    DeliveryState.RECEIVED: (_("Waiting"), "info"),
    DeliveryState.HANDLED: (_("Handled"), "success"),
    DeliveryState.FAILED: (_("Failed"), "critical"),
    DeliveryState.IGNORED: (_("Ignored"), "neutral"),
}

#: Why a reward is held: in a word or two, and as a sentence.
HOLD_WORDS = {
    HoldReason.ORDER_VALUE: (
        _("large order"),
        _("Held because the order is larger than the amount above which orders are held."),
    ),
    HoldReason.FIRST_ORDER: (_("first order"), _("Held because it is the customer's first order.")),
    HoldReason.NEW_ACCOUNT: (
        _("new account"),
        _("Held because the customer's account was new when the order was placed."),
    ),
    HoldReason.RISK: (_("risk"), _("Held because Shopify sees a risk of fraud.")),
    HoldReason.REFUND_SHARE: (_("many returns"), _("Held because the customer gives back much of what they buy.")),
    HoldReason.MANY_ORDERS: (_("many orders"), _("Held because the customer placed many orders within a day.")),
    HoldReason.TAG: (_("tag"), _("Held because of a tag of the order or the customer.")),
    HoldReason.PRODUCT: (_("product"), _("Held because of a product in the order.")),
    HoldReason.COUNTRY_MISMATCH: (
        _("countries differ"),
        _("Held because it is billed to one country and sent to another."),
    ),
    HoldReason.OPEN_RETURN: (_("return open"), _("Held while goods of the order are on their way back.")),
    HoldReason.DISPUTE: (_("disputed"), _("Held while the customer contests the payment at the bank.")),
    HoldReason.BY_STAFF: (_("by hand"), _("Held by hand for a closer look.")),
}


def init_display(app: Flask) -> None:
    """Give the templates these filters."""
    app.jinja_env.filters.update(
        money=format_money,
        rate=format_rate,
        moment=format_moment,
        precise=format_precise,
        age=format_age,
        span=format_span,
    )
    app.jinja_env.globals.update(
        badge_tones=BADGE_TONES,
        badge_words=BADGE_WORDS,
        delivery_words=DELIVERY_WORDS,
        hold_words=HOLD_WORDS,
        transfer_tones=TRANSFER_TONES,
    )


def format_moment(at: datetime) -> Markup:
    """Return an instant in the shop's time zone as a ``<time>`` element."""
    return _time(at, _MOMENT.get(current_language()) or _day_and("HH:mm"))


def format_precise(at: datetime) -> Markup:
    """Return an instant with its seconds and zone as a ``<time>`` element."""
    return _time(at, _PRECISE.get(current_language()) or _day_and("HH:mm:ss zzz"))


def format_age(since: datetime) -> str:
    """Return how long ago an instant was: "3 hours"."""
    return format_timedelta(utcnow() - since, locale=current_locale())


def format_span(span: timedelta) -> str:
    """Return how long something took: "420 ms", "2.3 s", "5 minutes". What clocks that differ make negative is 0."""
    thousandths = max(span // timedelta(milliseconds=1), 0)
    if thousandths < 1_000:
        return f"{thousandths}\u00a0ms"
    if thousandths < 60_000:
        return f"{thousandths // 1_000}{get_decimal_symbol(current_locale())}{thousandths % 1_000 // 100}\u00a0s"
    return format_timedelta(span, locale=current_locale())


def zone(name: str) -> ZoneInfo:
    """Return a time zone; UTC for a name this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _day_and(time: str) -> str:
    return f"{current_locale().date_formats['medium'].pattern} {time}"


def _time(at: datetime, pattern: str) -> Markup:
    text = format_datetime(at, pattern, tzinfo=zone(g.shop.timezone), locale=current_locale())
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), text)
