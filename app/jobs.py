"""What workers run. A job may run twice or be lost: the rows say what is left to do."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import wraps
from inspect import signature
from typing import ParamSpec, cast

import structlog
from flask import current_app
from sqlalchemy.orm import Session

from app.alerts.posts import post_due
from app.alerts.summary import sum_up
from app.alerts.watch import watch
from app.clock import utcnow
from app.db import bound_to, db, transaction
from app.engine.flows import (
    account_statements,
    check_books,
    claims,
    deliveries,
    expire,
    figures,
    mail_states,
    mails,
    pace,
    privacy,
    privacy_requests,
    pruning,
    reconcile,
    reminders,
    settle,
    tell,
    tier_runs,
    transfer,
)
from app.errands import history
from app.errands.lookups import Lookups
from app.errands.reconciliation import reconcile_turn
from app.errands.told_orders import hear_orders
from app.mail import digests, sending
from app.models import Shop
from app.queue import CHORES, INBOX, MAILS, TRANSFERS, enqueue_once, wish_granted
from app.shopify import statement, tokens, transfers
from app.shopify.errors import ShopifyError
from app.webhooks import inbox
from app.webhooks.turns import Turns

log = structlog.get_logger()

P = ParamSpec("P")

#: A job over many rows asks for the rest of its work after this long, so that it keeps no worker from the inbox.
TURN = timedelta(seconds=2)


def _job(run: Callable[P, None]) -> Callable[P, None]:
    """Say at the start that the wish is granted, and give the session back at the end.

    A job whose first argument is its ``shop_id`` sees that shop's rows only.
    """
    is_of_shop = next(iter(signature(run).parameters), None) == "shop_id"

    @wraps(run)
    def framed(*args: P.args, **kwargs: P.kwargs) -> None:
        wish_granted(run.__name__, *args)
        try:
            with bound_to(cast(int, args[0])) if is_of_shop else nullcontext():
                run(*args, **kwargs)
        finally:
            db.session.remove()

    return framed


@_job
def drain_inbox() -> None:
    """Handle every delivery that waits, batch after batch, and ask for the transfers they planned to be sent.

    What their bodies lack is asked of Shopify before each batch, for no call is made inside a transaction. The worker
    keeps from one run to the next which shop had the last turn, and which ones are slow to answer.
    """
    kept = current_app.extensions
    lookups: Lookups = kept.setdefault("lookups", Lookups(utcnow, catch=Exception))
    turns: Turns = kept.setdefault("turns", Turns())
    ends_at = utcnow() + TURN
    while True:
        asked = lookups.ask_first(turns)
        if not inbox.drain(utcnow, catch=Exception, turns=turns, skip=asked).taken:
            return  # where an answer is still awaited, the sweep asks for another drain
        _ask_for_transfers()
        if utcnow() >= ends_at:
            break
    enqueue_once(INBOX, "drain_inbox")


@_job
def send_transfers(shop_id: int) -> None:
    """Send a shop's planned transfers and read back the unknown ones, for some seconds; then let others have a turn."""
    report = transfers.send_due(shop_id, books=transfer, hear_orders=hear_orders)
    if report.next_due_at is not None and report.next_due_at <= utcnow() and report.stopped_by is None:
        enqueue_once(TRANSFERS, "send_transfers", shop_id)


@_job
def send_mails(shop_id: int) -> None:
    """Send a shop's planned mails for some seconds; then let others have a turn."""
    if sending.send_due(shop_id, books=mail_states).is_more:
        enqueue_once(MAILS, "send_mails", shop_id)


@_job
def prune_mails(shop_id: int) -> None:
    """Empty mails of a shop that are kept no longer, and remove what was to be told and is needed no more."""
    if _has_more(shop_id, _prune_told):
        enqueue_once(CHORES, "prune_mails", shop_id)


@_job
def reconcile_orders(shop_id: int) -> None:
    """Look for what webhooks never told of a shop's orders, for some seconds; then let others have a turn."""
    with transaction(shop_id) as session:
        is_due = shop_id in reconcile.list_due_shops(session, utcnow())
    if not is_due:
        return  # another worker has just done it
    try:
        run = reconcile_turn(shop_id, lasts=TURN)
    except ShopifyError as error:
        log.warning("reconciliation_waits", shop_id=shop_id, reason=str(error))
        return
    if run is None:
        enqueue_once(CHORES, "reconcile_orders", shop_id)
    elif run.orders_missed or run.refunds_missed:
        log.info("webhooks_missed", shop_id=shop_id, orders=run.orders_missed, refunds=run.refunds_missed)


@_job
def import_history(shop_id: int) -> None:
    """Carry a shop's import of past orders on for some seconds; then let others have a turn."""
    if history.import_step(shop_id, lasts=TURN, catch=Exception):
        enqueue_once(CHORES, "import_history", shop_id)
    _ask_for_transfers()


@_job
def stop_collecting(shop_id: int) -> None:
    """Have Shopify stop writing the file of an import that was cancelled."""
    history.stop_collecting(shop_id)


@_job
def ask_about_order(shop_id: int, order_shopify_id: int) -> None:
    """Ask Shopify what is not known of an order that somebody wants to process; without an answer nothing changes."""
    try:
        Lookups(utcnow, catch=Exception).ask_about_order(shop_id, order_shopify_id)
    except ShopifyError as error:
        log.warning("lookup_failed", shop_id=shop_id, order_id=order_shopify_id, reason=str(error))


@_job
def settle_due(shop_id: int) -> None:
    """Settle what is pending and due in a shop."""
    if _has_more(shop_id, settle.settle_due):
        enqueue_once(INBOX, "settle_due", shop_id)
    _ask_for_transfers()


