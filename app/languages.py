"""The languages people read Boomerang in: which one a request gets, its catalogue, its money, and whole sentences.

The catalogues are read as they are written (``translations/<language>.po``): nothing has to be compiled before.
"""

import re
from decimal import Decimal
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path

from babel.core import Locale
from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, get_currency_symbol, get_decimal_symbol
from babel.support import NullTranslations, Translations
from flask import Flask, g, has_request_context, request
from flask_babel import Babel, Domain, get_babel, get_locale
from flask_babel import gettext as _gettext
from markupsafe import Markup

from app.engine.rules.money import Exact, Money, Rate, exponent, rate_text
from app.sentences import Day, Sentence

#: The first one is what everything is written in, and what whoever reads none of the others gets.
LANGUAGES = ("en", "de", "fr", "es")
_PLACES = re.compile(r"0\.00")
_PLACE = Path(__file__).parent / "translations"


class _Written(Domain):  # type: ignore[misc]  # Flask-Babel has no types
    """The catalogues as files of sentences."""

    def get_translations(self) -> NullTranslations:
        """Return the catalogue of this request's language."""
        return read_catalogue(current_language())


def init_languages(app: Flask) -> None:
    """Let the templates speak: ``_()`` and ``trans`` in the language of the request, and the filter ``said``."""
    Babel(app, locale_selector=choose_language)
    get_babel(app).instance.domain_instance = _Written()
    # In the place of Jinja's own, which make a context anew for each call in a loop: a fifth of a long list's time.
    app.jinja_env.globals.update(language=current_language, _=write_text, gettext=write_text, ngettext=write_number)
    app.jinja_env.filters["said"] = translate


def choose_language() -> str:
    """Return the language of this request: what the person chose, else their Shopify admin's, else the browser's."""
    if not has_request_context():
        return LANGUAGES[0]
    chosen = getattr(g.get("staff"), "language", None)
    return find_language(chosen, request.args.get("locale"), *request.accept_languages.values()) or LANGUAGES[0]


def find_language(*tags: str | None) -> str | None:
    """Return the first of our languages that somebody's tags name: ``de`` for "de-AT", None if it is none of ours."""
    spoken = (tag.replace("_", "-").partition("-")[0].lower() for tag in tags if tag)
    return next((language for language in spoken if language in LANGUAGES), None)


def current_language() -> str:
    """Return the language of this request, in two letters."""
    locale = get_locale()
    return LANGUAGES[0] if locale is None else str(locale.language)


def current_locale() -> Locale:
    """Return how numbers, money and dates are written for whoever asks."""
    return locale_of(current_language())


@cache
def locale_of(language: str) -> Locale:
    """Return how numbers, money and dates are written in one of our languages."""
    return Locale.parse("en_US" if language == "en" else language)


def format_money(minor: int, currency: str, locale: Locale | None = None) -> str:
    """Return an amount for people: 1234 USD → "$12.34", 1234 JPY → "¥1,234"; in German "12,34 $".

    Without a locale it is that of the request.
    """
    return _write_money(minor, currency, locale or current_locale())


@lru_cache(maxsize=4096)
def _write_money(minor: int, currency: str, locale: Locale) -> str:
    """Write an amount; a page has the same ones again and again, above all zero."""
    places = exponent(currency)
    pattern = _PLACES.sub("0" + ("." + "0" * places if places else ""), locale.currency_formats["standard"].pattern)
    # Letters stand off from digits ("KWD 1.234"), signs do not ("$12.34").
    if get_currency_symbol(currency, locale)[-1].isalpha():
        pattern = pattern.replace("¤#", "¤\u00a0#")
    return format_currency(
        Decimal(minor).scaleb(-places), currency, format=pattern, locale=locale, currency_digits=False
    )


def format_rate(rate_bps: int, locale: Locale | None = None) -> str:
    """Return basis points as a percentage for people: 250 → "2.5 %", in German "2,5 %"; without a locale as above."""
    return rate_text(rate_bps).replace(".", get_decimal_symbol(locale or current_locale()))


def write_text(text: str, **values: object) -> Markup:
    """Return a template's text in the language of this request; its values are escaped."""
    return _fill(read_catalogue(current_language()).ugettext(text), values)


def write_number(singular: str, plural: str, num: int, **values: object) -> Markup:
    """Return a template's text about a number of things; ``num`` is one of its values."""
    said = read_catalogue(current_language()).ungettext(singular, plural, num)
    return _fill(said, {"num": num, **values})


def _fill(said: str, values: dict[str, object]) -> Markup:
    # Always a format, as Jinja's: "100 %%" is written alike with and without values.
    return Markup(said) % values if "%" in said else Markup(said)  # noqa: S704 - our own catalogues


def translate(sentence: object) -> str:
    """Return a sentence made where no language is known, such as an error's, in the language of this request."""
    said = sentence.args[0] if isinstance(sentence, Exception) and sentence.args else sentence
    if not isinstance(said, Sentence):
        text = str(said)
        # The empty text is the catalogue's own heading.
        return str(_gettext(text)) if text else ""
    values = {name: _for_people(value) for name, value in said.values.items()}
    return str(_gettext(said.template)).format(**values)


def _for_people(value: object) -> object:
    match value:
        case Sentence():
            return translate(value)
        case Money(minor, currency):
            return format_money(minor, currency)
        case Exact(text, currency):
            return f"{text.replace('.', get_decimal_symbol(current_locale()))}\u00a0{currency}"
        case Rate(bps):
            return format_rate(bps)
        case Day(on):
            return format_date(on, "long", locale=current_locale())
        case _:
            return value


@cache
def read_catalogue(language: str) -> NullTranslations:
    """Return the catalogue of a language; the empty one of the language everything is written in."""
    path = _PLACE / f"{language}.po"
    if not path.exists():
        return NullTranslations()
    with path.open("rb") as written:
        catalogue = read_po(written, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)
