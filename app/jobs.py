"""What workers run. A job may run twice or be lost: the rows say what is left to do."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import settle, transfer
from app.lookups import Lookups
from app.models import Shop
from app.queue import TRANSFERS, enqueue_once, wish_granted
from app.shopify import transfers
from app.webhooks import inbox

P = ParamSpec("P")


def _job(run: Callable[P, None]) -> Callable[P, None]:
    """Say at the start that the wish is granted, and give the session back at the end."""

    @wraps(run)
    def framed(*args: P.args, **kwargs: P.kwargs) -> None:
        wish_granted(run.__name__, *args)
        try:
            run(*args, **kwargs)
        finally:
            db.session.remove()

    return framed


@_job
def drain_inbox() -> None:
    """Handle every delivery that waits, batch after batch, and ask for the transfers they planned to be sent.

    What their bodies lack is asked of Shopify before each batch, for no call is made inside a transaction.
    """
    lookups = Lookups(utcnow, catch=Exception)
    while True:
        lookups.ask_first()
        if not inbox.drain(utcnow, catch=Exception).taken:
            break
        _ask_for_transfers()


@_job
def send_transfers(shop_id: int) -> None:
    """Send a shop's planned transfers and read back the unknown ones, for some seconds; then let others have a turn."""
    report = transfers.send_due(shop_id, books=transfer)
    if report.next_due_at is not None and report.next_due_at <= utcnow() and report.stopped_by is None:
        enqueue_once(TRANSFERS, "send_transfers", shop_id)


@_job
def settle_due(shop_id: int) -> None:
    """Settle what is pending and due in a shop."""
    settled = 1
    while settled:
        with transaction() as session:
            settled = settle.settle_due(session, session.get_one(Shop, shop_id), utcnow())
        _ask_for_transfers()


def _ask_for_transfers() -> None:
    with transaction() as session:
        shop_ids = transfer.list_due_shops(session, utcnow())
    for shop_id in shop_ids:
        enqueue_once(TRANSFERS, "send_transfers", shop_id)
