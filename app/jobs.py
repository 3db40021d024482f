"""What workers run. A job may run twice or be lost: the rows say what is left to do."""

import structlog

from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import settle, transfer
from app.models import Shop
from app.queue import INBOX, TRANSFERS, enqueue_once, wish_granted
from app.shopify import transfers
from app.webhooks import inbox

log = structlog.get_logger()


def drain_inbox() -> None:
    """Handle every delivery that waits, batch after batch, and ask for the transfers they planned to be sent."""
    wish_granted("drain_inbox")
    try:
        while inbox.drain(utcnow, catch=Exception).handled:
            _ask_for_transfers()
    finally:
        db.session.remove()


def send_transfers(shop_id: int) -> None:
    """Send a shop's planned transfers and read back the unknown ones."""
    wish_granted("send_transfers", shop_id)
    try:
        transfers.send_due(shop_id, books=transfer)
    finally:
        db.session.remove()


def settle_due(shop_id: int) -> None:
    """Settle what is pending and due in a shop."""
    wish_granted("settle_due", shop_id)
    try:
        settled = 1
        while settled:
            with transaction() as session:
                settled = settle.settle_due(session, session.get_one(Shop, shop_id), utcnow())
        _ask_for_transfers()
    finally:
        db.session.remove()


def _ask_for_transfers() -> None:
    with transaction() as session:
        shop_ids = transfer.list_due_shops(session, utcnow())
    for shop_id in shop_ids:
        enqueue_once(TRANSFERS, "send_transfers", shop_id)


__all__ = ["INBOX", "TRANSFERS", "drain_inbox", "send_transfers", "settle_due"]
