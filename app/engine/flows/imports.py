"""People ask for an import of past orders, let it rest, go on, or end; and see how far it is."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.import_rows import end_import, lock_running, record_import, sum_up
from app.engine.rules.roles import Duty
from app.engine.staffing import check_may
from app.errors import NotFound, Refused
from app.models import HistoryImport, ImportState, Shop, Window
from app.sentences import say

#: So long a step reads on before it says how far it is.
TURN = timedelta(seconds=2)
DAYS = {Window.DAYS_30: 30, Window.DAYS_60: 60, Window.DAYS_90: 90, Window.YEAR: 365, Window.ALL: None}
#: Without ``read_all_orders`` Shopify shows no older orders.
MOST_DAYS = 60


def ask(
    session: Session,
    shop_id: int,
    window: Window,
    actor: str,
    now: datetime,
    *,
    sees_all: bool,
    is_dry_run: bool = False,
    rewards_past: bool = False,
) -> HistoryImport:
    """Ask for an import. ``sees_all`` says whether the shop lets the app read orders older than 60 days.

    Raises Refused while another one is not over, and where Shopify would show only a part of what is asked for:
    tiers by half a history would be wrong.
    """
    check_may(session, shop_id, actor, Duty.MANAGE)
    shop = session.scalar(select(Shop).where(Shop.id == shop_id).with_for_update(key_share=True))
    if shop is None:
        raise NotFound("There is no such shop in this installation.")
    if shop.began_at is None:
        raise Refused("Say in the settings first when the programme began: older orders earn only if asked.")
    if is_dry_run and rewards_past:
        raise Refused("A dry run gives nothing; it says what the rewards would come to in any case.")
    days = DAYS[window]
    if not sees_all and (days is None or days > MOST_DAYS):
        raise Refused(
            say(
                "Shopify shows orders of the last {days} days only, unless the app has the permission read_all_orders."
                " Allow it in the app's settings in Shopify, or import the last {days} days.",
                days=MOST_DAYS,
            )
        )
    if find_running(session, shop_id) is not None:
        raise Refused("An import is running already; wait until it is over, or cancel it.")
    row = HistoryImport(
        shop_id=shop_id,
        window=window,
        since_at=None if days is None else now - timedelta(days=days),
        is_dry_run=is_dry_run,
        rewards_past=rewards_past,
        state=ImportState.ASKED,
        asked_by=actor,
        asked_at=now,
        next_step_at=now,
        notes=[],
    )
    session.add(row)
    session.flush()
    asked = {"window": window, "is_dry_run": is_dry_run, "rewards_past": rewards_past}
    record_import(session, row, actor, "ask_import", {}, asked, now)
    return row


def pause(session: Session, shop_id: int, actor: str, now: datetime) -> HistoryImport:
    """Let the running import rest after its present batch. Raises NotFound where none runs."""
    check_may(session, shop_id, actor, Duty.MANAGE)
    row = _get_running(session, shop_id)
    if row.paused_at is None:
        row.paused_at, row.paused_by = now, actor
        record_import(session, row, actor, "pause_import", {"paused": False}, {"paused": True}, now)
    return row


def resume(session: Session, shop_id: int, actor: str, now: datetime) -> HistoryImport:
    """Let it go on."""
    check_may(session, shop_id, actor, Duty.MANAGE)
    row = _get_running(session, shop_id)
    if row.paused_at is not None:
        row.paused_at = row.paused_by = None
        row.next_step_at = now
        record_import(session, row, actor, "resume_import", {"paused": True}, {"paused": False}, now)
    return row


def cancel(session: Session, shop_id: int, actor: str, now: datetime) -> HistoryImport:
    """End it; what was imported stays. The caller has Shopify stop, too; otherwise that ends by itself."""
    check_may(session, shop_id, actor, Duty.MANAGE)
    row = _get_running(session, shop_id)
    before = row.state
    row.summary = sum_up(session, row)
    end_import(row, ImportState.CANCELLED, now)
    record_import(session, row, actor, "cancel_import", {"state": before}, {"state": row.state}, now)
    return row


def find_running(session: Session, shop_id: int) -> HistoryImport | None:
    """Return the shop's import that is not over. There is one at most."""
    running = select(HistoryImport).where(HistoryImport.shop_id == shop_id, HistoryImport.finished_at.is_(None))
    return session.scalar(running)


def find_newest(session: Session, shop_id: int) -> HistoryImport | None:
    """Return the shop's newest import, over or not."""
    theirs = select(HistoryImport).where(HistoryImport.shop_id == shop_id)
    return session.scalar(theirs.order_by(HistoryImport.id.desc()).limit(1))


def seconds_left(row: HistoryImport) -> int | None:
    """Return about how long the rest of the file takes; None while nothing says so."""
    left = row.collected - row.seen_orders
    if row.state is not ImportState.IMPORTING or row.seen_orders == 0 or row.importing_ms == 0 or left < 0:
        return None
    return left * row.importing_ms // row.seen_orders // 1000


def orders_per_second(row: HistoryImport) -> int | None:
    """Return how fast the file is read; None before the first batch."""
    return None if row.importing_ms == 0 else row.seen_orders * 1000 // row.importing_ms


def _get_running(session: Session, shop_id: int) -> HistoryImport:
    row = lock_running(session, shop_id)
    if row is None:
        raise NotFound("No import is running in this shop.")
    return row
