"""Many rewards decided about at once: each for itself, with its own answer, under all locks taken before."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.flows import details, review
from app.engine.flows.review import Outcome, Pick, Totals, Verb
from app.engine.rules.facts import DisputeFact, DisputeStatus, OrderFact
from app.engine.rules.states import RewardState
from app.engine.rules.terms import HoldRules, Mode
from app.errors import Refused
from app.models import AuditEvent, Shop
from tests.flows.builders import ADA, BEN, BIG, STAFF, Till, all_rows, day, line, order, reading, refund_of
from tests.flows.test_parallel import Flow, Workers, workers

__all__ = ["workers"]

ONE, TWO, THREE = order(1), order(2, line(1, 5_000), customer=BEN), order(3)
WAITS = "This reward does not wait for a decision. It is settled."


@pytest.fixture
def waiting(manual_shop: Till) -> Till:
    """Return a shop in which three rewards of two customers wait."""
    manual_shop.tell(ONE, TWO, THREE)
    return manual_shop


def picks(shop: Till, *facts: OrderFact) -> list[Pick]:
    """Return the orders' rewards as they stand now."""
    seen = [shop.reward(fact) for fact in facts]
    return [Pick(row.id, row.version) for row in seen]


def totals(shop: Till, chosen: list[Pick], verb: Verb) -> Totals:
    with reading() as session:
        return review.preview_totals(session, shop.id, chosen, verb, STAFF, day(11))


def test_each_pick_is_approved_and_says_so(waiting: Till) -> None:
    chosen = picks(waiting, THREE, ONE, TWO)
    assert totals(waiting, chosen, Verb.APPROVE) == Totals(3, 500, 0)
    outcomes = waiting.run(lambda session, row: review.approve_many(session, row.id, chosen, STAFF, day(11)))
    assert outcomes == [
        Outcome(pick.reward_id, RewardState.SETTLED, minor, None)
        for pick, minor in zip(chosen, (200, 200, 100), strict=True)
    ]
    waiting.check()
    assert (waiting.balances(ADA), waiting.balances(BEN)) == ((0, 400, 0), (0, 100, 0))
    rows = all_rows()
    again = waiting.run(lambda session, row: review.approve_many(session, row.id, chosen, STAFF, day(11)))
    assert {outcome.refused for outcome in again} == {
        "This reward changed meanwhile; look at it again before you decide."
    }
    assert all_rows() == rows


def test_what_cannot_be_decided_does_not_hold_up_the_others(waiting: Till) -> None:
    stale = picks(waiting, ONE)
    waiting.pay_back(refund_of(ONE, money_minor=1_000))
    waiting.approve(TWO)
    chosen = [*stale, *picks(waiting, TWO, THREE), Pick(9_999, 1)]
    assert totals(waiting, chosen, Verb.REJECT) == Totals(1, 200, 3)
    outcomes = waiting.run(
        lambda session, row: review.reject_many(session, row.id, chosen, STAFF, day(11), " Resold. ")
    )
    waiting.check()
    assert [outcome.state for outcome in outcomes] == [None, None, RewardState.REJECTED, None]
    assert [outcome.refused for outcome in outcomes] == [
        "This reward changed meanwhile; look at it again before you decide.",
        WAITS,
        None,
        "There is no such reward in this shop.",
    ]
    assert waiting.balances(ADA) == (180, 0, 0)
    with reading() as session:
        which = (AuditEvent.action == "reject", AuditEvent.shop_id == waiting.id)
        assert [row.reason for row in session.scalars(select(AuditEvent).where(*which))] == ["Resold."]


def test_of_a_reward_picked_twice_the_second_is_refused(waiting: Till) -> None:
    chosen = picks(waiting, ONE) * 2
    outcomes = waiting.run(lambda session, row: review.hold_many(session, row.id, chosen, STAFF, day(11)))
    assert [outcome.refused is None for outcome in outcomes] == [True, False]
    assert waiting.reward(ONE).hold == "by_staff"


def test_a_rejection_of_many_needs_a_reason_before_any_is_touched(waiting: Till) -> None:
    rows, chosen = all_rows(), picks(waiting, ONE)
    with pytest.raises(Refused, match="needs a reason"):
        waiting.run(lambda session, row: review.reject_many(session, row.id, chosen, STAFF, day(11), ""))
    assert all_rows() == rows


def test_too_many_at_once_are_refused(waiting: Till) -> None:
    chosen = [Pick(number, 1) for number in range(501)]
    with pytest.raises(Refused, match="at most 500"):
        waiting.run(lambda session, row: review.approve_many(session, row.id, chosen, STAFF, day(11)))


def test_nothing_picked_is_nothing_done(waiting: Till) -> None:
    rows = all_rows()
    assert waiting.run(lambda session, row: review.approve_many(session, row.id, [], STAFF, day(11))) == []
    assert totals(waiting, [], Verb.HOLD) == Totals(0, 0, 0)
    assert all_rows() == rows


def test_the_totals_count_what_each_verb_can_do(shop: Till) -> None:
    shop.publish(holds=HoldRules(first_order=True))
    contested, first, settled, by_staff = order(1), order(2, customer=BEN), order(3), order(4)
    told = DisputeFact(BIG + 9, contested.order_id, DisputeStatus.NEEDS_RESPONSE, day(1))
    shop.run(lambda session, row: details.record_details(session, row, [told], day(10)))
    shop.tell(contested, first, settled)
    shop.pause()
    shop.tell(by_staff)
    chosen = picks(shop, contested, first, settled, by_staff)
    assert [shop.reward(fact).state.value for fact in (contested, first, settled, by_staff)] == [
        "held", "held", "settled", "pending",
    ]  # fmt: skip
    assert totals(shop, chosen, Verb.APPROVE) == Totals(1, 200, 3)
    assert totals(shop, chosen, Verb.REJECT) == Totals(2, 400, 2)
    assert totals(shop, chosen, Verb.HOLD) == Totals(2, 400, 2)
    shop.decide(review.hold, by_staff)
    assert totals(shop, picks(shop, by_staff), Verb.HOLD) == Totals(0, 0, 1)


def test_two_people_who_decide_about_the_same_list_in_other_orders_do_not_wait_in_a_circle(
    shop: Till, workers: Workers
) -> None:
    shop.set_mode(Mode.MANUAL)
    facts = [order(number, customer=ADA if number % 2 else BEN, on=number) for number in range(1, 9)]
    shop.tell(*facts)
    chosen = picks(shop, *facts)

    def approve(those: list[Pick]) -> Flow:
        def flow(session: Session, row: Shop) -> object:
            return review.approve_many(session, row.id, those, STAFF, day(11))

        return flow

    assert workers.at_once(approve(chosen), approve(chosen[::-1])) == [None, None]
    shop.check()
    assert {shop.reward(fact).state for fact in facts} == {RewardState.SETTLED}
