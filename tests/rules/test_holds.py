"""Which rewards stop for a look, which rule says so, and who decides about the others."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.engine.rules.facts import (
    CustomerFact,
    Details,
    DisputeFact,
    DisputeStatus,
    OrderFact,
    RefundLine,
    ReturnFact,
    ReturnStatus,
    RiskFact,
)
from app.engine.rules.holds import HoldReason, Past, decide_hold, needs_review
from app.engine.rules.reward import compute_target
from app.engine.rules.terms import HoldRules, Mode, RiskLevel, Terms

from .made import BIG, FIVE_PERCENT, day, make_line, make_order, make_refund, make_terms


def held(order: OrderFact, terms: Terms, details: Details = Details(), past: Past | None = None) -> HoldReason | None:  # noqa: B008 - frozen
    """Return what holds an order's reward."""
    return decide_hold(order, terms, compute_target(order, (), terms, FIVE_PERCENT), details=details, past=past)


def ruled(**rules: Any) -> Terms:
    """Return terms with these hold rules."""
    return make_terms(holds=HoldRules(**rules))


def risk(level: RiskLevel) -> Details:
    return Details(risk=RiskFact(BIG + 1, level, day(0)))


def dispute(status: DisputeStatus) -> Details:
    return Details(disputes=(DisputeFact(BIG + 9, BIG + 1, status, day(1)),))


@pytest.mark.parametrize(
    ("above", "reason"),
    [(None, None), (8000, None), (7999, HoldReason.ORDER_VALUE), (0, HoldReason.ORDER_VALUE)],
)
def test_an_order_is_held_when_its_eligible_amount_is_above_the_limit(
    above: int | None, reason: HoldReason | None
) -> None:
    order = make_order(make_line(1, 8000), make_line(2, 9000, is_gift_card=True))
    assert held(order, make_terms(hold_above_minor=above)) is reason


@pytest.mark.parametrize(("past", "reason"), [(Past(), HoldReason.FIRST_ORDER), (Past(orders=1), None), (None, None)])
def test_a_first_order_is_held_where_the_terms_say_so(past: Past | None, reason: HoldReason | None) -> None:
    assert held(make_order(), ruled(first_order=True), past=past) is reason
    assert held(make_order(), ruled(), past=past) is None


@pytest.mark.parametrize(
    ("opened", "reason"),
    [
        (day(-7), None),
        (day(-7) + timedelta(seconds=1), HoldReason.NEW_ACCOUNT),
        (day(1), HoldReason.NEW_ACCOUNT),
        (None, None),
    ],
)
def test_an_account_younger_than_seven_days_when_the_order_was_placed_is_held(
    opened: Any, reason: HoldReason | None
) -> None:
    order = make_order(customer=CustomerFact(BIG + 7, created_at=opened))
    assert held(order, ruled(account_younger_than_days=7)) is reason
    assert held(order, ruled()) is None


def test_a_guest_has_no_account_that_could_be_young() -> None:
    assert held(make_order(customer=None), ruled(account_younger_than_days=7)) is None


@pytest.mark.parametrize("level", RiskLevel)
@pytest.mark.parametrize("risk_from", RiskLevel)
def test_a_risk_is_held_from_the_level_of_the_terms_on(level: RiskLevel, risk_from: RiskLevel) -> None:
    words = list(RiskLevel)
    expected = HoldReason.RISK if words.index(level) >= words.index(risk_from) else None
    assert held(make_order(), ruled(risk_from=risk_from), risk(level)) is expected


def test_without_a_word_about_risk_or_without_a_rule_nothing_is_risky() -> None:
    assert held(make_order(), ruled(risk_from=RiskLevel.NONE)) is None
    assert held(make_order(), ruled(), risk(RiskLevel.HIGH)) is None


@pytest.mark.parametrize(
    ("past", "reason"),
    [
        (Past(3, 0, 10_000, 3_000), None),
        (Past(3, 0, 10_000, 3_001), HoldReason.REFUND_SHARE),
        (Past(), None),
        (None, None),
    ],
)
def test_a_customer_who_sent_more_than_thirty_percent_back_is_held(
    past: Past | None, reason: HoldReason | None
) -> None:
    assert held(make_order(), ruled(refund_share_above_bps=3_000), past=past) is reason
    assert held(make_order(), ruled(), past=past) is None


@pytest.mark.parametrize(("before", "reason"), [(0, None), (1, None), (2, HoldReason.MANY_ORDERS)])
def test_the_third_order_within_24_hours_is_held_when_two_are_allowed(before: int, reason: HoldReason | None) -> None:
    past = Past(orders=5, orders_in_a_day=before)
    assert held(make_order(), ruled(orders_per_day_above=2), past=past) is reason
    assert held(make_order(), ruled(), past=past) is None
    assert held(make_order(), ruled(orders_per_day_above=2)) is None


@pytest.mark.parametrize(
    ("on_order", "on_customer", "reason"),
    [
        (("Check",), None, HoldReason.TAG),
        ((), (" check ",), HoldReason.TAG),
        (("cheque",), (), None),
        ((), None, None),
    ],
)
def test_a_tag_of_order_or_customer_holds_whatever_its_case(
    on_order: tuple[str, ...], on_customer: tuple[str, ...] | None, reason: HoldReason | None
) -> None:
    order = make_order(tags=on_order, customer=CustomerFact(BIG + 7, tags=on_customer))
    assert held(order, ruled(tags=frozenset({"CHECK "}))) is reason
    assert held(order, ruled()) is None


def test_a_guests_order_is_held_by_its_own_tags() -> None:
    order = make_order(customer=None, tags=("check",))
    assert held(order, ruled(tags=frozenset({"check"}))) is HoldReason.TAG


