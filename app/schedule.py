"""The clock: asks again and again for what the tables say is left to do. Two clocks do no harm."""

import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from threading import Event

import structlog
from sqlalchemy import ColumnElement, and_, exists, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import (
    account_statements,
    alert_posts,
    check_books,
    deliveries,
    figures,
    import_steps,
    incidents,
    mail_states,
    mails,
    pace,
    privacy,
    privacy_requests,
    pruning,
    reconcile,
    reminders,
    settle,
    sweep_failures,
    tell,
    tier_runs,
    transfer,
)
from app.engine.rules.states import RewardState, TransferKind, TransferState
from app.models import Customer, Delivery, DeliveryState, Order, Reward, Shop, Transfer
from app.queue import CHORES, INBOX, MAILS, TRANSFERS, enqueue_once
from app.shopify.tokens import list_to_keep_alive

log = structlog.get_logger()

#: A sweep that failed counts as failing until it was due twice, and so much longer.
PATIENCE = timedelta(seconds=30)
_INSTALLED = Shop.uninstalled_at.is_(None)
_NOT_PAUSED = Shop.paused_at.is_(None)


def sweep_inbox(session: Session) -> None:
    """Ask for a drain if a delivery waits: its own wish may have been lost, or its next attempt is due."""
    if session.scalar(select(exists().where(Delivery.state == DeliveryState.RECEIVED))):
        enqueue_once(INBOX, "drain_inbox")


def sweep_transfers(session: Session) -> None:
    """Ask for transfers to be sent or read back in every shop that has some due."""
    for shop_id in transfer.list_due_shops(session, utcnow()):
        enqueue_once(TRANSFERS, "send_transfers", shop_id)


def sweep_mails(session: Session) -> None:
    """Ask for mails to be sent in every shop that has some due."""
    for shop_id in mail_states.list_due_shops(session, utcnow()):
        enqueue_once(MAILS, "send_mails", shop_id)


def sweep_old_mails(session: Session) -> None:
    """Ask for mails to be emptied that are kept no longer, and for what else was told; also where the app is gone."""
    now = utcnow()
    for shop_id in {*mails.list_shops_to_prune(session, now), *pruning.list_shops_to_prune(session, now)}:
        enqueue_once(CHORES, "prune_mails", shop_id)


def sweep_reconciliation(session: Session) -> None:
    """Ask for a look at the orders that changed, in every shop where it is time for one."""
    for shop_id in reconcile.list_due_shops(session, utcnow()):
        enqueue_once(CHORES, "reconcile_orders", shop_id)


def sweep_pending(session: Session) -> None:
    """Ask for pending rewards to be settled whose day has come, or that a pause or an undo has kept."""
    for shop_id in _shops_with(session, settle.is_due(utcnow()), _NOT_PAUSED):
        enqueue_once(INBOX, "settle_due", shop_id)


def sweep_holds(session: Session) -> None:
    """Ask for holds to be released that end by themselves."""
    due = and_(Reward.state == RewardState.HELD, Reward.held_until <= utcnow())
    for shop_id in _shops_with(session, due, _NOT_PAUSED):
        enqueue_once(CHORES, "release_holds", shop_id)


def sweep_expiries(session: Session) -> None:
    """Ask for credits to be looked at that have come to the end of their time, also in shops that are paused."""
    due = exists().where(
        Transfer.shop_id == Shop.id,
        Transfer.kind == TransferKind.CREDIT,
        Transfer.state == TransferState.CONFIRMED,
        Transfer.next_attempt_at <= utcnow(),
    )
    for shop_id in session.scalars(select(Shop.id).where(_INSTALLED, due)):
        enqueue_once(CHORES, "expire_credits", shop_id)


def sweep_statements(session: Session) -> None:
    """Ask for store-credit accounts to be read whose time has come, also in shops that are paused."""
    for shop_id in account_statements.list_due_shops(session, utcnow()):
        enqueue_once(CHORES, "import_statements", shop_id)


def sweep_tiers(session: Session) -> None:
    """Ask for tiers to be looked at where the schedule or staff want it, or a given tier has ended."""
    for shop_id in tier_runs.list_due_shops(session, utcnow()):
        enqueue_once(CHORES, "recalculate_tiers", shop_id)


