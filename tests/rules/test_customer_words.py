"""What customers read: amounts and days, and never why a shop looks twice."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.engine.rules.customer_words import Stage, Told, compute_stage, customer_sentence
from app.engine.rules.eligibility import IneligibleReason
from app.engine.rules.states import RewardState

S = RewardState
TOKYO = ZoneInfo("Asia/Tokyo")
#: In Tokyo it is the next day already.
EVENING = datetime(2026, 3, 7, 20, 0, tzinfo=UTC)
NOTHING = "This order earns no cashback."


def told(state: RewardState, reversed_minor: int = 0, **changes: object) -> Told:
    values = {"release_at": None, "ineligible": None, "is_confirmed": True, **changes}
    return Told(state, "USD", 200, reversed_minor, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "stage", "sentence"),
    [
        (told(S.IN_REVIEW), Stage.ON_ITS_WAY, "2.00 USD is on its way; the shop confirms it first."),
        (told(S.HELD, 50), Stage.ON_ITS_WAY, "1.50 USD is on its way; the shop confirms it first."),
        (
            told(S.PENDING, release_at=EVENING),
            Stage.ON_ITS_WAY,
            "2.00 USD will be added to your store credit on March 8, 2026.",
        ),
        (
            told(S.PENDING),
            Stage.ON_ITS_WAY,
            "2.00 USD will be added to your store credit some time after the order is sent.",
        ),
        (told(S.AWAITING_CUSTOMER), Stage.ON_ITS_WAY, "2.00 USD waits for an account with the order's mail address."),
        (told(S.SETTLED), Stage.ADDED, "2.00 USD was added to your store credit."),
        (told(S.SETTLED, is_confirmed=False), Stage.ADDED, "2.00 USD is being added to your store credit."),
        (
            told(S.SETTLED, 72),
            Stage.ADDED,
            "1.28 USD was added to your store credit; 0.72 USD went back with a part of the order.",
        ),
        (told(S.REVERSED, 200), Stage.TAKEN_BACK, "2.00 USD went back with the order."),
        (told(S.VOIDED, 200), Stage.NONE, NOTHING),
        (told(S.REJECTED), Stage.NONE, NOTHING),
        (told(S.INELIGIBLE), Stage.NONE, NOTHING),
        (
            told(S.INELIGIBLE, ineligible=IneligibleReason.UNPAID),
            Stage.NONE,
            "Cashback is worked out once the order is paid.",
        ),
    ],
)
def test_each_reward_has_its_stage_and_sentence(known: Told, stage: Stage, sentence: str) -> None:
    assert compute_stage(known) is stage
    assert customer_sentence(known, TOKYO) == sentence


@pytest.mark.parametrize("state", list(RewardState))
def test_every_state_can_be_told(state: RewardState) -> None:
    assert customer_sentence(told(state), TOKYO).endswith(".")
    assert compute_stage(told(state)) in Stage


@pytest.mark.parametrize("reason", list(IneligibleReason))
def test_what_the_shop_thinks_of_a_customer_stays_with_the_shop(reason: IneligibleReason) -> None:
    sentence = customer_sentence(told(S.INELIGIBLE, ineligible=reason), TOKYO)
    assert not {"tag", "company", "owes", "excluded", "limit"} & set(sentence.replace(".", "").split())
