"""What an order's page says is said with the figures that were reckoned with, to the last step."""

from typing import Any

import pytest

from app.engine.rules.eligibility import IneligibleReason
from app.engine.rules.explain import StepKind, sentence
from app.engine.rules.facts import Details, OrderFact, PaymentFact, RefundLine
from app.engine.rules.limits import Ceiling, LimitKind
from app.engine.rules.reward import compute_target
from app.engine.rules.steps_kept import UnitsGone
from app.engine.rules.terms import Precedence, RateRule, Scope, Terms, Tier

from .made import BIG, make_line, make_order, make_refund, make_terms

TIER = "With 0.00 USD spent before, the tier was Bronze: 5 %."
COUNTS = (StepKind.LINE_COUNTS, StepKind.SHIPPING_COUNTS)
MINIMUM = make_terms(minimum_order_minor=5000)


def told(order: OrderFact, *refunds: Any, terms: Terms = MINIMUM, **more: Any) -> list[str]:
    """Return the sentences about an order, without those about what counts."""
    steps = compute_target(order, refunds, terms, terms.tiers[0], **more).steps
    return [sentence(step, "USD") for step in steps if step.kind not in COUNTS]


def test_several_rates_shipping_an_edit_a_return_and_goodwill_are_told_one_by_one() -> None:
    rule = RateRule("Mugs", 800, Scope(product_ids=frozenset({5})))
    terms = make_terms(includes_shipping=True, rates=(rule,), precedence=Precedence.SUM)
    order = make_order(
        make_line(1, 8000, quantity=4, product_id=5, removed_quantity=1),
        make_line(2, 4000, quantity=2),
        shipping_minor=500,
    )
    gone = make_refund(1, [RefundLine(1, 2, 4000)], money_minor=6800, shipping_minor=200)
    assert told(order, gone, terms=terms, spend_minor=100) == [
        "With 1.00 USD spent before, the tier was Bronze: 5 %.",
        "Thing 1 earns 13 %, the sum of 5 % for the tier and 8 % for Mugs.",
        "Thing 2 earns 5 %, the rate of the tier.",
        "Shipping earns 5 %, the rate of the tier.",
        "13 % of 80.00 USD is 10.40 USD.",
        "5 % of 45.00 USD is 2.25 USD.",
        "Together that is 12.65 USD.",
        "10.40 USD of it comes from Thing 1.",
        "2.00 USD of it comes from Thing 2.",
        "0.25 USD of it comes from Shipping.",
        "Thing 1: 1 taken out of the order and 2 returned; 1 kept, worth 20.00 USD.",
        "2.00 USD of the shipping was paid back: it still counts with 3.00 USD.",
        "6.00 USD was paid back beyond the goods returned: 57.00 USD of 63.00 USD still counts.",
        "For the 57.00 USD still kept, 4.30 USD stays; 8.35 USD is taken back.",
    ]


@pytest.mark.parametrize(
    ("kept", "below"),
    [
        (1, ["The 0.01 USD kept is below the minimum order of 50.00 USD: no cashback is kept."]),
        (4999, ["The 49.99 USD kept is below the minimum order of 50.00 USD: no cashback is kept."]),
        (5000, []),
    ],
)
def test_what_is_kept_is_below_the_minimum_from_the_first_cent_to_the_last(kept: int, below: list[str]) -> None:
    back = 8000 - kept
    refund = make_refund(1, [RefundLine(1, back, back)], money_minor=back)
    said = told(make_order(make_line(1, 8000, quantity=8000)), refund)
    assert said[:2] == [TIER, "5 % of 80.00 USD is 4.00 USD."]
    assert said[3:-1] == below


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (make_order(make_line(1, 4999)), ["49.99 USD is below the minimum order of 50.00 USD: no cashback."]),
        (
            make_order(total_minor=8000, payment_gateways=("gift_card",)),
            ["All of it was paid with store credit or gift cards, which earn nothing."],
        ),
        (
            make_order(make_line(1, 8000, is_gift_card=True)),
            [
                "Thing 1 (quantity 1, 80.00 USD) does not count: gift cards earn nothing.",
                "Nothing in the order earns.",
            ],
        ),
    ],
    ids=["below the minimum", "paid with credit", "gift card"],
)
def test_an_order_that_earns_nothing_says_why_and_nothing_else(order: OrderFact, said: list[str]) -> None:
    assert told(order) == said


def test_credit_that_left_too_little_is_told_before_the_minimum() -> None:
    details = Details(payments=(PaymentFact(1, BIG, "gift_card", 4000), PaymentFact(2, BIG, "card", 4000)))
    assert told(make_order(total_minor=8000), details=details) == [
        "40.00 USD of 80.00 USD was paid with store credit or gift cards: 40.00 USD of 80.00 USD counts.",
        "40.00 USD is below the minimum order of 50.00 USD: no cashback.",
    ]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (LimitKind.DAY, "A limit of the programme was reached before this order."),
        (LimitKind.OWED, "The customer owes cashback; nothing is earned until that is settled."),
    ],
)
def test_a_limit_that_leaves_nothing_says_which_kind_it_was(kind: LimitKind, why: str) -> None:
    assert told(make_order(), ceilings=[Ceiling(kind, 0, 500, 500)])[-1] == why


def test_a_rate_of_zero_is_told_as_one() -> None:
    assert told(make_order(), terms=make_terms(Tier("Basis", 0, 0)))[-1] == "The rate is zero."


def test_the_step_about_units_that_are_gone_names_the_line_of_which_they_are() -> None:
    order = make_order(make_line(1), make_line(2, 500, quantity=2))
    steps = compute_target(order, [make_refund(1, [RefundLine(2, 1, 250)])], MINIMUM, MINIMUM.tiers[0]).steps
    assert [step.line_id for step in steps if isinstance(step, UnitsGone)] == [2]


def test_an_order_from_before_the_programme_earns_nothing_unless_somebody_asks() -> None:
    target = compute_target(make_order(), (), MINIMUM, MINIMUM.tiers[0], is_past=True)
    assert (target.granted_minor, target.ineligible) == (0, IneligibleReason.BEFORE_PROGRAMME)
    assert told(make_order(), is_past=True) == ["The order was placed before the programme began."]
    assert compute_target(make_order(), (), MINIMUM, MINIMUM.tiers[0], is_past=False).granted_minor == 400
