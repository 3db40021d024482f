"""Where a line's rate comes from, where the tables do not reach."""

from datetime import timedelta
from typing import Any

import pytest

from app.engine.rules.facts import OrderLine, ProductFact
from app.engine.rules.rates import Rate, rates_of
from app.engine.rules.terms import Campaign, Precedence, RateRule, Scope, Tier

from .made import day, make_line, make_terms

NOW = day(0)
TIER = Tier("Bronze", 0, 200)
MUG = make_line(1, product_id=1, variant_id=11, sku="M-1", vendor="Acme")
KNOWN = ProductFact(1, product_type="Kitchen", tags=("new",), collection_ids=(5,))
ONLY_MUGS = Scope(product_ids=frozenset({1}))


def campaign(name: str = "Spring", scope: Scope = ONLY_MUGS, **changes: Any) -> Campaign:
    """Return a campaign that is on now."""
    return Campaign(name, **{"starts_at": day(-1), "ends_at": day(1), "scope": scope, **changes})


def rate_of(*campaigns: Campaign, rules: tuple[RateRule, ...] = (), line: OrderLine | None = MUG, **terms: Any) -> Rate:
    return rates_of(make_terms(TIER, rates=rules, campaigns=campaigns, **terms)).rate_of(line, KNOWN, TIER, NOW)


def test_without_rates_and_campaigns_the_tier_says_everything() -> None:
    assert rate_of() == Rate(200, 200)
    assert rate_of().is_of_the_tier


@pytest.mark.parametrize(
    "scope",
    [
        Scope(product_ids=frozenset({1, 2})),
        Scope(variant_ids=frozenset({11})),
        Scope(skus=frozenset({"m-1 "})),
        Scope(vendors=frozenset({"acme"})),
        Scope(product_types=frozenset({"kitchen"})),
        Scope(product_tags=frozenset({"NEW"})),
        Scope(collection_ids=frozenset({5})),
        Scope(product_ids=frozenset({99}), collection_ids=frozenset({5})),
        Scope(),
    ],
)
def test_a_line_is_in_a_scope_when_anything_that_it_names_fits(scope: Scope) -> None:
    assert rate_of(campaign(rate_bps=900, scope=scope)).rate_bps == 900
    assert rate_of(rules=(RateRule("Own", 900, scope),)).rate_bps == 900


@pytest.mark.parametrize(
    "scope",
    [
        Scope(product_ids=frozenset({99})),
        Scope(variant_ids=frozenset({1})),
        Scope(skus=frozenset({"m"})),
        Scope(vendors=frozenset({"acm"})),
        Scope(product_types=frozenset({"kitch"})),
        Scope(product_tags=frozenset({"newer"})),
        Scope(collection_ids=frozenset({1})),
    ],
)
def test_a_line_is_not_in_a_scope_of_other_goods(scope: Scope) -> None:
    rate = rate_of(campaign(rate_bps=900, scope=scope), rules=(RateRule("Own", 900, scope),))
    assert rate == Rate(200, 200)


def test_the_highest_of_several_rates_of_its_own_counts_and_the_first_of_equals() -> None:
    rules = (RateRule("A", 300, ONLY_MUGS), RateRule("B", 500, ONLY_MUGS), RateRule("C", 500, Scope()))
    assert rate_of(rules=rules).rule == rules[1]


def test_the_campaign_that_gives_most_counts_and_the_first_of_equals() -> None:
    double = campaign("Double", multiplier_bps=20_000)
    three, four = campaign("Three", rate_bps=300), campaign("Four", rate_bps=400)
    assert rate_of(three, double).campaign == double
    assert rate_of(double, four).campaign == double
    assert rate_of(four, double, three).campaign == four


def test_a_campaign_begins_with_its_first_instant_and_ends_before_its_last() -> None:
    instant = timedelta(microseconds=1)
    assert rate_of(campaign(rate_bps=900, starts_at=NOW)).rate_bps == 900
    assert rate_of(campaign(rate_bps=900, starts_at=NOW + instant)).rate_bps == 200
    assert rate_of(campaign(rate_bps=900, ends_at=NOW + instant)).rate_bps == 900
    assert rate_of(campaign(rate_bps=900, ends_at=NOW)).rate_bps == 200


def test_a_multiplier_below_one_lowers_only_where_the_campaign_counts_alone_or_is_added() -> None:
    half = campaign("Half", multiplier_bps=5_000)
    assert rate_of(half).rate_bps == 200
    assert rate_of(half, precedence=Precedence.CAMPAIGN_ONLY).rate_bps == 100
    assert rate_of(half, precedence=Precedence.SUM).rate_bps == 100


@pytest.mark.parametrize(("times", "rate"), [(12_525, 251), (12_474, 249), (12_475, 250), (12_500, 250)])
def test_a_multiplied_rate_is_rounded_half_up_to_a_basis_point(times: int, rate: int) -> None:
    assert rate_of(campaign(multiplier_bps=times)).rate_bps == rate
    assert rate_of(campaign(multiplier_bps=times), precedence=Precedence.SUM).rate_bps == rate


def test_shipping_earns_the_tiers_rate_unless_a_campaign_is_for_everything() -> None:
    everything = campaign("All", Scope(), multiplier_bps=30_000)
    rules = (RateRule("Own", 900, ONLY_MUGS),)
    assert rate_of(campaign(rate_bps=900), rules=rules, line=None) == Rate(200, 200)
    assert rate_of(everything, rules=rules, line=None).rate_bps == 600
    assert rate_of(everything, rules=rules).rate_bps == 2700


def test_what_is_prepared_for_many_versions_of_terms_is_right_for_each() -> None:
    versions = [make_terms(TIER, rates=(RateRule("Own", 300 + number, ONLY_MUGS),)) for number in range(200)]
    for _ in range(2):
        found = [rates_of(terms).rate_of(MUG, KNOWN, TIER, NOW).rate_bps for terms in versions]
        assert found == list(range(300, 500))
