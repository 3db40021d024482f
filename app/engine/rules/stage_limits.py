"""How long each stage of a journey may take before somebody is told, and what of a shop's pace is measured."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from app.engine.rules.messages import Stage

#: In seconds, unless the shop says otherwise; 0: as long as it likes. How long a customer takes to pay is nobody's
#: fault, the end of a month may release very many credits at once, and a digest waits for its time of the day.
DEFAULT_LIMITS = {
    Stage.PAID: 0,
    Stage.TRIGGERED: 900,
    Stage.RECEIVED: 300,
    Stage.DECIDED: 300,
    Stage.RELEASED: 600,
    Stage.SENT: 3_600,
    Stage.CONFIRMED: 300,
    Stage.TOLD: 86_400,
}
#: The stages that take time, in their order.
TIMED = tuple(DEFAULT_LIMITS)


class Lag(StrEnum):
    """What is measured: how long each stage took, and what dates are promised by."""

    PAID = "paid"
    TRIGGERED = "triggered"
    RECEIVED = "received"
    DECIDED = "decided"
    RELEASED = "released"
    SENT = "sent"
    CONFIRMED = "confirmed"
    TOLD = "told"
    #: From the release to Shopify's word that the credit is there.
    CREDIT = "credit"
    #: From the arrival of an order to a person's decision about it.
    DECISION = "decision"


def compute_limits(stored: Mapping[str, int]) -> dict[Stage, timedelta]:
    """Return the longest each stage may take, by what a shop has set in seconds; without the stages it never minds."""
    seconds = {stage: stored.get(stage.value, default) for stage, default in DEFAULT_LIMITS.items()}
    return {stage: timedelta(seconds=number) for stage, number in seconds.items() if number > 0}
