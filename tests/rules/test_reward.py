"""The target where the tables do not reach: odd data, repeated refunds, and the steps that explain it."""

from dataclasses import replace

import pytest

from app.engine.rules.eligibility import IneligibleReason
from app.engine.rules.facts import FinancialStatus, RefundLine
from app.engine.rules.reward import Target, compute_target
from app.engine.rules.steps import StepKind

from .made import FIVE_PERCENT, day, make_line, make_order, make_refund, make_terms

TERMS = make_terms()


def kinds(target: Target) -> list[StepKind]:
    return [step.kind for step in target.steps]


def test_lines_of_no_units_no_price_or_a_negative_net_do_not_crash_and_add_nothing() -> None:
    odd = [make_line(2, 500, quantity=0), make_line(3, 0), make_line(4, -700), make_line(5, 900, quantity=-2)]
    target = compute_target(make_order(make_line(1, 8000), *odd), (), TERMS, FIVE_PERCENT)
    assert (target.eligible_minor, target.granted_minor, target.kept_minor) == (8000, 400, 400)


def test_an_order_without_lines_has_nothing_that_earns() -> None:
    target = compute_target(replace(make_order(), lines=()), (), TERMS, FIVE_PERCENT)
    assert target.ineligible is IneligibleReason.NO_ELIGIBLE_LINES


def test_a_refund_given_twice_counts_once() -> None:
    order = make_order(make_line(1, 8000, quantity=4))
    refund = make_refund(1, [RefundLine(1, 1, 2000)], money_minor=2500)
    once = compute_target(order, [refund], TERMS, FIVE_PERCENT)
    assert compute_target(order, [refund, refund], TERMS, FIVE_PERCENT) == once
    assert once.kept_eligible_minor == 5500


def test_a_refund_of_a_line_nobody_ordered_takes_nothing_back() -> None:
    target = compute_target(make_order(), [make_refund(1, [RefundLine(99, 1, 8000)])], TERMS, FIVE_PERCENT)
    assert target.kept_minor == target.granted_minor == 400


def test_two_rows_of_one_line_in_a_refund_both_count() -> None:
    order = make_order(make_line(1, 8000, quantity=4))
    refund = make_refund(1, [RefundLine(1, 1, 2000), RefundLine(1, 2, 4000)], money_minor=6000)
    assert compute_target(order, [refund], TERMS, FIVE_PERCENT).kept_eligible_minor == 2000


def test_an_order_that_was_refunded_whole_was_still_granted() -> None:
    order = make_order(financial_status=FinancialStatus.REFUNDED)
    refund = make_refund(1, [RefundLine(1, 1, 8000)], money_minor=8000)
    target = compute_target(order, [refund], TERMS, FIVE_PERCENT)
    assert (target.granted_minor, target.kept_minor, target.reversed_minor) == (400, 0, 400)
    assert target.ineligible is None


def test_goodwill_before_and_after_a_return_takes_the_same() -> None:
    order = make_order(make_line(1, 8000, quantity=2))
    goods = [RefundLine(1, 1, 4000)]
    first = [make_refund(1, money_minor=1000), make_refund(2, goods, money_minor=4000)]
    last = [make_refund(1, goods, money_minor=4000), make_refund(2, money_minor=1000)]
    before, after = (compute_target(order, refunds, TERMS, FIVE_PERCENT) for refunds in (first, last))
    assert before.kept_eligible_minor == after.kept_eligible_minor == 3000


def test_money_for_an_excluded_line_that_went_back_touches_no_other_line() -> None:
    order = make_order(make_line(1, 8000), make_line(2, 2000, is_gift_card=True))
    refund = make_refund(1, [RefundLine(2, 1, 2000)], money_minor=2000)
    assert compute_target(order, [refund], TERMS, FIVE_PERCENT).kept_minor == 400


@pytest.mark.parametrize("taxes_included", [False, True])
@pytest.mark.parametrize(("goodwill", "kept_eligible"), [(0, 4000), (480, 3600)])
def test_the_tax_in_a_refund_is_told_from_goodwill(taxes_included: bool, goodwill: int, kept_eligible: int) -> None:
    order = make_order(make_line(1, 8000, quantity=2, tax_minor=1600), taxes_included=taxes_included)
    subtotal = 4800 if taxes_included else 4000
    refund = make_refund(1, [RefundLine(1, 1, subtotal, 800)], money_minor=4800 + goodwill)
    assert compute_target(order, [refund], TERMS, FIVE_PERCENT).kept_eligible_minor == kept_eligible


