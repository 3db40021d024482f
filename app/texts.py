"""Text from outside as the database can store it."""

import re

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
