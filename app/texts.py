"""Text from outside as the database can store it."""

import re
from collections.abc import Callable
from typing import Any

from app.sentences import Sentence, say

#: Longer names and titles are cut: they are for display, and an index takes no more than 2,700 bytes.
TEXT_LIMIT = 255
#: What RFC 5646 wants everybody to have room for.
LONGEST_LOCALE = 35
_LOCALE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*")


def clean_text(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return text as PostgreSQL can store it: without NUL and lone surrogates, cut at ``limit`` characters."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.strip()[:limit]


def locale_text(value: object) -> str | None:
    """Return a locale as it came ("de", "pt-BR"), or None for what is none: nothing else is ever shown of it."""
    return value if isinstance(value, str) and len(value) <= LONGEST_LOCALE and _LOCALE.fullmatch(value) else None


def clean_sentence(text: str, limit: int) -> str:
    """Return a sentence, or any text, as ``clean_text`` does, its English cut at ``limit`` characters.

    What a sentence quotes is cut, so that it stays a sentence. One that is too long without that becomes plain text.
    """
    if not isinstance(text, Sentence):
        return clean_text(text, limit)
    clean = _quoting(text, lambda quoted: clean_text(quoted, limit))
    over = len(clean) - limit
    if over <= 0:
        return clean
    room = max(0, max(map(len, _quotes(clean)), default=0) - over)
    cut = _quoting(clean, lambda quoted: quoted[:room])
    return cut if len(cut) <= limit else clean_text(clean, limit)


def _quotes(sentence: Sentence) -> list[str]:
    """Return the texts in a sentence that are no sentences themselves."""
    found = []
    for value in sentence.values.values():
        if isinstance(value, Sentence):
            found += _quotes(value)
        elif isinstance(value, str):
            found.append(value)
    return found


def _quoting(sentence: Sentence, change: Callable[[str], str]) -> Sentence:
    """Return a sentence with each text in it changed that is no sentence itself."""

    def changed(value: Any) -> Any:
        if isinstance(value, Sentence):
            return _quoting(value, change)
        return change(value) if isinstance(value, str) else value

    return say(sentence.template, **{name: changed(value) for name, value in sentence.values.items()})
