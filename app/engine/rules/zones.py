"""Time zones by their names, as Shopify tells them."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

#: Where days are counted while nobody knows better.
FALLBACK = "UTC"


def is_zone(name: str) -> bool:
    """Return whether this machine knows a time zone of this name, such as ``Europe/Berlin``."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
