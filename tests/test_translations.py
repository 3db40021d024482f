"""Everything is said in each language: no sentence is missing, none has lost a value, none is left over."""

import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_keywords, parse_mapping_cfg
from babel.messages.pofile import read_po

from app.languages import LANGUAGES

ROOT = Path(__file__).parent.parent
#: ``{name}`` of what the engine says, and ``%(name)s`` of what the pages say.
VALUES = re.compile(r"\{(\w+)\}|%\((\w+)\)[sd]")
OTHERS = LANGUAGES[1:]


@cache
def read_source() -> dict[str | tuple[str, ...], set[str]]:
    """Return what there is to translate, with the names of the values in it, as ``make messages`` collects it."""
    keywords = re.findall(r"-k (\w+)", (ROOT / "Makefile").read_text())
    with (ROOT / "babel.cfg").open() as written:
        methods, options = parse_mapping_cfg(written)
    wanted = DEFAULT_KEYWORDS | parse_keywords(keywords)
    found = extract_from_dir(ROOT, method_map=methods, options_map=options, keywords=wanted)
    texts = [text for _, _, text, _, _ in found if text]
    return {text: values_in(text) for text in texts}


@cache
def read_language(language: str) -> Catalog:
    with (ROOT / "app" / "translations" / f"{language}.po").open("rb") as written:
        return read_po(written, locale=language)


def values_in(text: str | tuple[str, ...]) -> set[str]:
    """Return the names of the values in a text; a plural's are those of its last form."""
    last = text if isinstance(text, str) else text[-1]
    return {one or other for one, other in VALUES.findall(last)}


def forms_of(message: Message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string,)


def test_there_is_much_to_say() -> None:
    assert len(read_source()) > 1_000
    assert {"Orders", "{rate} of {eligible} is {amount}."} <= read_source().keys()


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_left_unsaid(language: str) -> None:
    said = {message.id for message in read_language(language) if message.id and all(forms_of(message))}
    assert sorted(map(str, read_source().keys() - said)) == []


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_said_that_nobody_asks_for(language: str) -> None:
    left = {message.id for message in read_language(language) if message.id} - read_source().keys()
    assert sorted(map(str, left)) == []


@pytest.mark.parametrize("language", OTHERS)
def test_every_value_keeps_its_place(language: str) -> None:
    catalogue = read_language(language)
    wrong = [
        (message.id, form)
        for message in catalogue
        if message.id
        for form in forms_of(message)
        if form and not _keeps(message, form)
    ]
    assert wrong == []


@pytest.mark.parametrize("language", OTHERS)
def test_no_percent_sign_stands_alone_where_values_are_filled_in(language: str) -> None:
    wrong = [
        form
        for message in read_language(language)
        if message.id and "%(" in str(message.id)
        for form in forms_of(message)
        if re.search(r"%(?!\(\w+\)[sd]|%)", form.replace("%%", ""))
    ]
    assert wrong == []


def _keeps(message: Message, form: str) -> bool:
    """Say whether a translation has the values of its text; the form for one may leave the number out."""
    wanted = values_in(message.id if isinstance(message.id, str) else tuple(message.id))
    has = values_in(form)
    return has == wanted if isinstance(message.id, str) else has <= wanted