def test_a_product_holds_the_order_it_is_in() -> None:
    order = make_order(make_line(1, product_id=5), make_line(2, product_id=None))
    assert held(order, ruled(product_ids=frozenset({5, 6}))) is HoldReason.PRODUCT
    assert held(order, ruled(product_ids=frozenset({6}))) is None
    assert held(order, ruled()) is None


@pytest.mark.parametrize(
    ("billing", "shipping", "reason"),
    [
        ("DE", "US", HoldReason.COUNTRY_MISMATCH),
        ("DE", "DE", None),
        ("DE", None, None),
        (None, "DE", None),
        (None, None, None),
    ],
)
def test_two_countries_hold_where_both_are_known(
    billing: str | None, shipping: str | None, reason: HoldReason | None
) -> None:
    order = make_order(billing_country=billing, shipping_country=shipping)
    assert held(order, ruled(country_mismatch=True)) is reason
    assert held(order, ruled()) is None


@pytest.mark.parametrize("status", DisputeStatus)
def test_a_dispute_holds_while_nobody_has_decided_it_whatever_the_terms_say(status: DisputeStatus) -> None:
    assert held(make_order(), make_terms(), dispute(status)) is (HoldReason.DISPUTE if status.is_open else None)


#: Everything that can hold, gravest first; each with what of the facts has to go so that it holds no more.
GRAVE_TO_MILD = [
    HoldReason.DISPUTE,
    HoldReason.OPEN_RETURN,
    HoldReason.RISK,
    HoldReason.TAG,
    HoldReason.PRODUCT,
    HoldReason.ORDER_VALUE,
    HoldReason.COUNTRY_MISMATCH,
    HoldReason.REFUND_SHARE,
    HoldReason.MANY_ORDERS,
    HoldReason.NEW_ACCOUNT,
    HoldReason.FIRST_ORDER,
]


def test_of_several_reasons_the_gravest_is_named() -> None:
    order = make_order(
        make_line(1, 8000, product_id=5),
        tags=("check",),
        customer=CustomerFact(BIG + 7, created_at=day(0)),
        billing_country="DE",
        shipping_country="US",
    )
    terms = make_terms(
        hold_above_minor=0,
        holds=HoldRules(
            first_order=True,
            account_younger_than_days=1,
            risk_from=RiskLevel.HIGH,
            refund_share_above_bps=0,
            orders_per_day_above=0,
            tags=frozenset({"check"}),
            product_ids=frozenset({5}),
            country_mismatch=True,
            open_return=True,
        ),
    )
    returned = (ReturnFact(BIG + 3, order.order_id, ReturnStatus.OPEN, day(1)),)
    details = replace(risk(RiskLevel.HIGH), disputes=dispute(DisputeStatus.UNDER_REVIEW).disputes, returns=returned)
    past = Past(orders=0, orders_in_a_day=0, spent_minor=2, refunded_minor=1)
    named = []
    for number in range(len(GRAVE_TO_MILD)):
        named.append(held(order, terms, details, past))
        match number:
            case 0:
                details = replace(details, disputes=())
            case 1:
                details = replace(details, returns=())
            case 2:
                details = replace(details, risk=None)
            case 3:
                order = replace(order, tags=())
            case 4:
                order = replace(order, lines=(make_line(1, 8000),))
            case 5:
                terms = replace(terms, hold_above_minor=None)
            case 6:
                order = replace(order, billing_country="US")
            case 7:
                past = replace(past, refunded_minor=0)
            case 8:
                terms = replace(terms, holds=replace(terms.holds, orders_per_day_above=None))
            case 9:
                order = replace(order, customer=CustomerFact(BIG + 7))
    assert named == GRAVE_TO_MILD
    assert held(order, terms, details, replace(past, orders=1)) is None


def test_what_is_not_credited_anyway_is_not_held() -> None:
    terms = make_terms(hold_above_minor=10)
    cancelled = make_order(cancelled_at=day(1))
    assert held(cancelled, terms, dispute(DisputeStatus.NEEDS_RESPONSE)) is None
    order = make_order()
    returned = compute_target(order, [make_refund(1, [RefundLine(1, 1, 8000)])], terms, FIVE_PERCENT)
    assert decide_hold(order, terms, returned) is None


def test_only_a_rules_hold_ends_by_itself() -> None:
    lasting = {reason for reason in HoldReason if not reason.is_rule}
    assert lasting == {HoldReason.DISPUTE, HoldReason.BY_STAFF}


@pytest.mark.parametrize("mode", [Mode.AUTOMATIC, Mode.MANUAL])
def test_a_plain_mode_decides_alone(mode: Mode) -> None:
    terms = make_terms(automatic_up_to_minor=100, automatic_tiers=frozenset({"Gold"}))
    answers = {needs_review(mode, terms, tier, amount) for tier in ("Gold", "Bronze") for amount in (1, 1_000)}
    assert answers == {mode is Mode.MANUAL}


@pytest.mark.parametrize(
    ("up_to", "tiers", "tier", "granted", "answer"),
    [
        (500, (), "Bronze", 500, False),
        (500, (), "Bronze", 501, True),
        (500, ("Gold",), "Gold", 501, False),
        (500, ("Gold",), "Bronze", 501, True),
        (None, ("Gold",), "Gold", 1, False),
        (None, ("Gold",), "Bronze", 1, True),
        (None, (), "Bronze", 1, True),
    ],
)
def test_in_mixed_mode_small_amounts_and_chosen_tiers_need_nobody(
    up_to: int | None, tiers: tuple[str, ...], tier: str, granted: int, answer: bool
) -> None:
    terms = make_terms(automatic_up_to_minor=up_to, automatic_tiers=frozenset(tiers))
    assert needs_review(Mode.MIXED, terms, tier, granted) is answer
