"""People decide: approve, reject, hold, reopen; once, on what they saw, in their own shop."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from app.engine.flows import review
from app.engine.rules.postings import EntryKind
from app.engine.rules.states import RewardState
from app.errors import NotFound, Refused
from app.models import AuditEvent, Reward
from tests.flows.builders import STAFF, Till, all_rows, day, line, order, reading, refund_of

PAID = order(1)
VERBS = [review.approve, review.hold]


@pytest.fixture
def waiting(manual_shop: Till) -> Till:
    """Return a shop in which the reward of one order waits."""
    manual_shop.tell(PAID)
    return manual_shop


def trail(shop: Till) -> list[tuple[str, str, dict[str, object], dict[str, object], str | None]]:
    """Return who did what to rewards."""
    with reading() as session:
        rows = session.scalars(
            select(AuditEvent).where(AuditEvent.shop_id == shop.id, AuditEvent.subject == "reward").order_by("id")
        )
        return [(row.actor, row.action, row.before, row.after, row.reason) for row in rows]


def test_an_approval_settles_and_plans_the_credit(waiting: Till) -> None:
    waiting.approve(PAID)
    assert waiting.reward(PAID).state is RewardState.SETTLED
    assert waiting.transfers(PAID) == [("credit", 200)]
    assert waiting.balances() == (0, 200, 0)
    before, after = {"state": "in_review"}, {"state": "settled", "amount_minor": 200}
    assert trail(waiting) == [(STAFF, "approve", before, after, None)]


def test_the_row_says_who_decided_and_when(waiting: Till) -> None:
    waiting.approve(PAID)
    with reading() as session:
        row = session.scalars(select(Reward)).one()
        assert (row.decided_by, row.decided_at, row.settled_at) == (STAFF, day(11), day(11))


def test_a_rejection_voids_and_keeps_its_reason(waiting: Till) -> None:
    waiting.reject(PAID, "  Bought for resale. ")
    assert waiting.reward(PAID).state is RewardState.REJECTED
    assert waiting.entries(PAID) == [EntryKind.ACCRUAL, EntryKind.VOID]
    assert waiting.balances() == (0, 0, 0)
    assert trail(waiting)[0][4] == "Bought for resale."


def test_a_held_reward_can_be_approved_and_rejected(waiting: Till) -> None:
    waiting.decide(review.hold, PAID)
    held = waiting.reward(PAID)
    assert (held.state, held.hold) == (RewardState.HELD, "by_staff")
    assert waiting.balances() == (200, 0, 0)
    waiting.approve(PAID)
    assert waiting.reward(PAID).state is RewardState.SETTLED


def test_a_reward_held_already_is_not_held_again(waiting: Till) -> None:
    waiting.decide(review.hold, PAID)
    with pytest.raises(Refused, match="held already"):
        waiting.decide(review.hold, PAID)


def test_a_reopened_reward_waits_again_for_what_is_kept_now(manual_shop: Till) -> None:
    two = order(1, line(1, 20_000, 2))
    manual_shop.tell(two)
    manual_shop.reject(two)
    manual_shop.pay_back(refund_of(two, units=1))
    manual_shop.decide(review.reopen, two)
    assert manual_shop.reward(two).state is RewardState.IN_REVIEW
    assert manual_shop.balances() == (200, 0, 0)
    manual_shop.approve(two)
    assert manual_shop.transfers(two) == [("credit", 200)]


def test_rejected_and_reopened_again_and_again_books_each_step_once(waiting: Till) -> None:
    for _ in range(3):
        waiting.reject(PAID)
        assert waiting.balances() == (0, 0, 0)
        waiting.decide(review.reopen, PAID)
        assert waiting.balances() == (200, 0, 0)
    waiting.approve(PAID)
    assert waiting.balances() == (0, 200, 0)


def test_a_rejected_reward_whose_order_went_back_cannot_be_reopened(waiting: Till) -> None:
    waiting.reject(PAID)
    waiting.pay_back(refund_of(PAID, units=1))
    with pytest.raises(Refused, match="nothing left to reward"):
        waiting.decide(review.reopen, PAID)
    assert waiting.balances() == (0, 0, 0)


def test_only_a_rejected_reward_can_be_reopened(waiting: Till) -> None:
    with pytest.raises(Refused, match="this one is in review"):
        waiting.decide(review.reopen, PAID)


@pytest.mark.parametrize("verb", VERBS)
def test_a_decision_on_what_was_seen_before_it_changed_is_refused(waiting: Till, verb: Callable[..., Reward]) -> None:
    seen = waiting.reward(PAID).version
    waiting.pay_back(refund_of(PAID, money_minor=1_000))
    with pytest.raises(Refused, match="changed meanwhile"):
        waiting.decide(verb, PAID, seen=seen)
    assert waiting.balances() == (180, 0, 0)


@pytest.mark.parametrize("verb", VERBS)
def test_what_does_not_wait_cannot_be_decided(shop: Till, verb: Callable[..., Reward]) -> None:
    nothing, settled, guests = order(1, line(is_gift_card=True)), order(2), order(3, customer=None)
    shop.tell(nothing, settled, guests)
    for fact, state in ((nothing, "ineligible"), (settled, "settled"), (guests, "awaiting customer")):
        with pytest.raises(Refused, match=f"it is {state}"):
            shop.decide(verb, fact)


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [("", "Say why"), (" \n ", "Say why"), ("\x00", "Say why"), ("x" * 501, "at most 500 characters")],
)
def test_a_rejection_without_a_fitting_reason_is_refused(waiting: Till, reason: str, sentence: str) -> None:
    rows = all_rows()
    with pytest.raises(Refused, match=sentence):
        waiting.decide(review.reject, PAID, reason)
    assert all_rows() == rows


def test_a_reason_is_stored_without_what_the_database_cannot_hold(waiting: Till) -> None:
    waiting.reject(PAID, "Bought\x00 for resale.")
    assert trail(waiting)[0][4] == "Bought for resale."


def test_a_reason_of_exactly_500_characters_is_taken(waiting: Till) -> None:
    waiting.reject(PAID, "x" * 500)
    assert waiting.reward(PAID).state is RewardState.REJECTED


@pytest.mark.parametrize(
    ("verb", "reason"), [(review.approve, ()), (review.reject, ("No.",)), (review.hold, ()), (review.reopen, ())]
)
def test_another_shops_reward_is_not_found(
    waiting: Till, shop: Till, verb: Callable[..., Reward], reason: tuple[str, ...]
) -> None:
    reward = waiting.reward(PAID)
    rows = all_rows()
    with pytest.raises(NotFound, match="no such reward in this shop"):
        shop.run(lambda session, row: verb(session, row.id, reward.id, reward.version, STAFF, day(11), *reason))
    assert all_rows() == rows
