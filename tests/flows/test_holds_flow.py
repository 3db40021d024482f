"""Holds in a shop's life: what stops, what a dispute does, and holds that end by themselves."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from app.engine.flows import details, lifecycle, program, review, settle
from app.engine.rules.facts import CustomerFact, DisputeFact, DisputeStatus, OrderFact, RiskFact
from app.engine.rules.postings import EntryKind
from app.engine.rules.terms import HoldRules, Mode, Release, ReleaseKind, RiskLevel
from app.models import AuditEvent, Reward
from tests.flows.builders import ADA, BEN, BIG, Till, day, later, line, order, reading, refund_of

PAID = order(1)


def state(shop: Till, fact: OrderFact = PAID) -> tuple[str, str | None]:
    """Return an order's state and what holds it."""
    seen = shop.reward(fact)
    return seen.state.value, seen.hold


def tell_risk(shop: Till, level: RiskLevel, fact: OrderFact = PAID) -> None:
    told = RiskFact(fact.order_id, level, day(0))
    shop.twice(lambda session, row, now: details.record_details(session, row, [told], now), day(10))


def contest(shop: Till, status: DisputeStatus, fact: OrderFact = PAID) -> None:
    told = DisputeFact(BIG + 9, fact.order_id, status, day(1), None if status.is_open else day(9))
    shop.twice(lambda session, row, now: details.record_details(session, row, [told], now), day(10))


def end_holds(shop: Till, on: int, **limits: Any) -> int:
    return shop.twice(lambda session, row, now: settle.release_holds(session, row, now, **limits), day(on))


def held_until(shop: Till, fact: OrderFact = PAID) -> datetime | None:
    seen = shop.reward(fact)
    with reading() as session:
        return session.get_one(Reward, seen.id).held_until


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (HoldRules(first_order=True), "first_order"),
        (HoldRules(account_younger_than_days=30), "new_account"),
        (HoldRules(orders_per_day_above=1), None),
        (HoldRules(product_ids=frozenset({BIG + 50})), "product"),
        (HoldRules(country_mismatch=True), "country_mismatch"),
        (HoldRules(), None),
    ],
)
def test_a_rule_of_the_terms_holds_the_order_and_is_named(shop: Till, rules: HoldRules, reason: str | None) -> None:
    shop.publish(holds=rules)
    buyer = CustomerFact(ADA.customer_id, created_at=day(-2))
    fact = order(1, line(product_id=BIG + 50), customer=buyer, billing_country="DE", shipping_country="FR")
    shop.tell(fact)
    assert state(shop, fact) == (("settled", None) if reason is None else ("held", reason))
    assert shop.balances()[0] == (0 if reason is None else 200)


def test_the_second_order_of_a_customer_is_not_the_first_in_whatever_order_they_come(shop: Till) -> None:
    shop.publish(holds=HoldRules(first_order=True))
    first, second, bens = order(1), order(2, on=1), order(3, on=1, customer=BEN)
    shop.tell(second)
    assert state(shop, second) == ("held", "first_order")
    shop.tell(first, bens)
    assert [state(shop, fact)[0] for fact in (first, bens)] == ["held", "held"]


def test_the_third_order_within_a_day_is_held_and_one_after_it_not(shop: Till) -> None:
    shop.publish(holds=HoldRules(orders_per_day_above=2))
    facts = [order(number, placed_at=day(0, seconds=number * 3_600)) for number in range(3)]
    shop.tell(*facts, order(9, on=2))
    assert [state(shop, fact)[0] for fact in facts] == ["settled", "settled", "held"]
    assert state(shop, order(9)) == ("settled", None)


def test_a_customer_who_sends_much_back_is_held(shop: Till) -> None:
    shop.publish(holds=HoldRules(refund_share_above_bps=3_000))
    two = order(1, line(1, 20_000, 2))
    shop.tell(two)
    shop.pay_back(refund_of(two, units=1))
    shop.tell(order(2, on=2))
    assert state(shop, order(2)) == ("held", "refund_share")


@pytest.mark.parametrize("first", ["risk", "order"])
def test_risk_holds_what_is_not_settled_yet_whichever_is_heard_first(shop: Till, first: str) -> None:
    shop.publish(holds=HoldRules(risk_from=RiskLevel.MEDIUM), release=Release(ReleaseKind.DAYS_AFTER_PAID, 30))
    for what in ("risk", "order") if first == "risk" else ("order", "risk"):
        if what == "risk":
            tell_risk(shop, RiskLevel.HIGH)
        else:
            shop.tell(PAID)
    assert state(shop) == ("held", "risk")
    assert shop.settle_due(on=40) == 0


def test_a_low_risk_holds_nothing(shop: Till) -> None:
    shop.publish(holds=HoldRules(risk_from=RiskLevel.MEDIUM), release=Release(ReleaseKind.DAYS_AFTER_PAID, 30))
    shop.tell(PAID)
    tell_risk(shop, RiskLevel.LOW)
    assert state(shop) == ("pending", None)


def test_what_is_held_goes_away_with_its_order(shop: Till) -> None:
    shop.publish(holds=HoldRules(first_order=True, release_after_days=3))
    shop.tell(PAID)
    shop.pay_back(refund_of(PAID, units=1))
    assert state(shop) == ("voided", None)
    assert held_until(shop) is None
    assert end_holds(shop, on=20) == 0
    assert shop.entries(PAID) == [EntryKind.ACCRUAL, EntryKind.VOID]


