"""Which rewards stop for a look before they become credit."""

from enum import StrEnum

from app.engine.rules.facts import OrderFact
from app.engine.rules.reward import Target
from app.engine.rules.terms import Terms


class HoldReason(StrEnum):
    """The rule or person that stopped a reward."""

    ORDER_VALUE = "order_value"
    BY_STAFF = "by_staff"


def decide_hold(order: OrderFact, terms: Terms, target: Target) -> HoldReason | None:
    """Return the rule that holds a reward, or None. What is not to be credited anyway is never held."""
    if order.cancelled_at is not None or target.kept_minor == 0:
        return None
    if terms.hold_above_minor is not None and target.eligible_minor > terms.hold_above_minor:
        return HoldReason.ORDER_VALUE
    return None
