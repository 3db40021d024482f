"""A person asks for the cashback of one order: seen before it is done, done once, and by the rules of all others."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import delete, select

from app.db import db
from app.engine.flows import process, program
from app.engine.rules.facts import OrderFact
from app.engine.rules.holds import HoldReason
from app.engine.rules.roles import Role
from app.engine.rules.states import RewardState
from app.engine.rules.terms import Mode, Tier
from app.errors import NotAllowed, NotFound, NotYet, Refused
from app.models import AuditEvent, Reward
from tests.flows.builders import ADA, STAFF, Till, all_rows, day, later, line, order, reading, refund_of
from tests.people import hire
from tests.rules.tables import Row, tables_with

(ASKED,) = tables_with("mode", "second person above", "processed at", "state after")
FACT = order(1, line(1, 10_000, 2))


@pytest.fixture
def young(app: Flask) -> Iterator[Till]:
    """Return a shop in automatic mode whose programme began on day 10, and that knows an order of day 0."""
    with app.app_context():
        till = Till("young.myshopify.com")
        till.publish(on=10, tiers=(Tier("Everyone", 0, 200),))
        till.run(lambda session, row: program.set_began(session, row.id, day(10), STAFF, day(10)))
        till.tell(FACT, on=11)
        yield till
        db.session.remove()


def look(till: Till, fact: OrderFact = FACT, on: int = 20, actor: str = STAFF) -> process.Preview:
    """Look at what processing comes to; nothing may come of looking."""
    rows = all_rows()
    seen = till.run(lambda session, row: process.preview(session, row.id, fact.order_id, actor, day(on)))
    assert all_rows() == rows
    return seen


def do(till: Till, seen_minor: int, fact: OrderFact = FACT, on: int = 20, actor: str = STAFF) -> None:
    """Process an order; a second click is refused and changes nothing."""

    def click() -> None:
        till.run(lambda session, row: process.process(session, row.id, fact.order_id, seen_minor, actor, day(on)))

    click()
    rows = all_rows()
    with pytest.raises(Refused, match="calculated already"):
        click()
    assert all_rows() == rows
    till.check()


@pytest.mark.parametrize("row", ASKED, ids=lambda row: f"{row['mode']}, above {row['second person above']}")
def test_an_order_that_is_asked_for_goes_the_way_the_page_says(young: Till, row: Row) -> None:
    limit = row["second person above"]
    young.publish(on=12, second_person_above_minor=None if limit == "none" else int(limit.replace(".", "")))
    young.set_mode(Mode(row["mode"]))
    amount_minor = int(row["processed at"].replace(".", ""))
    seen = look(young)
    assert (seen.kept_minor, seen.state) == (amount_minor, row["state after"])
    do(young, amount_minor)
    assert (young.kept(FACT), young.reward(FACT).state) == (amount_minor, row["state after"])


def test_a_preview_says_what_is_done_then(young: Till) -> None:
    young.publish(on=15, tiers=(Tier("Everyone", 0, 500),))
    seen = look(young)
    assert (seen.eligible_minor, seen.calculated_minor, seen.kept_minor) == (10_000, 500, 500)
    assert (seen.tier_name, seen.rate_bps, seen.currency, seen.takes_two) == ("Everyone", 500, "USD", False)
    assert (seen.state, seen.hold_reason, seen.release_at) == (RewardState.SETTLED, None, day(0))
    assert [step["kind"] for step in seen.steps] == ["line_counts", "tier_rate", "amount"]
    do(young, 500)
    reward = young.reward(FACT)
    assert (reward.granted, reward.terms_version, young.balances()) == (500, seen.terms_version, (0, 500, 0))
    assert young.transfers(FACT) == [("credit", 500)]


def test_it_is_written_down_who_asked_for_it(young: Till) -> None:
    do(young, 200)
    with reading() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "process")).one()
        assert (event.actor, event.subject, event.subject_id) == (STAFF, "reward", young.reward(FACT).id)
        assert event.before == {"state": "ineligible", "amount_minor": 0}
        assert event.after == {"state": "settled", "amount_minor": 200, "terms_version": 2}


def test_what_came_to_another_amount_meanwhile_is_not_done(young: Till) -> None:
    seen = look(young)
    young.pay_back(refund_of(FACT, units=1, on=15), on=15)
    rows = all_rows()
    with pytest.raises(Refused, match=r"it is 1\.00 USD now"):
        do(young, seen.kept_minor)
    assert all_rows() == rows
    do(young, 100)
    assert young.balances() == (0, 100, 0)


def test_a_refund_afterwards_takes_back_its_part(young: Till) -> None:
    do(young, 200)
    young.pay_back(refund_of(FACT, units=1, on=21), on=21)
    assert (young.kept(FACT), young.balances()) == (100, (0, 100, 0))


def test_an_order_that_is_told_again_keeps_what_was_asked_for(young: Till) -> None:
    do(young, 200)
    young.publish(on=22, tiers=(Tier("Everyone", 0, 500),))
    young.tell(later(FACT, name="#1001-B"), on=23)
    assert (young.kept(FACT), young.reward(FACT).state) == (200, RewardState.SETTLED)


def test_rules_hold_what_is_asked_for_like_anything_else(young: Till) -> None:
    young.publish(on=12, hold_above_minor=5_000)
    assert (look(young).state, look(young).hold_reason) == (RewardState.HELD, HoldReason.ORDER_VALUE)
    do(young, 200)
    assert young.reward(FACT).hold == HoldReason.ORDER_VALUE


def test_what_earns_nothing_can_be_asked_for_once_too(young: Till) -> None:
    fact = order(2, line(1, 10_000, is_gift_card=True))
    young.tell(fact, on=11)
    assert (look(young, fact).state, look(young, fact).kept_minor) == (RewardState.INELIGIBLE, 0)
    do(young, 0, fact)
    assert young.reward(fact).why_nothing == "no_eligible_lines"


def test_what_nobody_has_an_account_for_waits_for_one(young: Till) -> None:
    fact = order(2, customer=None, email="guest@example.com")
    young.tell(fact, on=11)
    assert look(young, fact).state is RewardState.AWAITING_CUSTOMER
    do(young, 200, fact)
    assert young.balances() == (0, 0, 0)


def test_an_order_whose_reward_was_lost_gets_it_anew(young: Till) -> None:
    fact = order(2, on=12)
    young.tell(fact, on=12)
    assert young.kept(fact) == 200
    # As no flow would do it: the books refuse to lose what was booked, so it is one that earned nothing.
    lost = order(3, line(1, 10_000, is_gift_card=True), on=12)
    young.tell(lost, on=12)
    with reading() as session:
        session.execute(delete(Reward).where(Reward.id == young.reward(lost).id))
    assert look(young, lost).state is RewardState.INELIGIBLE
    do(young, 0, lost)
    assert young.reward(lost).why_nothing == "no_eligible_lines"
    with reading() as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.action == "process")).all()
        assert [event.before for event in events] == [{}]


def test_what_shopify_has_not_told_yet_is_waited_for(young: Till) -> None:
    fact = order(2, line(1, 10_000, product_id=7))
    young.tell(fact, on=11)
    young.publish(on=12, excluded_product_types=frozenset({"toys"}))
    rows = all_rows()
    for verb in (look, lambda till, one: do(till, 200, one)):
        with pytest.raises(NotYet, match="about its products"):
            verb(young, fact)
    assert all_rows() == rows


@pytest.mark.parametrize("verb", [look, lambda till, *fact: do(till, 200, *fact)])
def test_what_was_calculated_already_is_not_asked_for_again(young: Till, verb: Callable[..., object]) -> None:
    fact = order(2, on=12)
    young.tell(fact, on=12)
    with pytest.raises(Refused, match="calculated already"):
        verb(young, fact)
    with pytest.raises(NotFound):
        verb(young, order(99))


def test_only_whoever_manages_the_programme_may(young: Till) -> None:
    young.run(lambda session, row: hire(session, row.id, "60", Role.APPROVER))
    rows = all_rows()
    for verb in (look, lambda till, actor: do(till, 200, actor=actor)):
        with pytest.raises(NotAllowed):
            verb(young, actor="staff:60")
    assert all_rows() == rows


def test_another_shops_order_is_not_there(young: Till) -> None:
    other = Till("other.myshopify.com")
    with pytest.raises(NotFound):
        look(other)


def test_a_paused_programme_promises_but_does_not_pay(young: Till) -> None:
    young.pause()
    assert look(young).state is RewardState.PENDING
    do(young, 200)
    assert young.balances(ADA) == (200, 0, 0)
