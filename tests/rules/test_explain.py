"""Every step says itself in a plain sentence and survives JSON."""

import json

import pytest

from app.engine.rules import explain, steps_kept, steps_limits, steps_lines, steps_rates
from app.engine.rules.eligibility import ExclusionReason, IneligibleReason
from app.engine.rules.explain import Step, StepKind
from app.engine.rules.facts import TierSource
from app.engine.rules.limits import LimitKind
from app.engine.rules.steps_limits import LimitCut
from app.engine.rules.steps_rates import LineRate
from app.engine.rules.terms import Precedence

HIGHEST, SUM, ALONE = Precedence.HIGHEST, Precedence.SUM, Precedence.CAMPAIGN_ONLY
SPRING_ALONE = "Mug earns 1 %: the campaign Spring counts alone."
GIFT_CARD, UNPAID = ExclusionReason.GIFT_CARD, IneligibleReason.UNPAID
SENTENCES: list[tuple[Step, str]] = [
    (steps_limits.OrderExcluded(UNPAID), "The order is not fully paid yet."),
    (steps_lines.LineCounts(2**60, "Mug", 2, 4000), "Mug (quantity 2) counts with 40.00 USD."),
    (
        steps_lines.LineExcluded(1, "Card", 1, 2000, GIFT_CARD),
        "Card (quantity 1, 20.00 USD) does not count: gift cards earn nothing.",
    ),
    (
        steps_limits.BelowMinimum(4999, 5000),
        "49.99 USD is below the minimum order of 50.00 USD: no cashback.",
    ),
    (
        steps_rates.TierRate("Silver", 250, 51_000),
        "With 510.00 USD spent before, the tier was Silver: 2.5 %.",
    ),
    (
        steps_rates.Amount(9980, 250, "2.495", 250),
        "2.5 % of 99.80 USD is 2.495 USD, rounded to 2.50 USD.",
    ),
    (steps_rates.Amount(8000, 250, "2.00", 200), "2.5 % of 80.00 USD is 2.00 USD."),
    (steps_rates.LineShare(1, "Mug", 199), "1.99 USD of it comes from Mug."),
    (steps_limits.CapCut(1000, 500), "At most 5.00 USD per order: 10.00 USD was cut to that."),
    (
        steps_kept.Cancelled("2026-03-04T09:00:00+00:00"),
        "The order was cancelled on March 4, 2026: nothing of it is kept.",
    ),
    (
        steps_kept.UnitsGone(1, "Mug", 1, 2, 3, 6000),
        "Mug: 1 taken out of the order and 2 returned; 3 kept, worth 60.00 USD.",
    ),
    (steps_kept.UnitsGone(1, "Mug", 0, 2, 0, 0), "Mug: 2 returned; 0 kept, worth 0.00 USD."),
    (
        steps_kept.ExtraMoney(500, 6000, 5500),
        "5.00 USD was paid back beyond the goods returned: 55.00 USD of 60.00 USD still counts.",
    ),
    (
        steps_kept.KeptBelowMinimum(3000, 5000),
        "The 30.00 USD kept is below the minimum order of 50.00 USD: no cashback is kept.",
    ),
    (
        steps_kept.KeptAmount(5500, 138, 112),
        "For the 55.00 USD still kept, 1.38 USD stays; 1.12 USD is taken back.",
    ),
    (
        steps_lines.LineCounts(1, "Mug", 1, 4800, tax_inside=True),
        "Mug (quantity 1) counts with 48.00 USD, tax included.",
    ),
    (
        steps_lines.LineCounts(1, "Mug", 1, 4800, tax_inside=True, before_discount=True),
        "Mug (quantity 1) counts with 48.00 USD, tax included, its discount not taken off.",
    ),
    (steps_lines.ShippingCounts(495), "Shipping counts with 4.95 USD."),
    (
        steps_limits.CreditPaid(4000, 10_000, 9000, 5400),
        "40.00 USD of 100.00 USD was paid with store credit or gift cards: 54.00 USD of 90.00 USD counts.",
    ),
    (
        steps_rates.TierRate("Gold", 600, 100, TierSource.MANUAL),
        "The tier was Gold, because a person gave it: 6 %.",
    ),
    (steps_rates.TierRate("Gold", 600, 100, TierSource.PAID), "The tier was Gold, because it was bought: 6 %."),
    (
        LineRate(1, "Mug", 1000, HIGHEST, 200, "Kitchen", 500, "Spring", 1000),
        "Mug earns 10 %, the highest of 2 % for the tier, 5 % for Kitchen and 10 % for the campaign Spring.",
    ),
    (
        LineRate(1, "Mug", 500, HIGHEST, 200, "Kitchen", 500),
        "Mug earns 5 %, the highest of 2 % for the tier and 5 % for Kitchen.",
    ),
    (
        LineRate(1, "Mug", 300, HIGHEST, 200, campaign="Spring", campaign_bps=300, multiplier_bps=15_000),
        "Mug earns 3 %, the highest of 2 % for the tier and 3 % for the campaign Spring (times 1.5).",
    ),
    (LineRate(1, "Mug", 200, HIGHEST, 200), "Mug earns 2 %, the rate of the tier."),
    (
        LineRate(1, "Mug", 10_000, HIGHEST, 6000, campaign="Spring", campaign_bps=12_000, multiplier_bps=20_000),
        "Mug earns 100 %, the highest of 60 % for the tier and 120 % for the campaign Spring (times 2), "
        "but at most 100 %.",
    ),
    (
        LineRate(0, "Shipping", 700, SUM, 200, None, 0, "Spring", 500),
        "Shipping earns 7 %, the sum of 2 % for the tier and 5 % for the campaign Spring.",
    ),
    (
        LineRate(1, "Mug", 10_000, SUM, 6000, "Kitchen", 5000),
        "Mug earns 100 %, the sum of 60 % for the tier and 50 % for Kitchen, but at most 100 %.",
    ),
    (
        LineRate(1, "Mug", 10_000, SUM, 6000, "Kitchen", 2000, "Spring", 5000),
        "Mug earns 100 %, the sum of 60 % for the tier, 20 % for Kitchen and 50 % for the campaign Spring, "
        "but at most 100 %.",
    ),
    (LineRate(1, "Mug", 100, ALONE, 200, "Kitchen", 500, "Spring", 100), SPRING_ALONE),
    (
        LineRate(1, "Mug", 10_000, ALONE, 200, None, 0, "Spring", 20_000, 1_000_000),
        "Mug earns 100 %: the campaign Spring (times 100) counts alone, but at most 100 %.",
    ),
    (LineRate(1, "Mug", 100, ALONE, 200, "Kitchen", 100), "Mug earns 1 %: Kitchen counts instead of the tier."),
    (LineRate(1, "Mug", 200, ALONE, 200), "Mug earns 2 %: the rate of the tier."),
    (steps_rates.RateAmount(9980, 250), "2.5 % of 99.80 USD is 2.495 USD."),
    (steps_rates.AmountSum(2_595_000, 260), "Together that is 2.595 USD, rounded to 2.60 USD."),
    (steps_rates.AmountSum(2_600_000, 260), "Together that is 2.60 USD."),
    (
        steps_limits.Adjusted(300, 500, "staff:7", "Late parcel"),
        "A person set the amount to 5.00 USD; 3.00 USD was calculated.",
    ),
    (
        LimitCut(LimitKind.DAY, 1000, 800, 1000, 300, 200),
        "At most 10.00 USD a day for each customer, and 8.00 USD was granted already: 3.00 USD was cut to 2.00 USD.",
    ),
    (
        LimitCut(LimitKind.CYCLE, 1000, 800, 1000, 300, 200),
        "At most 10.00 USD a statement period for each customer, and 8.00 USD was granted already: "
        "3.00 USD was cut to 2.00 USD.",
    ),
    (
        LimitCut(LimitKind.MONTH, 1000, 800, 1000, 300, 200),
        "At most 10.00 USD a month for each customer, and 8.00 USD was granted already: 3.00 USD was cut to 2.00 USD.",
    ),
    (
        LimitCut(LimitKind.LIFETIME, 1000, 800, 1000, 300, 200),
        "At most 10.00 USD for each customer in all, and 8.00 USD was granted already: 3.00 USD was cut to 2.00 USD.",
    ),
    (
        LimitCut(LimitKind.BALANCE, 20_000, 19_800, 20_000, 300, 200),
        "At most 200.00 USD of cashback at a time, and 198.00 USD was there: 3.00 USD was cut to 2.00 USD.",
    ),
    (
        LimitCut(LimitKind.BUDGET, 1000, 1000, 1000, 300, 0),
        "At most 10.00 USD a month for the whole programme, and 10.00 USD was granted already: "
        "3.00 USD was cut to 0.00 USD.",
    ),
    (
        LimitCut(LimitKind.OWED, 0, 150, 150, 300, 0),
        "The customer owed 1.50 USD, and nothing is earned until that is settled: 3.00 USD was cut to 0.00 USD.",
    ),
    (
        steps_kept.DisputeLost(2**60, "2026-03-04T09:00:00+00:00"),
        "The payment went back after a dispute on March 4, 2026: nothing of the order is kept.",
    ),
    (
        steps_kept.ShippingGone(500, 0),
        "5.00 USD of the shipping was paid back: it still counts with 0.00 USD.",
    ),
]


