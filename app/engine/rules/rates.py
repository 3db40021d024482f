"""At which rate a line earns, and where that rate came from: the tier, a rate of the goods' own, a campaign.

All rates are basis points. Multiplied ones are rounded half up to a whole basis point, and no line ever earns
more than it is worth.
"""

from datetime import datetime
from typing import NamedTuple

from app.engine.rules.facts import OrderLine, ProductFact
from app.engine.rules.money import share_half_up
from app.engine.rules.once import OncePerTerms
from app.engine.rules.scopes import Goods
from app.engine.rules.terms import Campaign, Precedence, RateRule, Terms, Tier

WHOLE_BPS = 10_000


class Rate(NamedTuple):
    """The rate of one line, with all that had a say in it."""

    rate_bps: int
    tier_bps: int
    rule: RateRule | None = None
    campaign: Campaign | None = None
    #: The campaign's own rate; or what its multiplier makes of the usual rate (with SUM: what it adds to it).
    campaign_bps: int = 0

    @property
    def is_of_the_tier(self) -> bool:
        """True when nothing but the tier had a say."""
        return self.rule is None and self.campaign is None


class Rates:
    """The rates and campaigns of terms, made ready for comparing."""

    __slots__ = ("_campaigns", "_precedence", "_rules")

    def __init__(self, terms: Terms) -> None:
        highest_first = sorted(terms.rates, key=lambda rule: -rule.rate_bps)
        self._rules = tuple((rule, Goods(rule.scope)) for rule in highest_first)
        self._campaigns = tuple((campaign, Goods(campaign.scope)) for campaign in terms.campaigns)
        self._precedence = terms.precedence

    def rate_of(self, line: OrderLine | None, product: ProductFact | None, tier: Tier, at: datetime) -> Rate:
        """Return the rate at which a line of an order placed at an instant earns.

        Without a line it is the rate of the shipping: only campaigns for everything touch the tier's. Of several
        fitting rates of goods the highest counts, and of several campaigns the one that gives most.
        """
        tier_bps = tier.rate_bps
        if not (self._rules or self._campaigns):
            return Rate(tier_bps, tier_bps)
        rule = None if line is None else self._find_rule(line, product)
        usual_bps = tier_bps if rule is None else max(tier_bps, rule.rate_bps)
        campaign, campaign_bps = self._find_campaign(line, product, at, usual_bps)
        rate_bps = _combined(self._precedence, tier_bps, rule, campaign, campaign_bps)
        return Rate(min(rate_bps, WHOLE_BPS), tier_bps, rule, campaign, campaign_bps)

    def _find_rule(self, line: OrderLine, product: ProductFact | None) -> RateRule | None:
        """Return the highest rate of their own that the line's goods have, if any."""
        for rule, goods in self._rules:
            if goods.find_fit(line, product) is not None:
                return rule
        return None

    def _find_campaign(
        self, line: OrderLine | None, product: ProductFact | None, at: datetime, usual_bps: int
    ) -> tuple[Campaign | None, int]:
        """Return the campaign that gives the line most at an instant, if any, and what it gives."""
        best: Campaign | None = None
        best_bps = 0
        for campaign, goods in self._campaigns:
            if campaign.starts_at <= at < campaign.ends_at and goods.find_fit(line, product) is not None:
                given_bps = self._given(campaign, usual_bps)
                if best is None or given_bps > best_bps:
                    best, best_bps = campaign, given_bps
        return best, best_bps

    def _given(self, campaign: Campaign, usual_bps: int) -> int:
        if campaign.rate_bps is not None:
            return campaign.rate_bps
        # A campaign has a rate or a multiplier; valid_terms sees to it.
        times_bps = campaign.multiplier_bps or WHOLE_BPS
        return share_half_up(usual_bps, times_bps - (WHOLE_BPS if self._precedence is Precedence.SUM else 0), WHOLE_BPS)


rates_of = OncePerTerms(Rates)


def _combined(
    precedence: Precedence, tier_bps: int, rule: RateRule | None, campaign: Campaign | None, campaign_bps: int
) -> int:
    rule_bps = 0 if rule is None else rule.rate_bps
    if precedence is Precedence.HIGHEST:
        return max(tier_bps, rule_bps, campaign_bps)
    if precedence is Precedence.SUM:
        return tier_bps + rule_bps + campaign_bps
    if campaign is not None:
        return campaign_bps
    return tier_bps if rule is None else rule_bps
