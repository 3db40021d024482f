"""Sentences in a column of text: kept with what they were made of, and nothing else is ever taken for one."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.rules.kept_words import MARK, keep, recall
from app.engine.rules.money import Money, Rate
from app.sentences import Day, Sentence, say, sentence_of
from app.texts import clean_sentence

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=[MARK]))
VALUES = st.one_of(
    TEXTS,
    st.integers(),
    st.booleans(),
    st.builds(Money, st.integers(-(2**63), 2**63), st.sampled_from(["USD", "JPY", "KWD"])),
    st.builds(Rate, st.integers(0, 10_000)),
    st.builds(Day, st.dates()),
)
SENTENCES = st.recursive(
    st.builds(lambda value: say("It is {value}.", value=value), VALUES),
    lambda inner: st.builds(
        lambda first, second: say("{first} And: {second}", first=first, second=second), inner, inner
    ),
    max_leaves=4,
)


@given(SENTENCES)
def test_a_sentence_comes_back_with_all_that_it_was_made_of(sentence: Sentence) -> None:
    again = recall(keep(sentence))
    assert isinstance(again, Sentence)
    assert (again, again.template, again.values) == (sentence, sentence.template, sentence.values)


@given(SENTENCES)
def test_whoever_reads_the_column_with_other_tools_reads_english_first(sentence: Sentence) -> None:
    assert keep(sentence).partition(MARK)[0] == sentence


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_other_text_stays_as_it_is_and_never_becomes_a_sentence(text: str) -> None:
    again = recall(keep(text))
    assert not isinstance(again, Sentence)
    assert again == text.replace(MARK, " ")


def test_a_text_that_pretends_to_be_a_kept_sentence_is_kept_as_a_text() -> None:
    forged = f"Harmless.{MARK}" + json.dumps({"say": "{x.__class__}", "with": {"x": "y"}})
    assert not isinstance(recall(keep(forged)), Sentence)
    quoted = recall(keep(say("Shopify says: {words}", words=forged)))
    assert isinstance(quoted, Sentence)
    assert quoted.template == "Shopify says: {words}"
    assert quoted.values == {"words": forged.replace(MARK, " ")}


def test_a_value_with_braces_is_not_filled_in() -> None:
    again = recall(keep(say("{what} failed.", what="{what} {0} {x.__class__}")))
    assert again == "{what} {0} {x.__class__} failed."


def test_what_is_no_text_of_ours_is_kept_as_it_reads() -> None:
    assert recall(keep(say("On {day}, {none}.", day=date(2026, 5, 4), none=None))) == "On 2026-05-04, None."


@pytest.mark.parametrize(
    "made_of",
    [
        "",
        "no JSON",
        "5",
        '"Hello."',
        "[]",
        "{}",
        '{"say": 1, "with": {}}',
        '{"say": "{missing}", "with": {}}',
        '{"say": "{x.__class__}", "with": {"x": "y"}}',
        '{"say": "{x[0]}", "with": {"x": "y"}}',
        '{"say": "{x!r}", "with": {"x": "y"}}',
        '{"say": "{x:>9999999}", "with": {"x": "y"}}',
        '{"say": "{x", "with": {"x": "y"}}',
        '{"say": "{x}", "with": {"x": null}}',
        '{"say": "{x}", "with": {"x": {"day": "never"}}}',
        '{"say": "{x}", "with": {"x": {"money": [1, "nothing"]}}}',
        '{"say": "{x}", "with": {"x": ' * 41 + '"deep"' + "}}" * 41,
        "[" * 100_000,
    ],
)
def test_what_was_never_kept_like_this_is_read_as_plain_text(made_of: str) -> None:
    read = recall(f"Something is wrong.{MARK}{made_of}")
    assert read == "Something is wrong."
    assert not isinstance(read, Sentence)


def test_an_error_is_kept_as_the_sentence_it_was_raised_with() -> None:
    assert isinstance(sentence_of(ValueError(say("{x} is wrong.", x=1))), Sentence)
    for error, words in ((ValueError("Plain."), "Plain."), (ValueError(), ""), (KeyError("x"), "'x'")):
        assert sentence_of(error) == words
        assert not isinstance(sentence_of(error), Sentence)


@given(SENTENCES, st.integers(0, 80))
def test_a_sentence_is_cut_to_what_there_is_room_for(sentence: Sentence, limit: int) -> None:
    assert len(clean_sentence(sentence, limit)) <= limit


def test_of_a_sentence_that_is_too_long_what_it_quotes_is_cut() -> None:
    inner = say("It answered: {words}", words="x\x00y" * 400)
    cut = clean_sentence(say("Given up after {count} attempts. {reason}", count=12, reason=inner), 100)
    assert isinstance(cut, Sentence)
    assert cut == "Given up after 12 attempts. It answered: " + ("xy" * 400)[:59]
    assert isinstance(cut.values["reason"], Sentence)


def test_a_sentence_that_is_too_long_by_itself_becomes_plain_text() -> None:
    cut = clean_sentence(say("A long {x} sentence.", x="very long"), 8)
    assert cut == "A long v"
    assert not isinstance(cut, Sentence)


def test_a_plain_text_is_cut_like_any_other() -> None:
    assert clean_sentence(" a\x00bc ", 2) == "ab"
