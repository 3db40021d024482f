"""An approval can be undone until it is settled, a hold and a rejection until the next decision; exactly once."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.flows import details, program, review, settle, staff
from app.engine.flows.review import Pick
from app.engine.rules.facts import DisputeFact, DisputeStatus, OrderFact
from app.engine.rules.roles import Role
from app.engine.rules.states import RewardState
from app.engine.rules.terms import HoldRules, Mode, Release, ReleaseKind
from app.errors import NotAllowed, Refused
from app.models import AuditEvent, Reward, Shop
from tests.flows.builders import BEN, BIG, STAFF, Seen, Till, all_rows, day, later, line, order, reading, refund_of
from tests.flows.test_parallel import Flow, Workers, workers

__all__ = ["workers"]

PAID = order(1)
OTHER = "staff:8"
LATER = day(11)


@pytest.fixture
def waiting(manual_shop: Till) -> Till:
    """Return a shop with ten seconds to undo, in which the reward of one order waits."""
    allow_undo(manual_shop)
    manual_shop.tell(PAID)
    return manual_shop


def allow_undo(shop: Till, seconds: int = 10) -> None:
    shop.run(lambda session, row: program.set_undo(session, row.id, seconds, STAFF, day(0)))


def decide(shop: Till, verb: Callable[..., Reward], now: datetime = LATER, *extra: str, who: str = STAFF) -> None:
    """Let somebody decide about the order as it stands; the same click again changes nothing."""
    seen = shop.reward(PAID)

    def once(session: Session, row: Shop) -> Reward:
        return verb(session, row.id, seen.id, seen.version, who, now, *extra)

    shop.run(once)
    rows = all_rows()
    with pytest.raises(Refused, match="changed meanwhile"):
        shop.run(once)
    assert all_rows() == rows
    shop.check()


def click(verb: Callable[..., Reward], seen: Seen, who: str, now: datetime) -> Flow:
    return lambda session, row: verb(session, row.id, seen.id, seen.version, who, now)


def settle_at(shop: Till, now: datetime) -> int:
    return shop.run(lambda session, row: settle.settle_due(session, row, now))


def row_of(shop: Till, fact: OrderFact = PAID) -> Reward:
    with reading() as session:
        row = session.get_one(Reward, shop.reward(fact).id)
        session.expunge(row)
        return row


def test_an_approval_settles_when_the_time_to_undo_is_over(waiting: Till) -> None:
    decide(waiting, review.approve)
    assert waiting.reward(PAID).state is RewardState.PENDING
    assert row_of(waiting).undo_until == day(11, 10)
    assert settle_at(waiting, day(11, 9)) == 0
    assert waiting.transfers(PAID) == []
    assert (settle_at(waiting, day(11, 10)), settle_at(waiting, day(11, 10))) == (1, 0)
    assert waiting.transfers(PAID) == [("credit", 200)]
    assert row_of(waiting).undo_until is None
    waiting.check()


def test_an_undone_approval_waits_again_and_is_not_settled(waiting: Till) -> None:
    decide(waiting, review.approve)
    decide(waiting, review.undo, day(11, 5), who=OTHER)
    row = row_of(waiting)
    assert (row.state, row.decided_by, row.undo_until, row.hold_cleared) == (RewardState.IN_REVIEW, None, None, False)
    assert settle_at(waiting, day(12)) == 0
    assert waiting.balances() == (200, 0, 0)
    with reading() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "undo")).one()
        assert (event.actor, event.before["state"], event.after["state"]) == (OTHER, "pending", "in_review")
    decide(waiting, review.approve)
    settle_at(waiting, day(12))
    assert waiting.transfers(PAID) == [("credit", 200)]


def test_what_is_settled_cannot_be_undone(waiting: Till) -> None:
    decide(waiting, review.approve)
    settle_at(waiting, day(11, 10))
    rows = all_rows()
    with pytest.raises(Refused, match="made already"):
        decide(waiting, review.undo)
    assert all_rows() == rows


def test_nothing_decided_is_nothing_to_undo(waiting: Till) -> None:
    with pytest.raises(Refused, match=r"no decision here to be undone\. It is in review"):
        decide(waiting, review.undo)


def test_a_shop_without_time_to_undo_settles_at_once(manual_shop: Till) -> None:
    manual_shop.tell(PAID)
    decide(manual_shop, review.approve)
    assert manual_shop.reward(PAID).state is RewardState.SETTLED


@pytest.mark.parametrize("who", ["cli", "system"])
def test_what_no_person_approves_is_not_kept_back(waiting: Till, who: str) -> None:
    decide(waiting, review.approve, who=who)
    assert waiting.reward(PAID).state is RewardState.SETTLED


def test_a_scheduled_approval_can_be_undone_until_its_day(manual_shop: Till) -> None:
    allow_undo(manual_shop)
    manual_shop.publish(release=Release(ReleaseKind.DAYS_AFTER_PAID, 30))
    manual_shop.tell(PAID)
    decide(manual_shop, review.approve)
    assert row_of(manual_shop).undo_until is None
    decide(manual_shop, review.undo, day(20))
    assert manual_shop.reward(PAID).state is RewardState.IN_REVIEW
    assert settle_at(manual_shop, day(60)) == 0


def test_an_undone_approval_of_a_held_reward_is_held_for_its_former_reason(manual_shop: Till) -> None:
    allow_undo(manual_shop)
    manual_shop.publish(holds=HoldRules(first_order=True, release_after_days=20))
    manual_shop.tell(PAID)
    before = row_of(manual_shop)
    decide(manual_shop, review.approve)
    decide(manual_shop, review.undo)
    after = row_of(manual_shop)
    assert (after.state, after.hold_reason, after.held_until) == (RewardState.HELD, before.hold_reason, day(30))
    # And the hold still ends by itself.
    assert manual_shop.run(lambda session, row: settle.release_holds(session, row, day(30))) == 1


def test_a_second_approval_is_undone_to_the_first(waiting: Till) -> None:
    waiting.publish(second_person_above_minor=150)
    decide(waiting, review.approve)
    decide(waiting, review.approve, who=OTHER)
    assert waiting.reward(PAID).state is RewardState.PENDING
    decide(waiting, review.undo)
    row = row_of(waiting)
    assert (row.state, row.first_approved_by, row.first_approved_minor) == (RewardState.IN_REVIEW, STAFF, 200)
    assert row.first_approved_at == day(11)
    with pytest.raises(Refused, match="no decision here"):
        decide(waiting, review.undo)


def test_a_first_approval_can_be_undone(waiting: Till) -> None:
    waiting.publish(second_person_above_minor=150)
    decide(waiting, review.approve)
    decide(waiting, review.undo)
    assert row_of(waiting).first_approved_by is None


def test_a_first_approval_does_not_come_back_by_an_undo_once_the_amount_has_changed(waiting: Till) -> None:
    waiting.publish(second_person_above_minor=150)
    decide(waiting, review.approve)
    decide(waiting, review.approve, who=OTHER)
    waiting.tell(later(PAID, lines=(line(1, 9_000),)))
    waiting.tell(later(PAID, 120, lines=(line(1, 10_000),)))
    decide(waiting, review.undo)
    assert row_of(waiting).first_approved_by is None


def test_a_hold_is_undone_to_what_was_before(waiting: Till) -> None:
    decide(waiting, review.hold, day(11), " Who is this? ")
    row = row_of(waiting)
    assert (row.hold_reason, row.decision_reason) == ("by_staff", "Who is this?")
    # Switched to automatic, releasing it would pay; undoing the hold does not.
    waiting.set_mode(Mode.AUTOMATIC)
    decide(waiting, review.undo)
    assert waiting.reward(PAID).state is RewardState.IN_REVIEW


def test_a_hold_taken_over_from_a_rule_is_undone_to_the_rules(manual_shop: Till) -> None:
    manual_shop.publish(holds=HoldRules(first_order=True, release_after_days=20))
    manual_shop.tell(PAID)
    decide(manual_shop, review.hold)
    decide(manual_shop, review.undo)
    row = row_of(manual_shop)
    assert (row.hold_reason, row.held_until) == ("first_order", day(30))


def test_only_who_held_what_was_on_its_way_undoes_that_and_others_release_it(shop: Till) -> None:
    shop.publish(release=Release(ReleaseKind.DAYS_AFTER_PAID, 30), second_person_above_minor=150)
    shop.run(lambda session, row: staff.set_role(session, row.id, "8", Role.APPROVER, 100, STAFF, day(1)))
    shop.tell(PAID)
    assert shop.reward(PAID).state is RewardState.PENDING
    decide(shop, review.hold)
    rows = all_rows()
    for who in (OTHER, "staff:9", "cli"):
        with pytest.raises(Refused, match="Somebody else held this"):
            decide(shop, review.undo, who=who)
    with pytest.raises(NotAllowed, match="You may approve up to"):
        decide(shop, review.release_hold, who=OTHER)
    assert all_rows() == rows
    decide(shop, review.undo)
    assert shop.reward(PAID).state is RewardState.PENDING


def test_a_rejection_is_undone_by_reopening(waiting: Till) -> None:
    decide(waiting, review.reject, day(11), "A slip of the finger.")
    decide(waiting, review.undo)
    assert (waiting.reward(PAID).state, waiting.balances()) == (RewardState.IN_REVIEW, (200, 0, 0))


def test_a_released_hold_is_undone_to_the_hold(waiting: Till) -> None:
    decide(waiting, review.hold)
    decide(waiting, review.release_hold)
    decide(waiting, review.undo)
    assert waiting.reward(PAID).hold == "by_staff"
    waiting.set_mode(Mode.AUTOMATIC)
    decide(waiting, review.release_hold)
    assert row_of(waiting).undo_until == day(11, 10)
    decide(waiting, review.undo)
    assert waiting.reward(PAID).hold == "by_staff"
    assert settle_at(waiting, day(12)) == 0


def test_an_amount_set_since_cannot_be_undone_with_what_was_decided_before(waiting: Till) -> None:
    decide(waiting, review.hold)
    seen = waiting.reward(PAID)
    waiting.run(
        lambda session, row: review.adjust(session, row.id, seen.id, seen.version, 100, "Less.", STAFF, day(11))
    )
    with pytest.raises(Refused, match="no decision here"):
        decide(waiting, review.undo)


def test_a_dispute_ends_the_time_to_undo(waiting: Till) -> None:
    decide(waiting, review.approve)
    told = DisputeFact(BIG + 9, PAID.order_id, DisputeStatus.NEEDS_RESPONSE, day(1))
    waiting.run(lambda session, row: details.record_details(session, row, [told], day(11)))
    row = row_of(waiting)
    assert (row.hold_reason, row.undo_until, row.undo_to) == ("dispute", None, None)


def test_a_dispute_of_what_is_held_by_hand_ends_the_undoing_of_that(waiting: Till) -> None:
    decide(waiting, review.hold)
    told = DisputeFact(BIG + 9, PAID.order_id, DisputeStatus.NEEDS_RESPONSE, day(1))
    waiting.run(lambda session, row: details.record_details(session, row, [told], day(11)))
    with pytest.raises(Refused, match="no decision here"):
        decide(waiting, review.undo)


def test_a_refund_while_it_can_be_undone_takes_its_part_and_leaves_the_undo(waiting: Till) -> None:
    decide(waiting, review.approve)
    waiting.pay_back(refund_of(PAID, money_minor=5_000))
    assert row_of(waiting).undo_until == day(11, 10)
    decide(waiting, review.undo)
    assert (waiting.reward(PAID).state, waiting.balances()) == (RewardState.IN_REVIEW, (100, 0, 0))


def test_an_order_that_goes_back_whole_ends_it(waiting: Till) -> None:
    decide(waiting, review.approve)
    waiting.tell(later(PAID, cancelled_at=day(11)))
    assert (row_of(waiting).state, row_of(waiting).undo_until) == (RewardState.VOIDED, None)
    assert settle_at(waiting, day(12)) == 0


def test_many_are_undone_at_once(waiting: Till) -> None:
    two = order(2, customer=BEN)
    waiting.tell(two)
    picks = [Pick(row.id, row.version) for row in map(waiting.reward, (PAID, two))]
    waiting.run(lambda session, row: review.approve_many(session, row.id, picks, STAFF, day(11)))
    newer = [*(Pick(row.id, row.version) for row in map(waiting.reward, (PAID, two))), picks[0]]
    outcomes = waiting.run(lambda session, row: review.undo_many(session, row.id, newer, STAFF, day(11, 3)))
    assert [outcome.state for outcome in outcomes] == [RewardState.IN_REVIEW, RewardState.IN_REVIEW, None]
    assert settle_at(waiting, day(12)) == 0
    waiting.check()


def test_an_undo_and_the_sweep_at_once_leave_exactly_one_of_them(shop: Till, workers: Workers) -> None:
    allow_undo(shop)
    shop.set_mode(Mode.MANUAL)
    for number in range(1, 9):
        paid = order(number, on=number)
        shop.tell(paid)
        seen = shop.reward(paid)
        shop.run(click(review.approve, seen, STAFF, day(11)))
        newer = shop.reward(paid)
        undone, swept = workers.at_once(
            click(review.undo, newer, STAFF, day(11, 9)),
            lambda session, row: settle.settle_due(session, row, day(11, 10)),
        )
        assert swept is None
        assert undone is None or isinstance(undone, Refused)
        credit = [("credit", shop.kept(paid))]
        expected = (RewardState.IN_REVIEW, []) if undone is None else (RewardState.SETTLED, credit)
        assert (shop.reward(paid).state, shop.transfers(paid)) == expected
        shop.check()


def test_of_two_people_who_undo_at_once_one_is_told_that_it_changed(shop: Till, workers: Workers) -> None:
    allow_undo(shop)
    shop.set_mode(Mode.MANUAL)
    shop.tell(PAID)
    decide(shop, review.approve)
    seen = shop.reward(PAID)
    ended = workers.at_once(*[click(review.undo, seen, who, day(11, 1)) for who in (STAFF, OTHER)])
    assert sorted(type(error).__name__ for error in ended) == ["NoneType", "Refused"]
    assert shop.reward(PAID).state is RewardState.IN_REVIEW


def test_the_time_to_undo_is_set_within_bounds_and_noted(waiting: Till) -> None:
    for seconds in (-1, 301):
        with pytest.raises(Refused, match="0 to 300 seconds"):
            allow_undo(waiting, seconds)
    rows = all_rows()
    allow_undo(waiting, 10)
    assert all_rows() == rows
    allow_undo(waiting, 300)
    with reading() as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.action == "set_undo").order_by(AuditEvent.id))
        assert [event.after for event in events] == [{"undo_seconds": 10}, {"undo_seconds": 300}]
