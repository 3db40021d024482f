"""Sentences with values in them, said where nobody knows the reader's language and translated where one is known."""

from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Day:
    """A day that a sentence names; each language writes it in its own way."""

    on: date

    def __str__(self) -> str:
        return f"{self.on:%B} {self.on.day}, {self.on.year}"


class Sentence(str):
    """A sentence in English that remembers what it was made of."""

    __slots__ = ("template", "values")

    template: str
    values: dict[str, Any]


def marked(text: str) -> str:
    """Return a text as it is: the translators are to see it, and whoever shows it translates it."""
    return text


def say(template: str, **values: Any) -> Sentence:
    """Return a sentence: ``say("There are {count}.", count=3)``. The template is what the translators see.

    A value may be a sentence itself, or money, a rate or a day: each is written as the reader's language has it.
    """
    sentence = Sentence(template.format(**values))
    sentence.template, sentence.values = template, values
    return sentence


def sentence_of(error: Exception) -> str:
    """Return what an error says: as the sentence that it was raised with, if it was one, to be translated."""
    said = error.args[0] if error.args else None
    return said if isinstance(said, Sentence) else str(error)
