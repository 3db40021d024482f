"""What templates may name: each variable, what it means, an example of it, and how it is found in a letter.

All of them are ready to be shown: amounts, days and rates are texts in the letter's language. Whatever people other
than the shop have written (names of customers and orders) is one line without anything that could pass for more.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from babel.dates import format_date

from app.engine.rules.letters import Letter, News, Sender
from app.engine.rules.messages import Saying
from app.engine.rules.statements import Amounts, Figures
from app.languages import format_money, format_rate, locale_of
from app.mail.statement_words import word_of
from app.mail.templating import Names, Value
from app.sentences import marked

#: The template that stands around all others.
FRAME = "frame"
#: Names of customers that are longer are left out; other words of one line are cut.
LONGEST_NAME = 60
LONGEST_WORD = 120
LONGEST_NOTE = 500
#: Amounts of so many characters still stand side by side on a phone: four of them, and three.
_NARROW = {True: 8, False: 10}

_COMMON = ("shop", "shop_url", "cashback_url", "stop_url", "name")
_COLUMNS = ("pending", "available", "owed", "together")
_SUMS = tuple(f"{when}_{column}" for when in ("opening", "closing") for column in _COLUMNS)
_OWN: Mapping[str, tuple[str, ...]] = {
    Saying.EARNED: ("amount", "order", "day"),
    Saying.CREDITED: ("amount", "order", "ends", "note"),
    Saying.REVERSED: ("amount", "order", "why", "note"),
    Saying.TIER_CHANGED: ("tier", "before", "rate"),
    Saying.EXPIRING: ("amount", "day"),
    Saying.STATEMENT_READY: ("number", "from_day", "to_day", "statement_url", "owes", "wide", *_SUMS),
    Saying.REFUNDED: ("amount", "order"),
    Saying.CLAIMABLE: ("amount", "order", "day"),
    FRAME: ("balance", "more"),
}
_TABLES = {Saying.STATEMENT_READY.value: {"lines": ("name", *_COLUMNS)}}
#: What templates there are, the frame last.
TEMPLATES = (*(saying.value for saying in Saying), FRAME)

_MEANINGS: Mapping[str, str] = {
    "shop": marked("Your shop's name"),
    "shop_url": marked("The address of your storefront"),
    "cashback_url": marked("The page on which customers see all their cashback"),
    "stop_url": marked("The page on which customers choose which mails they want"),
    "name": marked("The customer's name; empty if nobody knows it"),
    "amount": marked("The amount it is about"),
    "order": marked("The order's name; empty if it is about no order"),
    "day": marked("The last day"),
    "earned day": marked("When the credit is expected; empty while nobody can say"),
    "ends": marked("The last day of this credit; empty if it does not end"),
    "note": marked("What a person wrote to go with it; empty if nothing"),
    "why": marked("refund, cancelled, not_granted, by_hand or set_off"),
    "tier": marked("The new tier; empty if it is none"),
    "before": marked("The tier until now; empty if it was none"),
    "rate": marked("The rate of the new tier; empty if it is none"),
    "number": marked("The statement's number"),
    "from_day": marked("The first day of the statement"),
    "to_day": marked("The last day of the statement"),
    "statement_url": marked("The page on which the statement can be read and printed"),
    "owes": marked("Yes if anything on the statement was owed"),
    "wide": marked("Yes if its figures need more room than a phone has side by side"),
    "opening_pending": marked("On its way when the statement begins"),
    "opening_available": marked("Available when the statement begins"),
    "opening_owed": marked("Owed when the statement begins"),
    "opening_together": marked("All of it when the statement begins"),
    "closing_pending": marked("On its way when the statement ends"),
    "closing_available": marked("Available when the statement ends"),
    "closing_owed": marked("Owed when the statement ends"),
    "closing_together": marked("All of it when the statement ends"),
    "lines": marked("The rows of the statement; each has name, pending, available, owed and together"),
    "sections": marked("The news, each in the words of its own template"),
    "balance": marked("The store credit the customer has now; empty for guests and on statements"),
    "more": marked("Yes if there is more news than fits into one mail"),
}

#: Anything in a name that a mail program would make a link of, or that no name has.
_UNLIKELY = re.compile(r"[/:@<>{}\[\]|\\=]|www\.|\.\w{2,}", re.IGNORECASE)
#: Blanks but those that keep an amount together, ends of lines and pages, and characters that are none.
_BLANKS = re.compile("(?:[^\\S\u00a0\u202f]|[\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff])+")
#: Marks that turn the direction of the text around them.
_TURNS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Variable:
    """Something a template may show. ``meaning`` is translated where it is shown."""

    name: str
    meaning: str
    example: str


def names_of(template: str, part: str) -> Names:
    """Return what a part (``subject``, ``html`` or ``text``) of a template may name."""
    sections = ("sections",) if template == FRAME and part != "subject" else ()
    return Names((*_OWN[template], *sections, *_COMMON), _TABLES.get(template, {}))


def meaning_of(template: str, name: str) -> str:
    """Return what a variable means, to be translated."""
    return _MEANINGS.get(f"{template} {name}", _MEANINGS[name])


def common_values(letter: Letter, sender: Sender) -> dict[str, Value]:
    """Return the variables that every template of a letter has."""
    return {
        "shop": one_line(sender.shop_name),
        "shop_url": sender.shop_url,
        "cashback_url": sender.cashback_url,
        "stop_url": sender.stop_url,
        "name": _greeted(letter.name),
    }


def frame_values(letter: Letter, *, more: bool) -> dict[str, Value]:
    """Return the variables of the frame besides the sections and what all templates have."""
    is_plain = letter.customer_id is not None and any(news.saying is not Saying.STATEMENT_READY for news in letter.news)
    locale = locale_of(letter.language)
    return {
        "balance": format_money(letter.available_minor, letter.currency, locale) if is_plain else "",
        "more": more,
    }


def news_values(news: News, letter: Letter, sender: Sender) -> dict[str, Value]:
    """Return the variables that the template of one piece of news has of its own."""
    language, locale = letter.language, locale_of(letter.language)
    found: dict[str, Value] = {
        "amount": format_money(news.amount_minor, letter.currency, locale),
        "order": one_line(news.order_name or ""),
        "day": _day(news.on_day, language),
        "ends": _day(news.ends_on, language),
        "note": _note(news.note or ""),
        "why": news.taken_back.value if news.taken_back else "",
        "tier": one_line(news.tier_after or ""),
        "before": one_line(news.tier_before or ""),
        "rate": "" if news.rate_bps is None else format_rate(news.rate_bps, locale),
    }
    if news.saying is Saying.STATEMENT_READY:
        found |= _statement_values(news, letter, sender)
    wanted = names_of(news.saying, "html")
    return {name: found[name] for name in (*_OWN[news.saying], *wanted.tables)}


def one_line(text: str, most: int = LONGEST_WORD) -> str:
    """Return a text as one line of at most so many characters, without marks that nobody sees."""
    line = _BLANKS.sub(" ", _TURNS.sub("", text[: 4 * most])).strip()
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def _greeted(name: str | None) -> str:
    """Return a name to greet somebody by, nothing if it is none: whoever signs up may write an advertisement there."""
    line = one_line(name or "", LONGEST_NAME + 1)
    return "" if len(line) > LONGEST_NAME or _UNLIKELY.search(line) else line


def _note(text: str) -> str:
    lines = [one_line(line, LONGEST_NOTE) for line in text[:LONGEST_NOTE].splitlines()]
    return "\n".join(line for line in lines if line)


def _day(on: date | None, language: str) -> str:
    return "" if on is None else format_date(on, "long", locale=locale_of(language))


def _statement_values(news: News, letter: Letter, sender: Sender) -> dict[str, Value]:
    figures = news.figures or Figures(Amounts(), {})
    opening, closing = _columns(figures.opening, letter), _columns(figures.closing, letter)
    lines = {line: _columns(amounts, letter) for line, amounts in figures.lines.items()}
    owes = any(amounts.owed_minor for amounts in (figures.opening, figures.closing, *figures.lines.values()))
    longest = max(len(cell) for row in (opening, closing, *lines.values()) for cell in row.values())
    return {
        "number": str(news.statement_id or ""),
        "from_day": _day(news.from_day, letter.language),
        "to_day": _day(news.to_day, letter.language),
        "statement_url": sender.statement_url or sender.cashback_url,
        "owes": owes,
        "wide": longest > _NARROW[owes],
        "lines": [{"name": word_of(line, letter.language), **row} for line, row in lines.items()],
        **{f"opening_{column}": text for column, text in opening.items()},
        **{f"closing_{column}": text for column, text in closing.items()},
    }


def _columns(amounts: Amounts, letter: Letter) -> dict[str, str]:
    parts = (amounts.pending_minor, amounts.available_minor, amounts.owed_minor, amounts.total_minor)
    locale = locale_of(letter.language)
    return {name: format_money(part, letter.currency, locale) for name, part in zip(_COLUMNS, parts, strict=True)}
