"""People decide: approve, adjust, reject, hold, release, reopen; once, on what they saw, in their own shop."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.flows import details, review
from app.engine.rules.facts import DisputeFact, DisputeStatus, OrderFact
from app.engine.rules.postings import EntryKind
from app.engine.rules.states import RewardState
from app.engine.rules.terms import HoldRules, Limits, Mode, Release, ReleaseKind
from app.errors import NotFound, Refused
from app.models import AuditEvent, Reward
from tests.flows.builders import BIG, STAFF, Till, all_rows, day, later, line, order, reading, refund_of

PAID = order(1)
VERBS = [review.approve, review.hold]
SCHEDULED = Release(ReleaseKind.DAYS_AFTER_PAID, 30)


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


def adjust(shop: Till, fact: OrderFact, amount_minor: int, reason: str = "Promised by mail.") -> None:
    """Let staff set what an order is granted."""

    def verb(session: Session, shop_id: int, reward_id: int, seen: int, actor: str, now: datetime) -> Reward:
        return review.adjust(session, shop_id, reward_id, seen, amount_minor, reason, actor, now)

    shop.decide(verb, fact)


def decide_on(shop: Till, verb: Callable[..., Reward], fact: OrderFact, number: int, *reason: str) -> None:
    """Let staff decide about an order's reward on a day of the story."""
    seen = shop.reward(fact)
    shop.run(lambda session, row: verb(session, row.id, seen.id, seen.version, STAFF, day(number), *reason))
    shop.check()


def contest(shop: Till, fact: OrderFact, status: DisputeStatus = DisputeStatus.NEEDS_RESPONSE) -> None:
    """Let the customer contest the payment, or the bank decide about it."""
    ended = None if status.is_open else day(10)
    told = DisputeFact(BIG + 9, fact.order_id, status, day(1), ended)
    shop.twice(lambda session, row, now: details.record_details(session, row, [told], now), day(10))


def test_an_approval_settles_and_plans_the_credit(waiting: Till) -> None:
    waiting.approve(PAID)
    assert waiting.reward(PAID).state is RewardState.SETTLED
    assert waiting.transfers(PAID) == [("credit", 200)]
    assert waiting.balances() == (0, 200, 0)
    before, after = {"state": "in_review", "amount_minor": 200}, {"state": "settled", "amount_minor": 200}
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
    with pytest.raises(Refused, match="It is in review"):
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
    for fact, state in ((nothing, "not eligible"), (settled, "settled"), (guests, "awaiting")):
        with pytest.raises(Refused, match=f"is {state}"):
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
    ("verb", "reason"),
    [
        (review.approve, ()),
        (review.reject, ("No.",)),
        (review.hold, ()),
        (review.release_hold, ()),
        (review.reopen, ()),
    ],
)
def test_another_shops_reward_is_not_found(
    waiting: Till, shop: Till, verb: Callable[..., Reward], reason: tuple[str, ...]
) -> None:
    reward = waiting.reward(PAID)
    rows = all_rows()
    with pytest.raises(NotFound, match="no such reward in this shop"):
        shop.run(lambda session, row: verb(session, row.id, reward.id, reward.version, STAFF, day(11), *reason))
    assert all_rows() == rows


def test_an_approved_reward_whose_day_has_not_come_is_scheduled_and_settles_on_it(manual_shop: Till) -> None:
    manual_shop.publish(release=SCHEDULED)
    manual_shop.tell(PAID)
    manual_shop.approve(PAID)
    assert manual_shop.reward(PAID).state is RewardState.PENDING
    assert manual_shop.transfers(PAID) == []
    assert manual_shop.settle_due(on=30) == 0
    assert manual_shop.settle_due(on=31) == 1
    assert manual_shop.transfers(PAID) == [("credit", 200)]


def test_what_was_approved_is_not_looked_at_again_when_more_is_heard_of_it(manual_shop: Till) -> None:
    manual_shop.publish(release=SCHEDULED, holds=HoldRules(country_mismatch=True))
    manual_shop.tell(PAID)
    manual_shop.approve(PAID)
    manual_shop.tell(later(PAID, billing_country="DE", shipping_country="US"))
    assert manual_shop.reward(PAID).state is RewardState.PENDING


