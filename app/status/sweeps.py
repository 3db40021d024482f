"""What the clock fails to look for in a shop: work that waits there and that nobody begins."""

from collections.abc import Sequence
from datetime import datetime

from flask_babel import gettext as _

from app.models import SweepFailure
from app.status.cause import Cause, lasted


def tell_sweeps(found: Sequence[SweepFailure], now: datetime) -> list[Cause]:
    """Return what the clock fails at, in the order of the names."""
    return [
        Cause(
            f"sweep_failing:{row.sweep}",
            _(
                "For %(age)s the clock has failed to look for work in this shop (%(sweep)s: %(error)s).",
                age=lasted(row.began_at, now),
                sweep=row.sweep,
                error=row.error,
            ),
            _("Whoever runs Boomerang finds in the clock's log what it failed at. All else goes on meanwhile."),
        )
        for row in found
    ]