def sweep_figures(session: Session) -> None:
    """Ask for the days' figures to be counted where the books have gone on."""
    for shop_id in figures.list_due_shops(session, utcnow()):
        enqueue_once(CHORES, "count_days", shop_id)


def sweep_books(session: Session) -> None:
    """Ask for books to be looked through, every day in every shop."""
    for shop_id in check_books.list_due_shops(session, utcnow()):
        enqueue_once(CHORES, "look_through_books", shop_id)


def sweep_digests(session: Session) -> None:
    """Ask for mails to be made of what customers are to be told, where it is time for that."""
    for shop_id in tell.list_due_shops(session, utcnow()):
        enqueue_once(MAILS, "build_digests", shop_id)


def sweep_reminders(session: Session) -> None:
    """Ask for customers to be reminded of credit that ends soon and of statements whose period is over."""
    for shop_id in reminders.list_due_shops(session, utcnow()):
        enqueue_once(CHORES, "remind_customers", shop_id)


def sweep_stages(session: Session) -> None:
    """Ask for the stages of cashback to be measured, every few minutes in every shop."""
    for shop_id in pace.list_due_shops(session, utcnow()):
        enqueue_once(CHORES, "measure_stages", shop_id)


def sweep_imports(session: Session) -> None:
    """Ask for imports of past orders to be carried on that wait for a worker."""
    for shop_id in import_steps.list_due_shops(session, utcnow()):
        enqueue_once(CHORES, "import_history", shop_id)


def sweep_guests(session: Session) -> None:
    """Ask for what guests earned to be given to accounts of theirs that are known."""
    match = exists().where(
        Order.shop_id == Shop.id,
        Order.customer_id.is_(None),
        Customer.shop_id == Shop.id,
        Customer.verified_email == Order.guest_email,
        Reward.order_id == Order.id,
        Reward.state == RewardState.AWAITING_CUSTOMER,
        Reward.claim_until > utcnow(),
    )
    for shop_id in session.scalars(select(Shop.id).where(_INSTALLED, match)):
        enqueue_once(CHORES, "claim_waiting", shop_id)


def sweep_claims(session: Session) -> None:
    """Ask for what guests earned to end where nobody claimed it in time."""
    due = and_(Reward.state == RewardState.AWAITING_CUSTOMER, Reward.claim_until <= utcnow())
    for shop_id in _shops_with(session, due):
        enqueue_once(CHORES, "expire_claims", shop_id)


class Round:
    """A way through all the shops in which the app is installed, so many at a time; after the last comes the first."""

    def __init__(self, at_a_time: int) -> None:
        self._at_a_time = at_a_time
        self._last_id = 0

    def next_shops(self, session: Session) -> list[int]:
        """Return the next shops."""
        found = incidents.list_watched(session, self._last_id, self._at_a_time)
        self._last_id = found[-1] if len(found) == self._at_a_time else 0
        return found


#: Of more shops than this a share is looked at each time, so that looks never crowd the queue: one takes some 30 ms,
#: so they keep one worker busy for six of thirty seconds at most. A thousand shops are looked at every two minutes
#: and a half.
_watched = Round(at_a_time=200)


def sweep_engines(session: Session) -> None:
    """Ask for a look at what is wrong in the next shops: each is looked at twice a minute, as long as they are few."""
    for shop_id in _watched.next_shops(session):
        enqueue_once(CHORES, "watch_engine", shop_id)


def sweep_alerts(session: Session) -> None:
    """Ask for what merchants' addresses are to be told to be posted, where that is due."""
    for shop_id in alert_posts.list_due_shops(session, utcnow()):
        enqueue_once(MAILS, "post_alerts", shop_id)


def sweep_tokens(session: Session) -> None:
    """Ask for tokens to be renewed in shops where nobody has needed one for long: after 90 days they would be lost."""
    for shop_id in list_to_keep_alive(session, utcnow()):
        enqueue_once(CHORES, "keep_token_alive", shop_id)