def test_a_scheduled_reward_can_be_held_and_then_waits_for_a_person(manual_shop: Till) -> None:
    manual_shop.publish(release=SCHEDULED)
    manual_shop.tell(PAID)
    manual_shop.approve(PAID)
    manual_shop.decide(review.hold, PAID)
    assert manual_shop.settle_due(on=40) == 0
    manual_shop.decide(review.release_hold, PAID)
    assert manual_shop.reward(PAID).state is RewardState.IN_REVIEW


def test_a_rules_hold_that_a_person_takes_over_does_not_end_by_itself(shop: Till) -> None:
    shop.publish(holds=HoldRules(first_order=True, release_after_days=1))
    shop.tell(PAID)
    assert shop.reward(PAID).hold == "first_order"
    shop.decide(review.hold, PAID)
    assert shop.reward(PAID).hold == "by_staff"
    with reading() as session:
        assert session.scalars(select(Reward.held_until)).one() is None


@pytest.mark.parametrize(("mode", "state"), [(Mode.MANUAL, "in_review"), (Mode.AUTOMATIC, "pending")])
def test_a_released_hold_goes_on_as_the_mode_says_and_no_rule_holds_it_again(
    shop: Till, mode: Mode, state: str
) -> None:
    shop.publish(holds=HoldRules(first_order=True))
    shop.tell(PAID)
    shop.set_mode(mode)
    shop.decide(review.release_hold, PAID)
    shop.tell(later(PAID, tags=("any",)))
    seen = shop.reward(PAID)
    assert (seen.state.value, seen.hold) == (state, None)
    before = {"state": "held", "amount_minor": 200, "hold_reason": "first_order"}
    assert trail(shop) == [(STAFF, "release_hold", before, {"state": state, "amount_minor": 200}, None)]


def test_only_what_is_held_can_be_released(waiting: Till) -> None:
    with pytest.raises(Refused, match="It is in review"):
        waiting.decide(review.release_hold, PAID)


@pytest.mark.parametrize("verb", [review.approve, review.release_hold])
def test_while_the_payment_is_contested_nobody_lets_the_reward_go(waiting: Till, verb: Callable[..., Reward]) -> None:
    contest(waiting, PAID)
    rows = all_rows()
    with pytest.raises(Refused, match="contests the payment"):
        waiting.decide(verb, PAID)
    with pytest.raises(Refused, match="held already"):
        waiting.decide(review.hold, PAID)
    assert all_rows() == rows
    contest(waiting, PAID, DisputeStatus.WON)
    waiting.approve(PAID)
    assert waiting.balances() == (0, 200, 0)


def test_a_contested_reward_can_be_rejected(waiting: Till) -> None:
    contest(waiting, PAID)
    waiting.reject(PAID)
    assert waiting.reward(PAID).state is RewardState.REJECTED


@pytest.mark.parametrize("amount_minor", [1, 150, 2_000])
def test_an_amount_can_be_set_below_and_above_what_was_calculated(waiting: Till, amount_minor: int) -> None:
    waiting.publish(cap_per_order_minor=300)
    adjust(waiting, PAID, amount_minor, " Promised by mail. ")
    assert waiting.balances() == (amount_minor, 0, 0)
    with reading() as session:
        row = session.scalars(select(Reward)).one()
        assert (row.state, row.calculated_minor, row.granted_minor) == (RewardState.IN_REVIEW, 200, amount_minor)
        assert (row.adjusted_by, row.adjusted_reason) == (STAFF, "Promised by mail.")
    waiting.approve(PAID)
    assert waiting.transfers(PAID) == [("credit", amount_minor)]
    before, after = ({"state": "in_review", "amount_minor": minor} for minor in (200, amount_minor))
    assert trail(waiting)[0] == (STAFF, "adjust", before, after, "Promised by mail.")


