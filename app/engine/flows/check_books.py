"""Do the books add up? Every invariant as one query that returns what breaks it; nothing but the look is noted."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.engine.audit import SYSTEM, record
from app.engine.invariants import INVARIANTS
from app.engine.invariants.look import Finding, check_invariant
from app.engine.rules.roles import Duty
from app.engine.staffing import check_may
from app.errors import Refused
from app.models import BookCheck, LedgerEntry, Shop

#: Each shop's books are looked through so often.
EVERY = timedelta(days=1)
#: A look that nobody went on with for so long has lost its worker, or its wish.
LEASE = timedelta(minutes=10)
KEPT_FOR = timedelta(days=90)
#: So many findings are written down; all are counted.
MOST_NOTES = 20
_LONGEST_NOTE = 500
#: So many shops at a time, so that looks never crowd the queue.
_AT_A_TIME = 20


def check_books(session: Session, shop_id: int | None = None) -> Iterator[Finding]:
    """Yield everything that is wrong in any shop's books, or in one's; nothing at all when they add up."""
    for invariant in INVARIANTS:
        yield from check_invariant(session, invariant, shop_id)


def list_due_shops(session: Session, now: datetime) -> list[int]:
    """Return shops whose books were not looked through for a day, or whose look nobody goes on with."""
    own = BookCheck.shop_id == Shop.id
    lost = exists().where(own, BookCheck.finished_at.is_(None), BookCheck.stepped_at <= now - LEASE)
    # One that runs is newer than a day, or was lost.
    recent = exists().where(own, or_(BookCheck.finished_at.is_(None), BookCheck.asked_at > now - EVERY))
    due = select(Shop.id).where(Shop.uninstalled_at.is_(None), or_(lost, ~recent))
    return list(session.scalars(due.order_by(Shop.id).limit(_AT_A_TIME)))


def ask(session: Session, shop_id: int, actor: str, now: datetime) -> None:
    """Have a shop's books looked through now; raise Refused where that is being done already."""
    check_may(session, shop_id, actor, Duty.MANAGE)
    check_id = _begin(session, shop_id, actor, now)
    if check_id is None:
        raise Refused("The books are being checked already.")
    subject = ("book_check", check_id)
    record(session, shop_id, actor, "check_books", subject=subject, before={}, after={}, now=now)
    session.flush()


def go_on(session: Session, shop: Shop, now: datetime) -> bool:
    """Look at the next invariant of a shop's books, or begin the day's look; return False when there is nothing to do.

    Two workers on one look take turns, and a look that was not committed is simply done again.
    """
    row = session.scalar(
        select(BookCheck)
        .where(BookCheck.shop_id == shop.id, BookCheck.finished_at.is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        asked = select(func.max(BookCheck.asked_at)).where(BookCheck.shop_id == shop.id)
        newest = session.scalar(asked)
        is_due = newest is None or newest <= now - EVERY
        return is_due and _begin(session, shop.id, SYSTEM, now) is not None
    row.began_at = row.began_at or now
    row.stepped_at = now
    left = list(INVARIANTS)[row.looked_at :]
    if left:
        _look(session, row, left[0])
    else:
        row.entries = session.scalar(select(func.count()).where(LedgerEntry.shop_id == shop.id))
        row.finished_at = now
        session.execute(delete(BookCheck).where(BookCheck.shop_id == shop.id, BookCheck.asked_at < now - KEPT_FOR))
    session.flush()
    return bool(left)


def _begin(session: Session, shop_id: int, actor: str, now: datetime) -> int | None:
    """Write down that the books are to be looked through; None where they are being."""
    values = {"shop_id": shop_id, "asked_at": now, "asked_by": actor, "stepped_at": now}
    is_running = BookCheck.finished_at.is_(None)
    fresh = (
        insert(BookCheck).values(**values).on_conflict_do_nothing(index_elements=["shop_id"], index_where=is_running)
    )
    return session.scalar(fresh.returning(BookCheck.id))


def _look(session: Session, row: BookCheck, invariant: str) -> None:
    notes = list(row.notes)
    for finding in check_invariant(session, invariant, row.shop_id):
        row.findings += 1
        if len(notes) < MOST_NOTES:
            notes.append(f"{finding.detail}. Broken: {invariant}."[:_LONGEST_NOTE])
    row.notes = notes
    row.looked_at += 1


__all__ = ["INVARIANTS", "Finding", "ask", "check_books", "check_invariant", "go_on", "list_due_shops"]
