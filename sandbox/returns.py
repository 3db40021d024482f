"""Returns of orders: asked for, agreed to, ended; and how their webhooks tell them."""

from dataclasses import dataclass

from sandbox.body_parts import Json
from sandbox.errors import BadInput
from sandbox.models import Order

#: What happens to a return → the states it may happen in, the state after it, the topic.
STEPS = {
    "approve": (("requested",), "open", "returns/approve"),
    "decline": (("requested",), "declined", "returns/decline"),
    "process": (("open",), "open", "returns/process"),
    "cancel": (("requested", "open"), "canceled", "returns/cancel"),
    "close": (("open",), "closed", "returns/close"),
    "reopen": (("closed",), "open", "returns/reopen"),
}
#: These topics tell the order by its number alone, the others as an object.
_FLAT = ("returns/cancel", "returns/close", "returns/reopen")


@dataclass
class Return:
    """Goods of an order that are to come back; the refund for them is one of its own."""

    id: int
    order: Order
    number: int
    status: str


def move(made: Return, step: str) -> str:
    """Let a return go on, and return the topic that tells it."""
    allowed, status, topic = STEPS[step]
    if made.status not in allowed:
        raise BadInput(f"Return {made.id} is {made.status}; only one that is {' or '.join(allowed)} can {step}.")
    made.status = status
    return topic


def return_body(made: Return, topic: str) -> Json:
    """Return what a topic tells of a return."""
    gid = {"id": made.id, "admin_graphql_api_id": f"gid://shopify/Return/{made.id}"}
    if topic in _FLAT:
        return {**gid, "order_id": made.order.id, "status": made.status}
    order = {"id": made.order.id, "admin_graphql_api_id": f"gid://shopify/Order/{made.order.id}"}
    return {
        **gid,
        "status": made.status,
        "order": order,
        "name": f"#{made.order.number}-R{made.number}",
        "total_return_line_items": 1,
        "return_line_items": [],
    }
