"""Which rewards stop for a look."""

import pytest

from app.engine.rules.facts import RefundLine
from app.engine.rules.holds import HoldReason, decide_hold
from app.engine.rules.reward import compute_target

from .made import FIVE_PERCENT, day, make_line, make_order, make_refund, make_terms


@pytest.mark.parametrize(
    ("above", "reason"),
    [(None, None), (8000, None), (7999, HoldReason.ORDER_VALUE), (0, HoldReason.ORDER_VALUE)],
)
def test_an_order_is_held_when_its_eligible_amount_is_above_the_limit(
    above: int | None, reason: HoldReason | None
) -> None:
    terms = make_terms(hold_above_minor=above)
    order = make_order(make_line(1, 8000), make_line(2, 9000, is_gift_card=True))
    assert decide_hold(order, terms, compute_target(order, (), terms, FIVE_PERCENT)) is reason


def test_what_is_not_credited_anyway_is_not_held() -> None:
    terms = make_terms(hold_above_minor=10)
    cancelled = make_order(cancelled_at=day(1))
    assert decide_hold(cancelled, terms, compute_target(cancelled, (), terms, FIVE_PERCENT)) is None
    order = make_order()
    returned = compute_target(order, [make_refund(1, [RefundLine(1, 1, 8000)])], terms, FIVE_PERCENT)
    assert decide_hold(order, terms, returned) is None
