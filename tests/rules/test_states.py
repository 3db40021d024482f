"""Rewards move only as the table of moves allows, and every state and badge can be reached."""

import pytest

from app.engine.rules.states import (
    BOOKED_PENDING,
    DECIDABLE,
    MOVES,
    Badge,
    IllegalMove,
    RewardState,
    TransferState,
    check_move,
    compute_badge,
)

STARTS = {
    RewardState.AWAITING_CUSTOMER,
    RewardState.IN_REVIEW,
    RewardState.HELD,
    RewardState.PENDING,
    RewardState.INELIGIBLE,
}


def test_every_state_has_its_moves_and_every_one_leads_on() -> None:
    assert set(MOVES) == set(RewardState)
    assert all(MOVES.values())


def test_every_state_can_be_reached_from_the_states_a_reward_is_born_in() -> None:
    reached = set(STARTS)
    while more := {after for before in reached for after in MOVES[before]} - reached:
        reached |= more
    assert reached == set(RewardState)


def test_no_state_lists_itself_and_every_state_may_stay() -> None:
    assert not [state for state in RewardState if state in MOVES[state]]
    assert [check_move(state, state) for state in RewardState] == list(RewardState)


def test_credit_settles_only_from_pending_or_again_after_a_reversal() -> None:
    into = {before for before, after in MOVES.items() if RewardState.SETTLED in after}
    assert into == {RewardState.PENDING, RewardState.REVERSED}


def test_settled_credit_is_decided_anew_only_after_all_of_it_was_taken_back() -> None:
    assert MOVES[RewardState.SETTLED] == {RewardState.REVERSED}
    assert MOVES[RewardState.REVERSED] == {RewardState.SETTLED} | BOOKED_PENDING


def test_people_decide_about_rewards_that_are_booked_pending() -> None:
    assert DECIDABLE < BOOKED_PENDING
    assert all({RewardState.PENDING, RewardState.REJECTED} <= MOVES[state] for state in DECIDABLE)


def test_a_rejected_reward_can_be_reopened_but_not_paid_directly() -> None:
    assert MOVES[RewardState.REJECTED] == {RewardState.IN_REVIEW}


def test_an_illegal_move_names_both_states() -> None:
    with pytest.raises(IllegalMove, match="settled cannot become pending") as illegal:
        check_move(RewardState.SETTLED, RewardState.PENDING)
    assert (illegal.value.before, illegal.value.after) == (RewardState.SETTLED, RewardState.PENDING)


def test_every_pair_of_states_is_either_listed_or_refused() -> None:
    for before in RewardState:
        for after in set(RewardState) - MOVES[before] - {before}:
            with pytest.raises(IllegalMove):
                check_move(before, after)


@pytest.mark.parametrize(
    ("state", "reversed_minor", "transfers", "badge"),
    [
        (RewardState.IN_REVIEW, 0, (), Badge.PENDING),
        (RewardState.HELD, 0, (), Badge.HELD),
        (RewardState.PENDING, 0, (), Badge.SCHEDULED),
        (RewardState.REJECTED, 0, (), Badge.REJECTED),
        (RewardState.AWAITING_CUSTOMER, 0, (), Badge.AWAITING_ACCOUNT),
        (RewardState.INELIGIBLE, 0, (), Badge.NOT_ELIGIBLE),
        (RewardState.VOIDED, 5, (), Badge.REVERSED),
        (RewardState.SETTLED, 0, (TransferState.CONFIRMED,), Badge.PROCESSED),
        (RewardState.SETTLED, 0, (TransferState.NOT_APPLICABLE,), Badge.PROCESSED),
        (RewardState.SETTLED, 0, (TransferState.PLANNED,), Badge.SENDING),
        (RewardState.SETTLED, 0, (TransferState.SENDING,), Badge.SENDING),
        (RewardState.SETTLED, 0, (TransferState.REFUSED,), Badge.FAILED),
        (RewardState.SETTLED, 0, (TransferState.UNKNOWN, TransferState.SENDING), Badge.FAILED),
        (RewardState.SETTLED, 5, (TransferState.CONFIRMED,) * 2, Badge.PARTLY_REVERSED),
        (RewardState.SETTLED, 5, (TransferState.CONFIRMED, TransferState.PLANNED), Badge.SENDING),
        (RewardState.REVERSED, 5, (TransferState.CONFIRMED,) * 2, Badge.REVERSED),
    ],
)
def test_a_badge_says_where_a_reward_stands(
    state: RewardState, reversed_minor: int, transfers: tuple[TransferState, ...], badge: Badge
) -> None:
    assert compute_badge(state, reversed_minor, transfers) is badge
