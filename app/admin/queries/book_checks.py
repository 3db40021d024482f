"""When the books of a shop were checked, and what was found."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import BookCheck

NEWEST = 5


def list_checks(session: Session, shop_id: int, limit: int = NEWEST) -> list[BookCheck]:
    """Return the newest checks of the books, the newest first; one that runs is among them."""
    newest = select(BookCheck).where(BookCheck.shop_id == shop_id).order_by(BookCheck.id.desc()).limit(limit)
    return list(session.scalars(newest.execution_options(populate_existing=True)))
