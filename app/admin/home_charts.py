"""The charts of the front page: series out of the days' figures, each with a sentence and a table that say the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from babel.core import Locale
from babel.dates import format_skeleton
from flask_babel import gettext as _

from app.admin.charts import Plot, plot
from app.admin.display import format_money
from app.admin.queries.home import Days
from app.engine.day_sums import DaySum
from app.engine.rules.money import share_half_up
from app.languages import current_locale


@dataclass(frozen=True, slots=True)
class Series:
    """One row of numbers with its name and its look."""

    name: str
    kind: str
    values: Sequence[int | None]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart and all that is said of it; ``ticks``, ``days`` and ``cells`` are texts in the reader's language."""

    key: str
    title: str
    sentence: str
    plot: Plot
    series: tuple[Series, ...]
    ticks: tuple[str, ...]
    days: tuple[str, ...]
    #: For each day, newest first: its name and the numbers.
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Share:
    """What the customers of a tier were granted, and which part of all that is in basis points."""

    tier: str
    granted_minor: int
    share_bps: int


def draw_charts(days: Days, since: date, today: date, waiting_now: int, currency: str) -> list[Chart]:
    """Return the charts of the days from one to today. ``waiting_now`` is how many rewards wait at this moment."""
    dates = [since + timedelta(days=number) for number in range((today - since).days + 1)]
    figures = [days.by_day.get(on_day, DaySum()) for on_day in dates]
    queue = [days.waiting.get(on_day) for on_day in dates[:-1]] + [waiting_now]
    return [
        _issued(dates, figures, currency),
        _queue(dates, queue),
        _outstanding(dates, _run_up(days, since, figures), currency),
    ]


def share_tiers(total: DaySum) -> list[Share]:
    """Return who was granted how much of a total, most first."""
    whole = sum(total.granted_by_tier.values())
    ordered = sorted(total.granted_by_tier.items(), key=lambda item: (-item[1], item[0]))
    return [Share(tier, minor, share_half_up(10_000, minor, whole)) for tier, minor in ordered]


def format_day(on_day: date) -> str:
    """Return a day without its year: "Mar 3"."""
    return _write_day(on_day, current_locale())


@lru_cache(maxsize=1024)
def _write_day(on_day: date, locale: Locale) -> str:
    return format_skeleton("MMMd", on_day, locale=locale)


def _issued(dates: list[date], figures: list[DaySum], currency: str) -> Chart:
    issued = Series(_("Issued"), "bar", [one.issued_minor for one in figures])
    back = Series(_("Taken back"), "line", [one.reversed_minor for one in figures])
    most = max(figures, key=lambda one: one.issued_minor)
    if not most.issued_minor:
        sentence = _("No cashback was issued in these days.")
    else:
        sentence = _(
            "%(issued)s was issued and %(back)s taken back; most was issued on %(day)s, %(most)s.",
            issued=format_money(sum(one.issued_minor for one in figures), currency),
            back=format_money(sum(one.reversed_minor for one in figures), currency),
            day=format_day(dates[figures.index(most)]),
            most=format_money(most.issued_minor, currency),
        )
    return _chart("issued", _("Cashback issued and taken back"), sentence, dates, (issued, back), currency)


def _queue(dates: list[date], values: list[int | None]) -> Chart:
    seen = [value for value in values if value is not None]
    words = {"least": min(seen), "most": max(seen), "now": seen[-1]}
    if words["least"] == words["most"]:
        sentence = _("%(now)s wait now, as at the end of each day.", **words)
    else:
        sentence = _("Between %(least)s and %(most)s orders waited at the end of a day; %(now)s wait now.", **words)
    return _chart("queue", _("Orders waiting"), sentence, dates, (Series(_("Waiting"), "line", values),), None)


def _outstanding(dates: list[date], values: list[int], currency: str) -> Chart:
    then, now = values[0], values[-1]
    words = {"now": format_money(now, currency), "then": format_money(then, currency), "day": format_day(dates[0])}
    if now > then:
        sentence = _("Customers can spend %(now)s, more than the %(then)s of %(day)s.", **words)
    elif now < then:
        sentence = _("Customers can spend %(now)s, less than the %(then)s of %(day)s.", **words)
    else:
        sentence = _("Customers can spend %(now)s, as much as on %(day)s.", **words)
    series = (Series(_("Outstanding"), "line", values),)
    return _chart("outstanding", _("Credit outstanding"), sentence, dates, series, currency)


def _run_up(days: Days, since: date, figures: list[DaySum]) -> list[int]:
    """Return what was available at the end of each day."""
    running = days.before.available_minor
    running += sum(one.available_minor for on_day, one in days.by_day.items() if on_day < since)
    values = []
    for one in figures:
        running += one.available_minor
        values.append(running)
    return values


def _chart(
    key: str, title: str, sentence: str, dates: list[date], series: tuple[Series, ...], currency: str | None
) -> Chart:
    """Return a chart of series; amounts where there is a currency, else counts."""

    def write(value: int | None) -> str:
        if value is None:
            return "\u2013"
        return str(value) if currency is None else format_money(value, currency)

    drawn = plot(*((one.kind, one.values) for one in series))
    names = [format_day(on_day) for on_day in dates]
    rows = zip(names, *(map(write, one.values) for one in series), strict=True)
    middle = names[len(names) // 2]
    return Chart(
        key,
        title,
        sentence,
        drawn,
        series,
        ticks=tuple(map(write, drawn.ticks)),
        days=(names[0], middle, names[-1]),
        rows=tuple(reversed([tuple(row) for row in rows])),
    )