def test_the_steps_stand_in_the_order_of_the_pipeline() -> None:
    terms = make_terms(cap_per_order_minor=300)
    order = make_order(make_line(1, 6000, quantity=3), make_line(2, 4000), make_line(3, 2000, is_gift_card=True))
    refunds = [make_refund(1, [RefundLine(1, 2, 4000)], money_minor=4500)]
    target = compute_target(order, refunds, terms, FIVE_PERCENT, spend_minor=1)
    assert kinds(target) == [
        StepKind.LINE_COUNTS,
        StepKind.LINE_COUNTS,
        StepKind.LINE_EXCLUDED,
        StepKind.TIER_RATE,
        StepKind.AMOUNT,
        StepKind.LINE_SHARE,
        StepKind.LINE_SHARE,
        StepKind.CAP_CUT,
        StepKind.UNITS_GONE,
        StepKind.EXTRA_MONEY,
        StepKind.KEPT_AMOUNT,
    ]


def test_what_is_kept_whole_has_no_steps_about_taking_back() -> None:
    refunds = [make_refund(1, money_minor=500, shipping_minor=500)]
    target = compute_target(make_order(), refunds, TERMS, FIVE_PERCENT)
    assert kinds(target) == [StepKind.LINE_COUNTS, StepKind.TIER_RATE, StepKind.AMOUNT]


def test_a_cancelled_order_says_so_and_nothing_else_about_returns() -> None:
    order = make_order(make_line(1, 8000, removed_quantity=1), cancelled_at=day(3))
    target = compute_target(order, [make_refund(1, money_minor=100)], TERMS, FIVE_PERCENT)
    assert kinds(target)[-2:] == [StepKind.CANCELLED, StepKind.KEPT_AMOUNT]
    assert StepKind.UNITS_GONE not in kinds(target)


def test_keeping_less_than_the_minimum_is_explained() -> None:
    terms = make_terms(minimum_order_minor=5000)
    order = make_order(make_line(1, 8000, quantity=2))
    target = compute_target(order, [make_refund(1, [RefundLine(1, 1, 4000)])], terms, FIVE_PERCENT)
    assert StepKind.KEPT_BELOW_MINIMUM in kinds(target)
    assert target.ineligible is None


def test_an_order_returned_whole_does_not_blame_the_minimum() -> None:
    refunds = [make_refund(1, [RefundLine(1, 1, 8000)], money_minor=8000)]
    target = compute_target(make_order(), refunds, make_terms(minimum_order_minor=5000), FIVE_PERCENT)
    assert kinds(target)[-2:] == [StepKind.UNITS_GONE, StepKind.KEPT_AMOUNT]


def test_an_order_that_earned_nothing_has_no_steps_about_taking_back() -> None:
    refunds = [make_refund(1, [RefundLine(1, 1, 8000)], money_minor=8000)]
    target = compute_target(make_order(), refunds, make_terms(minimum_order_minor=9000), FIVE_PERCENT)
    assert kinds(target) == [StepKind.LINE_COUNTS, StepKind.BELOW_MINIMUM]


@pytest.mark.parametrize("reason", [IneligibleReason.NO_RATE, IneligibleReason.ROUNDS_TO_ZERO])
def test_an_amount_of_zero_shows_its_multiplication_and_its_reason(reason: IneligibleReason) -> None:
    rate = {IneligibleReason.NO_RATE: 0, IneligibleReason.ROUNDS_TO_ZERO: 1}[reason]
    tier = replace(FIVE_PERCENT, rate_bps=rate)
    target = compute_target(make_order(make_line(1, 100)), (), make_terms(tier), tier)
    assert target.ineligible is reason
    expected = [StepKind.LINE_COUNTS, StepKind.TIER_RATE, StepKind.AMOUNT, StepKind.ORDER_EXCLUDED]
    assert kinds(target) == expected
