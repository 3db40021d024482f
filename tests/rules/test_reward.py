"""The target where the tables do not reach: odd data, repeated refunds, and the steps that explain it."""

from dataclasses import replace

import pytest

from app.engine.rules.eligibility import IneligibleReason
from app.engine.rules.facts import (
    Details,
    DisputeFact,
    DisputeStatus,
    FinancialStatus,
    PaymentFact,
    RefundLine,
    TierSource,
)
from app.engine.rules.limits import Ceiling, LimitKind
from app.engine.rules.reward import Adjustment, Target, compute_target
from app.engine.rules.steps import StepKind
from app.engine.rules.steps_kept import DisputeLost, KeptAmount
from app.engine.rules.steps_limits import Adjusted, LimitCut, OrderExcluded
from app.engine.rules.steps_rates import TierRate
from app.engine.rules.terms import RateRule, Scope

from .made import BIG, FIVE_PERCENT, day, make_line, make_order, make_refund, make_terms

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


def test_every_kind_of_cut_leaves_its_step_in_the_order_of_the_pipeline() -> None:
    terms = make_terms(
        includes_shipping=True,
        cap_per_order_minor=300,
        rates=(RateRule("Mugs", 1000, Scope(product_ids=frozenset({1}))),),
    )
    order = make_order(
        make_line(1, 6000, quantity=3, product_id=1),
        make_line(2, 4000, product_id=2),
        shipping_minor=500,
        total_minor=10_500,
    )
    paid = Details(payments=(PaymentFact(1, order.order_id, "gift_card", 2_100),))
    room = [Ceiling(LimitKind.MONTH, 250, 1000, 750), Ceiling(LimitKind.DAY, 200, 500, 300)]
    refunds = [make_refund(1, [RefundLine(1, 3, 6000)], money_minor=7000, shipping_minor=500)]
    target = compute_target(order, refunds, terms, FIVE_PERCENT, details=paid, ceilings=room)
    assert kinds(target) == [
        StepKind.LINE_COUNTS,
        StepKind.LINE_COUNTS,
        StepKind.SHIPPING_COUNTS,
        StepKind.CREDIT_PAID,
        StepKind.TIER_RATE,
        StepKind.LINE_RATE,
        StepKind.LINE_RATE,
        StepKind.LINE_RATE,
        StepKind.RATE_AMOUNT,
        StepKind.RATE_AMOUNT,
        StepKind.AMOUNT_SUM,
        StepKind.LINE_SHARE,
        StepKind.LINE_SHARE,
        StepKind.LINE_SHARE,
        StepKind.CAP_CUT,
        StepKind.LIMIT_CUT,
        StepKind.UNITS_GONE,
        StepKind.SHIPPING_GONE,
        StepKind.EXTRA_MONEY,
        StepKind.KEPT_AMOUNT,
    ]
    # 80 % counts: 48.00 at 10 % and 36.00 at 5 %. Kept: 40.00 less 5.00 paid back beyond, 80 % of it at 5 %.
    assert (target.eligible_minor, target.calculated_minor, target.granted_minor) == (8400, 660, 200)
    assert (target.kept_eligible_minor, target.kept_minor, target.cut_by) == (2800, 140, LimitKind.DAY)


def test_a_cut_by_a_limit_says_where_its_counter_stood_before_and_after() -> None:
    room = [Ceiling(LimitKind.BALANCE, 200, 20_000, 19_800)]
    target = compute_target(make_order(make_line(1, 6000)), (), TERMS, FIVE_PERCENT, ceilings=room)
    assert target.steps[-1] == LimitCut(LimitKind.BALANCE, 20_000, 19_800, 20_000, 300, 200)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(LimitKind.LIFETIME, IneligibleReason.LIMIT_REACHED), (LimitKind.OWED, IneligibleReason.CUSTOMER_OWES)],
)
@pytest.mark.parametrize("left", [0, -500])
def test_where_a_limit_leaves_nothing_the_order_says_why_and_keeps_nothing(
    kind: LimitKind, reason: IneligibleReason, left: int
) -> None:
    refunds = [make_refund(1, money_minor=100)]
    room = [Ceiling(kind, left, 0, 500)]
    target = compute_target(make_order(), refunds, TERMS, FIVE_PERCENT, ceilings=room)
    assert (target.granted_minor, target.kept_minor, target.calculated_minor) == (0, 0, 400)
    assert (target.ineligible, target.cut_by) == (reason, kind)
    assert kinds(target)[-2:] == [StepKind.LIMIT_CUT, StepKind.ORDER_EXCLUDED]


