"""Steps about rates, and about the amount they come to."""

from dataclasses import dataclass

from app.engine.rules.facts import TierSource
from app.engine.rules.money import decimal_text, exact_share_text, rate_text
from app.engine.rules.steps import Step, StepKind, and_list, money_text
from app.engine.rules.terms import Precedence


@dataclass(slots=True)
class TierRate(Step):
    """The tier the customer had when the order was placed, and its rate."""

    kind = StepKind.TIER_RATE
    tier: str
    rate_bps: int
    spend_minor: int
    source: TierSource = TierSource.SPEND

    def sentence(self, currency: str) -> str:
        rate = rate_text(self.rate_bps)
        if self.source is TierSource.SPEND:
            return f"With {money_text(self.spend_minor, currency)} spent before, the tier was {self.tier}: {rate}."
        how = "a person gave it" if self.source is TierSource.MANUAL else "it was bought"
        return f"The tier was {self.tier}, because {how}: {rate}."


@dataclass(slots=True)
class LineRate(Step):
    """The rate of one line, where more than the tier has a say."""

    kind = StepKind.LINE_RATE
    #: 0 for the shipping, which is no line.
    line_id: int
    title: str
    rate_bps: int
    precedence: Precedence
    tier_bps: int
    #: The name of the goods' own rate, and the rate; None where the goods have none.
    rule: str | None = None
    rule_bps: int = 0
    #: The name of the campaign, and what it gives; None where none was on.
    campaign: str | None = None
    campaign_bps: int = 0
    #: 20,000 doubles; None where the campaign has a rate of its own.
    multiplier_bps: int | None = None

    def sentence(self, currency: str) -> str:
        earns = f"{self.title} earns {rate_text(self.rate_bps)}"
        if self.precedence is Precedence.CAMPAIGN_ONLY:
            return f"{earns}: {self._alone()}."
        said = [f"{rate_text(self.tier_bps)} for the tier"]
        if self.rule is not None:
            said.append(f"{rate_text(self.rule_bps)} for {self.rule}")
        if self.campaign is not None:
            said.append(f"{rate_text(self.campaign_bps)} for {self._campaign()}")
        if len(said) == 1:
            return f"{earns}, the rate of the tier."
        if self.precedence is Precedence.SUM:
            total_bps = self.tier_bps + self.rule_bps + self.campaign_bps
            return f"{earns}, the sum of {and_list(said)}{self._at_most(total_bps)}."
        highest_bps = max(self.tier_bps, self.rule_bps, self.campaign_bps)
        return f"{earns}, the highest of {and_list(said)}{self._at_most(highest_bps)}."

    def _alone(self) -> str:
        if self.campaign is not None:
            return f"{self._campaign()} counts alone{self._at_most(self.campaign_bps)}"
        return "the rate of the tier" if self.rule is None else f"{self.rule} counts instead of the tier"

    def _campaign(self) -> str:
        if self.multiplier_bps is None:
            return f"the campaign {self.campaign}"
        whole, _, fraction = decimal_text(self.multiplier_bps, 4).partition(".")
        times = f"{whole}.{fraction}".rstrip("0").rstrip(".")
        return f"the campaign {self.campaign} (times {times})"

    def _at_most(self, wanted_bps: int) -> str:
        return f", but at most {rate_text(self.rate_bps)}" if wanted_bps > self.rate_bps else ""


@dataclass(slots=True)
class Amount(Step):
    """The eligible amount times its one rate, rounded once."""

    kind = StepKind.AMOUNT
    eligible_minor: int
    rate_bps: int
    #: Before rounding, as decimal text.
    exact: str
    amount_minor: int

    def sentence(self, currency: str) -> str:
        product = f"{rate_text(self.rate_bps)} of {money_text(self.eligible_minor, currency)} is"
        return f"{product} {_rounded(self.exact, self.amount_minor, currency)}."


@dataclass(slots=True)
class RateAmount(Step):
    """The eligible amount at one of several rates, not rounded yet."""

    kind = StepKind.RATE_AMOUNT
    eligible_minor: int
    rate_bps: int

    def sentence(self, currency: str) -> str:
        exact = exact_share_text(self.eligible_minor, self.rate_bps, currency)
        return f"{rate_text(self.rate_bps)} of {money_text(self.eligible_minor, currency)} is {exact} {currency}."


@dataclass(slots=True)
class AmountSum(Step):
    """What several rates come to together, rounded once."""

    kind = StepKind.AMOUNT_SUM
    #: In ten-thousandths of a minor unit: each eligible amount times its rate, added up.
    product: int
    amount_minor: int

    def sentence(self, currency: str) -> str:
        return f"Together that is {_rounded(exact_share_text(self.product, 1, currency), self.amount_minor, currency)}."


@dataclass(slots=True)
class LineShare(Step):
    """The part of the amount that one line, or the shipping, brought."""

    kind = StepKind.LINE_SHARE
    #: 0 for the shipping, which is no line.
    line_id: int
    title: str
    share_minor: int

    def sentence(self, currency: str) -> str:
        return f"{money_text(self.share_minor, currency)} of it comes from {self.title}."


def _rounded(exact: str, amount_minor: int, currency: str) -> str:
    amount, product = money_text(amount_minor, currency), f"{exact} {currency}"
    return product if product == amount else f"{product}, rounded to {amount}"
