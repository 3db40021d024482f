"""What one made-up line would earn under terms, and what became of every rate that applies to it."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from app.engine.rules.eligibility import ExclusionReason, Exclusions
from app.engine.rules.facts import OrderLine, ProductFact
from app.engine.rules.rates import WHOLE_BPS, Rate, Rates
from app.engine.rules.scopes import Goods
from app.engine.rules.terms import Precedence, RateRule, Terms, Tier


class Source(StrEnum):
    """Where a rate comes from."""

    TIER = "tier"
    RATE = "rate"
    CAMPAIGN = "campaign"


class Voice(NamedTuple):
    """One rate that applies to the line; ``counts`` when it is in what the line earns."""

    source: Source
    name: str
    rate_bps: int
    counts: bool
    #: Of a campaign that multiplies: 20,000 doubles.
    multiplier_bps: int | None = None


class Trial(NamedTuple):
    """What the line would earn: nothing where it is excluded, else ``rate_bps``, made of the voices that count."""

    rate_bps: int
    excluded: ExclusionReason | None
    voices: tuple[Voice, ...]
    #: More than a line can earn was wanted, and cut to the whole of it.
    is_cut: bool


def try_line(terms: Terms, line: OrderLine, product: ProductFact | None, tier: Tier, at: datetime) -> Trial:
    """Return what a line bought at an instant by a customer of a tier would earn under terms.

    ``product`` is what the catalogue says of its product, None where that is not known.
    """
    excluded = Exclusions(terms).decide_line(line, product)
    rate = Rates(terms).rate_of(line, product, tier, at)
    fitting = [rule for rule in terms.rates if Goods(rule.scope).find_fit(line, product) is not None]
    voices = tuple(_voices(terms.precedence, rate, tier, fitting))
    wanted_bps = sum(voice.rate_bps for voice in voices if voice.counts)
    return Trial(0 if excluded is not None else rate.rate_bps, excluded, voices, wanted_bps > WHOLE_BPS)


def _voices(precedence: Precedence, rate: Rate, tier: Tier, fitting: list[RateRule]) -> list[Voice]:
    counting = _find_counting(precedence, rate)
    voices = [Voice(Source.TIER, tier.name, tier.rate_bps, Source.TIER in counting)]
    for rule in sorted(fitting, key=lambda one: -one.rate_bps):
        voices.append(Voice(Source.RATE, rule.name, rule.rate_bps, rule is rate.rule and Source.RATE in counting))
    if rate.campaign is not None:
        campaign, counts = rate.campaign, Source.CAMPAIGN in counting
        voices.append(Voice(Source.CAMPAIGN, campaign.name, rate.campaign_bps, counts, campaign.multiplier_bps))
    return voices


def _find_counting(precedence: Precedence, rate: Rate) -> set[Source]:
    """Return the sources whose rates make what the line earns."""
    heard = {Source.TIER: rate.tier_bps}
    if rate.rule is not None:
        heard[Source.RATE] = rate.rule.rate_bps
    if rate.campaign is not None:
        heard[Source.CAMPAIGN] = rate.campaign_bps
    if precedence is Precedence.SUM:
        return set(heard)
    if precedence is Precedence.CAMPAIGN_ONLY:
        return {list(heard)[-1]}
    return {max(heard, key=lambda source: heard[source])}
