"""Steps about what keeps an order from earning, or from earning all of it."""

from dataclasses import dataclass

from app.engine.rules.eligibility import IneligibleReason
from app.engine.rules.limits import LimitKind
from app.engine.rules.steps import Step, StepKind, money_text

#: Why an order earns nothing, as sentences for people.
WHY_INELIGIBLE = {
    IneligibleReason.BEFORE_PROGRAMME: "The order was placed before the programme began.",
    IneligibleReason.TEST_ORDER: "Test orders earn nothing.",
    IneligibleReason.VOIDED: "The payment was voided or has expired.",
    IneligibleReason.UNPAID: "The order is not fully paid yet.",
    IneligibleReason.OTHER_CURRENCY: "The order is in another currency than the programme.",
    IneligibleReason.EXCLUDED_ORDER_TAG: "The order has an excluded tag.",
    IneligibleReason.EXCLUDED_CUSTOMER_TAG: "The customer has an excluded tag.",
    IneligibleReason.EXCLUDED_CHANNEL: "Orders from this sales channel earn nothing.",
    IneligibleReason.EXCLUDED_DISCOUNT_CODE: "Orders with this discount code earn nothing.",
    IneligibleReason.B2B: "Orders of companies earn nothing.",
    IneligibleReason.PAID_WITH_CREDIT: "All of it was paid with store credit or gift cards, which earn nothing.",
    IneligibleReason.NO_ELIGIBLE_LINES: "Nothing in the order earns.",
    IneligibleReason.BELOW_MINIMUM: "The eligible amount is below the minimum order.",
    IneligibleReason.NO_RATE: "The rate is zero.",
    IneligibleReason.ROUNDS_TO_ZERO: "The amount rounds to zero.",
    IneligibleReason.LIMIT_REACHED: "A limit of the programme was reached before this order.",
    IneligibleReason.CUSTOMER_OWES: "The customer owes cashback; nothing is earned until that is settled.",
}

#: What each limit says, and what had been taken of it.
_LIMIT_WORDS = {
    LimitKind.DAY: "At most {limit} a day for each customer, and {before} was granted already",
    LimitKind.CYCLE: "At most {limit} a statement period for each customer, and {before} was granted already",
    LimitKind.MONTH: "At most {limit} a month for each customer, and {before} was granted already",
    LimitKind.LIFETIME: "At most {limit} for each customer in all, and {before} was granted already",
    LimitKind.BALANCE: "At most {limit} of cashback at a time, and {before} was there",
    LimitKind.BUDGET: "At most {limit} a month for the whole programme, and {before} was granted already",
    LimitKind.OWED: "The customer owed {before}, and nothing is earned until that is settled",
}


@dataclass(slots=True)
class OrderExcluded(Step):
    """The whole order earns nothing."""

    kind = StepKind.ORDER_EXCLUDED
    reason: IneligibleReason

    def sentence(self, currency: str) -> str:
        return WHY_INELIGIBLE[self.reason]


@dataclass(slots=True)
class CreditPaid(Step):
    """Part of the order was paid with store credit or gift cards."""

    kind = StepKind.CREDIT_PAID
    credit_minor: int
    total_minor: int
    before_minor: int
    after_minor: int

    def sentence(self, currency: str) -> str:
        credit, total = money_text(self.credit_minor, currency), money_text(self.total_minor, currency)
        before, after = money_text(self.before_minor, currency), money_text(self.after_minor, currency)
        return f"{credit} of {total} was paid with store credit or gift cards: {after} of {before} counts."


@dataclass(slots=True)
class BelowMinimum(Step):
    """The eligible amount as ordered is below the minimum order."""

    kind = StepKind.BELOW_MINIMUM
    eligible_minor: int
    minimum_minor: int

    def sentence(self, currency: str) -> str:
        minimum = money_text(self.minimum_minor, currency)
        eligible = money_text(self.eligible_minor, currency)
        return f"{eligible} is below the minimum order of {minimum}: no cashback."


@dataclass(slots=True)
class CapCut(Step):
    """The cap per order cut the amount."""

    kind = StepKind.CAP_CUT
    calculated_minor: int
    cap_minor: int

    def sentence(self, currency: str) -> str:
        calculated = money_text(self.calculated_minor, currency)
        return f"At most {money_text(self.cap_minor, currency)} per order: {calculated} was cut to that."


@dataclass(slots=True)
class Adjusted(Step):
    """A person set the amount instead of the calculated one. Who and why is for staff, so no sentence says it."""

    kind = StepKind.ADJUSTED
    from_minor: int
    to_minor: int
    actor: str
    reason: str

    def sentence(self, currency: str) -> str:
        before, after = money_text(self.from_minor, currency), money_text(self.to_minor, currency)
        return f"A person set the amount to {after}; {before} was calculated."


@dataclass(slots=True)
class LimitCut(Step):
    """The limit that left least cut the amount; its counter stood at ``before_minor``, and then at ``after_minor``."""

    kind = StepKind.LIMIT_CUT
    limit: LimitKind
    limit_minor: int
    before_minor: int
    after_minor: int
    from_minor: int
    to_minor: int

    def sentence(self, currency: str) -> str:
        limit, before = money_text(self.limit_minor, currency), money_text(self.before_minor, currency)
        words = _LIMIT_WORDS[self.limit].format(limit=limit, before=before)
        return f"{words}: {money_text(self.from_minor, currency)} was cut to {money_text(self.to_minor, currency)}."
