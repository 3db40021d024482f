"""The sandbox's time: the machine's, plus what a test has moved it forward."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


class Clock:
    """Tells aware UTC times; `advance` lets credit expire without waiting for it."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        """Return the sandbox's present moment."""
        return datetime.now(UTC) + self.offset

    def advance(self, seconds: int) -> None:
        """Move the sandbox's time forward."""
        self.offset += timedelta(seconds=seconds)


def local_text(moment: datetime | None, timezone: str) -> str | None:
    """Write a moment as webhook bodies do: whole seconds with the shop's own offset from UTC."""
    if moment is None:
        return None
    return moment.astimezone(ZoneInfo(timezone)).isoformat(timespec="seconds")


def utc_text(moment: datetime | None) -> str | None:
    """Write a moment as GraphQL does: whole seconds, ending in Z."""
    if moment is None:
        return None
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def nanosecond_text(moment: datetime) -> str:
    """Write a moment as the headers of webhooks do: with nine digits after the second, as far as it is known."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def millisecond_text(moment: datetime | None) -> str | None:
    """Write a moment with milliseconds, for measuring."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
