"""How a customer stands at a moment: against a slow oracle, in any order, and at the edges of days and years."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.rules.facts import SpendEvent, TierAssignment, TierSource
from app.engine.rules.periods import last_evaluation, midnight
from app.engine.rules.terms import Evaluation, Terms, TierMethod
from app.engine.rules.tiers import Look, Standing, compute_standing, spend_in_force, tier_for

from .made import LADDER, day, make_terms

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
#: Its clocks skip an hour at midnight, so that one day of the year begins at 01:00.
HAVANA = ZoneInfo("America/Havana")
ZONES = st.sampled_from([ZoneInfo("UTC"), BERLIN, NEW_YORK, HAVANA])
TICK = timedelta(microseconds=1)

#: Hours of three years, and the instants beside them.
instants = st.builds(
    lambda hours, ticks: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=hours, microseconds=ticks),
    st.integers(0, 3 * 366 * 24),
    st.sampled_from([0, 0, 0, 1, -1]),
)


@st.composite
def lives(draw: st.DrawFn) -> list[SpendEvent]:
    """Draw what one customer spends: orders, and what goes back of each, never more than it was."""
    events = []
    for order_id in range(draw(st.integers(0, 6))):
        placed_at, left = draw(instants), draw(st.integers(1, 120_000))
        events.append(SpendEvent(placed_at, left, order_id, placed_at))
        for _ in range(draw(st.integers(0, 2))):
            back = draw(st.integers(0, left))
            left -= back
            at = placed_at + draw(st.sampled_from([timedelta(0), TICK, timedelta(days=40), timedelta(days=400)]))
            events.append(SpendEvent(at, -back, order_id, placed_at))
    return events


all_terms = st.builds(
    lambda method, evaluation, grace: make_terms(
        *LADDER, tier_method=method, tier_evaluation=evaluation, tier_grace_days=grace
    ),
    st.sampled_from(TierMethod),
    st.sampled_from(Evaluation),
    st.sampled_from([0, 0, 1, 30, 400]),
)


def slow_highest(
    events: list[SpendEvent], terms: Terms, at: datetime, zone: ZoneInfo, asked: list[datetime]
) -> int | None:
    """Return the highest spend of all moments at which it can have changed, each summed up anew."""
    past = [moment for moment in asked if moment <= at]
    scheduled = last_evaluation(at, terms.tier_evaluation, zone)
    newest = (
        at if terms.tier_evaluation is Evaluation.ALWAYS else max([*past, *filter(None, [scheduled])], default=None)
    )
    since = datetime(2020, 1, 1, tzinfo=UTC)
    if newest is not None:
        local = newest.astimezone(zone)
        since = (local - timedelta(days=terms.tier_grace_days)).replace(fold=local.fold).astimezone(UTC)
    moments = {since, at, *(event.at + TICK for event in events)}
    return max(spend_in_force(events, terms.tier_method, moment, zone) for moment in moments if since <= moment <= at)


@given(lives(), all_terms, instants, ZONES, st.lists(instants, max_size=3), st.randoms())
def test_one_walk_finds_what_summing_up_at_every_moment_finds(
    events: list[SpendEvent], terms: Terms, at: datetime, zone: ZoneInfo, asked: list[datetime], chance: object
) -> None:
    chance.shuffle(shuffled := list(events))  # type: ignore[attr-defined]
    standing = compute_standing(shuffled, terms, at, zone, evaluations=asked)
    assert standing.spend_minor == spend_in_force(events, terms.tier_method, at, zone)
    assert standing.tier == tier_for(slow_highest(events, terms, at, zone, asked), terms.tiers)


@given(lives(), all_terms, instants, ZONES)
def test_a_tier_is_at_least_what_the_spend_reaches(
    events: list[SpendEvent], terms: Terms, at: datetime, zone: ZoneInfo
) -> None:
    standing = compute_standing(events, terms, at, zone)
    at_once = compute_standing(events, replace(terms, tier_evaluation=Evaluation.ALWAYS, tier_grace_days=0), at, zone)
    assert standing.tier.threshold_minor >= at_once.tier.threshold_minor
    assert at_once.tier == tier_for(standing.spend_minor, terms.tiers)


@given(lives(), all_terms, instants, ZONES)
def test_a_scheduled_run_dated_with_its_instant_changes_no_tier(
    events: list[SpendEvent], terms: Terms, at: datetime, zone: ZoneInfo
) -> None:
    scheduled = last_evaluation(at, terms.tier_evaluation, zone)
    runs = [] if scheduled is None else [scheduled]
    assert compute_standing(events, terms, at, zone, evaluations=runs) == compute_standing(events, terms, at, zone)


@given(lives(), all_terms, instants)
def test_one_look_serves_many_customers(events: list[SpendEvent], terms: Terms, at: datetime) -> None:
    look = Look(terms, at, BERLIN)
    halves = [events[::2], events[1::2], []]
    assert [look.standing(half) for half in halves] == [compute_standing(half, terms, at, BERLIN) for half in halves]


@pytest.mark.parametrize("method", TierMethod)
def test_what_happens_at_the_very_moment_does_not_count_yet(method: TierMethod) -> None:
    events, terms = [SpendEvent(day(0), 50_000, 1, day(0))], make_terms(*LADDER, tier_method=method)
    assert compute_standing(events, terms, day(0), BERLIN) == Standing(LADDER[0], 0)
    assert compute_standing(events, terms, day(0) + TICK, BERLIN) == Standing(LADDER[1], 50_000)


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, HAVANA], ids=str)
@pytest.mark.parametrize("placed_on", [date(2026, 3, 8), date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 1)])
def test_an_order_counts_to_the_end_of_the_365th_day_after_it_wherever_clocks_change(
    zone: ZoneInfo, placed_on: date
) -> None:
    last = midnight(placed_on + timedelta(days=366), zone)
    first, end = midnight(placed_on, zone), midnight(placed_on + timedelta(days=1), zone) - TICK
    for placed_at in (first, end):
        events = [SpendEvent(placed_at, 50_000, 1, placed_at)]
        terms = make_terms(*LADDER, tier_method=TierMethod.ROLLING_YEAR)
        assert compute_standing(events, terms, last - TICK, zone).tier.name == "Silver"
        assert compute_standing(events, terms, last, zone).tier.name == "Bronze"


def test_the_new_year_begins_when_it_does_in_the_shop() -> None:
    terms = make_terms(*LADDER, tier_method=TierMethod.CALENDAR_YEAR)
    placed_at = datetime(2027, 1, 1, 2, tzinfo=UTC)
    events = [SpendEvent(placed_at, 50_000, 1, placed_at)]
    march = datetime(2027, 3, 1, tzinfo=UTC)
    assert compute_standing(events, terms, march, BERLIN).spend_minor == 50_000
    # In New York it was still New Year's Eve.
    assert compute_standing(events, terms, march, NEW_YORK).spend_minor == 0


def test_what_falls_out_at_the_evaluation_itself_is_lost_by_it() -> None:
    terms = make_terms(*LADDER, tier_method=TierMethod.ROLLING_YEAR, tier_evaluation=Evaluation.DAILY)
    placed_at = datetime(2026, 6, 1, 12, tzinfo=UTC)
    events = [SpendEvent(placed_at, 50_000, 1, placed_at)]
    gone = midnight(date(2027, 6, 2), BERLIN)
    assert compute_standing(events, terms, gone - TICK, BERLIN).tier.name == "Silver"
    assert compute_standing(events, terms, gone, BERLIN).tier.name == "Bronze"


def test_the_hour_that_clocks_show_twice_gives_no_grace() -> None:
    # 02:30 for the second time in Berlin; a tier lost at 02:00 for the second time is lost.
    lost_at, at = datetime(2026, 10, 25, 1, 0, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    events = [SpendEvent(day(0), 50_000, 1, day(0)), SpendEvent(lost_at, -1, 1, day(0))]
    assert compute_standing(events, make_terms(*LADDER), at, BERLIN).tier.name == "Bronze"


def test_the_grace_before_a_midnight_begins_at_a_midnight_also_when_clocks_change_between() -> None:
    terms = make_terms(*LADDER, tier_evaluation=Evaluation.MONTHLY, tier_grace_days=4)
    first_of_month, begins = midnight(date(2026, 4, 1), BERLIN), midnight(date(2026, 3, 28), BERLIN)
    for lost_at, name in ((begins - TICK, "Bronze"), (begins, "Silver")):
        events = [SpendEvent(day(0), 50_000, 1, day(0)), SpendEvent(lost_at, -1, 1, day(0))]
        assert compute_standing(events, terms, first_of_month, BERLIN).tier.name == name


@pytest.mark.parametrize(
    ("starts", "ends", "tier"),
    [(0, None, "Gold"), (1, None, "Bronze"), (-5, 0, "Bronze"), (-5, 1, "Gold"), (0, 0, "Bronze")],
)
@pytest.mark.parametrize("is_locked", [False, True])
def test_what_is_given_counts_from_its_start_and_no_more_at_its_end(
    starts: int, ends: int | None, tier: str, is_locked: bool
) -> None:
    ends_at = None if ends is None else day(ends)
    gift = TierAssignment("Gold", day(starts), ends_at, TierSource.MANUAL, is_locked)
    assert compute_standing([], make_terms(*LADDER), day(0), BERLIN, assignments=[gift]).tier.name == tier


def test_of_two_locks_the_newer_one_counts() -> None:
    locks = [TierAssignment(name, day(on), is_locked=True) for on, name in enumerate(["Gold", "Silver", "Bronze"])]
    for given_ in (locks, locks[::-1]):
        assert compute_standing([], make_terms(*LADDER), day(2), BERLIN, assignments=given_).tier.name == "Bronze"
        assert compute_standing([], make_terms(*LADDER), day(1), BERLIN, assignments=given_).tier.name == "Silver"


def test_the_events_of_a_lifetime_are_walked_once() -> None:
    # An iterator cannot be walked twice; summing up anew at every moment took minutes for 20,000 events.
    hours = [day(0) + timedelta(hours=number) for number in range(20_000)]
    events = (SpendEvent(at, 1 if number % 2 else -1, number, at) for number, at in enumerate(hours))
    terms = make_terms(*LADDER, tier_evaluation=Evaluation.ON_DEMAND)
    assert compute_standing(events, terms, day(9_999), BERLIN) == Standing(LADDER[0], 0)
