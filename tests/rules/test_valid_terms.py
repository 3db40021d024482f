"""Terms that would do harm are told what is wrong with them, each thing in a sentence, at the place where it stands."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.engine.rules import money
from app.engine.rules.problems import LARGEST_ID
from app.engine.rules.terms import (
    Campaign,
    Cycle,
    Expiry,
    HoldRules,
    Limits,
    RateRule,
    Release,
    ReleaseKind,
    RiskLevel,
    Scope,
    Terms,
    Tier,
)
from app.engine.rules.valid_terms import find_late_dates, find_problems, validate_terms

from .made import make_terms

BLACK_FRIDAY = datetime(2026, 11, 27, tzinfo=UTC)
MUGS = Scope(product_ids=frozenset({5}))
ON = date(2027, 1, 1)


def campaign(name: str = "Sale", start: int = 0, days: int = 3, **changes: Any) -> Campaign:
    """Return a campaign that doubles for some days, beginning so many days after Black Friday."""
    begins = BLACK_FRIDAY + timedelta(days=start)
    values: dict[str, Any] = {"multiplier_bps": 20_000, **changes}
    return Campaign(name, begins, begins + timedelta(days=days), **values)


def rule(name: str = "Mugs", rate_bps: int = 500, scope: Scope = MUGS) -> RateRule:
    return RateRule(name, rate_bps, scope)


def words(*listed: str) -> frozenset[str]:
    return frozenset(listed)


WHOLE = Terms(
    version=3,
    currency="EUR",
    tiers=(Tier("Basis", 0, 0, "★", "#c0c0c0"), Tier("Gold", 1, 10_000, "🥇", "#FFD700")),
    minimum_order_minor=0,
    cap_per_order_minor=1,
    hold_above_minor=0,
    excluded_product_ids=frozenset({1, LARGEST_ID}),
    excluded_tags=words("x" * 255),
    rates=(rule(), rule("All of Kiln", 0, Scope(vendors=words("Kiln"), collection_ids=frozenset({9})))),
    campaigns=(campaign(), campaign("Next", 3, rate_bps=10_000, multiplier_bps=None)),
    tier_grace_days=3_650,
    limits=Limits(1, 1, 1, 1, 1, money.LARGEST_MINOR),
    holds=HoldRules(True, 0, RiskLevel.LOW, 10_000, 1, words("vip"), frozenset({5}), True, 0, True),
    automatic_up_to_minor=0,
    automatic_tiers=words("Gold"),
    release=Release(ReleaseKind.DAYS_AFTER_PAID, 3_650),
    expiry=Expiry(days=1),
    cycle=Cycle(366, ON),
    claim_days=0,
    second_person_above_minor=0,
)


def is_plain(sentence: str) -> bool:
    """Return whether a text is a sentence in usual letters, besides the names that it quotes."""
    words = re.findall(r"\w+", re.sub(r"'.*'|#c0c0c0|ISO|USD|SKU", "", sentence))
    usual = all(word.islower() or word.istitle() or not word.isalpha() for word in words)
    return usual and "None" not in words and (sentence[0].isupper() or sentence[0] == "'") and sentence.endswith(".")


def test_terms_with_everything_at_its_edge_may_be_published() -> None:
    assert validate_terms(WHOLE) == []
    holds = replace(WHOLE.holds, refund_share_above_bps=0)
    lowest, highest = campaign(multiplier_bps=1), campaign("Next", 3, multiplier_bps=1_000_000)
    assert validate_terms(replace(WHOLE, holds=holds, campaigns=(lowest, highest))) == []


@pytest.mark.parametrize(
    ("changes", "where", "sentence"),
    [
        ({"version": 0}, (), "counted from 1"),
        ({"currency": "usd"}, ("currency",), "'usd' is not a currency"),
        ({"currency": "QQQ"}, ("currency",), "'QQQ' is not a currency"),
        ({"tiers": ()}, ("tiers",), "at least one tier"),
        ({"tiers": tuple(Tier(f"T{n}", n, 0) for n in range(51))}, ("tiers",), "at most 50 tiers"),
        ({"tiers": (Tier(" ", 0, 1),)}, ("tiers", 0, "name"), "Every tier needs a name."),
        ({"tiers": (Tier("x" * 61, 0, 1),)}, ("tiers", 0, "name"), "at most 60 characters"),
        ({"tiers": (Tier("A\n", 0, 1),)}, ("tiers", 0, "name"), "on one line"),
        ({"tiers": (Tier("A\ud800", 0, 1),)}, ("tiers", 0, "name"), "control characters"),
        ({"tiers": (Tier("Ä", 0, 1), Tier(" ä", 5, 2))}, ("tiers", 1, "name"), "same name; 'ä' is there twice"),
        ({"tiers": (Tier("A", 1, 1),)}, ("tiers", 0, "threshold"), "must start at 0"),
        ({"tiers": (Tier("A", -1, 1),)}, ("tiers", 0, "threshold"), "must start at 0"),
        ({"tiers": (Tier("A", 0, 1), Tier("B", 0, 1))}, ("tiers", 1, "threshold"), "that of 'B' does not"),
        (
            {"tiers": (Tier("A", 0, 1), Tier("B", 9, 1), Tier("C", 8, 1))}, ("tiers", 2, "threshold"),
            "must rise from one tier to the next; that of 'C' does not",
        ),
        ({"tiers": (Tier("A", 0, 1), Tier("B", 2**63, 1))}, ("tiers", 1, "threshold"), "more than the books can hold"),
        ({"tiers": (Tier("A", 0, 10_001),)}, ("tiers", 0, "rate"), "The rate of the tier 'A' must be between 0 %"),
        ({"tiers": (Tier("A", 0, -1),)}, ("tiers", 0, "rate"), "between 0 % and 100 %"),
        ({"tiers": (Tier("A", 0, 1, "x" * 17),)}, ("tiers", 0, "icon"), "at most 16"),
        ({"tiers": (Tier("A", 0, 1, "", "red"),)}, ("tiers", 0, "color"), "like #c0c0c0"),
        ({"tiers": (Tier("A", 0, 1, "", "#12345g"),)}, ("tiers", 0, "color"), "like #c0c0c0"),
        ({"minimum_order_minor": -1}, ("minimum_order",), "must not be negative; 0 means no minimum"),
        ({"cap_per_order_minor": 0}, ("cap_per_order",), "must be above zero; leave it empty for no cap"),
        ({"cap_per_order_minor": 2**63}, ("cap_per_order",), "more than the books can hold"),
        ({"hold_above_minor": -1}, ("hold_above",), "must not be negative"),
        ({"automatic_up_to_minor": -1}, ("automatic_up_to",), "must not be negative"),
        ({"second_person_above_minor": -1}, ("second_person_above",), "must not be negative"),
        ({"excluded_product_ids": frozenset({0})}, ("excluded_product_ids",), "An excluded product is named"),
        ({"excluded_variant_ids": frozenset({2**63})}, ("excluded_variant_ids",), "An excluded variant is named"),
        ({"excluded_collection_ids": frozenset({-5})}, ("excluded_collection_ids",), "An excluded collection is named"),
        ({"excluded_product_ids": frozenset(range(1, 1_002))}, ("excluded_product_ids",), "At most 1000"),
        ({"excluded_vendors": words(" ")}, ("excluded_vendors",), "An excluded vendor must not be blank"),
        ({"excluded_product_types": words("")}, ("excluded_product_types",), "must not be blank"),
        ({"excluded_product_tags": words("a\0")}, ("excluded_product_tags",), "control characters"),
        ({"excluded_skus": words("x" * 256)}, ("excluded_skus",), "An excluded SKU has at most 255 characters"),
        ({"excluded_tags": frozenset(map(str, range(1_001)))}, ("excluded_tags",), "At most 1000"),
        ({"excluded_channels": words("")}, ("excluded_channels",), "sales channel must not be blank"),
        ({"excluded_discount_codes": words("")}, ("excluded_discount_codes",), "discount code must not be blank"),
        ({"rates": (rule(""),)}, ("rates", 0, "name"), "Every rate needs a name"),
        ({"rates": (rule(), rule("mugs "))}, ("rates", 1, "name"), "Two rates must not have the same name"),
        ({"rates": (rule(rate_bps=10_001),)}, ("rates", 0, "rate"), "The rate of the rate 'Mugs'"),
        ({"rates": (rule(scope=Scope()),)}, ("rates", 0, "scope"), "Say which goods the rate 'Mugs' is for"),
        (
            {"rates": (rule(scope=Scope(product_ids=frozenset({0}))),)}, ("rates", 0, "scope", "product_ids"),
            "A product is named",
        ),
        ({"rates": tuple(rule(f"R{n}") for n in range(101))}, ("rates",), "at most 100 rates"),
        ({"campaigns": (campaign(" "),)}, ("campaigns", 0, "name"), "Every campaign needs a name"),
        (
            {"campaigns": (campaign(), campaign("SALE", 9))}, ("campaigns", 1, "name"),
            "Two campaigns must not have the same name; 'SALE'",
        ),
        ({"campaigns": (campaign(days=0),)}, ("campaigns", 0, "ends_at"), "'Sale' must end after it begins"),
        ({"campaigns": (campaign(days=-1),)}, ("campaigns", 0, "ends_at"), "'Sale' must end after it begins"),
        ({"campaigns": (campaign(days=70_000),)}, ("campaigns", 0, "ends_at"), "between the years 2000 and 2199"),
        ({"campaigns": (campaign(rate_bps=5),)}, ("campaigns", 0, "rate"), "either a rate or a multiplier"),
        ({"campaigns": (campaign(multiplier_bps=None),)}, ("campaigns", 0, "rate"), "either a rate or a multiplier"),
        ({"campaigns": (campaign(multiplier_bps=0),)}, ("campaigns", 0, "multiplier"), "above 0 and at most 100"),
        ({"campaigns": (campaign(multiplier_bps=1_000_001),)}, ("campaigns", 0, "multiplier"), "at most 100"),
        (
            {"campaigns": (campaign(multiplier_bps=None, rate_bps=10_001),)}, ("campaigns", 0, "rate"),
            "The rate of the campaign 'Sale'",
        ),
        (
            {"campaigns": (campaign(scope=Scope(skus=words(" "))),)}, ("campaigns", 0, "scope", "skus"),
            "A SKU must not be blank",
        ),
        ({"campaigns": tuple(campaign(f"C{n}", n, 1) for n in range(101))}, ("campaigns",), "at most 100 campaigns"),
        ({"tier_grace_days": -1}, ("tier_grace_days",), "The days of grace must be between 0 and 3650"),
        ({"limits": Limits(day_minor=0)}, ("limits", "day"), "The limit per day must be above zero"),
        ({"limits": Limits(cycle_minor=-1)}, ("limits", "cycle"), "The limit per statement period must be above zero"),
        ({"limits": Limits(month_minor=0)}, ("limits", "month"), "The limit per month must be above zero"),
        ({"limits": Limits(lifetime_minor=0)}, ("limits", "lifetime"), "The limit per customer must be above zero"),
        ({"limits": Limits(balance_minor=0)}, ("limits", "balance"), "The largest balance must be above zero"),
        ({"limits": Limits(budget_minor=-5)}, ("limits", "budget"), "budget per month must be above zero"),
        (
            {"holds": HoldRules(account_younger_than_days=-1)}, ("holds", "account_younger_than_days"),
            "between 0 and 3650",
        ),
        ({"holds": HoldRules(release_after_days=3_651)}, ("holds", "release_after_days"), "between 0 and 3650"),
        ({"holds": HoldRules(orders_per_day_above=0)}, ("holds", "orders_per_day_above"), "between 1 and 3650"),
        (
            {"holds": HoldRules(refund_share_above_bps=10_001)}, ("holds", "refund_share_above"),
            "between 0 % and 100 %",
        ),
        ({"holds": HoldRules(refund_share_above_bps=-1)}, ("holds", "refund_share_above"), "between 0 % and 100 %"),
        ({"holds": HoldRules(tags=words(""))}, ("holds", "tags"), "A tag that holds must not be blank"),
        ({"holds": HoldRules(product_ids=frozenset({0}))}, ("holds", "product_ids"), "A product that holds is named"),
        ({"automatic_tiers": words("gold")}, ("automatic_tiers",), "There is no tier 'gold'"),
        ({"release": Release(ReleaseKind.MONTH_END, -1)}, ("release", "number"), "between 0 and 3650"),
        ({"release": Release(ReleaseKind.AT_ONCE, 3)}, ("release", "number"), "counts no days; write 0"),
        ({"release": Release(ReleaseKind.ON_DATE, 3, ON)}, ("release", "number"), "counts no days; write 0"),
        ({"release": Release(ReleaseKind.ON_DATE)}, ("release", "on"), "Say on which day"),
        ({"release": Release(ReleaseKind.MONTH_END, 1, ON)}, ("release", "on"), "Only a release on a date has a day"),
        ({"release": Release(ReleaseKind.ON_DATE, on=date.max)}, ("release", "on"), "between the years"),
        ({"expiry": Expiry(5, ON)}, ("expiry", "on"), "write one of the two"),
        ({"expiry": Expiry(0)}, ("expiry", "days"), "between 1 and 3650"),
        ({"expiry": Expiry(on=date.min)}, ("expiry", "on"), "between the years"),
        ({"cycle": Cycle(0, ON)}, ("cycle", "days"), "between 1 and 366"),
        ({"cycle": Cycle(367, ON)}, ("cycle", "days"), "between 1 and 366"),
        ({"cycle": Cycle(30)}, ("cycle", "starts_on"), "needs its number of days and its first day"),
        ({"cycle": Cycle(None, ON)}, ("cycle", "days"), "needs its number of days and its first day"),
        ({"cycle": Cycle(30, date.max)}, ("cycle", "starts_on"), "between the years"),
        ({"claim_days": -1}, ("claim_days",), "The days to claim must be between 0 and 3650"),
        ({"claim_days": 3_651}, ("claim_days",), "between 0 and 3650"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_where_it_stands(
    changes: dict[str, Any], where: tuple[str | int, ...], sentence: str
) -> None:
    found = find_problems(replace(make_terms(), **changes))
    assert [problem for problem in found if problem.where == where and sentence in problem.sentence], found
    assert all(is_plain(problem.sentence) for problem in found)
    assert len({problem.where for problem in found}) == 1


def test_as_many_rows_as_there_may_be_may_be_published() -> None:
    tiers = tuple(Tier(f"T{n}", n, 0) for n in range(50))
    rates, campaigns = tuple(rule(f"R{n}") for n in range(100)), tuple(campaign(f"C{n}", n, 1) for n in range(100))
    assert validate_terms(make_terms(*tiers, rates=rates, campaigns=campaigns)) == []


@pytest.mark.parametrize("which", ["starts_at", "ends_at"])
def test_a_campaign_without_a_time_zone_is_refused_and_compared_with_nothing(which: str) -> None:
    naive = replace(campaign(), **{which: getattr(campaign(), which).replace(tzinfo=None)})
    found = find_problems(make_terms(campaigns=(naive, campaign("Other"))))
    assert [problem.where for problem in found] == [("campaigns", 0, which)]
    assert "needs its time zone, like 2026-11-27T00:00+01:00" in found[0].sentence


def test_a_limit_per_day_may_be_larger_than_that_of_the_month() -> None:
    assert validate_terms(make_terms(limits=Limits(day_minor=500, month_minor=100))) == []


@pytest.mark.parametrize(
    ("first", "second", "meet"),
    [
        (Scope(), Scope(), True),
        (Scope(), MUGS, True),
        (MUGS, MUGS, True),
        (MUGS, Scope(product_ids=frozenset({6})), False),
        (Scope(product_ids=frozenset({5, 6})), Scope(product_ids=frozenset({6, 7})), True),
        (Scope(variant_ids=frozenset({5})), Scope(variant_ids=frozenset({6})), False),
        # A product and a variant, a collection and a tag may be the same goods.
        (MUGS, Scope(variant_ids=frozenset({6})), True),
        (Scope(collection_ids=frozenset({5})), Scope(collection_ids=frozenset({6})), True),
        (Scope(product_tags=words("a")), Scope(product_tags=words("b")), True),
        (Scope(vendors=words("Kiln")), Scope(vendors=words("Loom")), False),
        (Scope(vendors=words("Kiln")), Scope(vendors=words("kiln ")), True),
        (Scope(product_types=words("Cup")), Scope(product_types=words("Mug")), False),
        (Scope(skus=words("M-1")), Scope(skus=words("M-2")), False),
        (Scope(skus=words("M-1")), Scope(skus=words("M-1")), True),
        (Scope(product_ids=frozenset({5}), skus=words("M-1")), Scope(product_ids=frozenset({6})), True),
    ],
)
def test_campaigns_of_one_time_are_refused_unless_no_line_could_be_in_both(
    first: Scope, second: Scope, meet: bool
) -> None:
    for one, other in ((first, second), (second, first)):
        pair = (campaign("One", scope=one), campaign("Two", 2, scope=other))
        found = find_problems(make_terms(campaigns=pair))
        assert [problem.where for problem in found] == [("campaigns", 1, "starts_at")] * meet
        assert all("'One' and 'Two' overlap" in problem.sentence for problem in found)


def test_a_campaign_may_begin_when_another_ends() -> None:
    chain = (campaign("One", 0, 2), campaign("Three", 4, 2), campaign("Two", 2, 2))
    assert validate_terms(make_terms(campaigns=chain)) == []


def test_each_overlap_is_named() -> None:
    three = (campaign("One", 0, 9), campaign("Two", 1, 1), campaign("Three", 8, 9))
    assert [problem.where[1] for problem in find_problems(make_terms(campaigns=three))] == [1, 2]


def test_all_that_is_wrong_is_said_at_once() -> None:
    found = validate_terms(make_terms(minimum_order_minor=-1, limits=Limits(day_minor=0), claim_days=-1))
    assert len(found) == 3


def test_one_word_too_many_is_one_sentence_however_often_it_is_wrong() -> None:
    assert len(validate_terms(make_terms(excluded_tags=words("a\0", "b\0", "c\0")))) == 1


@pytest.mark.parametrize(
    ("hours", "zone", "late"),
    [(-1, "UTC", False), (0, "UTC", True), (1, "UTC", True), (-1, "Asia/Tokyo", True), (4, "America/New_York", False)],
)
def test_credit_may_not_expire_on_a_day_that_is_over_when_the_terms_begin(hours: int, zone: str, late: bool) -> None:
    begins = datetime(2027, 1, 2, tzinfo=UTC) + timedelta(hours=hours)
    found = find_late_dates(make_terms(expiry=Expiry(on=ON)), begins, ZoneInfo(zone))
    assert [(where, "2027-01-01, which is over" in said) for where, said in found] == [(("expiry", "on"), True)] * late
    assert find_late_dates(make_terms(), begins, ZoneInfo(zone)) == []


@pytest.mark.parametrize("code", ["USD", "EUR", "JPY", "KWD", "CLF", "BGN", "XOF"])
def test_currencies_that_exist_are_known(code: str) -> None:
    assert money.is_currency(code)


@pytest.mark.parametrize("code", ["", "US", "usd", "XXX", "QQQ", "USDC", "AED AFN"])
def test_other_texts_are_no_currencies(code: str) -> None:
    assert not money.is_currency(code)
