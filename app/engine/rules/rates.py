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


def compute_rate(
    line: OrderLine | None, terms: Terms, tier: Tier, at: datetime, product: ProductFact | None = None
) -> Rate:
    """Return the rate at which a line of an order placed at an instant earns.

    Without a line it is the rate of the shipping: only campaigns for everything touch the tier's. Of several
    fitting rates of goods the highest counts, and of several campaigns the one that gives most.
    """
    table = _table(terms)
    if table.is_empty:
        return Rate(tier.rate_bps, tier.rate_bps)
    tier_bps = tier.rate_bps
    rule = None if line is None else table.find_rule(line, product)
    usual_bps = tier_bps if rule is None else max(tier_bps, rule.rate_bps)
    campaign, campaign_bps = table.find_campaign(line, product, at, usual_bps)
    return Rate(
        min(_combined(terms.precedence, tier_bps, rule, campaign, campaign_bps), WHOLE_BPS),
        tier_bps,
        rule,
        campaign,
        campaign_bps,
    )


class _RateTable:
    """The rates and campaigns of terms, made ready for comparing."""

    __slots__ = ("_adds_up", "_campaigns", "_rules", "is_empty")

    def __init__(self, terms: Terms) -> None:
        highest_first = sorted(terms.rates, key=lambda rule: -rule.rate_bps)
        self._rules = tuple((rule, Goods(rule.scope)) for rule in highest_first)
        self._campaigns = tuple(
            (campaign, None if campaign.scope.is_everything else Goods(campaign.scope)) for campaign in terms.campaigns
        )
        self._adds_up = terms.precedence is Precedence.SUM
        self.is_empty = not (self._rules or self._campaigns)

    def find_rule(self, line: OrderLine, product: ProductFact | None) -> RateRule | None:
        """Return the highest rate of their own that the line's goods have, if any."""
        for rule, goods in self._rules:
            if goods.find_fit(line, product) is not None:
                return rule
        return None

    def find_campaign(
        self, line: OrderLine | None, product: ProductFact | None, at: datetime, usual_bps: int
    ) -> tuple[Campaign | None, int]:
        """Return the campaign that gives the line most at an instant, if any, and what it gives."""
        best: Campaign | None = None
        best_bps = 0
        for campaign, goods in self._campaigns:
            if not campaign.starts_at <= at < campaign.ends_at:
                continue
            if goods is not None and (line is None or goods.find_fit(line, product) is None):
                continue
            given_bps = self._given(campaign, usual_bps)
            if best is None or given_bps > best_bps:
                best, best_bps = campaign, given_bps
        return best, best_bps

    def _given(self, campaign: Campaign, usual_bps: int) -> int:
        if campaign.rate_bps is not None:
            return campaign.rate_bps
        # A campaign has a rate or a multiplier; valid_terms sees to it.
        times_bps = campaign.multiplier_bps or WHOLE_BPS
        return share_half_up(usual_bps, times_bps - (WHOLE_BPS if self._adds_up else 0), WHOLE_BPS)


_table = OncePerTerms(_RateTable)


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
