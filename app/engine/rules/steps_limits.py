"""Steps about what keeps an order from earning, or from earning all of it."""

from dataclasses import dataclass

from app.engine.rules.eligibility import IneligibleReason
from app.engine.rules.limits import LimitKind
from app.engine.rules.money import Money
from app.engine.rules.steps import Step, StepKind
from app.sentences import Sentence, marked, say

#: Why an order earns nothing, as sentences for people.
WHY_INELIGIBLE = {
    IneligibleReason.BEFORE_PROGRAMME: marked("The order was placed before the programme began."),
    IneligibleReason.TEST_ORDER: marked("Test orders earn nothing."),
    IneligibleReason.VOIDED: marked("The payment was voided or has expired."),
    IneligibleReason.UNPAID: marked("The order is not fully paid yet."),
    IneligibleReason.OTHER_CURRENCY: marked("The order is in another currency than the programme."),
    IneligibleReason.EXCLUDED_ORDER_TAG: marked("The order has an excluded tag."),
    IneligibleReason.EXCLUDED_CUSTOMER_TAG: marked("The customer has an excluded tag."),
    IneligibleReason.EXCLUDED_CHANNEL: marked("Orders from this sales channel earn nothing."),
    IneligibleReason.EXCLUDED_DISCOUNT_CODE: marked("Orders with this discount code earn nothing."),
    IneligibleReason.B2B: marked("Orders of companies earn nothing."),
    IneligibleReason.PAID_WITH_CREDIT: marked(
        "All of it was paid with store credit or gift cards, which earn nothing."
    ),
    IneligibleReason.NO_ELIGIBLE_LINES: marked("Nothing in the order earns."),
    IneligibleReason.BELOW_MINIMUM: marked("The eligible amount is below the minimum order."),
    IneligibleReason.NO_RATE: marked("The rate is zero."),
    IneligibleReason.ROUNDS_TO_ZERO: marked("The amount rounds to zero."),
    IneligibleReason.LIMIT_REACHED: marked("A limit of the programme was reached before this order."),
    IneligibleReason.CUSTOMER_OWES: marked("The customer owes cashback; nothing is earned until that is settled."),
}

#: What each limit says, and what had been taken of it.
_LIMIT_WORDS = {
    LimitKind.DAY: marked("At most {limit} a day for each customer, and {before} was granted already"),
    LimitKind.CYCLE: marked("At most {limit} a statement period for each customer, and {before} was granted already"),
    LimitKind.MONTH: marked("At most {limit} a month for each customer, and {before} was granted already"),
    LimitKind.LIFETIME: marked("At most {limit} for each customer in all, and {before} was granted already"),
    LimitKind.BALANCE: marked("At most {limit} of cashback at a time, and {before} was there"),
    LimitKind.BUDGET: marked("At most {limit} a month for the whole programme, and {before} was granted already"),
    LimitKind.OWED: marked("The customer owed {before}, and nothing is earned until that is settled"),
}


@dataclass(slots=True)
class OrderExcluded(Step):
    """The whole order earns nothing."""

    kind = StepKind.ORDER_EXCLUDED
    reason: IneligibleReason

    def sentence(self, currency: str) -> Sentence:
        return say(WHY_INELIGIBLE[self.reason])


@dataclass(slots=True)
class CreditPaid(Step):
    """Part of the order was paid with store credit or gift cards."""

    kind = StepKind.CREDIT_PAID
    credit_minor: int
    total_minor: int
    before_minor: int
    after_minor: int

    def sentence(self, currency: str) -> Sentence:
        return say(
            "{credit} of {total} was paid with store credit or gift cards: {after} of {before} counts.",
            credit=Money(self.credit_minor, currency),
            total=Money(self.total_minor, currency),
            after=Money(self.after_minor, currency),
            before=Money(self.before_minor, currency),
        )


@dataclass(slots=True)
class BelowMinimum(Step):
    """The eligible amount as ordered is below the minimum order."""

    kind = StepKind.BELOW_MINIMUM
    eligible_minor: int
    minimum_minor: int

    def sentence(self, currency: str) -> Sentence:
        return say(
            "{eligible} is below the minimum order of {minimum}: no cashback.",
            eligible=Money(self.eligible_minor, currency),
            minimum=Money(self.minimum_minor, currency),
        )


@dataclass(slots=True)
class CapCut(Step):
    """The cap per order cut the amount."""

    kind = StepKind.CAP_CUT
    calculated_minor: int
    cap_minor: int

    def sentence(self, currency: str) -> Sentence:
        return say(
            "At most {cap} per order: {calculated} was cut to that.",
            cap=Money(self.cap_minor, currency),
            calculated=Money(self.calculated_minor, currency),
        )


@dataclass(slots=True)
class Adjusted(Step):
    """A person set the amount instead of the calculated one. Who and why is for staff, so no sentence says it."""

    kind = StepKind.ADJUSTED
    from_minor: int
    to_minor: int
    actor: str
    reason: str

    def sentence(self, currency: str) -> Sentence:
        return say(
            "A person set the amount to {after}; {before} was calculated.",
            after=Money(self.to_minor, currency),
            before=Money(self.from_minor, currency),
        )


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

    def sentence(self, currency: str) -> Sentence:
        limit, taken = Money(self.limit_minor, currency), Money(self.before_minor, currency)
        return say(
            "{why}: {before} was cut to {after}.",
            why=say(_LIMIT_WORDS[self.limit], limit=limit, before=taken),
            before=Money(self.from_minor, currency),
            after=Money(self.to_minor, currency),
        )
