"""How long each stage of a journey may take before somebody is told, and what of a shop's pace is measured."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from app.engine.rules.messages import Stage

#: In seconds, unless the shop says otherwise; 0: as long as it likes. How long a customer takes to pay is nobody's
#: fault, and the end of a month may release very many credits at once. What is told waits for its time of the day,
#: which is the shop's choice (``rules.digest_times.longest_wait``).
DEFAULT_LIMITS = {
    Stage.PAID: 0,
    Stage.TRIGGERED: 900,
    Stage.RECEIVED: 300,
    Stage.DECIDED: 300,
    Stage.RELEASED: 600,
    Stage.SENT: 3_600,
    Stage.CONFIRMED: 300,
}
#: The stages that take time, in their order.
TIMED = (*DEFAULT_LIMITS, Stage.TOLD)


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


def compute_limits(stored: Mapping[str, int], told: timedelta) -> dict[Stage, timedelta]:
    """Return the longest each stage may take, by what a shop has set in seconds; without the stages it never minds.

    ``told`` is how long what is told may take where the shop has not set that.
    """
    limits = {stage: timedelta(seconds=seconds) for stage, seconds in DEFAULT_LIMITS.items()} | {Stage.TOLD: told}
    limits |= {stage: timedelta(seconds=stored[stage.value]) for stage in TIMED if stage.value in stored}
    return {stage: limit for stage, limit in limits.items() if limit}
