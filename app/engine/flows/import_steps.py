"""An import of past orders on its way: collected by Shopify, read batch by batch, over.

Its row says all that is left to do, so any worker goes on where another stopped. Who works on it holds it by
``next_step_at``, renewed with every batch, until which nobody else takes it up.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.engine.import_rows import end_import, lock_running, record_import, sum_up
from app.engine.rules.estimate import Summary
from app.models import HistoryImport, ImportState, Shop
from app.sentences import say

#: For how long a worker holds an import without a sign of life.
LEASE = timedelta(seconds=60)
#: How often Shopify is asked how far it is, unless it says by itself that it is done.
LOOK_AGAIN = timedelta(seconds=5)
MOST_ATTEMPTS = 12
LONGEST_WAIT = timedelta(minutes=15)
MOST_NOTES = 50
#: A result lives for a week; an import that needs more operations than these gets nowhere.
MOST_OPERATIONS = 5
S = ImportState


@dataclass(frozen=True, slots=True)
class Claim:
    """One import in the hands of one worker."""

    import_id: int
    shop_id: int
    state: ImportState
    since_at: datetime | None
    is_dry_run: bool
    #: When the rewards of past orders were asked for; None when they were not.
    reward_asked_at: datetime | None
    operation_gid: str | None
    done_bytes: int


def list_due_shops(session: Session, now: datetime) -> list[int]:
    """Return the shops whose import waits for a worker."""
    due = (
        HistoryImport.finished_at.is_(None),
        HistoryImport.paused_at.is_(None),
        HistoryImport.next_step_at <= now,
        Shop.uninstalled_at.is_(None),
    )
    rows = select(HistoryImport.shop_id).join(Shop, Shop.id == HistoryImport.shop_id).where(*due)
    return list(session.scalars(rows.order_by(HistoryImport.shop_id)))


def claim(session: Session, shop_id: int, now: datetime) -> Claim | None:
    """Take the shop's import up for a step; None where none waits."""
    row = lock_running(session, shop_id)
    if row is None or row.paused_at is not None or (row.next_step_at is not None and row.next_step_at > now):
        return None
    if row.is_dry_run:
        # It counts in memory, so it begins anew.
        row.done_bytes = row.seen_orders = row.new_orders = row.unreadable_orders = row.importing_ms = 0
        row.notes = []
    row.next_step_at = now + LEASE
    session.flush()
    return Claim(
        row.id,
        row.shop_id,
        row.state,
        row.since_at,
        row.is_dry_run,
        row.asked_at if row.rewards_past else None,
        row.operation_gid,
        row.done_bytes,
    )


def wake(session: Session, shop: Shop, gids: Collection[str], now: datetime) -> int:
    """Have a look soon: Shopify says that operations are over. Only a hint, whose it is is not believed."""
    waiting = (
        HistoryImport.shop_id == shop.id,
        HistoryImport.state == S.COLLECTING,
        HistoryImport.operation_gid.in_(gids),
    )
    changed = session.execute(update(HistoryImport).where(*waiting).values(next_step_at=now))
    return changed.rowcount  # type: ignore[attr-defined,no-any-return]  # an UPDATE's result has one


def begin_collecting(session: Session, claim: Claim, operation_gid: str, now: datetime) -> bool:
    """Note the operation; return False where the import has gone another way meanwhile."""
    row = _lock(session, claim)
    if row is None or row.state is not S.ASKED:
        return False
    row.state, row.operation_gid = S.COLLECTING, operation_gid
    row.operations += 1
    row.attempts, row.error = 0, None
    row.next_step_at = now + LOOK_AGAIN
    session.flush()
    return True


def note_collected(session: Session, claim: Claim, orders: int, now: datetime) -> None:
    """Note how far Shopify is."""
    row = _lock(session, claim)
    if row is not None:
        row.collected, row.next_step_at, row.attempts, row.error = orders, now + LOOK_AGAIN, 0, None
        session.flush()


