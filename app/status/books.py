"""What the last look at a shop's books found: mistakes that outrank whatever else is done."""

from datetime import datetime

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import BookCheck
from app.status.cause import Cause, lasted


def find_mistakes(session: Session, shop_id: int) -> BookCheck | None:
    """Return the last finished check of a shop's books where it found a mistake, None where all added up."""
    last = select(BookCheck).where(BookCheck.shop_id == shop_id, BookCheck.finished_at.is_not(None))
    row = session.scalar(last.order_by(BookCheck.id.desc()).limit(1).execution_options(populate_existing=True))
    return row if row is not None and row.findings else None


def tell_books(found: BookCheck | None, now: datetime) -> list[Cause]:
    """Return what the merchant has to know about mistakes in the books."""
    if found is None or found.finished_at is None:
        return []
    what = ngettext(
        "The last check of the books, %(age)s ago, found %(num)s mistake.",
        "The last check of the books, %(age)s ago, found %(num)s mistakes.",
        found.findings,
        age=lasted(found.finished_at, now),
    )
    advice = _(
        "Approve nothing more before whoever runs Boomerang has seen what was found; it stands under the ledger."
        " Once it is mended, let the books be checked again there."
    )
    return [Cause("books_wrong", what, advice, "/ledger")]
