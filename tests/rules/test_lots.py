"""What became of each credit follows from what is known of the account, in whatever order that was heard."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from app.engine.rules.expiry import compute_expires_at
from app.engine.rules.lot_account import compute_lots
from app.engine.rules.lots import Change, Lot, LotState, Reckoning, SetOff
from app.engine.rules.terms import Expiry

from .credits import ended, given_back, lot, mine, spent, taken, taken_back, whose
from .made import day

NEW_YORK = ZoneInfo("America/New_York")


def test_what_expires_soonest_is_used_first_and_what_never_expires_last() -> None:
    lots = [lot(1, 100, None), lot(2, 100, 30), lot(3, 100, 20)]
    assert ended(lots, [spent(250, 5)], 10) == {1: (50, 0, 50), 2: (100, 0, 0), 3: (100, 0, 0)}


def test_of_two_with_one_expiry_the_earlier_one_is_used_first() -> None:
    lots = [lot(1, 100, 30, at=2), lot(2, 100, 30, at=1), lot(3, 100, 30, at=2)]
    assert ended(lots, [spent(150, 5)], 10) == {2: (100, 0, 0), 1: (50, 0, 50), 3: (0, 0, 100)}


def test_what_nobody_used_expires_when_its_time_is_over_and_not_before() -> None:
    lots = [lot(1, 100, 20)]
    assert compute_lots(lots, [], day(20) - timedelta(seconds=1)).states == {1: LotState(0, 0, 100)}
    assert compute_lots(lots, [], day(20)).states == {1: LotState(0, 100, 0)}


def test_what_is_spent_after_an_expiry_comes_from_what_is_still_there() -> None:
    lots = [lot(1, 100, 20), lot(2, 100, None)]
    assert ended(lots, [spent(80, 20)], 30) == {1: (0, 100, 0), 2: (80, 0, 20)}


def test_a_purchase_that_is_heard_of_late_leaves_less_to_expire() -> None:
    lots = [lot(1, 100, 20)]
    assert ended(lots, [], 25) == {1: (0, 100, 0)}
    assert ended(lots, [spent(70, 19)], 25) == {1: (70, 30, 0)}


def test_nothing_is_used_before_it_arrives_or_after_the_moment_asked_for() -> None:
    lots = [lot(1, 100, 40, at=10), lot(2, 100, 50)]
    assert ended(lots, [spent(60, 5), spent(60, 31)], 30) == {1: (0, 0, 100), 2: (60, 0, 40)}


def test_more_spent_than_there_was_uses_all_of_it_and_no_more() -> None:
    assert ended([lot(1, 100, 20)], [spent(150, 5)], 30) == {1: (100, 0, 0)}


def test_what_shopify_gives_back_returns_to_where_it_was_spent_last() -> None:
    lots = [lot(1, 100, 20), lot(2, 100, 30)]
    changes = [spent(80, 5), spent(60, 6), given_back(50, 7)]
    assert ended(lots, changes, 10) == {1: (90, 0, 10), 2: (0, 0, 100)}


def test_what_a_debit_took_is_never_given_back() -> None:
    lots = [lot(1, 100, 20), lot(2, 100, 30)]
    changes = [spent(50, 5), taken(50, 6), given_back(80, 7)]
    assert ended(lots, changes, 25) == {1: (50, 50, 0), 2: (0, 0, 100)}


def test_what_comes_back_after_its_credit_expired_has_no_expiry_and_is_used_last() -> None:
    lots = [lot(1, 100, 20), lot(2, 100, 40)]
    changes = [spent(100, 5), given_back(60, 21), spent(130, 22)]
    assert ended(lots, changes, 30) == {1: (100, 0, 0), 2: (100, 0, 0)}
    assert ended(lots, changes, 41) == {1: (100, 0, 0), 2: (100, 0, 0)}


def test_what_comes_back_in_parts_fills_one_purchase_after_the_other() -> None:
    lots = [lot(1, 100, 20)]
    changes = [spent(40, 5), spent(40, 6), given_back(50, 7), given_back(25, 8)]
    assert ended(lots, changes, 10) == {1: (5, 0, 95)}


def test_what_a_debit_is_still_to_take_does_not_count_as_expired() -> None:
    lots = [lot(1, 100, 20), lot(2, 100, 21), lot(3, 100, None)]
    assert ended(lots, [], 30, outstanding=130) == {1: (100, 0, 0), 2: (30, 70, 0), 3: (0, 0, 100)}


def test_what_shopify_says_expired_stands_and_the_rest_was_used() -> None:
    lots = [lot(1, 100, 20, told=30), lot(2, 100, 40)]
    assert ended(lots, [], 25, outstanding=50) == {1: (70, 30, 0), 2: (0, 0, 100)}
    assert ended(lots, [spent(100, 5)], 25) == {1: (70, 30, 0), 2: (30, 0, 70)}
    assert ended(lots, [], 19) == {1: (70, 30, 0), 2: (0, 0, 100)}


@pytest.mark.parametrize(
    ("expiry", "settled_at", "expires_at"),
    [
        (Expiry(), datetime(2026, 3, 1, 9, tzinfo=UTC), None),
        (Expiry(days=30), datetime(2026, 3, 1, 9, tzinfo=UTC), datetime(2026, 3, 31, 9, tzinfo=UTC)),
        # Whole seconds, and none of what was promised is cut off.
        (
            Expiry(days=30),
            datetime(2026, 3, 1, 9, 0, 0, 1, tzinfo=UTC),
            datetime(2026, 3, 31, 9, 0, 1, tzinfo=UTC),
        ),
        # To the end of the day where the shop is: New York's 31 December ends at five in the morning in UTC.
        (
            Expiry(on=date(2026, 12, 31)),
            datetime(2026, 3, 1, 9, tzinfo=UTC),
            datetime(2027, 1, 1, 5, tzinfo=UTC),
        ),
        (
            Expiry(on=date(2026, 12, 31)),
            datetime(2027, 1, 1, 4, 59, 59, tzinfo=UTC),
            datetime(2027, 1, 1, 5, tzinfo=UTC),
        ),
        # Settled after that day: better without an expiry than gone before it arrives.
        (Expiry(on=date(2026, 12, 31)), datetime(2027, 1, 1, 5, tzinfo=UTC), None),
    ],
)
def test_credit_expires_when_the_terms_promise(
    expiry: Expiry, settled_at: datetime, expires_at: datetime | None
) -> None:
    assert compute_expires_at(expiry, settled_at, NEW_YORK) == expires_at


@pytest.mark.parametrize(
    ("clawed_back", "debited", "expired", "covered"),
    [
        (300, 0, 300, 300),  # all of it had expired
        (300, 300, 0, 0),  # all of it was there
        (200, 200, 200, 0),  # half was taken in time, the kept half expired
        (400, 200, 200, 200),  # then the kept half went back, too
        (300, 0, 100, 100),  # two thirds were spent before
        (100, 0, 300, 100),  # only a part went back
        (0, 0, 300, 0),
        (200, 300, 100, 0),  # a correction took more than was taken back in the end
    ],
)
def test_what_was_taken_back_is_paid_by_what_expired_where_no_debit_took_it(
    clawed_back: int, debited: int, expired: int, covered: int
) -> None:
    reckoning = Reckoning({}, Counter({7: expired}), Counter({7: debited}))
    assert reckoning.covered_minor(7, clawed_back) == covered
    assert reckoning.covered_minor(8, clawed_back) == 0


def test_a_debit_that_meets_another_rewards_cents_lets_the_two_change_places() -> None:
    lots = [mine(1, 100, 30), mine(2, 100, 20)]
    assert whose(lots, [taken_back(1, 60, 5)], 40) == ({2: 100, 1: 40}, {1: 60})


def test_a_debit_takes_its_own_cents_first_where_they_are_in_one_lot() -> None:
    lots = [mine(1, 100, 30), mine(2, 100, 20)]
    changes = [taken_back(1, 60, 5), taken_back(2, 50, 6), taken_back(1, 40, 7)]
    assert whose(lots, changes, 40) == ({2: 50}, {1: 100, 2: 50})


def test_spent_cents_change_places_too_and_return_as_the_other_ones() -> None:
    lots = [mine(1, 100, 20), mine(2, 100, 30)]
    changes = [spent(100, 3), taken_back(1, 70, 5), given_back(80, 6)]
    assert whose(lots, changes, 40) == ({1: 30, 2: 80}, {1: 70})


def test_a_debit_for_cents_that_are_gone_wrongs_another_reward_and_what_makes_it_good_is_that_ones() -> None:
    lots = [mine(1, 100, 20), mine(2, 100, 50), mine(3, 90, 40, at=26, makes_good=True)]
    assert whose(lots, [taken_back(1, 80, 25)], 60) == ({1: 100, 2: 20 + 80, 3: 10}, {})


def test_what_makes_good_is_theirs_whose_cents_were_set_off_last() -> None:
    lots = [mine(3, 90, 40, at=26, makes_good=True)]
    set_offs = [SetOff(day(1), 50, 1), SetOff(day(2), 60, 2)]
    assert whose(lots, [*set_offs], 60) == ({2: 60, 1: 30}, {})
    both = [*lots, mine(4, 50, 41, at=27, makes_good=True)]
    assert whose(both, [*set_offs], 60) == ({2: 60, 1: 50, 4: 30}, {})


def test_an_open_debit_keeps_its_own_rewards_cents_from_expiring_before_it_keeps_others() -> None:
    lots = [mine(1, 100, 20), mine(2, 100, 21)]
    open_debits = [taken_back(2, 150, 10), taken_back(1, 30, 20)]
    reckoning = compute_lots(lots, [], day(30), open_debits)
    assert dict(+reckoning.expired) == {1: 50}


amounts = st.integers(1, 12)
days = st.integers(0, 30)
some_lots = st.lists(st.tuples(amounts, days, st.none() | st.integers(1, 40)), min_size=1, max_size=5)
some_changes = st.lists(st.tuples(days, st.integers(-12, 12).filter(bool), st.booleans()), max_size=8)


@given(some_lots, some_changes, st.integers(0, 45), st.integers(0, 20), st.randoms(use_true_random=False))
def test_every_lot_is_conserved_and_the_order_of_hearing_does_not_matter(
    made: list[tuple[int, int, int | None]],
    told: list[tuple[int, int, bool]],
    at: int,
    outstanding: int,
    random: Random,
) -> None:
    lots = [lot(key, minor, on, from_day) for key, (minor, from_day, on) in enumerate(made, start=1)]
    changes = [
        Change(day(on) + timedelta(seconds=number), minor, spend) for number, (on, minor, spend) in enumerate(told)
    ]
    open_debits = [taken(outstanding, 1)] if outstanding else []
    states = compute_lots(lots, changes, day(at), open_debits).states
    for one in lots:
        state = states[one.key]
        assert state.used_minor + state.expired_minor + state.left_minor == one.amount_minor
        assert min(state.used_minor, state.expired_minor, state.left_minor) >= 0
        assert state.expired_minor == 0 or (one.expires_at is not None and one.expires_at <= day(at))
    shuffled_lots, shuffled_changes = random.sample(lots, len(lots)), random.sample(changes, len(changes))
    assert compute_lots(shuffled_lots, shuffled_changes, day(at), open_debits).states == states


class Account(RuleBasedStateMachine):
    """An account on which every cent is a thing of its own, beside the lots computed from what was heard so far.

    Purchases and debits are heard of some steps late; in the end all is, and both must agree cent by cent.
    """

    @initialize()
    def open(self) -> None:
        self.now = 0
        self.cents: list[list[int]] = []  # [lot, day of its expiry, what became of it: 0 here, 1 used, 2 expired]
        self.spent: list[list[int]] = []
        self.lots: list[Lot] = []
        self.heard: list[Change] = []
        self.unheard: list[Change] = []

    def moment(self) -> datetime:
        self.now += 1
        for cent in self.cents:
            if cent[1] <= self.now and cent[2] == 0:
                cent[2] = 2
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=self.now)

    def here(self) -> list[list[int]]:
        return sorted((cent for cent in self.cents if cent[2] == 0), key=lambda cent: cent[1])

    @rule(minor=amounts, lives=st.none() | st.integers(1, 9))
    def credit(self, minor: int, lives: int | None) -> None:
        at, key = self.moment(), len(self.lots) + 1
        self.lots.append(Lot(key, at, minor, None if lives is None else at + timedelta(days=lives)))
        self.cents += [[key, 10**6 if lives is None else self.now + lives, 0] for _ in range(minor)]

    @rule(minor=amounts, late=st.booleans())
    def redeem(self, minor: int, late: bool) -> None:
        self.use(self.moment(), minor, late, is_spending=True)

    @rule(minor=amounts, late=st.booleans())
    def refund(self, minor: int, late: bool) -> None:
        self.use(self.moment(), minor, late, is_spending=False)

    def use(self, at: datetime, minor: int, late: bool, is_spending: bool) -> None:
        used = self.here()[:minor]
        for cent in used:
            cent[2] = 1
        if is_spending:
            self.spent += used
        if used:
            change = Change(at, -len(used), is_spending)
            (self.unheard if late else self.heard).append(change)

    @rule(minor=amounts)
    def give_back(self, minor: int) -> None:
        at = self.moment()
        back = [self.spent.pop() for _ in range(min(minor, len(self.spent)))]
        for cent in back:
            if self.now < cent[1]:
                cent[2] = 0
            else:
                self.cents.append([0, 10**6, 0])
        if back:
            self.heard.append(Change(at, len(back)))

    @rule()
    def wait(self) -> None:
        self.moment()

    @rule()
    def hear(self) -> None:
        self.heard += self.unheard
        self.unheard = []

    @invariant()
    def what_is_known_gives_the_account_as_it_is(self) -> None:
        at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=self.now)
        states = compute_lots(self.lots, self.heard, at).states
        assert all(
            state.used_minor + state.expired_minor + state.left_minor == one.amount_minor
            for one, state in zip(self.lots, (states[one.key] for one in self.lots), strict=True)
        )
        states = compute_lots(self.lots, [*self.unheard, *self.heard], at).states
        for one in self.lots:
            became = [cent[2] for cent in self.cents if cent[0] == one.key]
            counted = LotState(became.count(1), became.count(2), became.count(0))
            assert states[one.key] == counted, one


class TestAccount(Account.TestCase):
    """Runs the account."""

    settings = profile(max_examples=40, stateful_step_count=25)
