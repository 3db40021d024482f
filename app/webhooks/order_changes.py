"""orders/edited and orders/delete: an order changed, or is no more; neither body is an order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.rules.facts import DeletionFact
from app.errors import Broken, NotYet
from app.models import Order, Shop
from app.sentences import say
from app.webhooks.body import BodyError, Json
from app.webhooks.reader import Reader, read_deleted

#: So long an edited order may stay as it was known before.
LONGEST_WAIT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OrderEdited:
    """The lines of an order were changed at that instant; what they are now is not said."""

    order_id: int
    at: datetime


def parse_edit(body: Json, at: datetime) -> OrderEdited:
    """Return which order an orders/edited body is about. Raises BodyError. ``at`` stands in for a missing time.

    The order is named by a bare number, which in Shopify's own samples has been through a double.
    """
    edit = Reader(body).object("order_edit")
    if edit is None:
        raise BodyError(say("The body is no edit: it has no field order_edit."))
    committed_at = edit.optional_instant("committed_at") or edit.optional_instant("created_at")
    return OrderEdited(edit.shopify_id("order_id"), committed_at or at)


def parse_order_deletion(body: Json, at: datetime) -> DeletionFact:
    """Return which order is no more. Raises BodyError, also for a body that says more than a deletion does."""
    return DeletionFact(read_deleted(Reader(body), "Order"), at)


def record_edits(session: Session, shop: Shop, facts: Sequence[OrderEdited], now: datetime) -> None:
    """Make sure that the edited orders are known as they are since; raise NotYet while one is not.

    Shopify tells the whole order beside the edit. Where that word got lost, the order is asked for; raises Broken
    when a day has brought no answer. An order that was never told is not waited for: when it is told, or found by
    reconciliation, it is told as it is then.
    """
    wanted = {fact.order_id: max(other.at for other in facts if other.order_id == fact.order_id) for fact in facts}
    columns = select(Order.shopify_id, Order.version_at, Order.first_seen_at)
    known = columns.where(Order.shop_id == shop.id, Order.shopify_id.in_(wanted))
    for order_id, version_at, first_seen_at in session.execute(known.order_by(Order.shopify_id)):
        # Versions have whole seconds.
        edited_at = wanted[order_id].replace(microsecond=0)
        if version_at >= edited_at:
            continue
        # An old edit may be told right after its order, when both were kept from us.
        if now - max(edited_at, first_seen_at) > LONGEST_WAIT:
            raise Broken(
                say(
                    "The order {order_id} was edited, and Shopify does not say what it is now; look at it there.",
                    order_id=order_id,
                )
            )
        raise NotYet(
            say("The order {order_id} was edited; what it is now is still to be told or asked for.", order_id=order_id)
        )
