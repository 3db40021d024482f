"""When credit expires by the terms."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app.engine.rules.periods import midnight
from app.engine.rules.terms import Expiry


def compute_expires_at(expiry: Expiry, settled_at: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when credit settled at an instant expires, in whole seconds and never sooner than promised; or None.

    A day of the shop's ends with the next midnight in its time zone. Where that is over already, credit has no
    expiry: nobody is given what is gone before it arrives.
    """
    if expiry.on is not None:
        ends_at = midnight(expiry.on + timedelta(days=1), zone)
        return ends_at if ends_at > settled_at else None
    if expiry.days is None:
        return None
    whole = settled_at.replace(microsecond=0)
    return (whole if whole == settled_at else whole + timedelta(seconds=1)) + timedelta(days=expiry.days)
