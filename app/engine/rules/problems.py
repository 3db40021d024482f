"""What is wrong with something that somebody wrote: where it stands, and one sentence that says what to do."""

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from app.engine.rules.money import LARGEST_MINOR
from app.engine.rules.scopes import plain
from app.sentences import Sentence, marked, say

Where = tuple[str | int, ...]

LARGEST_ID = 2**63 - 1
LONGEST_LIST = 1_000
LONGEST_WORD = 255
LONGEST_NAME = 60
EARLIEST_YEAR, LATEST_YEAR = 2000, 2199


class Problem(NamedTuple):
    """One thing that is wrong; ``where`` names it as the document does, by names and numbers of rows from 0."""

    where: Where
    sentence: str


def find_amount(where: Where, minor: int | None, what: str, empty: str, *, least: int) -> list[Problem]:
    """Return what is wrong with an amount that must be at least ``least`` (0 or 1); ``empty`` tells how to do without.

    ``what`` begins the sentence: "The cap per order".
    """
    if minor is None:
        return []
    if minor < least:
        words = (
            marked("{what} must be above zero; {empty}.") if least else marked("{what} must not be negative; {empty}.")
        )
        return [Problem(where, say(words, what=_said(what), empty=_said(empty)))]
    if minor > LARGEST_MINOR:
        return [
            Problem(where, say("{what} is more than the books can hold; write a smaller amount.", what=_said(what)))
        ]
    return []


def find_number(where: Where, number: int | None, what: str, *, least: int, most: int) -> list[Problem]:
    """Return what is wrong with a whole number that has two ends."""
    if number is None or least <= number <= most:
        return []
    return [Problem(where, say("{what} must be between {least} and {most}.", what=_said(what), least=least, most=most))]


def find_year(where: Where, day: date | None, what: str) -> list[Problem]:
    """Return what is wrong with a day or an instant that is no day of a programme's life."""
    if day is None or EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        return []
    words = marked("{what} must be between the years {first} and {last}.")
    return [Problem(where, say(words, what=_said(what), first=EARLIEST_YEAR, last=LATEST_YEAR))]


def find_names(where: str, names: Sequence[str], what: str, plural: str) -> list[Problem]:
    """Return what is wrong with the names of some rows: each needs one of its own."""
    problems = []
    for row, name in enumerate(names):
        if not name.strip():
            problems.append(Problem((where, row, "name"), say("Every {what} needs a name.", what=_said(what))))
        problems += find_text((where, row, "name"), name, say("The name of a {what}", what=_said(what)), LONGEST_NAME)
    known: set[str] = set()
    for row, name in enumerate(names):
        if name.strip() and plain(name) in known:
            twice = say(
                "Two {plural} must not have the same name; {name} is there twice.",
                plural=_said(plural),
                name=repr(name.strip()),
            )
            problems.append(Problem((where, row, "name"), twice))
        known.add(plain(name))
    return problems


def find_text(where: Where, text: str, what: str, longest: int) -> list[Problem]:
    """Return what is wrong with a text: too long, or not writable."""
    if len(text) > longest:
        return [Problem(where, say("{what} has at most {longest} characters.", what=_said(what), longest=longest))]
    # Control characters, and halves of characters, which no table can hold.
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        return [Problem(where, say("{what} must be on one line and without control characters.", what=_said(what)))]
    return []


def find_words(where: Where, words: Iterable[str], what: str) -> list[Problem]:
    """Return what is wrong with a list of texts; ``what`` is one of them: "An excluded tag"."""
    listed = sorted(words)
    problems = _find_length(where, len(listed))
    if any(not word.strip() for word in listed):
        problems.append(Problem(where, say("{what} must not be blank.", what=_said(what))))
    wrong = (found for word in listed for found in find_text(where, word, what, LONGEST_WORD))
    return problems + list(dict.fromkeys(wrong))


def find_ids(where: Where, ids: Iterable[int], what: str) -> list[Problem]:
    """Return what is wrong with a list of Shopify's ids; ``what`` is one of them: "An excluded product"."""
    listed = list(ids)
    problems = _find_length(where, len(listed))
    if any(not 0 < one <= LARGEST_ID for one in listed):
        problems.append(Problem(where, say("{what} is named by its Shopify id, a positive number.", what=_said(what))))
    return problems


def _find_length(where: Where, length: int) -> list[Problem]:
    if length <= LONGEST_LIST:
        return []
    return [Problem(where, say("At most {most} can be listed here.", most=LONGEST_LIST))]


def _said(words: str) -> Sentence:
    return words if isinstance(words, Sentence) else say(words)