@pytest.mark.parametrize(("step", "words"), SENTENCES, ids=lambda value: getattr(value, "kind", ""))
def test_a_step_says_itself(step: Step, words: str) -> None:
    assert explain.sentence(step, "USD") == words


@pytest.mark.parametrize("step", [step for step, _ in SENTENCES], ids=lambda step: step.kind)
def test_a_step_survives_json(step: Step) -> None:
    assert explain.from_json(json.loads(json.dumps(explain.to_json(step)))) == step


def test_every_kind_of_step_is_in_this_list() -> None:
    assert {step.kind for step, _ in SENTENCES} == set(StepKind)


def test_amounts_in_sentences_have_the_decimals_of_the_currency() -> None:
    assert (
        explain.sentence(steps_limits.CapCut(1000, 500), "JPY")
        == "At most 500 JPY per order: 1000 JPY was cut to that."
    )


@pytest.mark.parametrize("reason", IneligibleReason)
def test_every_reason_an_order_earns_nothing_has_its_own_sentence(reason: IneligibleReason) -> None:
    words = explain.sentence(steps_limits.OrderExcluded(reason), "USD")
    assert words.endswith(".")
    assert list(explain.WHY_INELIGIBLE.values()).count(words) == 1


@pytest.mark.parametrize("reason", ExclusionReason)
def test_every_reason_a_line_does_not_count_is_said(reason: ExclusionReason) -> None:
    assert ": " in explain.sentence(steps_lines.LineExcluded(1, "Mug", 1, 100, reason), "USD")


