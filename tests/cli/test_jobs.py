"""Jobs of the calendar: each is asked for when something is due, does all of it, and gives others a turn."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app import jobs
from app.clock import utcnow
from app.engine.flows import tier_runs
from app.engine.flows.customers import record_customers
from app.engine.rules.facts import CustomerTold
from app.engine.rules.states import RewardState
from app.engine.rules.terms import HoldRules, Release, ReleaseKind
from app.models import Customer, Reward, Shop, TierRun
from tests.cli.conftest import Waiting, sweep
from tests.flows.builders import ADA, STAFF, Till, day, order, reading

pytestmark = pytest.mark.usefixtures("looked_at")


def states(shop: Till) -> set[RewardState]:
    with reading() as session:
        return set(session.scalars(select(Reward.state).where(Reward.shop_id == shop.id)))


def push(shop: Till, **moments: object) -> None:
    """Move the moments that the shop's rewards wait for."""
    with reading() as session:
        session.execute(update(Reward).where(Reward.shop_id == shop.id).values(**moments))


def test_a_scheduled_reward_is_asked_for_and_settled_when_its_day_has_come(shop: Till, waiting: Waiting) -> None:
    shop.publish(release=Release(ReleaseKind.DAYS_AFTER_PAID, 14))
    shop.tell(order(1))
    push(shop, release_at=utcnow() + timedelta(hours=1))
    sweep()
    assert waiting() == []
    jobs.settle_due(shop.id)
    assert states(shop) == {RewardState.PENDING}
    push(shop, release_at=utcnow())
    sweep()
    assert waiting() == [("app.jobs.settle_due", (shop.id,))]
    jobs.settle_due(shop.id)
    assert states(shop) == {RewardState.SETTLED}
    assert ("app.jobs.send_transfers", (shop.id,)) in waiting()


def test_a_hold_that_ends_by_itself_is_asked_for_and_released(shop: Till, waiting: Waiting) -> None:
    shop.publish(holds=HoldRules(first_order=True, release_after_days=3))
    shop.tell(order(1))
    push(shop, held_until=utcnow() + timedelta(hours=1))
    sweep()
    jobs.release_holds(shop.id)
    assert (waiting(), states(shop)) == ([], {RewardState.HELD})
    push(shop, held_until=utcnow())
    sweep()
    assert waiting() == [("app.jobs.release_holds", (shop.id,))]
    jobs.release_holds(shop.id)
    assert states(shop) == {RewardState.PENDING}


def test_a_look_at_the_tiers_that_staff_asked_for_is_carried_out(shop: Till, waiting: Waiting) -> None:
    shop.tell(order(1))
    with reading() as session:
        tier_runs.start_run(session, shop.id, STAFF, utcnow())
    sweep()
    assert ("app.jobs.recalculate_tiers", (shop.id,)) in waiting()
    jobs.recalculate_tiers(shop.id)
    with reading() as session:
        assert session.scalars(select(TierRun).where(TierRun.finished_at.is_(None))).all() == []
        assert session.scalars(select(Customer.tier_name)).all() == ["Bronze"]


def test_what_a_guest_earned_is_given_to_an_account_that_was_known_before(shop: Till, waiting: Waiting) -> None:
    told = CustomerTold(ADA.customer_id, "ada@example.com", True, "Ada", None, day(0), day(0))
    shop.run(lambda session, row: record_customers(session, row, [told], day(0)))
    shop.tell(order(1, customer=None, email="ada@example.com"))
    push(shop, claim_until=utcnow() + timedelta(hours=1))
    sweep()
    assert waiting() == [("app.jobs.claim_waiting", (shop.id,))]
    jobs.claim_waiting(shop.id)
    assert states(shop) == {RewardState.SETTLED}


def test_what_no_guest_claimed_in_time_is_asked_for_and_ends(shop: Till, waiting: Waiting) -> None:
    shop.tell(order(1, customer=None, email="ada@example.com"))
    push(shop, claim_until=utcnow() + timedelta(hours=1))
    sweep()
    assert waiting() == []
    push(shop, claim_until=utcnow())
    sweep()
    assert waiting() == [("app.jobs.expire_claims", (shop.id,))]
    jobs.expire_claims(shop.id)
    assert states(shop) == {RewardState.VOIDED}


def test_expired_credits_are_asked_for_and_booked(shop: Till, waiting: Waiting) -> None:
    sweep()
    assert waiting() == []
    jobs.expire_credits(shop.id)
    assert states(shop) == set()


def test_a_job_that_has_more_to_do_than_a_turn_asks_for_another(
    shop: Till,
    waiting: Waiting,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "TURN", timedelta())
    several = ("settle_due", "release_holds", "claim_waiting", "expire_claims", "expire_credits", "recalculate_tiers")
    for name in several:
        getattr(jobs, name)(shop.id)
    assert {name for name, _ in waiting()} == {f"app.jobs.{name}" for name in several}


def test_nothing_is_asked_for_while_the_programme_is_paused(shop: Till, waiting: Waiting) -> None:
    shop.publish(holds=HoldRules(first_order=True, release_after_days=3))
    shop.tell(order(1))
    push(shop, held_until=utcnow())
    shop.run(lambda session, row: setattr(session.get_one(Shop, row.id), "paused_at", day(0)))
    sweep()
    assert waiting() == []
