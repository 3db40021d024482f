"""The steps that made an amount: what every kind of step is. The kinds themselves stand beside, by topic.

Steps are not frozen: one order has some twenty of them, and making a frozen one takes three times as long.
Nobody changes a step once it is made.
"""

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import ClassVar

from app.engine.rules.money import Money, format  # noqa: A004 - money's own word


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
    def sentence(self, currency: str) -> str:
        """Return the step as one sentence; amounts are in ``currency``."""


def money_text(minor: int, currency: str) -> str:
    """Return an amount as a sentence has it."""
    return format(Money(minor, currency))


def and_list(words: list[str]) -> str:
    """Return words as a list in a sentence: "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)
