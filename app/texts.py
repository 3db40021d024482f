"""Text from outside as the database can store it."""

#: Longer names and titles are cut: they are for display, and an index takes no more than 2,700 bytes.
TEXT_LIMIT = 255


def clean_text(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return text as PostgreSQL can store it: without NUL and lone surrogates, cut at ``limit`` characters."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.strip()[:limit]
