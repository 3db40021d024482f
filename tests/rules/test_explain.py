"""Every step says itself in a plain sentence and survives JSON."""

import json

import pytest

from app.engine.rules import explain, steps
from app.engine.rules.eligibility import ExclusionReason, IneligibleReason
from app.engine.rules.explain import Step, StepKind

GIFT_CARD, UNPAID = ExclusionReason.GIFT_CARD, IneligibleReason.UNPAID
SENTENCES: list[tuple[Step, str]] = [
    (steps.OrderExcluded(UNPAID), "The order is not fully paid yet."),
    (steps.LineCounts(2**60, "Mug", 2, 4000), "Mug (quantity 2) counts with 40.00 USD."),
    (
        steps.LineExcluded(1, "Card", 1, 2000, GIFT_CARD),
        "Card (quantity 1, 20.00 USD) does not count: gift cards earn nothing.",
    ),
    (
        steps.BelowMinimum(4999, 5000),
        "49.99 USD is below the minimum order of 50.00 USD: no cashback.",
    ),
    (
        steps.TierRate("Silver", 250, 51_000),
        "With 510.00 USD spent before, the tier was Silver: 2.5 %.",
    ),
    (
        explain.compute_amount_step(9980, 250, 250, "USD"),
        "2.5 % of 99.80 USD is 2.495 USD, rounded to 2.50 USD.",
    ),
    (explain.compute_amount_step(8000, 250, 200, "USD"), "2.5 % of 80.00 USD is 2.00 USD."),
    (steps.LineShare(1, "Mug", 199), "1.99 USD of it comes from Mug."),
    (steps.CapCut(1000, 500), "At most 5.00 USD per order: 10.00 USD was cut to that."),
    (
        steps.Cancelled("2026-03-04T09:00:00+00:00"),
        "The order was cancelled on 2026-03-04: nothing of it is kept.",
    ),
    (
        steps.UnitsGone(1, "Mug", 1, 2, 3, 6000),
        "Mug: 1 taken out of the order and 2 returned; 3 kept, worth 60.00 USD.",
    ),
    (steps.UnitsGone(1, "Mug", 0, 2, 0, 0), "Mug: 2 returned; 0 kept, worth 0.00 USD."),
    (
        steps.ExtraMoney(500, 6000, 5500),
        "5.00 USD was paid back beyond the goods returned: 55.00 USD of 60.00 USD still counts.",
    ),
    (
        steps.KeptBelowMinimum(3000, 5000),
        "The 30.00 USD kept is below the minimum order of 50.00 USD: no cashback is kept.",
    ),
    (
        steps.KeptAmount(5500, 138, 112),
        "For the 55.00 USD still kept, 1.38 USD stays; 1.12 USD is taken back.",
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
    assert explain.sentence(steps.CapCut(1000, 500), "JPY") == "At most 500 JPY per order: 1000 JPY was cut to that."


@pytest.mark.parametrize("reason", IneligibleReason)
def test_every_reason_an_order_earns_nothing_has_its_own_sentence(reason: IneligibleReason) -> None:
    words = explain.sentence(steps.OrderExcluded(reason), "USD")
    assert words.endswith(".")
    assert list(explain.WHY_INELIGIBLE.values()).count(words) == 1


@pytest.mark.parametrize("reason", ExclusionReason)
def test_every_reason_a_line_does_not_count_is_said(reason: ExclusionReason) -> None:
    assert ": " in explain.sentence(steps.LineExcluded(1, "Mug", 1, 100, reason), "USD")


def test_a_step_of_a_kind_nobody_knows_is_an_error() -> None:
    with pytest.raises(ValueError, match="magic"):
        explain.from_json({"kind": "magic"})


def test_a_field_that_came_later_is_ignored_when_an_older_step_is_read() -> None:
    row = {**explain.to_json(steps.CapCut(2, 1)), "colour": "blue"}
    assert explain.from_json(row) == steps.CapCut(2, 1)