def test_a_hold_ends_by_itself_after_its_days_and_no_rule_holds_again(shop: Till) -> None:
    shop.publish(holds=HoldRules(first_order=True, release_after_days=3))
    shop.tell(PAID, on=1)
    assert held_until(shop) == day(4)
    assert end_holds(shop, on=3) == 0
    assert end_holds(shop, on=4) == 1
    assert state(shop) == ("pending", None)
    shop.tell(later(PAID, tags=("any",)))
    assert state(shop) == ("pending", None)
    assert shop.settle_due() == 1
    assert shop.transfers(PAID) == [("credit", 200)]
    with reading() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "release_hold")).one()
        assert (event.actor, event.before["hold_reason"]) == ("system", "first_order")
        assert event.after == {"state": "pending", "amount_minor": 200}


def test_where_people_decide_a_hold_ends_in_their_queue(shop: Till) -> None:
    shop.publish(holds=HoldRules(first_order=True, release_after_days=3))
    shop.set_mode(Mode.MANUAL)
    shop.tell(PAID)
    assert end_holds(shop, on=13) == 1
    assert state(shop) == ("in_review", None)


def test_holds_without_days_and_holds_by_people_last(shop: Till) -> None:
    shop.publish(holds=HoldRules(first_order=True))
    shop.tell(PAID)
    shop.publish(on=1, holds=HoldRules(first_order=True, release_after_days=3))
    by_staff = order(2, on=2, customer=BEN)
    shop.tell(by_staff)
    shop.decide(review.hold, by_staff)
    assert end_holds(shop, on=60) == 0
    assert {state(shop, fact)[0] for fact in (PAID, by_staff)} == {"held"}


def test_holds_end_in_parts_those_over_longest_first(shop: Till) -> None:
    shop.publish(holds=HoldRules(country_mismatch=True, release_after_days=3))
    facts = [order(number, on=number, billing_country="DE", shipping_country="FR") for number in range(1, 6)]
    for number, fact in enumerate(reversed(facts)):
        shop.tell(fact, on=10 + number)
    ended = [shop.run(lambda session, row: settle.release_holds(session, row, day(30), limit=2)) for _ in range(4)]
    assert ended == [2, 2, 1, 0]
    shop.check()


def test_the_hold_that_is_over_longest_ends_first(shop: Till) -> None:
    shop.publish(holds=HoldRules(country_mismatch=True, release_after_days=3))
    facts = [order(number, billing_country="DE", shipping_country="FR") for number in (1, 2)]
    shop.tell(facts[1], on=10)
    shop.tell(facts[0], on=11)
    shop.run(lambda session, row: settle.release_holds(session, row, day(30), limit=1))
    assert [state(shop, fact)[0] for fact in facts] == ["held", "pending"]


@pytest.mark.parametrize("stop", ["pause", "uninstall"])
def test_while_the_programme_stands_still_no_hold_ends(shop: Till, stop: str) -> None:
    shop.publish(holds=HoldRules(first_order=True, release_after_days=3))
    shop.tell(PAID)
    if stop == "pause":
        shop.pause()
    else:
        shop.run(lambda session, row: lifecycle.uninstall(session, row, day(11)))
    assert end_holds(shop, on=20) == 0
    assert state(shop) == ("held", "first_order")


def test_a_queue_that_is_released_leaves_holds_alone(shop: Till) -> None:
    shop.publish(holds=HoldRules(first_order=True))
    shop.set_mode(Mode.MANUAL)
    shop.tell(PAID)
    assert shop.set_mode(Mode.AUTOMATIC, program.Waiting.RELEASE) == 0
    assert state(shop) == ("held", "first_order")


@pytest.mark.parametrize(
    ("status", "end"),
    [
        (DisputeStatus.WON, ("pending", None)),
        (DisputeStatus.CHARGE_REFUNDED, ("pending", None)),
        (DisputeStatus.LOST, ("voided", None)),
        (DisputeStatus.ACCEPTED, ("voided", None)),
    ],
)
def test_a_dispute_before_settling_holds_until_the_bank_has_decided(
    shop: Till, status: DisputeStatus, end: tuple[str, None]
) -> None:
    shop.publish(release=Release(ReleaseKind.DAYS_AFTER_PAID, 30), holds=HoldRules(release_after_days=1))
    shop.tell(PAID)
    contest(shop, DisputeStatus.UNDER_REVIEW)
    assert state(shop) == ("held", "dispute")
    assert end_holds(shop, on=40) == shop.settle_due(on=40) == 0
    contest(shop, status)
    assert state(shop) == end


def test_a_dispute_after_settling_takes_nothing_until_it_is_lost(
    shop: Till,
) -> None:
    shop.tell(PAID)
    contest(shop, DisputeStatus.NEEDS_RESPONSE)
    assert (state(shop), shop.balances()) == (("settled", None), (0, 200, 0))
    contest(shop, DisputeStatus.LOST)
    assert (state(shop), shop.balances()) == (("reversed", None), (0, 0, 0))
    assert shop.transfers(PAID) == [("credit", 200), ("debit", 200)]
