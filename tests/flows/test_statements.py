"""A customer's statements: one period after the other, with figures that add up and never change once it is over."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.engine.flows import earn
from app.engine.flows.statements import list_statements, read_statement
from app.engine.rules.facts import OrderFact
from app.engine.rules.postings import Line
from app.engine.rules.statements import Amounts
from app.engine.rules.terms import Cycle
from app.engine.statement_periods import statement_for
from app.errors import NotFound
from app.models import Customer, Shop, Statement
from tests.flows.builders import ADA, BEN, Till, day, order, reading, refund_of
from tests.flows.shopify_account import Shopify


def periods(till: Till, customer: Any = ADA) -> list[tuple[str, str]]:
    """Return a customer's periods, oldest first; they must follow on each other."""
    with reading() as session:
        customer_id = session.scalars(select(Customer.id).where(Customer.shopify_id == customer.customer_id)).one()
        rows = list_statements(session, till.id, customer_id)[::-1]
        assert [row.ends_at for row in rows[:-1]] == [row.starts_at for row in rows[1:]]
        return [(row.starts_at.isoformat()[:16], row.ends_at.isoformat()[:16]) for row in rows]


def tell(till: Till, fact: OrderFact, now: datetime) -> None:
    """Tell an order that is paid and heard of at a moment."""
    till.run(lambda session, shop: earn.record_orders(session, shop, [fact], now))
    till.check()


def read(till: Till, number: int) -> Any:
    """Return a customer's statement, counted from the oldest."""
    with reading() as session:
        row = session.scalars(select(Statement).order_by(Statement.starts_at).offset(number).limit(1)).one()
        return read_statement(session, till.id, row.id)


def test_the_first_entry_begins_the_calendar_month_it_falls_in(shop: Till) -> None:
    shop.tell(order(1), on=10)
    assert periods(shop) == [("2026-03-01T00:00", "2026-04-01T00:00")]
    shop.tell(order(2), on=12)
    assert len(periods(shop)) == 1


def test_months_are_those_of_the_shops_time_zone(shop: Till) -> None:
    shop.run(lambda session, row: session.execute(update(Shop).values(timezone="Asia/Tokyo")))
    shop.tell(order(1), on=10)
    assert periods(shop) == [("2026-02-28T15:00", "2026-03-31T15:00")]


def test_a_time_without_entries_is_one_statement_without_movement(shop: Till) -> None:
    tell(shop, order(1), day(10))
    tell(shop, order(2), day(150))
    assert periods(shop) == [
        ("2026-03-01T00:00", "2026-04-01T00:00"),
        ("2026-04-01T00:00", "2026-07-01T00:00"),
        ("2026-07-01T00:00", "2026-08-01T00:00"),
    ]
    quiet = read(shop, 1)
    assert quiet.figures.lines == {}
    assert quiet.figures.opening == quiet.figures.closing == Amounts(0, 200, 0)
    assert quiet.rewards == ()


def test_the_next_month_follows_without_a_gap(shop: Till) -> None:
    tell(shop, order(1), day(10))
    tell(shop, order(2), day(31))
    assert periods(shop) == [("2026-03-01T00:00", "2026-04-01T00:00"), ("2026-04-01T00:00", "2026-05-01T00:00")]


def test_when_the_cycle_changes_the_new_period_begins_where_the_last_one_ended(shop: Till) -> None:
    tell(shop, order(1), day(10))
    shop.publish(on=20, cycle=Cycle(days=10, starts_on=date(2026, 3, 25)))
    tell(shop, order(2), day(33))
    assert periods(shop) == [
        ("2026-03-01T00:00", "2026-04-01T00:00"),
        ("2026-04-01T00:00", "2026-04-04T00:00"),
    ]


