"""Tells the app what happened to orders: which webhooks each change fires."""

from datetime import datetime

from sandbox.aftermath import fulfillment_status
from sandbox.bodies import edit_body, order_body
from sandbox.body_parts import Json
from sandbox.customer_bodies import customer_body
from sandbox.models import Dispute, Fulfillment, Line, Order, Refund
from sandbox.order_part_bodies import dispute_body, fulfillment_body, risk_body
from sandbox.order_parts import RiskAssessment
from sandbox.payment_bodies import transaction_body
from sandbox.post import Post, as_bytes, new_event
from sandbox.refund_bodies import refund_body
from sandbox.shop_bodies import shop_body
from sandbox.state import Shop


class Announcer:
    """Fires the webhooks of each event, with the bodies as they are at that moment.

    Call it with the shop's lock held, so that bodies leave in the order in which things happened.
    """

    def __init__(self, post: Post) -> None:
        self._post = post

    def placed(self, shop: Shop, order: Order) -> None:
        """A new order, paid or not; perhaps sent at once, perhaps with a first assessment of its risk."""
        event_id = new_event()
        paid = ["orders/paid"] if order.paid_at is not None else []
        sent = ["orders/fulfilled"] if order.fulfillments else []
        self._order(shop, order, "orders/create", *paid, *sent, event_id=event_id)
        for fulfillment in order.fulfillments:
            self._send(shop, "fulfillments/create", fulfillment_body(fulfillment), order, event_id, order.created_at)
        for assessment in order.assessments:
            self.assessed(shop, order, assessment)

    def paid(self, shop: Shop, order: Order) -> None:
        """An order that became paid."""
        self._order(shop, order, "orders/paid", "orders/updated")

    def refunded(self, shop: Shop, refund: Refund) -> None:
        """A refund."""
        event_id = new_event()
        self._send(shop, "refunds/create", refund_body(refund), refund.order, event_id, refund.created_at)
        self._order(shop, refund.order, "orders/updated", event_id=event_id)

    def cancelled(self, shop: Shop, order: Order, refund: Refund | None) -> None:
        """A cancellation, with the refund that it made."""
        event_id = new_event()
        if refund is not None:
            self._send(shop, "refunds/create", refund_body(refund), order, event_id, refund.created_at)
        self._order(shop, order, "orders/cancelled", "orders/updated", event_id=event_id)

    def edited(self, shop: Shop, order: Order, changes: list[tuple[Line, int]]) -> None:
        """A change of lines."""
        event_id = new_event()
        body = edit_body(next(shop.ids), order, changes, order.updated_at)
        self._send(shop, "orders/edited", body, order, event_id, order.updated_at)
        self._order(shop, order, "orders/updated", event_id=event_id)

    def updated(self, shop: Shop, order: Order) -> None:
        """Any other change of an order."""
        self._order(shop, order, "orders/updated")

    def fulfilled(self, shop: Shop, sent: Fulfillment) -> None:
        """A fulfilment, of a part of the order or of what was left of it."""
        event_id, order = new_event(), sent.order
        self._send(shop, "fulfillments/create", fulfillment_body(sent), order, event_id, sent.created_at)
        is_whole = fulfillment_status(order) == "fulfilled"
        topic = "orders/fulfilled" if is_whole else "orders/partially_fulfilled"
        self._order(shop, order, topic, "orders/updated", event_id=event_id)

    def assessed(self, shop: Shop, order: Order, assessment: RiskAssessment) -> None:
        """A new assessment of the order's risk."""
        topic = "orders/risk_assessment_changed"
        self._send(shop, topic, risk_body(order, assessment), order, new_event(), assessment.created_at)

    def disputed(self, shop: Shop, dispute: Dispute, at: datetime, *, is_new: bool) -> None:
        """A dispute that was opened, or went on; the order itself does not change."""
        topic = "disputes/create" if is_new else "disputes/update"
        self._send(shop, topic, dispute_body(dispute), dispute.order, new_event(), at)

    def uninstalled(self, shop: Shop) -> None:
        """The app was removed from the shop."""
        self._post.send(shop, "app/uninstalled", shop_body(shop), shop.id, shop.clock.now())

    def _order(self, shop: Shop, order: Order, *topics: str, event_id: str | None = None) -> None:
        event_id = event_id or new_event()
        self._new_customer(shop, order, event_id)
        raw = as_bytes(order_body(order))
        for topic in topics:
            self._send(shop, topic, raw, order, event_id, order.updated_at)
        self._new_transactions(shop, order, event_id)

    def _new_customer(self, shop: Shop, order: Order, event_id: str) -> None:
        """Tell of a customer who came into being with the order."""
        customer = order.customer
        if customer is not None and not customer.announced:
            customer.announced = True
            body = customer_body(customer, shop.currency, shop.timezone)
            self._send(shop, "customers/create", body, order, event_id, customer.created_at)

    def _new_transactions(self, shop: Shop, order: Order, event_id: str) -> None:
        """Tell of every transaction once, whatever made it."""
        for payment in order.payments:
            if not payment.announced:
                payment.announced = True
                body = transaction_body(payment, order)
                self._send(shop, "order_transactions/create", body, order, event_id, payment.created_at)

    def _send(self, shop: Shop, topic: str, body: Json | bytes, order: Order, event_id: str, at: datetime) -> None:
        lane = order.customer.id if order.customer else order.id
        self._post.send(shop, topic, body, lane, at, event_id)
