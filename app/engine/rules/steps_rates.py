"""Steps about rates, and about the amount they come to."""

from dataclasses import dataclass

from app.engine.rules.facts import TierSource
from app.engine.rules.money import Exact, Money, Rate, decimal_text, exact_share_text
from app.engine.rules.steps import Step, StepKind, and_list
from app.engine.rules.terms import Precedence
from app.sentences import Sentence, say


@dataclass(slots=True)
class TierRate(Step):
    """The tier the customer had when the order was placed, and its rate."""

    kind = StepKind.TIER_RATE
    tier: str
    rate_bps: int
    spend_minor: int
    source: TierSource = TierSource.SPEND

    def sentence(self, currency: str) -> Sentence:
        rate = Rate(self.rate_bps)
        if self.source is TierSource.SPEND:
            spent = Money(self.spend_minor, currency)
            return say(
                "With {spent} spent before, the tier was {tier}: {rate}.", spent=spent, tier=self.tier, rate=rate
            )
        if self.source is TierSource.MANUAL:
            return say("The tier was {tier}, because a person gave it: {rate}.", tier=self.tier, rate=rate)
        return say("The tier was {tier}, because it was bought: {rate}.", tier=self.tier, rate=rate)


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

    def sentence(self, currency: str) -> Sentence:
        told = {"title": self.title, "rate": Rate(self.rate_bps)}
        if self.precedence is Precedence.CAMPAIGN_ONLY:
            return say("{title} earns {rate}: {why}.", **told, why=self._alone())
        said = [say("{rate} for the tier", rate=Rate(self.tier_bps))]
        if self.rule is not None:
            said.append(say("{rate} for {goods}", rate=Rate(self.rule_bps), goods=self.rule))
        if self.campaign is not None:
            said.append(say("{rate} for {goods}", rate=Rate(self.campaign_bps), goods=self._campaign()))
        if len(said) == 1:
            return say("{title} earns {rate}, the rate of the tier.", **told)
        if self.precedence is Precedence.SUM:
            wanted_bps = self.tier_bps + self.rule_bps + self.campaign_bps
            return self._cut(say("{title} earns {rate}, the sum of {rates}", **told, rates=and_list(said)), wanted_bps)
        wanted_bps = max(self.tier_bps, self.rule_bps, self.campaign_bps)
        return self._cut(say("{title} earns {rate}, the highest of {rates}", **told, rates=and_list(said)), wanted_bps)

    def _alone(self) -> Sentence:
        if self.campaign is not None:
            counts = say("{campaign} counts alone", campaign=self._campaign())
            if self.campaign_bps <= self.rate_bps:
                return counts
            return say("{said}, but at most {rate}", said=counts, rate=Rate(self.rate_bps))
        return (
            say("the rate of the tier")
            if self.rule is None
            else say("{goods} counts instead of the tier", goods=self.rule)
        )

    def _campaign(self) -> Sentence:
        if self.multiplier_bps is None:
            return say("the campaign {campaign}", campaign=self.campaign)
        whole, _, fraction = decimal_text(self.multiplier_bps, 4).partition(".")
        times = f"{whole}.{fraction}".rstrip("0").rstrip(".")
        return say("the campaign {campaign} (times {times})", campaign=self.campaign, times=times)

    def _cut(self, said: Sentence, wanted_bps: int) -> Sentence:
        if wanted_bps <= self.rate_bps:
            return say("{said}.", said=said)
        return say("{said}, but at most {rate}.", said=said, rate=Rate(self.rate_bps))


@dataclass(slots=True)
class Amount(Step):
    """The eligible amount times its one rate, rounded once."""

    kind = StepKind.AMOUNT
    eligible_minor: int
    rate_bps: int
    #: Before rounding, as decimal text.
    exact: str
    amount_minor: int

    def sentence(self, currency: str) -> Sentence:
        return say(
            "{rate} of {eligible} is {amount}.",
            rate=Rate(self.rate_bps),
            eligible=Money(self.eligible_minor, currency),
            amount=_rounded(self.exact, self.amount_minor, currency),
        )


@dataclass(slots=True)
class RateAmount(Step):
    """The eligible amount at one of several rates, not rounded yet."""

    kind = StepKind.RATE_AMOUNT
    eligible_minor: int
    rate_bps: int

    def sentence(self, currency: str) -> Sentence:
        return say(
            "{rate} of {eligible} is {amount}.",
            rate=Rate(self.rate_bps),
            eligible=Money(self.eligible_minor, currency),
            amount=Exact(exact_share_text(self.eligible_minor, self.rate_bps, currency), currency),
        )


@dataclass(slots=True)
class AmountSum(Step):
    """What several rates come to together, rounded once."""

    kind = StepKind.AMOUNT_SUM
    #: In ten-thousandths of a minor unit: each eligible amount times its rate, added up.
    product: int
    amount_minor: int

    def sentence(self, currency: str) -> Sentence:
        exact = exact_share_text(self.product, 1, currency)
        return say("Together that is {amount}.", amount=_rounded(exact, self.amount_minor, currency))


@dataclass(slots=True)
class LineShare(Step):
    """The part of the amount that one line, or the shipping, brought."""

    kind = StepKind.LINE_SHARE
    #: 0 for the shipping, which is no line.
    line_id: int
    title: str
    share_minor: int

    def sentence(self, currency: str) -> Sentence:
        return say("{share} of it comes from {title}.", share=Money(self.share_minor, currency), title=self.title)


def _rounded(exact: str, amount_minor: int, currency: str) -> Sentence | Money:
    amount, product = Money(amount_minor, currency), Exact(exact, currency)
    return amount if str(product) == str(amount) else say("{exact}, rounded to {amount}", exact=product, amount=amount)
