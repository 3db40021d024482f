"""A run over all customers: in batches, interrupted, twice, by two workers; and what asks for one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.engine.audit import SYSTEM
from app.engine.flows import tier_runs
from app.engine.flows.terms import publish
from app.engine.programme import Programme
from app.engine.rules.facts_json import terms_to_json
from app.engine.rules.terms import Evaluation, Terms, Tier, TierMethod
from app.errors import Refused
from app.models import Customer, Shop, TermsVersion, TierRun
from tests.flows.builders import ADA, BEN, STAFF, Till, all_rows, books, day, line, order, reading, refund_of
from tests.flows.test_parallel import Workers
from tests.flows.tier_rows import (
    assign,
    audit,
    carry_out,
    ids_of,
    moves,
    people,
    recalculate,
    row_of,
    run_row,
    shown,
    start_run,
)

LARGE = line(1, 50_000)
CROWD = people(7)
STEEPER = (Tier("Bronze", 0, 200), Tier("Silver", 60_000, 400), Tier("Gold", 150_000, 600))


def due(shop: Till, at: datetime) -> int | None:
    """Return the run that is due at a moment, the same a minute later."""
    return shop.twice(lambda session, row, now: tier_runs.due_run(session, row, now), at)


def due_shops(at: datetime) -> list[int]:
    """Return the shops that have something to do at a moment."""
    with reading() as session:
        return tier_runs.list_due_shops(session, at)


def tell_crowd(shop: Till) -> None:
    """Let everybody of the crowd be Silver, under terms that would make them Bronze."""
    shop.tell(*[order(number, LARGE, customer=customer) for number, customer in enumerate(CROWD, start=1)])
    shop.publish(on=11, tiers=STEEPER)


def test_a_run_looks_at_everybody_in_batches(shop: Till) -> None:
    tell_crowd(shop)
    run_id = start_run(shop, on=12)
    assert carry_out(shop, run_id, day(12, 30), limit=3) == 3
    run = run_row(shop, run_id)
    assert (run.customers, run.moved, run.last_customer_id) == (7, 7, max(ids_of(shop)))
    assert (run.at, run.started_at, run.finished_at, run.actor) == (day(12), day(12), day(12, 30), STAFF)
    assert {shown(shop, customer) for customer in CROWD} == {("Bronze", 50_000)}
    assert moves(shop, CROWD[6])[-1] == ("Silver", "Bronze", "downgrade")
    assert row_of(shop, CROWD[6]).tier_since == day(12, 30)


def test_a_finished_run_does_nothing_more(shop: Till) -> None:
    tell_crowd(shop)
    run_id = recalculate(shop, on=12).id
    rows = all_rows()
    assert not shop.run(lambda session, row: tier_runs.recalculate(session, row, run_id, day(13)))
    assert all_rows() == rows


def test_a_second_run_writes_no_customer(shop: Till) -> None:
    tell_crowd(shop)
    recalculate(shop, on=12)
    customers = [row for row in all_rows() if row[0] in ("customers", "tier_changes")]
    run = recalculate(shop, on=13)
    assert [row for row in all_rows() if row[0] in ("customers", "tier_changes")] == customers
    assert (run.customers, run.moved) == (7, 0)


def test_a_batch_of_exactly_the_rest_ends_with_an_empty_one(shop: Till) -> None:
    tell_crowd(shop)
    assert carry_out(shop, start_run(shop, on=12), day(12), limit=7) == 2


def test_a_run_of_a_shop_without_customers_ends_at_once(shop: Till) -> None:
    run = recalculate(shop)
    assert (run.customers, run.last_customer_id, run.finished_at) == (0, 0, day(10))


def test_an_interrupted_run_goes_on_where_it_was(shop: Till) -> None:
    tell_crowd(shop)
    run_id = start_run(shop, on=12)

    def step(at: datetime) -> bool:
        return shop.run(lambda session, row: tier_runs.recalculate(session, row, run_id, at, 3))

    assert step(day(12))
    rows = all_rows()
    with pytest.raises(KeyboardInterrupt):
        shop.run(lambda session, row: _interrupt(tier_runs.recalculate(session, row, run_id, day(12), 3)))
    assert all_rows() == rows
    assert [shown(shop, customer)[0] for customer in CROWD] == ["Bronze"] * 3 + ["Silver"] * 4
    assert due(shop, day(20)) == run_id
    assert step(day(20))
    assert not step(day(20))
    run = run_row(shop, run_id)
    assert (run.customers, run.moved) == (7, 7)
    assert [len(moves(shop, customer)) for customer in CROWD] == [2] * 7


def test_two_workers_on_one_run_take_turns(shop: Till, app: Flask) -> None:
    tell_crowd(shop)
    run_id = start_run(shop, on=12)
    workers = Workers(app, shop)
    ended = workers.at_once(
        *[lambda session, row: tier_runs.recalculate(session, row, run_id, day(12), 3)] * 3,
        lambda session, row: tier_runs.due_run(session, row, day(12)),
    )
    workers.end()
    assert ended == [None] * 4
    run = run_row(shop, run_id)
    assert (run.customers, run.moved, run.finished_at) == (7, 7, day(12))
    assert [len(moves(shop, customer)) for customer in CROWD] == [2] * 7


def test_of_two_people_who_start_a_run_at_once_one_is_told_to_wait(shop: Till, app: Flask) -> None:
    workers = Workers(app, shop)
    ended = workers.at_once(*[lambda session, row: tier_runs.start_run(session, row.id, STAFF, day(10))] * 2)
    workers.end()
    assert sorted(type(error).__name__ for error in ended) == ["NoneType", "Refused"]


def test_a_second_run_is_refused_until_the_first_is_finished(shop: Till) -> None:
    run_id = start_run(shop)
    rows = all_rows()
    with pytest.raises(Refused, match="recalculated already"):
        start_run(shop, on=11)
    assert all_rows() == rows
    carry_out(shop, run_id, day(11))
    assert start_run(shop, on=12) == run_id + 1
    assert [row.subject_id for row in audit(shop, "recalculate_tiers")] == [run_id, run_id + 1]


def test_a_shop_or_run_that_is_not_there_is_refused(shop: Till, manual_shop: Till) -> None:
    with pytest.raises(Refused, match="no such shop"):
        shop.run(lambda session, row: tier_runs.start_run(session, 99, SYSTEM, day(10)))
    foreign = start_run(manual_shop)
    with pytest.raises(Refused, match="no such recalculation"):
        shop.run(lambda session, row: tier_runs.recalculate(session, row, foreign, day(10)))


def test_another_shop_is_left_alone(shop: Till, manual_shop: Till) -> None:
    for one in (shop, manual_shop):
        tell_crowd(one)
    start_run(manual_shop, on=12)
    assert recalculate(shop, on=12).moved == 7
    assert {shown(manual_shop, customer)[0] for customer in CROWD} == {"Silver"}


def test_customers_who_are_gone_are_passed_over(shop: Till) -> None:
    tell_crowd(shop)
    gone = update(Customer).where(Customer.shopify_id == CROWD[2].customer_id).values(deleted_at=day(11))
    shop.run(lambda session, row: session.execute(gone))
    assert recalculate(shop, on=12).customers == 6
    assert shown(shop, CROWD[2])[0] == "Silver"


def test_an_order_that_came_while_a_run_went_on_is_not_put_back(shop: Till) -> None:
    shop.tell(order(1))
    run_id = start_run(shop, on=12)
    shop.tell(order(2, LARGE, on=13), on=13)
    carry_out(shop, run_id, day(14))
    assert shown(shop) == ("Silver", 60_000)


def test_a_run_that_staff_asked_for_takes_tiers_away_and_no_orders_tier(shop: Till) -> None:
    shop.publish(on=-1, tier_evaluation=Evaluation.MONTHLY)
    large, kept = order(1, LARGE, on=1), order(2, on=5)
    shop.tell(large, kept)
    shop.pay_back(refund_of(large, units=1, on=3))
    assert shown(shop)[0] == "Silver"
    before = books(shop)
    recalculate(shop, on=8)
    assert shown(shop)[0] == "Bronze"
    assert books(shop) == before
    after = order(3, on=9)
    shop.tell(after)
    assert [shop.reward(fact).tier for fact in (kept, after)] == ["Silver", "Bronze"]


def test_scheduled_runs_change_no_books_however_often_they_come(shop: Till, manual_shop: Till) -> None:
    facts = [order(number, line(1, 20_000, 2), on=number * 3) for number in range(1, 12)]
    refunds = [refund_of(fact, units=1, on=20 + number) for number, fact in enumerate(facts[::2])]
    told = []
    for one, runs in ((shop, True), (manual_shop, False)):
        one.publish(on=-20, tier_evaluation=Evaluation.WEEKLY, tier_grace_days=2, tier_method=TierMethod.ROLLING_YEAR)
        for number, fact in enumerate(facts):
            one.tell(fact)
            if runs and (run_id := due(one, day(number * 5))) is not None:
                carry_out(one, run_id, day(number * 5))
        one.pay_back(*refunds, on=40)
        told.append({name: reward[1] for name, reward in books(one)["rewards"].items()})
    assert told[0] == told[1]
    with reading() as session:
        assert len(session.scalars(select(TierRun.id)).all()) > 5


@pytest.mark.parametrize(
    ("evaluation", "before", "at"),
    [
        # 1 March 2026 is a Sunday; clocks go forward on 8 March in New York.
        (Evaluation.ALWAYS, "2026-03-09T03:59:59Z", "2026-03-09T04:00:00Z"),
        (Evaluation.DAILY, "2026-03-09T03:59:59Z", "2026-03-09T04:00:00Z"),
        (Evaluation.WEEKLY, "2026-03-08T04:59:59Z", "2026-03-08T05:00:00Z"),
        (Evaluation.MONTHLY, "2026-04-01T03:59:59Z", "2026-04-01T04:00:00Z"),
        (Evaluation.QUARTERLY, "2026-04-01T03:59:59Z", "2026-04-01T04:00:00Z"),
    ],
)
def test_the_schedule_asks_for_a_run_when_its_day_begins_in_the_shop(
    shop: Till, evaluation: Evaluation, before: str, at: str
) -> None:
    early, instant = datetime.fromisoformat(before), datetime.fromisoformat(at)
    shop.run(lambda session, row: setattr(row, "timezone", "America/New_York"))
    terms = with_schedule(shop, evaluation)
    shop.run(lambda session, row: publish(session, row.id, terms, STAFF, early - timedelta(hours=6)))
    assert due(shop, early - timedelta(minutes=2)) is None
    assert due_shops(early) == []
    assert due_shops(instant) == [shop.id]
    run_id = due(shop, instant + timedelta(hours=1))
    assert run_id is not None
    assert due(shop, instant + timedelta(hours=2)) == run_id
    run = run_row(shop, run_id)
    assert (run.at, run.actor) == (instant, "system")
    carry_out(shop, run_id, instant + timedelta(hours=3))
    assert due(shop, instant + timedelta(hours=4)) is None
    assert due_shops(instant + timedelta(hours=4)) == []


def test_on_demand_nothing_is_ever_due(shop: Till) -> None:
    shop.publish(on=-20, tier_evaluation=Evaluation.ON_DEMAND)
    assert due(shop, day(400)) is None
    assert due_shops(day(400)) == []


def test_a_schedule_begins_with_the_terms_that_name_it(shop: Till) -> None:
    shop.publish(on=5, tier_evaluation=Evaluation.MONTHLY)
    assert due(shop, day(6)) is None
    assert due(shop, day(31)) is not None


def test_what_staff_has_just_asked_for_is_not_done_again(shop: Till) -> None:
    recalculate(shop, on=10)
    assert due(shop, day(10, 3600)) is None
    assert due(shop, day(11)) is not None


def test_terms_from_before_there_were_schedules_are_looked_at_every_night(shop: Till) -> None:
    body = terms_to_json(with_schedule(shop, Evaluation.ON_DEMAND))
    del body["tier_evaluation"]
    old = TermsVersion(
        shop_id=shop.id, version=2, effective_from=day(-20), body=body, published_at=day(-20), published_by=STAFF
    )
    shop.run(lambda session, row: session.add(old))
    run_id = due(shop, day(10))
    assert run_id is not None
    assert run_row(shop, run_id).at == datetime(2026, 3, 11, tzinfo=UTC)


def test_a_shop_without_terms_has_nothing_due(shop: Till) -> None:
    def open_shop(session: Session, _: Shop) -> int | None:
        bare = Shop(domain="bare.myshopify.com", name="Bare", currency="USD", installed_at=day(0))
        session.add(bare)
        session.flush()
        return tier_runs.due_run(session, bare, day(10))

    assert shop.run(open_shop) is None
    assert due_shops(day(10)) == [shop.id]


def test_a_shop_that_uninstalled_has_nothing_due(shop: Till) -> None:
    start_run(shop)
    assert due_shops(day(10)) == [shop.id]
    shop.run(lambda session, row: setattr(row, "uninstalled_at", day(10)))
    assert due_shops(day(10)) == []


def test_a_given_tier_that_ended_is_no_longer_shown(shop: Till, manual_shop: Till) -> None:
    shop.publish(on=-1, tier_evaluation=Evaluation.ON_DEMAND)
    shop.tell(order(1), order(2, LARGE, customer=BEN))
    manual_shop.publish(on=-1, tier_evaluation=Evaluation.ON_DEMAND)
    assign(shop, "Gold", ADA, on=11, ends_at=day(14))
    assign(shop, "Bronze", BEN, on=11, ends_at=day(14), is_locked=False)
    assert due_shops(day(13)) == []
    assert due_shops(day(14)) == [shop.id]

    def look(limit: int) -> int:
        return shop.run(lambda session, row: tier_runs.refresh_ended(session, row, day(14), limit))

    assert [look(1), look(1), look(1)] == [1, 1, 0]
    assert [shown(shop, customer)[0] for customer in (ADA, BEN)] == ["Bronze", "Silver"]
    assert moves(shop, ADA)[-1] == ("Gold", "Bronze", "downgrade")
    assert due_shops(day(14)) == []
    assert manual_shop.run(lambda session, row: tier_runs.refresh_ended(session, row, day(14))) == 0


def with_schedule(shop: Till, evaluation: Evaluation) -> Terms:
    """Return terms that are others than the shop's first, with a schedule."""
    first = shop.run(lambda session, row: Programme(session, row).at(day(-30)))
    return replace(first, tier_evaluation=evaluation, minimum_order_minor=100)


def _interrupt(_: object) -> None:
    raise KeyboardInterrupt