def test_what_was_set_follows_the_order_when_part_of_it_goes_back(manual_shop: Till) -> None:
    two = order(1, line(1, 20_000, 2))
    manual_shop.tell(two)
    adjust(manual_shop, two, 1_000)
    manual_shop.pay_back(refund_of(two, units=1))
    assert manual_shop.kept(two) == 500
    manual_shop.approve(two)
    assert manual_shop.transfers(two) == [("credit", 500)]


def test_a_held_reward_can_be_adjusted_and_stays_held(waiting: Till) -> None:
    waiting.decide(review.hold, PAID)
    adjust(waiting, PAID, 500)
    assert (waiting.reward(PAID).state, waiting.balances()) == (RewardState.HELD, (500, 0, 0))


def test_an_amount_can_be_set_again_and_back(waiting: Till) -> None:
    for amount_minor in (500, 100, 200):
        adjust(waiting, PAID, amount_minor)
        assert waiting.balances() == (amount_minor, 0, 0)


def test_no_more_can_be_set_than_the_limits_leave_and_nothing_is_half_saved(manual_shop: Till) -> None:
    manual_shop.publish(limits=Limits(day_minor=500))
    first, second = order(1), order(2, line(1, 5_000))
    manual_shop.tell(first, second)
    rows = all_rows()
    with pytest.raises(Refused, match=r"The limits leave 4\.00 USD for this order now"):
        adjust(manual_shop, first, 401)
    manual_shop.check()
    assert all_rows() == rows
    adjust(manual_shop, first, 400)
    assert manual_shop.balances() == (500, 0, 0)
    assert manual_shop.kept(second) == 100


@pytest.mark.parametrize("amount_minor", [0, -1])
def test_nothing_is_no_amount_to_set(waiting: Till, amount_minor: int) -> None:
    with pytest.raises(Refused, match="above zero"):
        adjust(waiting, PAID, amount_minor)


@pytest.mark.parametrize("amount_minor", [100_000_001, 2**70])
def test_a_slip_of_the_finger_is_no_amount_to_set(waiting: Till, amount_minor: int) -> None:
    with pytest.raises(Refused, match="too large"):
        adjust(waiting, PAID, amount_minor)
    adjust(waiting, PAID, 100_000_000)


def test_an_amount_needs_a_reason_and_a_reward_that_waits(waiting: Till) -> None:
    with pytest.raises(Refused, match="needs a reason"):
        adjust(waiting, PAID, 100, " ")
    waiting.approve(PAID)
    with pytest.raises(Refused, match="It is settled"):
        adjust(waiting, PAID, 100)


def test_a_rejection_makes_room_for_later_orders_and_reopening_takes_what_is_left(manual_shop: Till) -> None:
    manual_shop.publish(limits=Limits(month_minor=300))
    first, before, after = order(1), order(2, on=1), order(3, line(1, 7_500), on=12)
    manual_shop.tell(first, before)
    assert (manual_shop.kept(first), manual_shop.kept(before)) == (200, 100)
    decide_on(manual_shop, review.reject, first, 11, "Bought for resale.")
    manual_shop.tell(after, on=12)
    assert (manual_shop.kept(before), manual_shop.kept(after)) == (100, 150)
    decide_on(manual_shop, review.reopen, first, 13)
    assert [manual_shop.kept(fact) for fact in (first, before, after)] == [50, 100, 150]
    assert manual_shop.balances() == (300, 0, 0)


def test_a_rejection_cannot_be_reopened_when_the_limits_leave_nothing(manual_shop: Till) -> None:
    manual_shop.publish(limits=Limits(month_minor=200))
    first, after = order(1), order(2, on=11)
    manual_shop.tell(first)
    decide_on(manual_shop, review.reject, first, 2, "Bought for resale.")
    manual_shop.tell(after, on=11)
    rows = all_rows()
    with pytest.raises(Refused, match="rules or the limits"):
        decide_on(manual_shop, review.reopen, first, 12)
    assert all_rows() == rows
