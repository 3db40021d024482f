"""The second wall: to a transaction that is bound to a shop, the database shows that shop's rows and takes no others.

Walks all tables that there are, so that a new one is held to the same.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask
from psycopg import sql
from sqlalchemy import Delete, Table, Update, literal, select, text
from sqlalchemy.exc import ProgrammingError

from app.db import bind_shop, bound_to, db, is_exempt, transaction
from tests.house.two_shops import TABLES, fill, shop_column

ANTON, BERTHA = 11, 12
every_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
POLICIES = """
    SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity
        AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'of_one_shop' AND p.polcmd = '*')
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'alembic_version'
"""


@pytest.fixture
def shops(app: Flask, admin_connection: "psycopg.Connection[Any]") -> Iterator[None]:
    """Have a row of each of two shops in every table."""
    fill(admin_connection, ANTON, "Anton")
    fill(admin_connection, BERTHA, "Bertha")
    with app.app_context():
        yield
        db.session.remove()


def seen(table: Table) -> list[int]:
    """Return whose rows of a table the session of this app context shows."""
    return sorted(db.session.scalars(select(table.c[shop_column(table)])))


def changed(statement: Update | Delete) -> int:
    """Execute a statement and return how many rows it met."""
    return db.session.execute(statement).rowcount  # type: ignore[attr-defined]  # a cursor's result


def test_every_table_of_the_database_is_kept_to_its_shop(app: Flask) -> None:
    with app.app_context(), db.engine.connect() as connection:
        found = connection.execute(text(POLICIES)).all()
    assert sorted(map(tuple, found)) == sorted((table.name, True) for table in TABLES)


@every_table
def test_a_bound_transaction_sees_its_shops_rows_only_and_an_unbound_one_all(shops: None, table: Table) -> None:
    with transaction(ANTON):
        assert seen(table) == [ANTON]
    with transaction(BERTHA):
        assert seen(table) == [BERTHA]
    with transaction():
        assert seen(table) == [ANTON, BERTHA]


@every_table
def test_a_bound_transaction_changes_no_other_shops_rows(
    shops: None, admin_connection: "psycopg.Connection[Any]", table: Table
) -> None:
    whose = table.c[shop_column(table)]
    with transaction(ANTON):
        assert changed(table.update().values({whose: whose}).where(whose == BERTHA)) == 0
        assert changed(table.delete().where(whose == BERTHA)) == 0
    count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table.name))
    assert admin_connection.execute(count).fetchone() == (2,)


@every_table
def test_a_bound_transaction_writes_no_row_for_another_shop(shops: None, table: Table) -> None:
    anew = {column: column for column in table.columns if column.computed is None}
    if "id" in table.columns:
        anew[table.c.id] = table.c.id + 100
    anew[table.c[shop_column(table)]] = literal(BERTHA)
    copied = table.insert().from_select(list(anew), select(*anew.values()))
    with pytest.raises(ProgrammingError, match="violates row-level security policy"), transaction(ANTON):
        db.session.execute(copied)


def test_what_binds_a_transaction_ends_with_it_and_leaks_to_no_user_of_the_pool(shops: None) -> None:
    (table,) = [table for table in TABLES if table.name == "customers"]
    db.session.remove()
    db.engine.dispose()  # what others left in the pool would be given out in turns
    backends = set()
    for shop_id in (ANTON, None, BERTHA, None):
        with transaction(shop_id) as session:
            backends.add(session.scalar(text("SELECT pg_backend_pid()")))
            assert seen(table) == ([ANTON, BERTHA] if shop_id is None else [shop_id])
    with pytest.raises(ZeroDivisionError), transaction(ANTON):
        raise ZeroDivisionError
    with transaction() as session:
        assert session.scalar(text("SELECT current_setting('boomerang.shop_id', true)")) == ""
        backends.add(session.scalar(text("SELECT pg_backend_pid()")))
    assert len(backends) == 1, "the pool gave out another connection; this test has shown nothing"


def test_a_transaction_can_be_bound_once_it_is_known_whose_it_is(shops: None) -> None:
    (table,) = [table for table in TABLES if table.name == "customers"]
    with transaction() as session:
        assert seen(table) == [ANTON, BERTHA]
        bind_shop(session, ANTON)
        assert seen(table) == [ANTON]
    assert seen(table) == [ANTON, BERTHA]


def test_a_bound_block_binds_what_is_open_what_begins_in_it_and_nothing_after_it(shops: None) -> None:
    (table,) = [table for table in TABLES if table.name == "customers"]
    assert seen(table) == [ANTON, BERTHA]
    with bound_to(ANTON):
        assert seen(table) == [ANTON]
        db.session.rollback()
        assert seen(table) == [ANTON]
        db.session.remove()
        with transaction(), db.session.begin_nested():
            assert seen(table) == [ANTON]
        with transaction(BERTHA):
            assert seen(table) == [BERTHA]
        assert seen(table) == [ANTON]
    assert seen(table) == [ANTON, BERTHA]


def test_a_savepoint_that_is_rolled_back_leaves_the_transaction_bound(shops: None) -> None:
    (table,) = [table for table in TABLES if table.name == "customers"]
    with transaction(ANTON) as session:
        with pytest.raises(ZeroDivisionError), session.begin_nested():
            raise ZeroDivisionError
        assert seen(table) == [ANTON]


def test_a_superuser_passes_the_wall_by_and_is_told_apart(
    app: Flask, admin_connection: "psycopg.Connection[Any]"
) -> None:
    with app.app_context(), transaction() as session:
        assert not is_exempt(session)
        me = session.scalar(text("SELECT current_user"))
        admin_connection.execute(sql.SQL("ALTER ROLE {} BYPASSRLS").format(sql.Identifier(str(me))))
        try:
            assert is_exempt(session)
        finally:
            admin_connection.execute(sql.SQL("ALTER ROLE {} NOBYPASSRLS").format(sql.Identifier(str(me))))
