"""The journey of a reward: its stages, how long they took, what is waited for, and the table of what is expected."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.rules.journey import PATIENT, Journey, WaitsFor, compute_journey, find_arrival
from app.engine.rules.journey_facts import Arrival, Credit, Known, Pace
from app.engine.rules.messages import Stage
from app.engine.rules.stage_limits import DEFAULT_LIMITS, TIMED, Lag, compute_limits
from app.engine.rules.states import RewardState, TransferState

from .tables import Row, tables_with

(EXPECTED,) = tables_with("stands", "expected")
(STAGES,) = tables_with("stage", "took since", "limit")
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "day": timedelta(days=1)}


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def moment(text: str) -> datetime | None:
    """Return an instant of March 2026: "15th 00:02"."""
    if text == "—":
        return None
    day, hour, minute = re.findall(r"\d+", text)
    return datetime(2026, 3, int(day), int(hour), int(minute), tzinfo=UTC)


def span(text: str) -> timedelta | None:
    if text in ("—", "none", ""):
        return None
    number, unit = text.split()
    return int(number) * UNITS[unit]


def standing(row: Row) -> tuple[Known, Pace]:
    """Return what the first columns of a row say."""
    since = moment(row["since"])
    assert since is not None
    words = row["stands"].split(", ")
    known = Known(
        state=RewardState.PENDING, purchased_at=at(-60), first_seen_at=since, created_at=since, booked_at=since,
        state_at=since, release_at=moment(row["release"]),
    )  # fmt: skip
    paused = "paused" in words
    match words[0].split(" until "):
        case ["unpaid"]:
            known = replace(known, state=RewardState.INELIGIBLE, is_unpaid=True, booked_at=None)
        case ["held", until]:
            known = replace(known, state=RewardState.HELD, held_until=moment(until))
        case [state]:
            known = replace(known, state=RewardState(state.replace(" ", "_")))
    if known.state is RewardState.SETTLED:
        known = replace(known, settled_at=since, credit=credit_of(words[1], since))
    for word in words:
        if word.startswith("to be undone until "):
            known = replace(known, undo_until=moment(word.removeprefix("to be undone until ")))
    return known, Pace(span(row["credits take"]), span(row["decisions take"]), is_paused=paused)


def credit_of(word: str, since: datetime) -> Credit | None:
    match word.split(" again for "):
        case ["set off"]:
            return None
        case ["unclear"]:
            return Credit(TransferState.UNKNOWN, since, since, needs_person=True)
        case ["planned", again]:
            return Credit(TransferState.PLANNED, since, next_attempt_at=moment(again))
        case [state]:
            found = Credit(TransferState(state), since, None if state == "planned" else since)
            return replace(found, confirmed_at=since) if state == "confirmed" else found
    raise AssertionError(word)


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: f"{row['stands']} {row['now']}")
def test_what_is_expected_when(row: Row) -> None:
    known, pace = standing(row)
    now = moment(row["now"])
    assert now is not None
    journey = compute_journey(known, pace, now)
    waits = WaitsFor(row["waits for"].replace(" ", "_")) if row["waits for"] != "nothing" else None
    assert journey.waits_for is waits
    expected, overdue = row["expected"].removeprefix("by "), row["expected"].removeprefix("overdue since ")
    if row["expected"].startswith("by "):
        assert (journey.expected_by, journey.overdue_since) == (moment(expected), None)
    elif row["expected"].startswith("overdue "):
        assert (journey.expected_by, journey.overdue_since) == (None, moment(overdue))
    else:
        assert row["expected"] == ("nothing" if waits is None else "nobody knows")
        assert (journey.expected_by, journey.overdue_since) == (None, None)
    assert (journey.next_stage is None) == (waits is None)
    assert (journey.waits_since is None) == (waits is None or waits in PATIENT)


def test_the_table_of_stages_has_them_all_with_their_limits() -> None:
    assert [row["stage"] for row in STAGES] == list(Stage)
    *timed, told = STAGES
    limits = {Stage(row["stage"]): limit for row in timed if (limit := span(row["limit"])) is not None}
    assert (told["stage"], told["limit"]) == ("told", "the longest wait for a digest, and 2 h")
    assert compute_limits({}, timedelta(days=1)) == limits | {Stage.TOLD: timedelta(days=1)}
    assert tuple(stage for stage in Stage if stage is not Stage.PURCHASED) == TIMED
    assert {lag.value for lag in Lag} == {stage.value for stage in TIMED} | {"credit", "decision"}


def test_a_shop_sets_limits_of_its_own() -> None:
    limits = compute_limits({"sent": 60, "told": 0, "paid": 86_400, "nonsense": 5}, timedelta(days=1))
    assert limits[Stage.SENT] == timedelta(minutes=1)
    assert limits[Stage.PAID] == timedelta(days=1)
    assert Stage.TOLD not in limits
    assert limits[Stage.CONFIRMED] == timedelta(seconds=DEFAULT_LIMITS[Stage.CONFIRMED])


#: Paid and settled by itself within two seconds, credited in another three, told that evening.
WHOLE = Known(
    state=RewardState.SETTLED,
    purchased_at=at(0),
    first_seen_at=at(4),
    created_at=at(4),
    paid_at=at(1),
    arrivals=(Arrival(at(3), at(2)),),
    booked_at=at(4),
    state_at=at(4),
    release_at=at(0),
    settled_at=at(4),
    credit=Credit(TransferState.CONFIRMED, at(4), at(5), at(7)),
    news_at=at(4),
    told_at=at(36_000),
)


def took(journey: Journey) -> dict[str, float | None]:
    return {one.stage.value: None if one.took is None else one.took.total_seconds() for one in journey.stamps}


def test_every_stage_has_its_moment_and_says_how_long_it_took() -> None:
    journey = compute_journey(WHOLE, Pace(), at(40_000))
    assert [(one.stage, one.at) for one in journey.stamps] == [
        (Stage.PURCHASED, at(0)), (Stage.PAID, at(1)), (Stage.TRIGGERED, at(2)), (Stage.RECEIVED, at(3)),
        (Stage.DECIDED, at(4)), (Stage.RELEASED, at(4)), (Stage.SENT, at(5)), (Stage.CONFIRMED, at(7)),
        (Stage.TOLD, at(36_000)),
    ]  # fmt: skip
    assert took(journey) == {
        "purchased": None, "paid": 1, "triggered": 1, "received": 1, "decided": 1, "released": 0, "sent": 1,
        "confirmed": 2, "told": 35_996,
    }  # fmt: skip
    assert (journey.next_stage, journey.waits_for, journey.expected_by) == (None, None, None)
    assert journey.at(Stage.SENT) == at(5)


def test_of_what_no_webhook_told_nobody_says_when_one_was_written() -> None:
    journey = compute_journey(replace(WHOLE, paid_at=None, arrivals=()), Pace(), at(40_000))
    assert [one.stage for one in journey.stamps][:3] == [Stage.PURCHASED, Stage.RECEIVED, Stage.DECIDED]
    assert journey.at(Stage.RECEIVED) == WHOLE.first_seen_at
    assert journey.at(Stage.PAID) is None
    read = compute_journey(replace(WHOLE, arrivals=(Arrival(at(3), None),)), Pace(), at(40_000))
    assert (read.at(Stage.TRIGGERED), read.at(Stage.RECEIVED)) == (None, at(3))
    assert took(read)["received"] is None


def test_a_clock_that_is_ahead_makes_nothing_take_less_than_no_time() -> None:
    ahead = replace(WHOLE, paid_at=at(60), arrivals=(Arrival(at(3), at(60)),))
    journey = compute_journey(ahead, Pace(), at(40_000))
    assert journey.at(Stage.PAID) == at(4), "What was decided was paid before, whatever Shopify's clock says."
    assert took(journey)["received"] == 0
    assert took(journey)["triggered"] == 56


def test_an_order_paid_later_was_received_when_its_payment_was_told() -> None:
    late = replace(
        WHOLE,
        paid_at=at(900),
        arrivals=(Arrival(at(2), at(1)), Arrival(at(902), at(901)), Arrival(at(950), at(949))),
        booked_at=at(903),
        settled_at=at(903),
    )
    journey = compute_journey(late, Pace(), at(40_000))
    assert (journey.at(Stage.TRIGGERED), journey.at(Stage.RECEIVED)) == (at(901), at(902))
    assert took(journey)["decided"] == 1


def test_what_came_after_the_decision_did_not_lead_to_it() -> None:
    early = replace(WHOLE, paid_at=at(3.5), arrivals=(Arrival(at(3), at(2)), Arrival(at(6), at(5))))
    assert find_arrival(early) == Arrival(at(3), at(2))
    assert find_arrival(replace(WHOLE, arrivals=(Arrival(at(6), at(5)),))) is None
    only_late = compute_journey(replace(WHOLE, arrivals=(Arrival(at(6), at(5)),)), Pace(), at(40_000))
    assert only_late.at(Stage.RECEIVED) is None, "It was not first seen by that word, and nobody knows by which."


def test_an_order_that_waits_for_its_money_was_received_all_the_same() -> None:
    unpaid = Known(
        RewardState.INELIGIBLE, at(0), at(2), at(2), arrivals=(Arrival(at(2), at(1)), Arrival(at(9), at(8))),
        is_unpaid=True,
    )  # fmt: skip
    journey = compute_journey(unpaid, Pace(), at(100))
    assert [one.stage for one in journey.stamps] == [Stage.PURCHASED, Stage.TRIGGERED, Stage.RECEIVED]
    assert (journey.next_stage, journey.waits_for) == (Stage.PAID, WaitsFor.PAYMENT)


def test_an_order_that_earns_nothing_is_decided_and_nothing_follows() -> None:
    nothing = Known(RewardState.INELIGIBLE, at(0), at(2), at(2), arrivals=(Arrival(at(2), at(1)),))
    journey = compute_journey(nothing, Pace(), at(100))
    assert journey.at(Stage.DECIDED) == at(2)
    assert journey.next_stage is None


def test_where_a_person_decided_nobody_says_how_long_it_took() -> None:
    journey = compute_journey(replace(WHOLE, decided_at=at(5_000), settled_at=at(5_000)), Pace(), at(40_000))
    assert journey.at(Stage.DECIDED) == at(5_000)
    assert (took(journey)["decided"], took(journey)["released"]) == (None, 0)


def test_where_a_hold_ended_by_itself_nobody_says_how_long_the_release_took() -> None:
    journey = compute_journey(replace(WHOLE, outlasted_hold=True, settled_at=at(5_000)), Pace(), at(40_000))
    assert (took(journey)["decided"], took(journey)["released"]) == (None, None)


def test_the_release_is_late_from_its_day_on() -> None:
    journey = compute_journey(replace(WHOLE, release_at=at(1_000), settled_at=at(1_030)), Pace(), at(40_000))
    assert took(journey)["released"] == 30


def test_what_a_pause_kept_took_no_time_before_it_ended() -> None:
    kept = replace(WHOLE, settled_at=at(700), credit=Credit(TransferState.CONFIRMED, at(700), at(900), at(901)))
    resumed = [Pace(resumed_at=at(seconds)) for seconds in (600, 890, 2_000)]
    assert [took(compute_journey(kept, pace, at(40_000)))["released"] for pace in resumed] == [100, 696, 696]
    assert [took(compute_journey(kept, pace, at(40_000)))["sent"] for pace in resumed] == [200, 10, 200]


def test_who_was_told_before_the_release_was_told_then() -> None:
    early = replace(
        WHOLE, release_at=at(90_000), settled_at=at(90_001),
        credit=Credit(TransferState.CONFIRMED, at(90_001), at(90_002), at(90_003)),
    )  # fmt: skip
    journey = compute_journey(early, Pace(), at(100_000))
    assert [one.stage for one in journey.stamps][4:] == [
        Stage.DECIDED, Stage.TOLD, Stage.RELEASED, Stage.SENT, Stage.CONFIRMED,
    ]  # fmt: skip


def test_what_is_still_to_be_told_waits_for_the_next_mail() -> None:
    journey = compute_journey(replace(WHOLE, told_at=None, news_at=None, unsaid_since=at(4)), Pace(), at(40))
    assert (journey.next_stage, journey.waits_for, journey.waits_since) == (Stage.TOLD, WaitsFor.MAIL, at(4))
    assert journey.expected_by is None


def test_since_when_work_is_waited_for() -> None:
    planned = replace(WHOLE, credit=Credit(TransferState.PLANNED, at(4)), told_at=at(5))
    assert compute_journey(planned, Pace(), at(100)).waits_since == at(4)
    sending = replace(WHOLE, credit=Credit(TransferState.SENDING, at(4), at(6)), told_at=None)
    assert compute_journey(sending, Pace(), at(100)).waits_since == at(6)
    pending = replace(WHOLE, state=RewardState.PENDING, settled_at=None, credit=None, release_at=at(50))
    assert compute_journey(pending, Pace(), at(100)).waits_since == at(50)


def test_a_credit_that_was_cancelled_is_not_waited_for() -> None:
    cancelled = replace(WHOLE, credit=Credit(TransferState.NOT_APPLICABLE, at(4)))
    assert compute_journey(cancelled, Pace(), at(100)).next_stage is None


instants = st.integers(-5_000, 5_000).map(at)
maybe = st.none() | instants
credits_ = st.none() | st.builds(Credit, st.sampled_from(TransferState), instants, maybe, maybe, maybe, st.booleans())
arrivals = st.lists(st.builds(Arrival, instants, maybe), max_size=4).map(tuple)
rewards = st.builds(
    Known, state=st.sampled_from(RewardState), purchased_at=instants, first_seen_at=instants, created_at=instants,
    booked_at=maybe, paid_at=maybe, arrivals=arrivals, is_unpaid=st.booleans(), decided_at=maybe,
    outlasted_hold=st.booleans(), state_at=maybe, release_at=maybe, held_until=maybe, undo_until=maybe,
    settled_at=maybe, credit=credits_, news_at=maybe, told_at=maybe, unsaid_since=maybe,
)  # fmt: skip
spans = st.none() | st.integers(0, 5_000).map(lambda seconds: timedelta(seconds=seconds))
paces = st.builds(Pace, spans, spans, st.booleans(), maybe)


@given(rewards, paces, instants)
def test_whatever_is_known_no_stage_comes_twice_none_takes_less_than_no_time_and_nothing_is_promised_for_the_past(
    known: Known, pace: Pace, now: datetime
) -> None:
    journey = compute_journey(known, pace, now)
    stages = [one.stage for one in journey.stamps if one.stage is not Stage.TOLD]
    order = list(Stage)
    assert all(order.index(before) < order.index(after) for before, after in pairwise(stages))
    assert all(one.took is None or one.took >= timedelta(0) for one in journey.stamps)
    assert journey.expected_by is None or journey.expected_by >= now
    assert journey.overdue_since is None or journey.overdue_since < now
    assert journey.expected_by is None or journey.overdue_since is None
    assert (journey.next_stage is None) == (journey.waits_for is None)
