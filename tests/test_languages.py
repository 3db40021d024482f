"""Each reader in their language: which one it is, and how sentences made elsewhere come out in it."""

from types import SimpleNamespace

import pytest
from babel.support import Translations
from flask import Flask, g
from hypothesis import given
from hypothesis import strategies as st

from app import languages
from app.engine.rules.money import Money, Rate
from app.engine.rules.steps import Step, and_list
from app.engine.rules.steps_kept import Cancelled
from app.engine.rules.steps_rates import Amount
from app.errors import Refused
from app.sentences import say


@pytest.mark.parametrize(
    ("chosen", "asked", "browser", "language"),
    [
        (None, "", "", "en"),
        (None, "", "fr-CA, en;q=0.5", "fr"),
        (None, "", "nl, pt;q=0.5", "en"),
        (None, "de", "fr", "de"),
        (None, "pt-BR", "es", "es"),
        (None, "fr-CA", "", "fr"),
        (None, "zz\0..", "es", "es"),
        ("es", "de", "fr", "es"),
    ],
)
def test_what_was_chosen_goes_before_the_admins_and_the_browsers_language(
    app: Flask, chosen: str | None, asked: str, browser: str, language: str
) -> None:
    with app.test_request_context("/", query_string={"locale": asked}, headers={"Accept-Language": browser}):
        g.staff = SimpleNamespace(language=chosen)
        assert languages.current_language() == language


@pytest.mark.parametrize(
    ("language", "minor", "currency", "text"),
    [
        ("en", 123456, "USD", "$1,234.56"),
        ("de", 123456, "EUR", "1.234,56 €"),
        ("fr", -123456, "EUR", "-1 234,56 €"),
        ("es", 1234, "JPY", "1.234 JPY"),
        ("en", 1234, "KWD", "KWD 1.234"),
    ],
)
def test_money_is_written_as_the_language_has_it(
    app: Flask, language: str, minor: int, currency: str, text: str
) -> None:
    with app.test_request_context("/", headers={"Accept-Language": language}):
        assert languages.format_money(minor, currency).replace("\u00a0", " ").replace("\u202f", " ") == text


def test_a_sentence_is_translated_with_all_that_stands_in_it(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = Translations()
    catalogue._catalog = {
        "{rate} of {whole} is {rest}.": "{rate} von {whole} sind {rest}.",
        "{most} and {last}": "{most} und {last}",
        "apples": "Äpfel",
        "Say why.": "Sag, warum.",
    }
    monkeypatch.setattr(languages, "read_catalogue", lambda language: catalogue)
    rest = and_list([say("apples"), say("{name}", name="{whole} & Co")])
    sentence = say("{rate} of {whole} is {rest}.", rate=Rate(250), whole=Money(1000, "EUR"), rest=rest)
    assert sentence == "2.5 % of 10.00 EUR is apples and {whole} & Co."
    with app.test_request_context("/", headers={"Accept-Language": "de"}):
        assert languages.translate(sentence) == "2,5 % von 10,00\u00a0€ sind Äpfel und {whole} & Co."
        assert languages.translate(Refused("Say why.")) == "Sag, warum."
        assert languages.translate("100 % unknown {x}") == "100 % unknown {x}"
        assert languages.translate("") == ""


@given(st.text(), st.text())
def test_no_value_is_taken_for_a_place_to_fill(name: str, other: str) -> None:
    assert say("{a}, {b}", a=name, b=other) == f"{name}, {other}"
    assert say("{said}.", said=say("{a}", a=name)) == f"{name}."


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Amount(9_980, 250, "2.495", 250), "2,5 % von 99,80\u00a0€ sind 2,495\u00a0EUR, gerundet auf 2,50\u00a0€."),
        (
            Cancelled("2026-03-04T09:00:00+00:00"),
            "Die Bestellung wurde am 4. März 2026 storniert: Nichts davon bleibt.",
        ),
    ],
)
def test_days_and_exact_amounts_of_an_explanation_are_written_as_the_language_has_it(
    app: Flask, step: Step, said: str
) -> None:
    with app.test_request_context("/", query_string={"locale": "de"}):
        assert languages.translate(step.sentence("EUR")).replace("\u202f", " ") == said