def test_a_limit_that_leaves_exactly_the_amount_cuts_nothing() -> None:
    room = [Ceiling(LimitKind.DAY, 400, 500, 100)]
    target = compute_target(make_order(), (), TERMS, FIVE_PERCENT, ceilings=room)
    assert (target.granted_minor, target.cut_by) == (400, None)
    assert StepKind.LIMIT_CUT not in kinds(target)


def test_of_two_limits_that_leave_the_same_the_first_is_named() -> None:
    room = [Ceiling(LimitKind.MONTH, 100, 500, 400), Ceiling(LimitKind.DAY, 100, 100, 0)]
    assert compute_target(make_order(), (), TERMS, FIVE_PERCENT, ceilings=room).cut_by is LimitKind.MONTH


def test_an_amount_set_by_hand_keeps_who_and_why_beside_the_calculated_one() -> None:
    hand = Adjustment(900, "staff:7", "Late parcel")
    terms = make_terms(cap_per_order_minor=300)
    target = compute_target(make_order(), (), terms, FIVE_PERCENT, adjustment=hand)
    assert (target.calculated_minor, target.granted_minor, target.kept_minor) == (400, 900, 900)
    assert target.steps[-1] == Adjusted(400, 900, "staff:7", "Late parcel")


def test_an_amount_set_by_hand_does_not_grow_with_the_order() -> None:
    hand = Adjustment(900, "staff:7", "Late parcel")
    grown = make_order(make_line(1, 8000), make_line(2, 8000))
    assert compute_target(grown, (), TERMS, FIVE_PERCENT, adjustment=hand).kept_minor == 900


def test_of_several_lost_disputes_the_first_is_told_and_a_cancellation_before_all() -> None:
    def lost(number: int, finalized: bool) -> DisputeFact:
        return DisputeFact(number, BIG + 1, DisputeStatus.LOST, day(3), day(5) if finalized else None)

    disputes = (lost(9, False), lost(8, True), DisputeFact(7, BIG + 1, DisputeStatus.WON, day(1)))
    for told in (disputes, disputes[::-1]):
        target = compute_target(make_order(), (), TERMS, FIVE_PERCENT, details=Details(disputes=told))
        assert target.steps[-2] == DisputeLost(8, day(5).isoformat())
    undated = compute_target(make_order(), (), TERMS, FIVE_PERCENT, details=Details(disputes=disputes[:1]))
    assert undated.steps[-2] == DisputeLost(9, day(3).isoformat())
    cancelled = make_order(cancelled_at=day(3))
    target = compute_target(cancelled, (), TERMS, FIVE_PERCENT, details=Details(disputes=disputes))
    assert kinds(target)[-2:] == [StepKind.CANCELLED, StepKind.KEPT_AMOUNT]


def test_how_the_tier_was_reached_is_in_its_step() -> None:
    target = compute_target(make_order(), (), TERMS, FIVE_PERCENT, spend_minor=7, source=TierSource.MANUAL)
    assert TierRate("Bronze", 500, 7, TierSource.MANUAL) in target.steps


def test_a_tiny_part_that_other_money_paid_rounds_to_zero_and_says_so() -> None:
    order = make_order(make_line(1, 1), total_minor=1000)
    paid = Details(payments=(PaymentFact(1, order.order_id, "gift_card", 999),))
    target = compute_target(order, (), TERMS, FIVE_PERCENT, details=paid)
    assert (target.eligible_minor, target.ineligible) == (0, IneligibleReason.ROUNDS_TO_ZERO)


