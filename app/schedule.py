"""The clock: asks again and again for what the tables say is left to do. Two clocks do no harm."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

import structlog
from sqlalchemy import exists, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import transfer
from app.engine.rules.states import RewardState
from app.models import Delivery, DeliveryState, Reward, Shop
from app.queue import INBOX, TRANSFERS, enqueue_once

log = structlog.get_logger()


def sweep_inbox(session: Session) -> None:
    """Ask for a drain if a delivery waits: its own wish may have been lost, or its next attempt is due."""
    if session.scalar(select(exists().where(Delivery.state == DeliveryState.RECEIVED))):
        enqueue_once(INBOX, "drain_inbox")


def sweep_transfers(session: Session) -> None:
    """Ask for transfers to be sent or read back in every shop that has some due."""
    for shop_id in transfer.list_due_shops(session, utcnow()):
        enqueue_once(TRANSFERS, "send_transfers", shop_id)


def sweep_pending(session: Session) -> None:
    """Ask for pending rewards to be settled, as after a pause or a switch to automatic."""
    due = select(Shop.id).where(
        Shop.uninstalled_at.is_(None),
        Shop.paused_at.is_(None),
        exists().where(Reward.shop_id == Shop.id, Reward.state == RewardState.PENDING),
    )
    for shop_id in session.scalars(due):
        enqueue_once(INBOX, "settle_due", shop_id)


@dataclass(frozen=True, slots=True)
class Sweep:
    """Something to ask for every so many seconds."""

    ask: Callable[[Session], None]
    every_seconds: int


SWEEPS = (Sweep(sweep_inbox, 2), Sweep(sweep_transfers, 1), Sweep(sweep_pending, 2))


def run_clock(stop: Event | None = None) -> None:
    """Run until SIGTERM or SIGINT, or until ``stop`` is set."""
    if stop is None:
        stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    tick = 0
    while not stop.wait(1):
        tick += 1
        for sweep in SWEEPS:
            if tick % sweep.every_seconds == 0:
                _run(sweep)


def _run(sweep: Sweep) -> None:
    try:
        with transaction() as session:
            sweep.ask(session)
    except OperationalError as error:
        # The database is away; the clock goes on asking.
        log.warning("sweep_failed", sweep=sweep.ask.__name__, error=str(error.orig))
    finally:
        db.session.remove()