def sweep_deliveries(session: Session) -> None:
    """Ask for bodies and files to be removed that are kept no longer, also in shops that have removed the app."""
    now = utcnow()
    for shop_id in {
        *deliveries.list_shops_to_prune(session, now),
        *privacy_requests.list_shops_with_expired(session, now),
    }:
        enqueue_once(CHORES, "prune_deliveries", shop_id)


def sweep_redactions(session: Session) -> None:
    """Ask for people to be forgotten in shops that have removed the app, where Shopify wants it."""
    for shop_id in privacy.list_shops_to_redact(session):
        enqueue_once(CHORES, "redact_shop", shop_id)


def _shops_with(session: Session, due: ColumnElement[bool], *which: ColumnElement[bool]) -> Iterable[int]:
    """Return the shops that have a reward for which something is due."""
    return session.scalars(select(Shop.id).where(_INSTALLED, *which, exists().where(Reward.shop_id == Shop.id, due)))


@dataclass(frozen=True, slots=True)
class Sweep:
    """Something to ask for every so many seconds."""

    ask: Callable[[Session], None]
    every_seconds: int

    @property
    def name(self) -> str:
        """Return what it is called in logs and metrics."""
        return self.ask.__name__


SWEEPS = (
    Sweep(sweep_inbox, 2),
    Sweep(sweep_transfers, 1),
    Sweep(sweep_pending, 1),
    Sweep(sweep_holds, 10),
    Sweep(sweep_expiries, 60),
    Sweep(sweep_guests, 60),
    Sweep(sweep_claims, 60),
    Sweep(sweep_tiers, 60),
    Sweep(sweep_imports, 2),
    Sweep(sweep_reminders, 60),
    Sweep(sweep_digests, 5),
    Sweep(sweep_figures, 60),
    Sweep(sweep_books, 60),
    Sweep(sweep_stages, 30),
    Sweep(sweep_engines, 30),
    Sweep(sweep_alerts, 5),
    Sweep(sweep_statements, 10),
    Sweep(sweep_reconciliation, 10),
    Sweep(sweep_tokens, 3600),
    Sweep(sweep_mails, 2),
    Sweep(sweep_deliveries, 600),
    Sweep(sweep_old_mails, 600),
    Sweep(sweep_redactions, 60),
)


def run_clock(stop: Event | None = None, *, catch: type[Exception] = Exception) -> None:
    """Run until SIGTERM or SIGINT, or until ``stop`` is set. A sweep that raises ``catch`` stops no other one."""
    if stop is None:
        stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    tick = 0
    while not stop.wait(1):
        tick += 1
        for sweep in SWEEPS:
            if tick % sweep.every_seconds == 0:
                run_sweep(sweep, catch)


def run_sweep(sweep: Sweep, catch: type[Exception]) -> None:
    """Let a sweep ask for all shops; where that fails, for one after the other, so that one shop goes without alone."""
    try:
        try:
            with transaction() as session:
                sweep.ask(session)
        except OperationalError:
            raise
        except catch:
            for shop_id in _list_shops():
                _ask_for_shop(sweep, shop_id, catch)
    except OperationalError as error:
        # The database is away; the clock goes on asking.
        log.warning("sweep_failed", sweep=sweep.name, error=str(error.orig))
    finally:
        db.session.remove()


def _list_shops() -> list[int]:
    with transaction() as session:
        return sweep_failures.list_shops(session)


def _ask_for_shop(sweep: Sweep, shop_id: int, catch: type[Exception]) -> None:
    """Let a sweep see the rows of one shop only; where it fails over them, the log and the shop's status say so."""
    try:
        with transaction(shop_id) as session:
            sweep.ask(session)
    except OperationalError:
        raise
    except catch as error:
        now, kind = utcnow(), type(error).__name__
        until = now + timedelta(seconds=2 * sweep.every_seconds) + PATIENCE
        with transaction(shop_id) as session:
            is_new = sweep_failures.note(session, shop_id, sweep.name, kind, until, now)
        if is_new:  # said once, however often it is tried
            log.exception("sweep_failed", sweep=sweep.name, shop_id=shop_id, error=kind)
