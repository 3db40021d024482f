"""The only place that asks what time it is."""

from datetime import UTC, datetime


def utcnow() -> datetime:
    """Return the current instant, aware, in UTC."""
    return datetime.now(UTC)
