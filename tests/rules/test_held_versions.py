"""Which telling of a payment, a dispute or another detail counts, whatever order they come in."""

from dataclasses import replace
from itertools import pairwise

import pytest

from app.engine.rules.facts import (
    DeletionFact,
    DetailFact,
    DisputeFact,
    DisputeStatus,
    PaymentFact,
    ReturnFact,
    ReturnStatus,
    RiskFact,
)
from app.engine.rules.terms import RiskLevel
from app.engine.rules.versions import detail_rank

from .made import BIG, day

PAID = PaymentFact(1, BIG, "card", 500)
ASKED = DisputeFact(1, BIG, DisputeStatus.NEEDS_RESPONSE, day(1))
RISKY = RiskFact(BIG, RiskLevel.HIGH, day(1))
BACK = ReturnFact(1, BIG, ReturnStatus.OPEN, day(1))


@pytest.mark.parametrize(
    "rising",
    [
        # The larger amount, whatever the gateway's name.
        [replace(PAID, gateway="zeal"), replace(PAID, amount_minor=501, gateway="bank")],
        # A dispute goes from open to decided, and never back.
        [
            ASKED,
            replace(ASKED, status=DisputeStatus.UNDER_REVIEW),
            replace(ASKED, status=DisputeStatus.CHARGE_REFUNDED, finalized_at=day(2)),
            replace(ASKED, status=DisputeStatus.ACCEPTED, finalized_at=day(2)),
            replace(ASKED, status=DisputeStatus.WON, finalized_at=day(2)),
            replace(ASKED, status=DisputeStatus.LOST, finalized_at=day(2)),
        ],
        # The assessment made last, also where it is a lower one.
        [RISKY, replace(RISKY, level=RiskLevel.LOW, assessed_at=day(2)), replace(RISKY, assessed_at=day(10))],
        # The newest word on a return; of one second the one that ends it.
        [BACK, replace(BACK, status=ReturnStatus.CLOSED), replace(BACK, told_at=day(2))],
        # The first word of a deletion.
        [DeletionFact(BIG, day(2)), DeletionFact(BIG, day(1))],
    ],
    ids=["payment", "dispute", "risk", "return", "deletion"],
)
def test_the_later_of_two_tellings_counts(rising: list[DetailFact]) -> None:
    for earlier, later in pairwise(rising):
        assert detail_rank(later) > detail_rank(earlier)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (PAID, replace(PAID, gateway="gift_card")),
        (ASKED, replace(ASKED, initiated_at=day(2))),
        (RISKY, replace(RISKY, level=RiskLevel.LOW)),
    ],
    ids=["payment", "dispute", "risk"],
)
def test_of_two_tellings_that_say_the_same_otherwise_always_the_same_one_counts(
    one: DetailFact, other: DetailFact
) -> None:
    assert (detail_rank(one) > detail_rank(other)) is not (detail_rank(other) > detail_rank(one))
