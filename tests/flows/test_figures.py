"""The days' figures are counted behind the books: each entry once, whatever its day, and never one too young."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.engine.day_sums import sum_days
from app.engine.flows import figures, moves
from app.engine.rules.facts import CreditMove, MoveKind
from app.models import DailyFigures, FigureCount, Shop
from tests.flows.builders import ADA, BEN, START, Till, day, line, order, reading, refund_of

FIRST = START.date()
THEN = day(20)


def count(shop: Till, now: datetime = THEN, limit: int = figures.BATCH) -> int:
    """Count batch after batch until nothing is left, and return how many batches that took."""
    batches = 1
    while shop.run(lambda session, row: figures.count_days(session, row, now, limit)):
        batches += 1
    return batches


def days_of(shop: Till) -> dict[date, tuple[int, ...]]:
    """Return what is noted of each day: issued, reversed, available, owed, settlements, redemptions."""
    with reading() as session:
        query = select(DailyFigures).where(DailyFigures.shop_id == shop.id).order_by(DailyFigures.on_day)
        return {
            row.on_day: (
                row.issued_minor, row.reversed_minor, row.available_minor, row.owed_minor, row.settlements,
                row.redemptions,
            )
            for row in session.scalars(query)
        }  # fmt: skip


def of_day(shop: Till, on_day: date) -> DailyFigures:
    with reading() as session:
        row = session.scalars(
            select(DailyFigures).where(DailyFigures.shop_id == shop.id, DailyFigures.on_day == on_day)
        ).one()
        session.expunge(row)
        return row


def trade(shop: Till) -> None:
    """Let Ada and Ben buy on two days, half of Ada's go back, and Ada spend 0.50."""
    first = order(1, line(1, 20_000, 2))
    shop.tell(first, order(2, customer=BEN, on=2))
    shop.pay_back(refund_of(first, units=1, on=3))
    spent = CreditMove("spent", ADA.customer_id, MoveKind.REDEMPTION, 50, day(4))
    shop.run(lambda session, row: moves.record_moves(session, row, (spent,), day(12)))


def test_each_day_has_what_happened_on_it_whenever_that_was_heard_of(shop: Till) -> None:
    trade(shop)
    count(shop)
    assert days_of(shop) == {
        FIRST: (400, 0, 400, 0, 1, 0),
        FIRST + timedelta(days=2): (200, 0, 200, 0, 1, 0),
        FIRST + timedelta(days=3): (0, 200, -200, 0, 0, 0),
        FIRST + timedelta(days=4): (0, 0, -50, 0, 0, 1),
        FIRST + timedelta(days=20): (0, 0, 0, 0, 0, 0),
    }
    assert of_day(shop, FIRST).granted_by_tier == {"Bronze": 400}
    shop.check()


def test_counting_again_adds_nothing_and_small_batches_come_to_the_same(shop: Till) -> None:
    trade(shop)
    assert count(shop, limit=2) > 2
    once = days_of(shop)
    assert count(shop) == 1
    assert days_of(shop) == once
    shop.check()


def test_what_comes_late_is_added_to_its_day(shop: Till) -> None:
    shop.tell(order(1))
    count(shop)
    shop.tell(order(2, customer=BEN), on=21)
    count(shop, day(22))
    assert days_of(shop)[FIRST] == (400, 0, 400, 0, 2, 0)
    assert of_day(shop, FIRST).granted_by_tier == {"Bronze": 400}
    shop.check()


def test_an_entry_too_young_waits_and_so_does_all_that_came_after_it(shop: Till) -> None:
    shop.tell(order(1), on=20)
    shop.tell(order(2, customer=BEN), on=19)
    count(shop, day(20) + figures.LAG - timedelta(seconds=1))
    assert days_of(shop) == {date(2026, 3, 21): (0, 0, 0, 0, 0, 0)}
    with reading() as session:
        row = session.get_one(Shop, shop.id)
        assert sum_days(session, row, 0, 100).days[FIRST].issued_minor == 400
        assert sum_days(session, row, 0, 100, recorded_by=day(19)).entries == 0
    count(shop, day(20) + figures.LAG)
    assert days_of(shop)[FIRST] == (400, 0, 400, 0, 2, 0)


def test_a_day_is_one_of_the_shops_time_zone_and_another_zone_counts_anew(shop: Till) -> None:
    late = START.replace(hour=23)
    shop.tell(order(1, placed_at=late, updated_at=late))
    count(shop)
    assert days_of(shop)[FIRST][0] == 200

    def move(session: Session, row: Shop) -> None:
        row.timezone = "Europe/Berlin"

    shop.run(move)
    shop.check()
    count(shop)
    assert days_of(shop)[FIRST][0] == 0
    assert days_of(shop)[FIRST + timedelta(days=1)][0] == 200
    shop.check()


def test_what_waits_is_noted_on_the_day_on_which_it_was_looked_at(manual_shop: Till) -> None:
    manual_shop.tell(order(1), order(2))
    count(manual_shop, day(20))
    manual_shop.approve(order(1))
    count(manual_shop, day(21))
    assert [of_day(manual_shop, FIRST + timedelta(days=after)).waiting for after in (20, 21)] == [2, 1]
    assert of_day(manual_shop, FIRST).waiting is None


def test_entries_in_another_currency_are_passed_over(shop: Till) -> None:
    shop.tell(order(1))
    with reading() as session:
        session.get_one(Shop, shop.id).currency = "EUR"
    assert count(shop, limit=1) > 1
    assert set(days_of(shop).values()) == {(0, 0, 0, 0, 0, 0)}


@pytest.mark.parametrize(
    ("counted_ago", "has_new", "is_due"),
    [
        (None, False, True),
        (timedelta(minutes=9), True, False),
        (timedelta(minutes=10), True, True),
        (timedelta(minutes=10), False, False),
        (timedelta(hours=1), False, True),
    ],
)
def test_a_shop_is_due_when_its_books_went_on_or_nobody_has_looked_for_an_hour(
    shop: Till, counted_ago: timedelta | None, has_new: bool, is_due: bool
) -> None:
    shop.tell(order(1))
    if counted_ago is not None:
        count(shop)
        with reading() as session:
            row = session.scalars(select(FigureCount)).one()
            row.counted_at, row.counted_to = day(21) - counted_ago, 0 if has_new else row.counted_to
    with reading() as session:
        assert figures.list_due_shops(session, day(21)) == ([shop.id] if is_due else [])
        session.execute(text("UPDATE shops SET uninstalled_at = now()"))
        assert figures.list_due_shops(session, day(21)) == []