def begin_importing(
    session: Session, claim: Claim, orders: int, file_bytes: int | None, now: datetime, *, is_partial: bool
) -> None:
    """The file is there: read it from now on."""
    row = _lock(session, claim)
    if row is not None and row.state is S.COLLECTING:
        row.state, row.collected, row.file_bytes, row.is_partial = S.IMPORTING, orders, file_bytes, is_partial
        row.next_step_at = now
        session.flush()


def start_again(session: Session, claim: Claim, now: datetime) -> None:
    """The file is gone: have another one made and read it from its beginning. What is there already stays as it is."""
    row = _lock(session, claim)
    if row is None:
        return
    if row.operations >= MOST_OPERATIONS:
        row.error = say("Shopify's file was gone {count} times before it was read to its end.", count=row.operations)
        row.summary = sum_up(session, row)
        end_import(row, S.FAILED, now)
        return
    row.state, row.operation_gid = S.ASKED, None
    row.done_bytes = row.seen_orders = row.new_orders = row.unreadable_orders = 0
    row.next_step_at = now
    session.flush()


def hold(session: Session, claim: Claim, start: int) -> HistoryImport | None:
    """Lock the import for a batch that begins at a place in the file; None when somebody else has done it.

    Also None when it was paused or cancelled meanwhile: then whoever works on it stops.
    """
    row = _lock(session, claim)
    if row is None or row.paused_at is not None or row.state is not S.IMPORTING or row.done_bytes != start:
        return None
    return row


def advance(
    row: HistoryImport, end: int, *, seen: int, new: int, bad: Mapping[str, str], took_ms: int, now: datetime
) -> None:
    """Note that everything before a place in the file is done. ``bad`` are orders that were left out, and why."""
    row.done_bytes = end
    row.seen_orders += seen
    row.new_orders += new
    row.unreadable_orders += len(bad)
    row.importing_ms += took_ms
    room = MOST_NOTES - len(row.notes)
    row.notes = [
        *row.notes,
        *(say("{order}: {why}", order=name, why=why) for name, why in list(bad.items())[: max(room, 0)]),
    ]
    row.attempts, row.error = 0, None
    row.next_step_at = now + LEASE


def rest(session: Session, claim: Claim, now: datetime) -> None:
    """Put the import back for the next worker's turn."""
    row = _lock(session, claim)
    if row is not None:
        row.next_step_at = now
        session.flush()


def finish(session: Session, claim: Claim, now: datetime, summary: Summary | None = None) -> None:
    """The file is read to its end. ``summary`` is what a dry run has counted."""
    row = _lock(session, claim)
    if row is None or row.state is not S.IMPORTING:
        return
    row.summary = sum_up(session, row) if summary is None else summary.to_json()
    if row.is_partial:
        row.error = say("Shopify's file ends early: its operation failed. Import once more for the rest.")
    end_import(row, S.FAILED if row.is_partial else S.FINISHED, now)
    record_import(session, row, row.asked_by, "end_import", {}, {"state": row.state, "orders": row.seen_orders}, now)


def fail(session: Session, claim: Claim, reason: str, now: datetime) -> None:
    """It cannot be done; the sentence says why."""
    row = _lock(session, claim)
    if row is not None:
        row.error, row.summary = reason, sum_up(session, row)
        end_import(row, S.FAILED, now)
        record_import(session, row, row.asked_by, "end_import", {}, {"state": row.state, "reason": reason}, now)


def try_later(session: Session, claim: Claim, reason: str, now: datetime) -> None:
    """Something passing is in the way: try again after growing intervals, and give up after many."""
    row = _lock(session, claim)
    if row is None:
        return
    row.attempts += 1
    if row.attempts >= MOST_ATTEMPTS:
        fail(session, claim, say("Given up after {count} attempts. {reason}", count=row.attempts, reason=reason), now)
        return
    row.error = reason
    row.next_step_at = now + min(timedelta(seconds=2**row.attempts), LONGEST_WAIT)
    session.flush()


def _lock(session: Session, claim: Claim) -> HistoryImport | None:
    row = lock_running(session, claim.shop_id)
    return row if row is not None and row.id == claim.import_id else None
