"""Instants come out the same wherever the machine stands that reckons with them."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.engine.rules.explain import sentence
from app.engine.rules.facts import DisputeFact, DisputeStatus
from app.engine.rules.facts_json import order_from_json, to_json
from app.engine.rules.periods import day_of
from app.engine.rules.terms import Evaluation
from app.engine.rules.tiers import Look
from app.engine.rules.trail import explain_end

from .made import BIG, day, make_order, make_terms

#: In Tokyo it is the next day already.
EVENING = datetime(2026, 3, 4, 20, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def machine_in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as there:
        there.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


def test_facts_are_written_and_read_in_utc() -> None:
    row = to_json(make_order(placed_at=EVENING))
    assert row["placed_at"] == "2026-03-04T20:00:00+00:00"
    assert order_from_json({**row, "placed_at": "2026-03-04T21:00:00+01:00"}).placed_at.tzinfo is UTC


def test_the_day_of_a_cancellation_or_a_lost_dispute_is_told_in_utc() -> None:
    cancelled = explain_end(make_order(cancelled_at=EVENING), ())
    lost = explain_end(make_order(), [DisputeFact(BIG, BIG + 1, DisputeStatus.LOST, day(1), EVENING)])
    assert all("March 4, 2026" in sentence(step, "USD") for step in (cancelled, lost))


def test_days_and_evaluations_are_the_shops() -> None:
    assert day_of(EVENING, BERLIN).start == datetime(2026, 3, 3, 23, tzinfo=UTC)
    terms = make_terms(tier_evaluation=Evaluation.DAILY, tier_grace_days=2)
    assert Look(terms, EVENING, BERLIN).standing(()).tier == terms.tiers[0]
