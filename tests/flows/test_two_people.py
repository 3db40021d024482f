"""Above an amount two people approve: the first is noted, another one lets it go, and only for the same amount."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from app.engine.flows import details, program, review, settle
from app.engine.flows.review import Pick, Totals, Verb
from app.engine.rules.facts import CustomerFact, DisputeFact, DisputeStatus, OrderFact
from app.engine.rules.roles import Role
from app.engine.rules.states import RewardState
from app.engine.rules.terms import Mode
from app.errors import NotAllowed, Refused
from app.models import AuditEvent, Reward
from tests.flows.builders import ADA, BEN, BIG, Till, all_rows, day, later, line, order, reading, refund_of
from tests.flows.test_parallel import Flow, Workers, workers
from tests.people import hire

__all__ = ["workers"]

ANN, BOB = "staff:7", "staff:8"
#: 2 % of it is 2.00, and two must agree above 1.50.
PAID = order(1)


@pytest.fixture
def waiting(manual_shop: Till) -> Till:
    """Return a shop in which the reward of one order waits for two people."""
    manual_shop.publish(second_person_above_minor=150)
    manual_shop.tell(PAID)
    return manual_shop


def by(shop: Till, who: str, verb: Callable[..., Reward], fact: OrderFact = PAID, *extra: object) -> None:
    """Let somebody decide about an order as it stands; the same click again is refused and changes nothing."""
    seen = shop.reward(fact)
    shop.run(lambda session, row: verb(session, row.id, seen.id, seen.version, who, day(11), *extra))
    rows = all_rows()
    with pytest.raises(Refused, match="changed meanwhile"):
        shop.run(lambda session, row: verb(session, row.id, seen.id, seen.version, who, day(11), *extra))
    assert all_rows() == rows
    shop.check()


def first_of(shop: Till, fact: OrderFact = PAID) -> tuple[str | None, int | None]:
    """Return who approved an order's reward first, and how much."""
    with reading() as session:
        row = session.get_one(Reward, shop.reward(fact).id)
        return row.first_approved_by, row.first_approved_minor


def test_the_first_approval_is_noted_and_the_second_settles(waiting: Till) -> None:
    by(waiting, ANN, review.approve)
    assert waiting.reward(PAID).state is RewardState.IN_REVIEW
    assert first_of(waiting) == (ANN, 200)
    assert waiting.transfers(PAID) == []
    by(waiting, BOB, review.approve)
    assert waiting.reward(PAID).state is RewardState.SETTLED
    assert waiting.transfers(PAID) == [("credit", 200)]
    with reading() as session:
        rows = session.scalars(select(AuditEvent).where(AuditEvent.subject == "reward").order_by(AuditEvent.id))
        assert [(row.actor, row.action, row.after["state"]) for row in rows] == [
            (ANN, "approve_first", "in_review"),
            (BOB, "approve", "settled"),
        ]


def test_the_same_person_twice_is_refused_with_a_sentence(waiting: Till) -> None:
    by(waiting, ANN, review.approve)
    rows = all_rows()
    with pytest.raises(Refused, match="a second person must agree"):
        by(waiting, ANN, review.approve)
    assert all_rows() == rows


def test_the_command_line_and_the_programme_are_one_person(waiting: Till) -> None:
    by(waiting, "cli", review.approve)
    with pytest.raises(Refused, match="a second person"):
        by(waiting, "system", review.approve)
    by(waiting, ANN, review.approve)
    assert waiting.reward(PAID).state is RewardState.SETTLED


def test_up_to_the_amount_one_person_is_enough(waiting: Till) -> None:
    small = order(2, line(1, 7_500), customer=BEN)
    waiting.tell(small)
    by(waiting, ANN, review.approve, small)
    assert waiting.reward(small).state is RewardState.SETTLED


@pytest.mark.parametrize("back_again", [False, True])
def test_a_changed_amount_makes_the_next_approval_the_first(waiting: Till, back_again: bool) -> None:
    by(waiting, ANN, review.approve)
    waiting.tell(later(PAID, lines=(line(1, 9_000),)))
    if back_again:
        waiting.tell(later(PAID, 120, lines=(line(1, 10_000),)))
    assert first_of(waiting) == (None, None)
    by(waiting, BOB, review.approve)
    assert first_of(waiting) == (BOB, 200 if back_again else 180)
    by(waiting, ANN, review.approve)
    assert waiting.balances() == (0, 200 if back_again else 180, 0)


def test_what_falls_to_the_amount_takes_one_person(waiting: Till) -> None:
    by(waiting, ANN, review.approve)
    waiting.pay_back(refund_of(PAID, money_minor=5_000))
    by(waiting, ANN, review.approve)
    assert waiting.balances() == (0, 100, 0)


def test_an_order_of_another_customer_is_approved_anew(waiting: Till) -> None:
    by(waiting, ANN, review.approve)
    waiting.tell(later(PAID, customer=BEN))
    assert first_of(waiting) == (None, None)


@pytest.mark.parametrize("amount_minor", [None, 200, 300])
def test_holding_and_adjusting_let_the_first_approval_fall(waiting: Till, amount_minor: int | None) -> None:
    by(waiting, ANN, review.approve)
    if amount_minor is None:
        by(waiting, BOB, review.hold)
    else:
        seen = waiting.reward(PAID)
        waiting.run(
            lambda session, row: review.adjust(
                session, row.id, seen.id, seen.version, amount_minor, "As promised.", BOB, day(11)
            )
        )
    assert first_of(waiting) == (None, None)
    by(waiting, BOB, review.approve)
    assert waiting.reward(PAID).state in (RewardState.IN_REVIEW, RewardState.HELD)


