"""The daily look at a shop's books: invariant after invariant, once, whoever carries it, and what it found is kept."""

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import select, update

from app.engine.flows import check_books
from app.engine.flows.check_books import EVERY, INVARIANTS, KEPT_FOR, LEASE, MOST_NOTES
from app.engine.rules.roles import Role
from app.errors import NotAllowed, Refused
from app.models import AuditEvent, BookCheck, Shop
from tests.flows.builders import STAFF, Till, day, order, reading
from tests.people import hire

SECOND = timedelta(seconds=1)


def go_on(shop: Till, now: datetime) -> bool:
    with reading() as session:
        return check_books.go_on(session, session.get_one(Shop, shop.id), now)


def carry(shop: Till, now: datetime) -> int:
    """Go on until there is nothing left to do, a second each time; return how often there was."""
    times = 0
    while go_on(shop, now + times * SECOND):
        times += 1
    return times


def ask(shop: Till, now: datetime, actor: str = STAFF) -> None:
    with reading() as session:
        check_books.ask(session, shop.id, actor, now)


def checks(shop: Till) -> list[BookCheck]:
    with reading() as session:
        rows = session.scalars(select(BookCheck).where(BookCheck.shop_id == shop.id).order_by(BookCheck.id)).all()
        session.expunge_all()
        return list(rows)


def due(now: datetime) -> list[int]:
    with reading() as session:
        return check_books.list_due_shops(session, now)


def test_a_days_look_says_how_many_entries_it_saw_and_that_all_adds_up(shop: Till) -> None:
    shop.tell(order(1), order(2))
    assert due(day(2)) == [shop.id]
    # Once to begin, and once for each invariant; the last time ends it.
    assert carry(shop, day(2)) == 1 + len(INVARIANTS)
    (row,) = checks(shop)
    assert (row.asked_by, row.asked_at, row.began_at) == ("system", day(2), day(2, 1))
    assert row.finished_at == day(2, 1 + len(INVARIANTS))
    assert (row.looked_at, row.findings, row.notes) == (len(INVARIANTS), 0, [])
    with reading() as session:
        assert row.entries == len(session.connection().exec_driver_sql("SELECT id FROM ledger_entries").all()) > 0
    assert carry(shop, day(2) + EVERY / 2) == 0
    assert (len(checks(shop)), due(day(2) + EVERY / 2), due(day(2) + EVERY)) == (1, [], [shop.id])


def test_what_is_broken_is_counted_and_the_first_of_it_written_down(
    shop: Till, manual_shop: Till, admin_connection: "psycopg.Connection[Any]"
) -> None:
    shop.tell(*(order(number) for number in range(1, MOST_NOTES + 6)))
    admin_connection.execute("UPDATE rewards SET settled_at = NULL, hold_reason = 'risk'")
    carry(shop, day(2))
    carry(manual_shop, day(2))
    (row,), (other,) = checks(shop), checks(manual_shop)
    assert row.findings >= MOST_NOTES + 5
    assert len(row.notes) == MOST_NOTES
    assert all(". Broken: " in note for note in row.notes)
    assert (other.findings, other.notes) == (0, [])
    shop.broken_by_hand = frozenset(INVARIANTS)


def test_a_look_that_lost_its_worker_is_asked_for_again_and_goes_on_where_it_stopped(shop: Till) -> None:
    assert go_on(shop, day(2))
    assert go_on(shop, day(2, 1))
    running = day(2, 1) + LEASE - SECOND
    assert due(running) == []
    assert due(running + SECOND) == [shop.id]
    assert carry(shop, running + SECOND) == len(INVARIANTS) - 1
    assert [row.looked_at for row in checks(shop)] == [len(INVARIANTS)]


def test_somebody_who_may_asks_for_it_and_it_is_done_once(shop: Till) -> None:
    carry(shop, day(2))
    ask(shop, day(2, 900))
    with pytest.raises(Refused, match="being checked already"):
        ask(shop, day(2, 901))
    assert carry(shop, day(2, 902)) == len(INVARIANTS)
    assert [row.asked_by for row in checks(shop)] == ["system", STAFF]
    ask(shop, day(2, 1_800), "cli")
    with reading() as session:
        asked = select(AuditEvent.actor).where(AuditEvent.action == "check_books").order_by(AuditEvent.id)
        assert session.scalars(asked).all() == [STAFF, "cli"]
        hire(session, shop.id, "50", Role.APPROVER)
    with pytest.raises(NotAllowed):
        ask(shop, day(3), "staff:50")


def test_looks_are_kept_for_some_months_and_not_taken_where_the_app_is_gone(shop: Till) -> None:
    carry(shop, day(2))
    later = day(2) + KEPT_FOR + SECOND
    carry(shop, later)
    assert [row.asked_at for row in checks(shop)] == [later]
    with reading() as session:
        session.execute(update(Shop).values(uninstalled_at=later))
    assert due(later + EVERY) == []
