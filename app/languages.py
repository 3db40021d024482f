"""The languages people read Boomerang in: which one a request gets, its catalogue, and sentences made elsewhere.

The catalogues are read as they are written (``translations/<language>.po``): nothing has to be compiled before.
"""

from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.core import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, g, has_request_context, request
from flask_babel import Babel, Domain, get_babel, get_locale
from flask_babel import gettext as _gettext

from app.sentences import Sentence

#: The first one is what everything is written in, and what whoever reads none of the others gets.
LANGUAGES = ("en", "de", "fr", "es")
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
    app.jinja_env.globals.update(language=current_language)
    app.jinja_env.filters["said"] = translate


def choose_language() -> str:
    """Return the language of this request: what the person chose, else their Shopify admin's, else the browser's."""
    if not has_request_context():
        return LANGUAGES[0]
    chosen = getattr(g.get("staff"), "language", None)
    asked = request.args.get("locale", "").replace("_", "-").split("-")[0].lower()
    if chosen in LANGUAGES:
        return str(chosen)
    if asked in LANGUAGES:
        return asked
    return request.accept_languages.best_match(LANGUAGES, default=LANGUAGES[0])


def current_language() -> str:
    """Return the language of this request, in two letters."""
    locale = get_locale()
    return LANGUAGES[0] if locale is None else str(locale.language)


def current_locale() -> Locale:
    """Return how numbers, money and dates are written for whoever asks."""
    language = current_language()
    return Locale.parse("en_US" if language == "en" else language)


def translate(sentence: object) -> str:
    """Return a sentence made where no language is known, such as an error's, in the language of this request."""
    said = sentence.args[0] if isinstance(sentence, Exception) and sentence.args else sentence
    if not isinstance(said, Sentence):
        return str(_call(_gettext, str(said))) if str(said) else ""
    values = {name: translate(value) if isinstance(value, Sentence) else value for name, value in said.values.items()}
    return str(_call(_gettext, said.template)).format(**values)


def _call(gettext: Callable[..., Any], text: str) -> Any:
    # Without values Flask-Babel leaves percent signs alone.
    return gettext(text)


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
