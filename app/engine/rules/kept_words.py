"""Sentences as a column of text keeps them, so that each reader gets them in their own language.

First stands the sentence in English, for whoever reads the column with other tools; behind a mark, what it was made of.
Text without a mark is what somebody else said, or was written before sentences were kept: it stays as it is.
"""

import json
from datetime import date
from string import Formatter
from typing import Any

from app.engine.rules.money import Money, Rate
from app.sentences import Day, Sentence, say

#: A character (the record separator) that nobody types; it is taken out of whatever is kept.
MARK = "\x1e"
#: No sentence of ours has so many in each other.
_DEEPEST = 40


def keep(text: str) -> str:
    """Return a text as a column keeps it; ``recall`` reads it back."""
    plain = text.replace(MARK, " ")
    return f"{plain}{MARK}{json.dumps(_to_json(text))}" if isinstance(text, Sentence) else plain


def recall(kept: str) -> str:
    """Return what was kept: a sentence as a sentence, anything else as the text that it is."""
    plain, mark, made_of = kept.partition(MARK)
    if not mark:
        return kept
    try:
        told = _from_json(json.loads(made_of), _DEEPEST)
    except (ValueError, LookupError, TypeError, RecursionError):
        return plain
    return told if isinstance(told, Sentence) else plain


def _to_json(value: object) -> Any:
    match value:
        case Sentence():
            return {"say": value.template, "with": {name: _to_json(each) for name, each in value.values.items()}}
        case Money(minor, currency):
            return {"money": [minor, currency]}
        case Rate(bps):
            return {"rate": bps}
        case Day(on):
            return {"day": on.isoformat()}
        case int():
            return value
        case _:
            return str(value).replace(MARK, " ")


def _from_json(data: Any, depth: int) -> Any:
    """Return the value that JSON describes. Raises ValueError, LookupError or TypeError for what was never kept."""
    match data:
        case {"say": str(template), "with": dict(values)} if depth and _is_simple(template):
            return say(template, **{name: _from_json(each, depth - 1) for name, each in values.items()})
        case {"money": [int(minor), str(currency)]}:
            return Money(minor, currency)
        case {"rate": int(bps)}:
            return Rate(bps)
        case {"day": str(on)}:
            return Day(date.fromisoformat(on))
        case int() | str():
            return data
        case _:
            raise ValueError("This is nothing that a sentence was made of.")


def _is_simple(template: str) -> bool:
    """Say whether a template is filled in with whole values only: whoever writes any other could look into them."""
    return all(
        field is None or (field.isidentifier() and not form and not conversion)
        for _, field, form, conversion in Formatter().parse(template)
    )