def test_rejecting_lets_the_first_approval_fall(waiting: Till) -> None:
    by(waiting, ANN, review.approve)
    by(waiting, ANN, review.reject, PAID, "Resold.")
    by(waiting, ANN, review.reopen)
    by(waiting, BOB, review.approve)
    assert waiting.reward(PAID).state is RewardState.IN_REVIEW
    assert first_of(waiting) == (BOB, 200)


def test_each_is_bound_by_their_own_limit(waiting: Till) -> None:
    waiting.run(lambda session, row: hire(session, row.id, "60", Role.APPROVER, 199))
    waiting.run(lambda session, row: hire(session, row.id, "61", Role.APPROVER, 200))
    by(waiting, ANN, review.approve)
    with pytest.raises(NotAllowed, match=r"up to 1\.99 USD"):
        by(waiting, "staff:60", review.approve)
    by(waiting, "staff:61", review.approve)
    assert waiting.reward(PAID).state is RewardState.SETTLED


def test_releasing_a_hold_into_credit_takes_two_as_well(waiting: Till) -> None:
    by(waiting, ANN, review.hold)
    waiting.set_mode(Mode.AUTOMATIC)
    by(waiting, ANN, review.release_hold)
    assert (waiting.reward(PAID).state, first_of(waiting)) == (RewardState.HELD, (ANN, 200))
    with pytest.raises(Refused, match="a second person"):
        by(waiting, ANN, review.approve)
    by(waiting, BOB, review.release_hold)
    assert waiting.reward(PAID).state is RewardState.PENDING
    waiting.settle_due(on=12)
    assert waiting.balances() == (0, 200, 0)


def test_releasing_a_hold_into_review_takes_one(waiting: Till) -> None:
    by(waiting, ANN, review.hold)
    by(waiting, ANN, review.release_hold)
    assert (waiting.reward(PAID).state, first_of(waiting)) == (RewardState.IN_REVIEW, (None, None))


def test_switching_the_mode_releases_only_what_takes_one_more_person(waiting: Till) -> None:
    small, seconded = order(2, line(1, 7_500), customer=BEN), order(3, on=1, customer=CustomerFact(BIG + 9, None, None))
    waiting.tell(small, seconded)
    by(waiting, BOB, review.approve, seconded)
    assert waiting.set_mode(Mode.AUTOMATIC, program.Waiting.RELEASE) == 2
    assert waiting.reward(PAID).state is RewardState.IN_REVIEW
    waiting.run(lambda session, row: settle.settle_due(session, row, day(12)))
    assert [waiting.reward(fact).state.value for fact in (small, seconded)] == ["settled", "settled"]


def test_of_two_first_approvals_at_once_one_is_noted_and_the_other_looks_again(shop: Till, workers: Workers) -> None:
    shop.publish(second_person_above_minor=150)
    shop.set_mode(Mode.MANUAL)
    for number in range(1, 5):
        paid = order(number, on=number)
        shop.tell(paid)
        seen = shop.reward(paid)

        def click(who: str, reward_id: int = seen.id, version: int = seen.version) -> Flow:
            return lambda session, row: review.approve(session, row.id, reward_id, version, who, day(11))

        ended = workers.at_once(click(ANN), click(BOB))
        assert sorted(type(error).__name__ for error in ended) == ["NoneType", "Refused"]
        assert shop.reward(paid).state is RewardState.IN_REVIEW
        assert shop.transfers(paid) == []
    shop.check()


def test_many_at_once_say_which_were_only_noted(waiting: Till) -> None:
    small, contested = order(2, line(1, 5_000), customer=BEN), order(3, on=1)
    told = DisputeFact(BIG + 9, contested.order_id, DisputeStatus.NEEDS_RESPONSE, day(1))
    waiting.run(lambda session, row: details.record_details(session, row, [told], day(10)))
    waiting.tell(small, contested)
    seen = [waiting.reward(fact) for fact in (PAID, small, contested)]
    picks = [Pick(row.id, row.version) for row in seen]

    def totals(who: str) -> Totals:
        with reading() as session:
            return review.preview_totals(session, waiting.id, picks, Verb.APPROVE, who, day(11))

    waiting.run(lambda session, row: hire(session, row.id, "60", Role.APPROVER, 100))
    assert totals(ANN) == Totals(2, 100, 1, 1)
    assert totals("staff:60") == Totals(1, 100, 2, 0)
    assert totals("cli") == Totals(2, 100, 1, 1)
    outcomes = waiting.run(lambda session, row: review.approve_many(session, row.id, picks, ANN, day(11)))
    assert [outcome.state for outcome in outcomes] == [RewardState.IN_REVIEW, RewardState.SETTLED, None]
    seen = [waiting.reward(fact) for fact in (PAID,)]
    picks = [Pick(row.id, row.version) for row in seen]
    assert (totals(ANN), totals(BOB)) == (Totals(0, 0, 1, 0), Totals(1, 200, 0, 0))
    waiting.check()
    assert waiting.balances(ADA)[1] == 0
