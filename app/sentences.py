"""Sentences with values in them, said where nobody knows the reader's language and translated where one is known."""

from typing import Any


class Sentence(str):
    """A sentence in English that remembers what it was made of."""

    __slots__ = ("template", "values")

    template: str
    values: dict[str, Any]


def say(template: str, **values: Any) -> Sentence:
    """Return a sentence: ``say("There are {count}.", count=3)``. The template is what the translators see."""
    sentence = Sentence(template.format(**values))
    sentence.template, sentence.values = template, values
    return sentence
