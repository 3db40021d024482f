"""How money, rates, instants and badges look on a page. No float: amounts go to Babel as scaled decimals."""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.core import Locale
from babel.dates import format_datetime, format_timedelta
from babel.numbers import format_currency, get_currency_symbol
from flask import Flask, g
from markupsafe import Markup

from app.clock import utcnow
from app.engine.rules.holds import HoldReason
from app.engine.rules.money import exponent, rate_text
from app.engine.rules.states import Badge, TransferState
from app.models import DeliveryState

LOCALE = Locale.parse("en_US")
_MOMENT = "MMM d, y 'at' h:mm\u202fa"
_PRECISE = "MMM d, y 'at' h:mm:ss\u202fa zzz"

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
    DeliveryState.RECEIVED: ("Waiting", "info"),
    DeliveryState.HANDLED: ("Handled", "success"),
    DeliveryState.FAILED: ("Failed", "critical"),
    DeliveryState.IGNORED: ("Ignored", "neutral"),
}

#: Why a reward is held: in a word or two, and as a sentence.
HOLD_WORDS = {
    HoldReason.ORDER_VALUE: (
        "large order",
        "Held because the order is larger than the amount above which orders are held.",
    ),
    HoldReason.FIRST_ORDER: ("first order", "Held because it is the customer's first order."),
    HoldReason.NEW_ACCOUNT: ("new account", "Held because the customer's account was new when the order was placed."),
    HoldReason.RISK: ("risk", "Held because Shopify sees a risk of fraud."),
    HoldReason.REFUND_SHARE: ("many returns", "Held because the customer gives back much of what they buy."),
    HoldReason.MANY_ORDERS: ("many orders", "Held because the customer placed many orders within a day."),
    HoldReason.TAG: ("tag", "Held because of a tag of the order or the customer."),
    HoldReason.PRODUCT: ("product", "Held because of a product in the order."),
    HoldReason.COUNTRY_MISMATCH: ("countries differ", "Held because it is billed to one country and sent to another."),
    HoldReason.OPEN_RETURN: ("return open", "Held while goods of the order are on their way back."),
    HoldReason.DISPUTE: ("disputed", "Held while the customer contests the payment at the bank."),
    HoldReason.BY_STAFF: ("by hand", "Held by hand for a closer look."),
}


def init_display(app: Flask) -> None:
    """Give the templates these filters."""
    app.jinja_env.filters.update(
        money=format_money,
        rate=rate_text,
        moment=format_moment,
        precise=format_precise,
        age=format_age,
        span=format_span,
    )
    app.jinja_env.globals.update(
        badge_tones=BADGE_TONES, delivery_words=DELIVERY_WORDS, hold_words=HOLD_WORDS, transfer_tones=TRANSFER_TONES
    )


def format_money(minor: int, currency: str) -> str:
    """Return an amount for people: 1234 USD → "$12.34", 1234 JPY → "¥1,234"."""
    places = exponent(currency)
    # Letters stand off from digits ("KWD 1.234"), signs do not ("$12.34").
    gap = "\u00a0" if get_currency_symbol(currency, LOCALE)[-1].isalpha() else ""
    pattern = f"¤{gap}#,##0" + ("." + "0" * places if places else "")
    return format_currency(
        Decimal(minor).scaleb(-places), currency, format=pattern, locale=LOCALE, currency_digits=False
    )


def format_moment(at: datetime) -> Markup:
    """Return an instant in the shop's time zone as a ``<time>`` element."""
    return _time(at, _MOMENT)


def format_precise(at: datetime) -> Markup:
    """Return an instant with its seconds and zone as a ``<time>`` element."""
    return _time(at, _PRECISE)


def format_age(since: datetime) -> str:
    """Return how long ago an instant was: "3 hours"."""
    return format_timedelta(utcnow() - since, locale=LOCALE)


def format_span(span: timedelta) -> str:
    """Return how long something took: "420 ms", "2.3 s", "5 minutes". What clocks that differ make negative is 0."""
    thousandths = max(span // timedelta(milliseconds=1), 0)
    if thousandths < 1_000:
        return f"{thousandths}\u00a0ms"
    if thousandths < 60_000:
        return f"{thousandths // 1_000}.{thousandths % 1_000 // 100}\u00a0s"
    return format_timedelta(span, locale=LOCALE)


def zone(name: str) -> ZoneInfo:
    """Return a time zone; UTC for a name this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _time(at: datetime, pattern: str) -> Markup:
    text = format_datetime(at, pattern, tzinfo=zone(g.shop.timezone), locale=LOCALE)
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), text)