@_job
def release_holds(shop_id: int) -> None:
    """Let rewards of a shop go on whose hold ends by itself; what becomes pending is settled by the next sweep."""
    if _has_more(shop_id, settle.release_holds):
        enqueue_once(CHORES, "release_holds", shop_id)


@_job
def claim_waiting(shop_id: int) -> None:
    """Give what guests of a shop earned to accounts of theirs that are known."""
    if _has_more(shop_id, claims.claim_waiting):
        enqueue_once(CHORES, "claim_waiting", shop_id)
    _ask_for_transfers()


@_job
def expire_claims(shop_id: int) -> None:
    """End what guests of a shop earned and nobody has claimed in time."""
    if _has_more(shop_id, claims.expire_claims):
        enqueue_once(CHORES, "expire_claims", shop_id)


@_job
def expire_credits(shop_id: int) -> None:
    """Book what expired of a shop's credits."""
    if _has_more(shop_id, expire.expire_due):
        enqueue_once(CHORES, "expire_credits", shop_id)


@_job
def import_statements(shop_id: int) -> None:
    """Read a shop's store-credit accounts whose time has come, and compare them with the books, for some seconds."""
    if statement.import_due(shop_id, books=account_statements).is_more:
        enqueue_once(CHORES, "import_statements", shop_id)


@_job
def recalculate_tiers(shop_id: int) -> None:
    """Go on with a shop's look at everybody's tier, begun by staff or by the schedule."""
    if _has_more(shop_id, _recalculate_some):
        enqueue_once(CHORES, "recalculate_tiers", shop_id)


def _recalculate_some(session: Session, shop: Shop, now: datetime) -> bool:
    run_id = tier_runs.due_run(session, shop, now)
    if run_id is None:
        return tier_runs.refresh_ended(session, shop, now) > 0
    tier_runs.recalculate(session, shop, run_id, now)
    return True


@_job
def count_days(shop_id: int) -> None:
    """Count what is new in a shop's books into the figures of its days."""
    if _has_more(shop_id, figures.count_days):
        enqueue_once(CHORES, "count_days", shop_id)


@_job
def look_through_books(shop_id: int) -> None:
    """Look through a shop's books for some seconds; then let others have a turn."""
    if _has_more(shop_id, check_books.go_on):
        enqueue_once(CHORES, "look_through_books", shop_id)


@_job
def build_digests(shop_id: int) -> None:
    """Make mails of what a shop's customers are to be told, for some seconds; then let others have a turn."""
    if digests.build_due(shop_id, books=tell, catch=Exception, lasts=TURN).is_more:
        enqueue_once(MAILS, "build_digests", shop_id)


@_job
def remind_customers(shop_id: int) -> None:
    """Notice what customers of a shop are to be reminded of."""
    if _has_more(shop_id, reminders.remind):
        enqueue_once(CHORES, "remind_customers", shop_id)


@_job
def measure_stages(shop_id: int) -> None:
    """Measure how long the stages of cashback take in a shop of late."""
    with transaction() as session:
        if shop_id in pace.list_due_shops(session, utcnow()):  # another worker may just have done it
            pace.measure_stages(session, session.get_one(Shop, shop_id), utcnow())


@_job
def watch_engine(shop_id: int) -> None:
    """Look for what is wrong with a shop's engine, and write what the merchant is to be told of it and of the day."""
    for write in (watch, sum_up):
        ways = write(shop_id, utcnow())
        if ways is not None and ways.addresses:
            enqueue_once(MAILS, "send_mails", shop_id)
        if ways is not None and ways.url:
            enqueue_once(MAILS, "post_alerts", shop_id)


@_job
def post_alerts(shop_id: int) -> None:
    """Post what a merchant's own address is to be told, for some seconds; then let others have a turn."""
    if post_due(shop_id):
        enqueue_once(MAILS, "post_alerts", shop_id)


@_job
def keep_token_alive(shop_id: int) -> None:
    """Renew the tokens of a shop in which nothing has happened for long."""
    tokens.keep_alive(shop_id)


@_job
def prune_deliveries(shop_id: int) -> None:
    """Remove what a shop keeps no longer: bodies of deliveries, and files made for people who asked for their data."""
    if _has_more(shop_id, _prune_some):
        enqueue_once(CHORES, "prune_deliveries", shop_id)


@_job
def redact_shop(shop_id: int) -> None:
    """Go on with forgetting who anybody in a shop is that has removed the app."""
    if _has_more(shop_id, privacy.redact_shop):
        enqueue_once(CHORES, "redact_shop", shop_id)


def _prune_told(session: Session, shop: Shop, now: datetime) -> int:
    return mails.prune(session, shop, now) + pruning.prune(session, shop, now)


def _prune_some(session: Session, shop: Shop, now: datetime) -> int:
    return deliveries.prune(session, shop, now) + privacy_requests.remove_expired_files(session, shop, now)


def _has_more(shop_id: int, batch: Callable[[Session, Shop, datetime], int]) -> bool:
    """Carry out batches, each in a transaction, until one finds nothing; return True if others must have a turn first.

    ``batch`` returns 0 or False when it found nothing to do.
    """
    ends_at = utcnow() + TURN
    while utcnow() < ends_at:
        with transaction() as session:
            if not batch(session, session.get_one(Shop, shop_id), utcnow()):
                return False
    return True


def _ask_for_transfers() -> None:
    with transaction() as session:
        shop_ids = transfer.list_due_shops(session, utcnow())
    for shop_id in shop_ids:
        enqueue_once(TRANSFERS, "send_transfers", shop_id)
