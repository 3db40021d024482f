"""Until when spend counts, when an evaluation takes effect, and which of several given tiers holds, to the second."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.engine.rules.facts import SpendEvent, TierAssignment, TierSource
from app.engine.rules.terms import Evaluation, Terms, TierMethod
from app.engine.rules.tiers import Standing, compute_standing

from .made import LADDER, day, make_terms

BERLIN, HONOLULU = ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Honolulu")
BRONZE, SILVER, GOLD = LADDER
SECOND = timedelta(seconds=1)


def terms(method: TierMethod, evaluation: Evaluation = Evaluation.MONTHLY, grace: int = 400) -> Terms:
    return make_terms(*LADDER, tier_method=method, tier_evaluation=evaluation, tier_grace_days=grace)


def spent(minor: int, at: datetime, placed_at: datetime | None = None) -> SpendEvent:
    return SpendEvent(at, minor, 1, placed_at or at)


@pytest.mark.parametrize(
    ("method", "tier"),
    [(TierMethod.CALENDAR_YEAR, SILVER), (TierMethod.ROLLING_YEAR, GOLD), (TierMethod.LIFETIME, GOLD)],
)
def test_spend_of_two_years_meets_only_where_the_years_roll(method: TierMethod, tier: object) -> None:
    events = [spent(100_000, datetime(2025, 6, 15, tzinfo=UTC)), spent(100_000, datetime(2026, 3, 1, tzinfo=UTC))]
    standing = compute_standing(events, terms(method), datetime(2026, 7, 1, tzinfo=UTC), BERLIN)
    assert standing.tier == tier


@pytest.mark.parametrize(("second", "tier"), [(-SECOND, GOLD), (timedelta(0), SILVER)])
def test_where_the_years_roll_an_order_counts_to_the_end_of_the_365th_day_after_its_own(
    second: timedelta, tier: object
) -> None:
    # Seven in the evening of the 14th of June in Honolulu; the 15th of the next year begins there at ten.
    first, end = datetime(2025, 6, 15, 5, tzinfo=UTC), datetime(2026, 6, 15, 10, tzinfo=UTC)
    events = [spent(100_000, first), spent(100_000, end + second)]
    rules = terms(TierMethod.ROLLING_YEAR)
    assert compute_standing(events, rules, datetime(2026, 7, 10, tzinfo=UTC), HONOLULU).tier == tier


@pytest.mark.parametrize(("asked", "tier"), [(day(10), BRONZE), (day(10) + SECOND, SILVER)])
def test_an_evaluation_asked_for_takes_effect_at_that_very_moment(asked: datetime, tier: object) -> None:
    events = [spent(60_000, day(0)), spent(-60_000, day(5), day(0))]
    rules = terms(TierMethod.LIFETIME, Evaluation.ON_DEMAND, grace=0)
    assert compute_standing(events, rules, day(10), BERLIN, evaluations=[asked]).tier == tier


@pytest.mark.parametrize("zone", [BERLIN, HONOLULU], ids=str)
@pytest.mark.parametrize("method", TierMethod)
def test_a_tier_that_nobody_ever_evaluated_is_kept_wherever_the_shop_is(method: TierMethod, zone: ZoneInfo) -> None:
    events = [spent(60_000, day(0)), spent(-60_000, day(5), day(0))]
    standing = compute_standing(events, terms(method, Evaluation.ON_DEMAND), day(10), zone)
    assert standing == Standing(SILVER, 0)


def test_what_happens_in_one_second_counts_together() -> None:
    events = [spent(30_000, day(0)), spent(30_000, day(0))]
    assert compute_standing(events, terms(TierMethod.LIFETIME), day(1), BERLIN) == Standing(SILVER, 60_000)


@pytest.mark.parametrize(("at", "tier"), [(day(1), GOLD), (day(5) - SECOND, GOLD), (day(5), BRONZE)])
def test_a_given_tier_holds_from_its_first_instant_to_just_before_its_last(at: datetime, tier: object) -> None:
    given = TierAssignment("Gold", day(1), day(5), TierSource.MANUAL)
    assert compute_standing((), terms(TierMethod.LIFETIME), at, BERLIN, assignments=[given]).tier == tier


@pytest.mark.parametrize("turned", [False, True])
def test_of_several_locks_the_one_that_began_last_holds(turned: bool) -> None:
    locks = [
        TierAssignment(name, day(number), None, TierSource.MANUAL, is_locked=True)
        for name, number in (("Gold", 1), ("Bronze", 3), ("Silver", 2))
    ]
    given = locks[::-1] if turned else locks
    assert compute_standing((), terms(TierMethod.LIFETIME), day(9), BERLIN, assignments=given).tier == BRONZE
