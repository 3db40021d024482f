"""The books: an entry once per key, positive amounts, balances as sums, and a database that refuses changes."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.engine.ledger import EntryDraft, post, read_balances
from app.engine.rules import postings
from app.engine.rules.postings import Account, EntryKind, Posting
from app.engine.settlement import Journal
from app.errors import NotYet
from app.models import Customer, LedgerEntry, LedgerPosting, Order, Reward, Shop
from tests.flows.builders import BEN, Till, all_rows, day, order, reading

BOOKS = ["ledger_entries", "postings", "terms_versions"]


@pytest.fixture
def ada(shop: Till) -> int:
    """Return the id of a customer with 2.00 available; another one has as much."""
    shop.tell(order(1), order(2, customer=BEN))
    with reading() as session:
        return min(session.scalars(select(Customer.id)))


@pytest.fixture
def ordinary(shop: Till, database_url: str) -> Iterator["psycopg.Connection[Any]"]:
    """Return a connection of the app's own user, who owns the tables and is no superuser."""
    shop.tell(order(1))
    plain = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as connection:
        yield connection
        connection.rollback()


def draft(key: str, customer_id: int, *moves: Posting, kind: EntryKind = EntryKind.ACCRUAL) -> EntryDraft:
    """Return an entry about to be written."""
    return EntryDraft(key, kind, customer_id, "USD", day(1), "system", moves or postings.accrue(100))


def test_an_entry_is_written_once_per_key(shop: Till, ada: int) -> None:
    first, second = draft("made-up:1", ada), draft("made-up:2", ada)
    written = shop.run(lambda session, row: post(session, row.id, [first], day(1)))
    assert written == {"made-up:1"}
    written = shop.run(lambda session, row: post(session, row.id, [first, second], day(2)))
    assert written == {"made-up:2"}
    assert shop.balances() == (200, 200, 0)
    assert shop.run(lambda session, row: post(session, row.id, [], day(2))) == frozenset()


def test_the_same_key_twice_in_one_batch_is_written_once_and_the_first_counts(shop: Till, ada: int) -> None:
    drafts = [draft("made-up:1", ada), draft("made-up:1", ada, *postings.accrue(999))]
    assert shop.run(lambda session, row: post(session, row.id, drafts, day(1))) == {"made-up:1"}
    assert shop.balances() == (100, 200, 0)


def test_a_journal_whose_entry_is_written_already_takes_everything_back(shop: Till) -> None:
    shop.tell(order(1))
    rows = all_rows()

    def settle_again(session: Session, row: Shop) -> None:
        reward = session.scalars(select(Reward)).one()
        journal = Journal(session, row, {reward.customer_id or 0}, actor="system", now=day(2))
        journal.accrue(reward, session.get_one(Order, reward.order_id), 200, day(2))
        reward.granted_minor = 0
        journal.write()

    with pytest.raises(NotYet, match="tried again"):
        shop.run(settle_again)
    assert all_rows() == rows


def test_the_same_key_in_another_shop_is_another_entry(shop: Till, manual_shop: Till, ada: int) -> None:
    manual_shop.tell(order(1))
    with reading() as session:
        whose = session.scalars(select(Customer.id).where(Customer.shop_id == manual_shop.id)).one()
    shop.run(lambda session, row: post(session, row.id, [draft("made-up:1", ada)], day(1)))
    written = manual_shop.run(lambda session, row: post(session, row.id, [draft("made-up:1", whose)], day(1)))
    assert written == {"made-up:1"}


def test_balances_are_sums_by_account_of_the_customers_asked_for(shop: Till, ada: int) -> None:
    moves = (*postings.accrue(700), *postings.settle(300), *postings.claw_back(650, 500))
    shop.run(lambda session, row: post(session, row.id, [draft("made-up:1", ada, *moves)], day(1)))
    with reading() as session:
        held = read_balances(session, shop.id, {ada, 999}, "USD")
        assert held[ada][Account.PENDING] == 400
        assert held[ada][Account.AVAILABLE] == 0
        assert held[ada][Account.OWED] == -150
        assert held[ada][Account.PROMISED] == -200 - 700 + 650
        assert sum(held[ada].values()) == 0
        assert held[999] == {}
        assert read_balances(session, shop.id, {ada}, "EUR") == {ada: {}}
        assert read_balances(session, shop.id, set(), "USD") == {}


def test_an_entry_that_moves_nothing_cannot_be_drafted() -> None:
    with pytest.raises(ValueError, match="moves nothing"):
        EntryDraft("made-up:1", EntryKind.VOID, 1, "USD", day(1), "system", ())


@pytest.mark.parametrize("values", [{"amount_minor": 0}, {"amount_minor": -5}, {"destination": Account.PENDING}])
def test_the_database_takes_only_positive_amounts_between_two_accounts(
    shop: Till, ada: int, values: dict[str, object]
) -> None:
    rows = all_rows()
    good = {"source": Account.PENDING, "destination": Account.AVAILABLE, "amount_minor": 5, **values}

    def write(session: Session, row: Shop) -> None:
        entry = session.scalars(select(LedgerEntry.id)).first()
        session.add(LedgerPosting(shop_id=row.id, entry_id=entry, customer_id=ada, currency="USD", **good))
        session.flush()

    with pytest.raises(IntegrityError):
        shop.run(write)
    assert all_rows() == rows


@pytest.mark.parametrize("table", BOOKS)
@pytest.mark.parametrize("change", ["UPDATE {} SET shop_id = shop_id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_database_refuses_to_change_what_is_in_the_books(
    ordinary: "psycopg.Connection[Any]", table: str, change: str
) -> None:
    assert ordinary.execute(sql.SQL("SELECT * FROM {} LIMIT 1").format(sql.Identifier(table))).fetchone()
    with pytest.raises(psycopg.errors.RaiseException, match="never changed or removed; a correction is a new entry"):
        ordinary.execute(change.format(table))


def test_the_books_cannot_be_emptied_through_the_tables_they_refer_to(ordinary: "psycopg.Connection[Any]") -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="never changed or removed"):
        ordinary.execute("TRUNCATE shops CASCADE")


def test_an_ordinary_user_cannot_silence_the_triggers(ordinary: "psycopg.Connection[Any]") -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ordinary.execute("SET session_replication_role = replica")


def test_an_ordinary_user_may_add_to_the_books(ordinary: "psycopg.Connection[Any]") -> None:
    before = ordinary.execute("SELECT count(*) FROM postings").fetchone()
    ordinary.execute(
        "INSERT INTO postings (shop_id, entry_id, customer_id, currency, source, destination, amount_minor) "
        "SELECT shop_id, entry_id, customer_id, currency, source, destination, 1 FROM postings LIMIT 1"
    )
    after = ordinary.execute("SELECT count(*) FROM postings").fetchone()
    assert before is not None
    assert after == (before[0] + 1,)
