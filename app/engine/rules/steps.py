"""The steps that made an amount, each with the facts it rested on and its sentence."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from app.engine.rules.eligibility import ExclusionReason, IneligibleReason
from app.engine.rules.money import Money, format, rate_text  # noqa: A004 - money's own word


class StepKind(StrEnum):
    """The kinds of steps, in the order of the pipeline."""

    ORDER_EXCLUDED = "order_excluded"
    LINE_COUNTS = "line_counts"
    LINE_EXCLUDED = "line_excluded"
    BELOW_MINIMUM = "below_minimum"
    TIER_RATE = "tier_rate"
    AMOUNT = "amount"
    LINE_SHARE = "line_share"
    CAP_CUT = "cap_cut"
    CANCELLED = "cancelled"
    UNITS_GONE = "units_gone"
    EXTRA_MONEY = "extra_money"
    KEPT_BELOW_MINIMUM = "kept_below_minimum"
    KEPT_AMOUNT = "kept_amount"


_WHY_LINE = {
    ExclusionReason.GIFT_CARD: "gift cards earn nothing",
    ExclusionReason.EXCLUDED_PRODUCT: "this product is excluded",
}

#: Why an order earns nothing, as sentences for people.
WHY_INELIGIBLE = {
    IneligibleReason.TEST_ORDER: "Test orders earn nothing.",
    IneligibleReason.VOIDED: "The payment was voided or has expired.",
    IneligibleReason.UNPAID: "The order is not fully paid yet.",
    IneligibleReason.OTHER_CURRENCY: "The order is in another currency than the programme.",
    IneligibleReason.EXCLUDED_ORDER_TAG: "The order has an excluded tag.",
    IneligibleReason.EXCLUDED_CUSTOMER_TAG: "The customer has an excluded tag.",
    IneligibleReason.NO_ELIGIBLE_LINES: "Nothing in the order earns.",
    IneligibleReason.BELOW_MINIMUM: "The eligible amount is below the minimum order.",
    IneligibleReason.NO_RATE: "The customer's tier earns nothing.",
    IneligibleReason.ROUNDS_TO_ZERO: "The amount rounds to zero.",
    IneligibleReason.EXCLUDED_CHANNEL: "Orders from this sales channel earn nothing.",
    IneligibleReason.EXCLUDED_DISCOUNT_CODE: "Orders with this discount code earn nothing.",
    IneligibleReason.B2B: "Orders of companies earn nothing.",
    IneligibleReason.PAID_WITH_CREDIT: "All of it was paid with store credit or gift cards, which earn nothing.",
    IneligibleReason.LIMIT_REACHED: "A limit of the programme was reached before this order.",
    IneligibleReason.CUSTOMER_OWES: "The customer owes cashback; nothing is earned until that is settled.",
}


@dataclass(frozen=True, slots=True)
class Step(ABC):
    """One step of the pipeline with the facts it rested on; ``sentence`` says it in plain English."""

    kind: ClassVar[StepKind]

    @abstractmethod
    def sentence(self, currency: str) -> str:
        """Return the step as one sentence; amounts are in ``currency``."""


@dataclass(frozen=True, slots=True)
class OrderExcluded(Step):
    """The whole order earns nothing."""

    kind = StepKind.ORDER_EXCLUDED
    reason: IneligibleReason

    def sentence(self, currency: str) -> str:
        return WHY_INELIGIBLE[self.reason]


@dataclass(frozen=True, slots=True)
class LineCounts(Step):
    """A line counts with its net amount."""

    kind = StepKind.LINE_COUNTS
    line_id: int
    title: str
    quantity: int
    net_minor: int

    def sentence(self, currency: str) -> str:
        return f"{self.title} (quantity {self.quantity}) counts with {_money(self.net_minor, currency)}."


@dataclass(frozen=True, slots=True)
class LineExcluded(Step):
    """A line does not earn."""

    kind = StepKind.LINE_EXCLUDED
    line_id: int
    title: str
    quantity: int
    net_minor: int
    reason: ExclusionReason

    def sentence(self, currency: str) -> str:
        amount = _money(self.net_minor, currency)
        return f"{self.title} (quantity {self.quantity}, {amount}) does not count: {_WHY_LINE[self.reason]}."


@dataclass(frozen=True, slots=True)
class BelowMinimum(Step):
    """The eligible amount as ordered is below the minimum order."""

    kind = StepKind.BELOW_MINIMUM
    eligible_minor: int
    minimum_minor: int

    def sentence(self, currency: str) -> str:
        minimum = _money(self.minimum_minor, currency)
        eligible = _money(self.eligible_minor, currency)
        return f"{eligible} is below the minimum order of {minimum}: no cashback."


@dataclass(frozen=True, slots=True)
class TierRate(Step):
    """The tier the customer had when the order was placed, and its rate."""

    kind = StepKind.TIER_RATE
    tier: str
    rate_bps: int
    spend_minor: int

    def sentence(self, currency: str) -> str:
        spend = _money(self.spend_minor, currency)
        return f"With {spend} spent before, the tier was {self.tier}: {rate_text(self.rate_bps)}."


@dataclass(frozen=True, slots=True)
class Amount(Step):
    """The eligible amount times the rate, rounded once."""

    kind = StepKind.AMOUNT
    eligible_minor: int
    rate_bps: int
    #: Before rounding, as decimal text.
    exact: str
    amount_minor: int

    def sentence(self, currency: str) -> str:
        return _multiplied(self.eligible_minor, self.rate_bps, self.exact, self.amount_minor, currency)


@dataclass(frozen=True, slots=True)
class LineShare(Step):
    """The part of the amount that one line brought."""

    kind = StepKind.LINE_SHARE
    line_id: int
    title: str
    share_minor: int

    def sentence(self, currency: str) -> str:
        return f"{_money(self.share_minor, currency)} of it comes from {self.title}."


@dataclass(frozen=True, slots=True)
class CapCut(Step):
    """The cap per order cut the amount."""

    kind = StepKind.CAP_CUT
    calculated_minor: int
    cap_minor: int

    def sentence(self, currency: str) -> str:
        calculated = _money(self.calculated_minor, currency)
        return f"At most {_money(self.cap_minor, currency)} per order: {calculated} was cut to that."


@dataclass(frozen=True, slots=True)
class Cancelled(Step):
    """The order was cancelled and keeps nothing."""

    kind = StepKind.CANCELLED
    #: ISO 8601, UTC.
    at: str

    def sentence(self, currency: str) -> str:
        return f"The order was cancelled on {self.at[:10]}: nothing of it is kept."


@dataclass(frozen=True, slots=True)
class UnitsGone(Step):
    """Units of a line that counts were edited out of the order or returned."""

    kind = StepKind.UNITS_GONE
    line_id: int
    title: str
    removed_quantity: int
    returned_quantity: int
    kept_quantity: int
    kept_minor: int

    def sentence(self, currency: str) -> str:
        gone = []
        if self.removed_quantity:
            gone.append(f"{self.removed_quantity} taken out of the order")
        if self.returned_quantity:
            gone.append(f"{self.returned_quantity} returned")
        kept = f"{self.kept_quantity} kept, worth {_money(self.kept_minor, currency)}"
        return f"{self.title}: {' and '.join(gone)}; {kept}."


@dataclass(frozen=True, slots=True)
class ExtraMoney(Step):
    """Money was paid back beyond the goods returned."""

    kind = StepKind.EXTRA_MONEY
    extra_minor: int
    before_minor: int
    after_minor: int

    def sentence(self, currency: str) -> str:
        before, after = _money(self.before_minor, currency), _money(self.after_minor, currency)
        extra = _money(self.extra_minor, currency)
        return f"{extra} was paid back beyond the goods returned: {after} of {before} still counts."


@dataclass(frozen=True, slots=True)
class KeptBelowMinimum(Step):
    """What is kept of the order is below the minimum order."""

    kind = StepKind.KEPT_BELOW_MINIMUM
    kept_eligible_minor: int
    minimum_minor: int

    def sentence(self, currency: str) -> str:
        kept, minimum = _money(self.kept_eligible_minor, currency), _money(self.minimum_minor, currency)
        return f"The {kept} kept is below the minimum order of {minimum}: no cashback is kept."


@dataclass(frozen=True, slots=True)
class KeptAmount(Step):
    """What the order as it is kept is granted, and what goes back."""

    kind = StepKind.KEPT_AMOUNT
    kept_eligible_minor: int
    kept_minor: int
    reversed_minor: int

    def sentence(self, currency: str) -> str:
        eligible = _money(self.kept_eligible_minor, currency)
        kept, back = _money(self.kept_minor, currency), _money(self.reversed_minor, currency)
        return f"For the {eligible} still kept, {kept} stays; {back} is taken back."


def _multiplied(eligible_minor: int, rate_bps: int, exact: str, amount_minor: int, currency: str) -> str:
    amount = _money(amount_minor, currency)
    product = f"{rate_text(rate_bps)} of {_money(eligible_minor, currency)} is {exact} {currency}"
    return f"{product}." if f"{exact} {currency}" == amount else f"{product}, rounded to {amount}."


def _money(minor: int, currency: str) -> str:
    return format(Money(minor, currency))
