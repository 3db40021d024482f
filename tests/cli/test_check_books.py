"""``check-books`` tells how far it is, where somebody wants to know, and can look at one shop alone."""

from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from app.engine.flows.check_books import INVARIANTS
from app.engine.rules.terms import Mode
from tests.cli.conftest import Shell
from tests.flows.builders import Till, order

DOMAIN = "made-up.myshopify.com"


def test_progress_names_every_invariant_as_it_was_looked_at(shop: Till, shell: Shell) -> None:
    shop.tell(order(1))
    result = shell("check-books", "--progress")
    assert result.exit_code == 0
    assert [line.partition(": ")[2] for line in result.stderr.splitlines()] == list(INVARIANTS)
    assert result.stderr.startswith(f"1/{len(INVARIANTS)} (")


def test_without_a_terminal_nothing_is_said_until_the_end(shop: Till, shell: Shell) -> None:
    assert shell("check-books").stderr == ""
    assert shell("check-books").stdout == f"The books add up: {len(INVARIANTS)} invariants hold.\n"


def test_one_shops_books_add_up_while_anothers_do_not(
    shop: Till, shell: Shell, admin_connection: "psycopg.Connection[Any]"
) -> None:
    other = Till("broken.myshopify.com", mode=Mode.AUTOMATIC)
    other.tell(order(1))
    admin_connection.execute("DELETE FROM transfers WHERE shop_id = %s", [other.id])
    assert shell("check-books", "--shop", DOMAIN).exit_code == 0
    broken = shell("check-books", "--shop", "broken.myshopify.com")
    assert broken.exit_code == 1
    assert f"shop {other.id}: customer" in broken.stderr
    assert shell("check-books").exit_code == 1


def test_a_shop_that_is_not_known_is_told_in_one_sentence(shop: Till, shell: Shell) -> None:
    result = shell("check-books", "--shop", "nobody.myshopify.com")
    assert result.exit_code == 1
    assert "No shop nobody.myshopify.com has installed the app." in result.stderr


def test_a_user_of_the_database_who_passes_its_wall_by_is_named(
    shop: Till, shell: Shell, admin_connection: "psycopg.Connection[Any]", database_url: str
) -> None:
    role = sql.Identifier(str(make_url(database_url).username))
    assert "superuser" not in shell("check-books").output
    admin_connection.execute(sql.SQL("ALTER ROLE {} BYPASSRLS").format(role))
    try:
        told = shell("check-books")
    finally:
        admin_connection.execute(sql.SQL("ALTER ROLE {} NOBYPASSRLS").format(role))
    assert told.exit_code == 0
    assert "use one that is no superuser" in told.output
