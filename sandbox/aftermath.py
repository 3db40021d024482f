"""What happens to an order besides money: it is sent, assessed for fraud, disputed at the bank.

As in `orders.py`, the caller holds the shop's lock and tells the app.
"""

from datetime import datetime, timedelta

from sandbox import totals
from sandbox.errors import BadInput
from sandbox.models import Dispute, Fulfillment, Line, Order
from sandbox.order_parts import RiskAssessment
from sandbox.state import Shop

DISPUTE_TYPES = ("chargeback", "inquiry")
OPEN_STATUSES = ("needs_response", "under_review")
FINAL_STATUSES = ("accepted", "charge_refunded", "lost", "prevented", "won")
NETWORK_CODES = {
    "credit_not_processed": "4853",
    "customer_initiated": "4853",
    "duplicate": "4834",
    "fraudulent": "4837",
    "general": "4999",
    "product_not_received": "4855",
    "product_unacceptable": "4853",
    "unrecognized": "4863",
}
"""Shopify's reasons, each with a code as a card network gives it."""
DAYS_TO_ANSWER = 9


def fulfil(shop: Shop, order: Order, lines: list[tuple[Line, int]], at: datetime | None) -> Fulfillment:
    """Send units of lines, or all that is still to be sent."""
    wanted = lines or [(line, line.fulfillable) for line in order.lines if line.fulfillable]
    if order.cancelled_at is not None:
        raise BadInput(f"Order {order.id} is cancelled; nothing of it is sent any more.")
    if not wanted:
        raise BadInput(f"Nothing of order {order.id} is left to be sent.")
    for line, quantity in wanted:
        if quantity > line.fulfillable:
            raise BadInput(f"Line {line.id} has {line.fulfillable} units left to be sent, not {quantity}.")
    for line, quantity in wanted:
        line.fulfilled += quantity
    moment = shop.touch(order, at)
    made = Fulfillment(next(shop.ids), order, len(order.fulfillments) + 1, moment, wanted)
    order.fulfillments.append(made)
    return made


def fulfillment_status(order: Order) -> str | None:
    """Return how much of the order was sent, as webhooks name it."""
    if not order.fulfillments:
        return None
    return "partial" if any(line.fulfillable for line in order.lines) else "fulfilled"


def assess(
    shop: Shop, order: Order, level: str, provider: str | None = None, facts: tuple[tuple[str, str], ...] = ()
) -> RiskAssessment:
    """Add an assessment; a provider's newest takes the place of its older one."""
    if fulfillment_status(order) == "fulfilled":
        raise BadInput(f"Order {order.id} is fulfilled; Shopify takes no assessments of it any more.")
    older = next((known for known in order.assessments if known.provider == provider), None)
    provider_id = (older.provider_id if older else next(shop.ids)) if provider is not None else None
    made = RiskAssessment(level, provider, provider_id, shop.clock.now(), facts)
    order.assessments = [known for known in order.assessments if known is not older] + [made]
    return made


def dispute(
    shop: Shop, order: Order, kind: str, reason: str, minor: int | None, status: str, at: datetime | None
) -> Dispute:
    """Let the bank dispute the order's payment: the whole of it, or a part."""
    paid = totals.received(order)
    if not paid:
        raise BadInput(f"Order {order.id} is not paid; only a payment can be disputed.")
    amount = paid if minor is None else minor
    if not 0 < amount <= paid:
        raise BadInput(f"The disputed amount must be above zero and at most what order {order.id} received.")
    moment = (at or shop.clock.now()).replace(microsecond=0)
    made = Dispute(
        id=next(shop.ids),
        order=order,
        type=kind,
        amount_minor=amount,
        reason=reason,
        network_reason_code=NETWORK_CODES[reason],
        status=status,
        initiated_at=moment,
        evidence_due_by=moment + timedelta(days=DAYS_TO_ANSWER),
    )
    order.disputes.append(made)
    shop.disputes[made.id] = made
    return made


def move_dispute(made: Dispute, kind: str, status: str, moment: datetime) -> None:
    """Let a dispute go on: an inquiry may become a chargeback; what is decided stays so."""
    if made.finalized_on is not None:
        raise BadInput(f"Dispute {made.id} is {made.status} already; open another with POST /sandbox/orders/…/dispute.")
    if kind == "inquiry" and made.type == "chargeback":
        raise BadInput(f"Dispute {made.id} is a chargeback; it cannot become an inquiry again.")
    made.type, made.status = kind, status
    if status == "under_review":
        made.evidence_sent_on = made.evidence_sent_on or moment
    if status in FINAL_STATUSES:
        made.finalized_on = moment