def test_shipping_that_is_not_paid_back_has_no_step_about_it() -> None:
    order = make_order(make_line(1, 8000, quantity=2), shipping_minor=500)
    refunds = [make_refund(1, [RefundLine(1, 1, 4000)], money_minor=4000)]
    target = compute_target(order, refunds, make_terms(includes_shipping=True), FIVE_PERCENT)
    assert kinds(target)[-2:] == [StepKind.UNITS_GONE, StepKind.KEPT_AMOUNT]
    assert target.kept_minor == 225


def test_an_order_of_huge_ids_and_amounts_stays_exact() -> None:
    huge = 2**62
    line = make_line(2**63 - 1, huge, quantity=2, product_id=2**63 - 1, tax_minor=huge, discount_minor=huge)
    terms = make_terms(includes_tax=True, before_discounts=True)
    target = compute_target(make_order(line), [make_refund(1, [RefundLine(2**63 - 1, 1)])], terms, FIVE_PERCENT)
    # Undiscounted, and with the tax of that: four times as much; half of it is kept.
    assert (target.eligible_minor, target.kept_eligible_minor) == (4 * huge, 2 * huge)
    assert target.calculated_minor == (4 * huge * 500 + 5_000) // 10_000


def test_where_nothing_was_paid_for_goods_that_count_money_paid_back_takes_all_of_it() -> None:
    order = make_order(make_line(1, 0, discount_minor=8000))
    terms = make_terms(before_discounts=True)
    assert compute_target(order, [make_refund(1)], terms, FIVE_PERCENT).kept_minor == 400
    assert compute_target(order, [make_refund(1, money_minor=1)], terms, FIVE_PERCENT).kept_minor == 0


def test_a_return_that_costs_nothing_because_of_the_cap_is_explained_too() -> None:
    order = make_order(make_line(1, 8000, quantity=2))
    refunds = [make_refund(1, [RefundLine(1, 1, 4000)], money_minor=4000)]
    target = compute_target(order, refunds, make_terms(cap_per_order_minor=100), FIVE_PERCENT)
    assert target.steps[-1] == KeptAmount(4000, 100, 0)


def test_a_cent_of_dear_goods_that_goes_back_is_explained_even_where_the_eligible_amount_stays() -> None:
    """A quarter counts: of 1.03 and of 1.02 that is 0.26, but only of 0.02 does a cent fall to the dear goods."""
    terms = make_terms(rates=(RateRule("Dear", 10_000, Scope(product_ids=frozenset({1}))),))
    order = make_order(make_line(1, 2, quantity=2, product_id=1), make_line(2, 101), total_minor=400)
    paid = Details(payments=(PaymentFact(1, order.order_id, "gift_card", 300),))
    refunds = [make_refund(1, [RefundLine(1, 1, 1)], money_minor=1)]
    target = compute_target(order, refunds, terms, replace(FIVE_PERCENT, rate_bps=0), details=paid)
    assert (target.granted_minor, target.kept_minor, target.reversed_minor) == (1, 0, 1)
    assert target.eligible_minor == target.kept_eligible_minor == 26
    assert target.steps[-1] == KeptAmount(26, 0, 1)


def test_what_goes_back_is_what_is_granted_less_what_is_kept() -> None:
    order = make_order(make_line(1, 8000, quantity=4))
    refunds = [make_refund(1, [RefundLine(1, 1, 2000)], money_minor=2000)]
    assert compute_target(order, refunds, TERMS, FIVE_PERCENT).reversed_minor == 100


def test_an_order_that_is_excluded_whole_has_nothing_in_any_amount() -> None:
    reason = IneligibleReason.TEST_ORDER
    target = compute_target(make_order(is_test=True), [make_refund(1, money_minor=5)], TERMS, FIVE_PERCENT)
    assert target == Target(0, 0, 0, 0, 0, reason, (OrderExcluded(reason),))
    assert (target.calculated_minor, target.kept_minor, target.kept_eligible_minor) == (0, 0, 0)


def test_an_amount_of_exactly_the_cap_is_not_cut() -> None:
    target = compute_target(make_order(), (), make_terms(cap_per_order_minor=400), FIVE_PERCENT)
    assert target.granted_minor == 400
    assert StepKind.CAP_CUT not in kinds(target)