def test_a_step_of_a_kind_nobody_knows_is_an_error() -> None:
    with pytest.raises(ValueError, match="magic"):
        explain.from_json({"kind": "magic"})


def test_a_step_stored_before_its_newer_fields_were_thought_of_still_loads_and_is_written_as_it_was() -> None:
    row = {"kind": "tier_rate", "tier": "Silver", "rate_bps": 250, "spend_minor": 51_000}
    step = explain.from_json(row)
    assert step == steps_rates.TierRate("Silver", 250, 51_000, TierSource.SPEND)
    assert explain.to_json(step) == row
    line = {"kind": "line_counts", "line_id": 1, "title": "Mug", "quantity": 2, "net_minor": 4000}
    assert explain.to_json(explain.from_json(line)) == line


def test_words_in_a_step_come_back_as_the_enums_they_were() -> None:
    step = explain.from_json(explain.to_json(LimitCut(LimitKind.DAY, 1, 1, 1, 1, 0)))
    assert isinstance(step, LimitCut)
    assert step.limit is LimitKind.DAY


def test_a_field_that_came_later_is_ignored_when_an_older_step_is_read() -> None:
    row = {**explain.to_json(steps_limits.CapCut(2, 1)), "colour": "blue"}
    assert explain.from_json(row) == steps_limits.CapCut(2, 1)
