"""A cause of trouble: its name, what is wrong, what to do about it, and where."""

from dataclasses import dataclass
from datetime import datetime

from babel.dates import format_timedelta

from app.languages import current_locale


@dataclass(frozen=True, slots=True)
class Cause:
    """What is wrong, and what to do about it."""

    #: A word that stays, whatever language and figures the sentences have; after a colon, what it is about.
    key: str
    what: str
    advice: str
    #: The room in which somebody sees what is concerned, and mends it.
    room: str | None = None
    #: Shopify's page on which the shop mends it.
    page: str | None = None
    #: False for what troubles nobody's money: the engine is no less active for it.
    is_grave: bool = True
    #: What leaves the admin and is kept for good, where ``what`` quotes a delivery, which may be about a person.
    unquoted: str | None = None

    @property
    def told(self) -> str:
        """Return what is wrong without the words of anybody: for mails, posts, and what is kept of incidents."""
        return self.what if self.unquoted is None else self.unquoted


def lasted(since: datetime, now: datetime) -> str:
    """Return for how long something has lasted: "3 hours"."""
    return format_timedelta(now - since, locale=current_locale())
