"""Tells the app what happened: which webhooks each change of an order fires."""

import json
import uuid
from datetime import datetime

from sandbox.bodies import edit_body, order_body
from sandbox.body_parts import Json
from sandbox.clock import local_text
from sandbox.models import Line, Order, Refund
from sandbox.refund_bodies import refund_body
from sandbox.state import Shop
from sandbox.webhooks import Dispatcher


class Announcer:
    """Fires the webhooks of each event, with the bodies as they are at that moment.

    Call it with the shop's lock held, so that bodies leave in the order in which things happened.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    def placed(self, shop: Shop, order: Order) -> None:
        """A new order, paid or not."""
        topics = ["orders/create", "orders/paid"] if order.paid_at is not None else ["orders/create"]
        self._order(shop, order, *topics)

    def paid(self, shop: Shop, order: Order) -> None:
        """An order that became paid."""
        self._order(shop, order, "orders/paid", "orders/updated")

    def refunded(self, shop: Shop, refund: Refund) -> None:
        """A refund."""
        event_id = str(uuid.uuid4())
        body = _raw(refund_body(refund))
        self._send(shop, "refunds/create", body, refund.order, event_id, refund.created_at)
        self._order(shop, refund.order, "orders/updated", event_id=event_id)

    def cancelled(self, shop: Shop, order: Order, refund: Refund | None) -> None:
        """A cancellation, with the refund that it made."""
        event_id = str(uuid.uuid4())
        if refund is not None:
            body = _raw(refund_body(refund))
            self._send(shop, "refunds/create", body, order, event_id, refund.created_at)
        self._order(shop, order, "orders/cancelled", "orders/updated", event_id=event_id)

    def edited(self, shop: Shop, order: Order, changes: list[tuple[Line, int]]) -> None:
        """A change of lines."""
        event_id = str(uuid.uuid4())
        body = _raw(edit_body(next(shop.ids), order, changes, order.updated_at))
        self._send(shop, "orders/edited", body, order, event_id, order.updated_at)
        self._order(shop, order, "orders/updated", event_id=event_id)

    def updated(self, shop: Shop, order: Order) -> None:
        """Any other change of an order."""
        self._order(shop, order, "orders/updated")

    def uninstalled(self, shop: Shop) -> None:
        """The app was removed from the shop."""
        raw = _raw(shop_body(shop))
        now = shop.clock.now()
        self._dispatcher.send(shop.domain, "app/uninstalled", raw, shop.id, str(uuid.uuid4()), now)

    def _order(self, shop: Shop, order: Order, *topics: str, event_id: str | None = None) -> None:
        event_id = event_id or str(uuid.uuid4())
        raw = _raw(order_body(order))
        for topic in topics:
            self._send(shop, topic, raw, order, event_id, order.updated_at)

    def _send(self, shop: Shop, topic: str, raw: bytes, order: Order, event_id: str, at: datetime) -> None:
        lane = order.customer.id if order.customer else order.id
        self._dispatcher.send(shop.domain, topic, raw, lane, event_id, at)


def shop_body(shop: Shop) -> Json:
    """Return the shop as `app/uninstalled` carries it."""
    made_at = local_text(shop.created_at, shop.timezone)
    return {
        "id": shop.id,
        "name": shop.name,
        "email": shop.email,
        "domain": shop.domain,
        "myshopify_domain": shop.domain,
        "country_code": "US",
        "currency": shop.currency,
        "iana_timezone": shop.timezone,
        "plan_name": "basic",
        "shop_owner": "Sam Staff",
        "created_at": made_at,
        "updated_at": made_at,
    }


def _raw(body: Json) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()
