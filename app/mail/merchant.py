"""What the merchant is written: something is wrong with the engine, it is over, and what the day was like.

In the language that is spoken just now (``force_locale``); times are those of the shop's zone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, format_timedelta, get_datetime_format
from flask_babel import gettext as _

from app.engine.rules.letters import Written
from app.languages import current_language, current_locale, format_money
from app.mail.merchant_words import Bullets, Button, Paragraph, Part, Table, write_to_merchant


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong, or with ``ended_at`` was."""

    #: What it is called, in a few words.
    name: str
    what: str
    advice: str
    #: Where it is seen and mended (``https://…``).
    url: str
    began_at: datetime
    ended_at: datetime | None = None
    #: How often it came since it was last told, this time included, and when that was.
    times: int = 1
    told_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class DaySummary:
    """What a day was like, and what is open now; amounts in minor units of the shop's currency."""

    on_day: date
    currency: str
    orders: int
    issued_minor: int
    reversed_minor: int
    #: What waits for a person now, and for how long the oldest has.
    waiting: int
    waiting_minor: int
    oldest_at: datetime | None
    #: Transfers and deliveries that failed and nobody has settled yet.
    failed: int
    #: What customers have to spend now, and what they owe.
    available_minor: int
    owed_minor: int
    #: What is wrong now, in sentences.
    troubles: tuple[str, ...] = ()

    @property
    def is_quiet(self) -> bool:
        """True where nothing happened, and nothing needs anybody."""
        happened = self.orders or self.issued_minor or self.reversed_minor
        return not (happened or self.waiting or self.failed or self.troubles)


def write_alert(troubles: Sequence[Trouble], *, shop_name: str, zone: ZoneInfo) -> Written:
    """Return one mail about everything that is to be told at once: what began, then what is over."""
    began = [one for one in troubles if one.ended_at is None]
    over = [one for one in troubles if one.ended_at is not None]
    parts: list[Part] = [part for one in began for part in _tell_trouble(one, zone)]
    parts += [part for one in over for part in _tell_end(one, zone)]
    language = current_language()
    return write_to_merchant(_subject(began, over, shop_name), parts, shop_name=shop_name, language=language)


def write_summary(day: DaySummary, *, shop_name: str, home_url: str, now: datetime) -> Written:
    """Return the mail about a day; a short one where nothing happened."""
    written_day = format_date(day.on_day, "full", locale=current_locale())
    subject = _("%(shop)s: your cashback on %(day)s", shop=shop_name, day=written_day)
    available = format_money(day.available_minor, day.currency)
    parts: list[Part]
    if day.is_quiet:
        parts = [
            Paragraph(_("Nothing happened on this day, and nothing waits for you.")),
            Paragraph(_("Customers have %(amount)s to spend.", amount=available)),
        ]
    else:
        parts = [Table((_("On this day"), ""), _figures(day)), Table((_("Now"), ""), _standing(day, now))]
        if day.troubles:
            parts += [Paragraph(_("This needs somebody:"), title=_("What is wrong")), Bullets(day.troubles)]
    parts.append(Button(_("Open Boomerang"), home_url))
    return write_to_merchant(subject, parts, shop_name=shop_name, language=current_language())


def _subject(began: Sequence[Trouble], over: Sequence[Trouble], shop: str) -> str:
    if len(began) == 1:
        return str(_("%(shop)s: %(trouble)s", shop=shop, trouble=began[0].name))
    if began:
        return str(_("%(shop)s: %(count)s troubles need you", shop=shop, count=len(began)))
    if len(over) == 1:
        return str(_("%(shop)s: over: %(trouble)s", shop=shop, trouble=over[0].name))
    return str(_("%(shop)s: %(count)s troubles are over", shop=shop, count=len(over)))


def _tell_trouble(trouble: Trouble, zone: ZoneInfo) -> list[Part]:
    since = _("Seen since %(at)s.", at=_moment(trouble.began_at, zone))
    if trouble.told_before is not None:
        since = _(
            "Seen since %(at)s. It has come %(times)s times since we wrote about it on %(before)s.",
            at=_moment(trouble.began_at, zone),
            times=trouble.times,
            before=_moment(trouble.told_before, zone),
        )
    return [
        Paragraph(trouble.what, title=_("What is wrong")),
        Paragraph(since),
        Paragraph(trouble.advice, title=_("What to do")),
        Button(_("See it in Boomerang"), trouble.url),
    ]


def _tell_end(trouble: Trouble, zone: ZoneInfo) -> list[Part]:
    assert trouble.ended_at is not None
    lasted = _(
        "Over since %(at)s; it lasted for %(span)s.",
        at=_moment(trouble.ended_at, zone),
        span=format_timedelta(trouble.ended_at - trouble.began_at, locale=current_locale()),
    )
    return [Paragraph(lasted, title=_("This is over")), Paragraph(_("It was this: %(what)s", what=trouble.what))]


def _figures(day: DaySummary) -> tuple[tuple[str, ...], ...]:
    return (
        (_("Orders processed"), str(day.orders)),
        (_("Cashback issued"), format_money(day.issued_minor, day.currency)),
        (_("Cashback taken back"), format_money(day.reversed_minor, day.currency)),
    )


def _standing(day: DaySummary, now: datetime) -> tuple[tuple[str, ...], ...]:
    waiting: tuple[tuple[str, ...], ...] = ((_("Waiting for a person"), str(day.waiting)),)
    if day.oldest_at is not None:
        age = format_timedelta(now - day.oldest_at, locale=current_locale())
        amount = format_money(day.waiting_minor, day.currency)
        waiting += ((_("Cashback that waits"), amount), (_("The oldest has waited for"), age))
    return (
        *waiting,
        (_("Failed transfers and deliveries"), str(day.failed)),
        (_("Credit outstanding"), format_money(day.available_minor, day.currency)),
        (_("Owed by customers"), format_money(day.owed_minor, day.currency)),
    )


def _moment(at: datetime, zone: ZoneInfo) -> str:
    """Return an instant as the shop's clocks show it, to the minute."""
    locale = current_locale()
    local = at.astimezone(zone)
    pattern = str(get_datetime_format("medium", locale=locale)).replace("'", "")
    return pattern.format(format_time(local, "short", locale=locale), format_date(local, "medium", locale=locale))
