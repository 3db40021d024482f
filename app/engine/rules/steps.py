"""The steps that made an amount: what every kind of step is. The kinds themselves stand beside, by topic.

Steps are not frozen: one order has some twenty of them, and making a frozen one takes three times as long.
Nobody changes a step once it is made.
"""

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import ClassVar

from app.sentences import Sentence, say


class StepKind(StrEnum):
    """The kinds of steps, in the order of the pipeline."""

    ORDER_EXCLUDED = "order_excluded"
    LINE_COUNTS = "line_counts"
    LINE_EXCLUDED = "line_excluded"
    SHIPPING_COUNTS = "shipping_counts"
    CREDIT_PAID = "credit_paid"
    BELOW_MINIMUM = "below_minimum"
    TIER_RATE = "tier_rate"
    LINE_RATE = "line_rate"
    AMOUNT = "amount"
    RATE_AMOUNT = "rate_amount"
    AMOUNT_SUM = "amount_sum"
    LINE_SHARE = "line_share"
    CAP_CUT = "cap_cut"
    ADJUSTED = "adjusted"
    LIMIT_CUT = "limit_cut"
    CANCELLED = "cancelled"
    DISPUTE_LOST = "dispute_lost"
    UNITS_GONE = "units_gone"
    SHIPPING_GONE = "shipping_gone"
    EXTRA_MONEY = "extra_money"
    KEPT_BELOW_MINIMUM = "kept_below_minimum"
    KEPT_AMOUNT = "kept_amount"


class Step(ABC):
    """One step of the pipeline with the facts it rested on; ``sentence`` says it in plain English."""

    __slots__ = ()

    kind: ClassVar[StepKind]

    @abstractmethod
    def sentence(self, currency: str) -> Sentence:
        """Return the step as one sentence; amounts are in ``currency``."""


def and_list(words: list[Sentence]) -> Sentence:
    """Return words as a list in a sentence: "a, b and c"."""
    if len(words) == 1:
        return words[0]
    most = words[0]
    for word in words[1:-1]:
        most = say("{most}, {next}", most=most, next=word)
    return say("{most} and {last}", most=most, last=words[-1])