def test_an_entry_recorded_before_the_first_statement_has_one_before_it(shop: Till) -> None:
    tell(shop, order(1), day(70))
    tell(shop, order(2), day(31))
    assert periods(shop) == [("2026-04-01T00:00", "2026-05-01T00:00"), ("2026-05-01T00:00", "2026-06-01T00:00")]
    tell(shop, order(3), day(-40))
    assert periods(shop)[:2] == [("2026-01-01T00:00", "2026-02-01T00:00"), ("2026-02-01T00:00", "2026-04-01T00:00")]


def test_every_reward_is_on_the_statement_of_the_period_it_was_first_booked_in(shop: Till) -> None:
    tell(shop, order(1), day(10))
    tell(shop, order(2, on=30), day(31))
    shop.pay_back(refund_of(order(1), units=1), on=40)
    assert [reward.order_name for reward in read(shop, 0).rewards] == ["#1001"]
    assert [(reward.order_name, reward.granted_minor) for reward in read(shop, 1).rewards] == [("#1002", 200)]
    assert [(reward.state, reward.reversed_minor) for reward in read(shop, 0).rewards] == [("reversed", 200)]


def test_customers_have_statements_of_their_own(shop: Till) -> None:
    shop.tell(order(1), order(2, customer=BEN), on=10)
    with reading() as session:
        row = session.scalars(select(Shop)).one()
        ids = list(session.scalars(select(Customer.id).order_by(Customer.id)))
        found = statement_for(session, row, ids, day(11))
        assert len(set(found.values())) == 2
        for customer_id, statement_id in found.items():
            assert session.get_one(Statement, statement_id).customer_id == customer_id


def test_asking_for_a_statement_twice_makes_it_once(shop: Till) -> None:
    shop.tell(order(1), on=10)

    def ask(session: Session, row: Shop, now: datetime) -> dict[int, int]:
        return statement_for(session, row, list(session.scalars(select(Customer.id))), now)

    made = shop.twice(ask, day(200))
    assert made == shop.run(lambda session, row: ask(session, row, day(201)))


def test_a_statement_that_is_over_never_changes_and_the_next_opens_with_its_closing(shop: Till) -> None:
    shopify = Shopify(shop)
    tell(shop, order(1), day(1))
    shopify.carry_out(day(2))
    shopify.ada.redeem(150, day(3))
    before = read(shop, 0).figures
    assert before.lines == {Line.EARNED: Amounts(200, 0, 0), Line.SETTLED: Amounts(-200, 200, 0)}
    # In April the purchase of March is heard of, and the order of March goes back.
    shopify.hear(day(40))
    shop.pay_back(refund_of(order(1), units=1), on=41)
    assert read(shop, 0).figures == before
    after = read(shop, 1).figures
    assert after.opening == before.closing == Amounts(0, 200, 0)
    assert after.lines == {Line.REVERSED: Amounts(0, -50, -150), Line.REDEEMED: Amounts(0, -150, 0)}
    assert after.closing == Amounts(0, 0, -150)
    assert after.closing.total_minor == -150


def test_the_closing_of_the_last_statement_is_the_balance(shop: Till) -> None:
    tell(shop, order(1), day(1))
    tell(shop, order(2), day(60))
    closing = read(shop, 1).figures.closing
    assert (closing.pending_minor, closing.available_minor, closing.owed_minor) == shop.balances()


def test_another_shops_statement_is_not_shown(shop: Till) -> None:
    shop.tell(order(1), on=10)
    other = Till("other.myshopify.com")
    with reading() as session:
        statement_id = session.scalars(select(Statement.id)).one()
        with pytest.raises(NotFound):
            read_statement(session, other.id, statement_id)
        assert list_statements(session, other.id, 1) == []


def test_a_period_ends_before_the_next_begins(shop: Till) -> None:
    end = datetime(2026, 4, 1, tzinfo=UTC)
    tell(shop, order(1), end - timedelta(microseconds=1))
    tell(shop, order(2), end)
    assert [len(read(shop, number).figures.lines) for number in (0, 1)] == [2, 2]
