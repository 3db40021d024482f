"""A made-up line says what it would earn, which rates apply to it, and which of them counts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings

from app.engine.rules.eligibility import ExclusionReason
from app.engine.rules.facts import OrderLine, ProductFact
from app.engine.rules.rate_trial import Source, Trial, Voice, try_line
from app.engine.rules.rates import Rates
from app.engine.rules.terms import Campaign, Precedence, RateRule, Scope, Terms

from .drawn import terms
from .made import LADDER, make_terms

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LINE = OrderLine(1, "Mug", 1, 0, 10_000, 0, product_id=5, vendor="Kiln")
MUG = ProductFact(5, "Kiln", "Cups")
MUGS = RateRule("Mugs", 800, Scope(product_ids=frozenset({5})))
KILN = RateRule("Kiln", 300, Scope(vendors=frozenset({"kiln"})))
DOUBLE = Campaign("Double", NOON, NOON + timedelta(days=1), multiplier_bps=20_000)
BASE = replace(make_terms(*LADDER), rates=(KILN, MUGS), campaigns=(DOUBLE,))


def tried(some: Terms, at: datetime = NOON) -> Trial:
    return try_line(some, LINE, MUG, some.tiers[0], at)


@pytest.mark.parametrize(
    ("precedence", "rate_bps", "counting"),
    [
        (Precedence.HIGHEST, 1_600, ["Double"]),
        (Precedence.SUM, 200 + 800 + 800, ["Bronze", "Mugs", "Double"]),
        (Precedence.CAMPAIGN_ONLY, 1_600, ["Double"]),
    ],
)
def test_every_rate_that_applies_is_told_and_which_counts(
    precedence: Precedence, rate_bps: int, counting: list[str]
) -> None:
    trial = tried(replace(BASE, precedence=precedence))
    assert (trial.rate_bps, trial.excluded, trial.is_cut) == (rate_bps, None, False)
    assert [voice.name for voice in trial.voices] == ["Bronze", "Mugs", "Kiln", "Double"]
    assert [voice.name for voice in trial.voices if voice.counts] == counting


@pytest.mark.parametrize(
    ("precedence", "counting"),
    [(Precedence.HIGHEST, "Mugs"), (Precedence.CAMPAIGN_ONLY, "Mugs")],
)
def test_once_the_campaign_is_over_the_goods_rate_counts(precedence: Precedence, counting: str) -> None:
    trial = tried(replace(BASE, precedence=precedence), DOUBLE.ends_at)
    assert [voice.name for voice in trial.voices if voice.counts] == [counting]
    assert trial.rate_bps == 800


def test_with_nothing_but_a_tier_the_tier_counts() -> None:
    trial = tried(replace(BASE, rates=(), campaigns=()))
    assert trial.voices == (Voice(Source.TIER, "Bronze", 200, True),)


def test_an_excluded_line_earns_nothing_whatever_its_rates() -> None:
    trial = tried(replace(BASE, excluded_product_ids=frozenset({5})))
    assert (trial.rate_bps, trial.excluded) == (0, ExclusionReason.EXCLUDED_PRODUCT)


def test_more_than_the_whole_line_is_cut_to_it() -> None:
    trial = tried(replace(BASE, rates=(replace(MUGS, rate_bps=9_900),), precedence=Precedence.SUM))
    assert (trial.rate_bps, trial.is_cut) == (10_000, True)


@given(terms())
@settings(max_examples=60)
def test_what_counts_comes_to_what_the_engine_pays(some: Terms) -> None:
    for at in (NOON, *(campaign.starts_at for campaign in some.campaigns)):
        trial = tried(some, at)
        wanted = sum(voice.rate_bps for voice in trial.voices if voice.counts)
        engine = Rates(some).rate_of(LINE, MUG, some.tiers[0], at).rate_bps
        assert min(wanted, 10_000) == engine
        assert trial.rate_bps == (0 if trial.excluded else engine)
