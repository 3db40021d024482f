"""Migrations are numbered, in one line, and end in exactly the tables that the models draw."""

import re
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import Connection, text

import app.models  # noqa: F401 - fills the metadata
from app.db import Base, db
from tests.house.sources import ROOT, tree

VERSIONS = sorted(path.name for path in (ROOT / "migrations" / "versions").glob("*.py"))

COLUMNS = """
    SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default,
           is_identity, identity_generation, udt_name
    FROM information_schema.columns WHERE table_schema = current_schema()
"""
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = current_schema()::regnamespace AND conrelid <> 0
"""
INDEXES = """
    SELECT tablename, indexname, replace(indexdef, current_schema() || '.', '')
    FROM pg_indexes WHERE schemaname = current_schema()
"""


def variables(name: str) -> dict[str, Any]:
    """Return the constants at the head of a migration."""
    import ast

    found: dict[str, Any] = {}
    for node in tree(f"migrations/versions/{name}").body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            found |= {target.id: node.value.value for target in node.targets if isinstance(target, ast.Name)}
    return found


def rows(connection: Connection, schema: str, question: str) -> set[tuple[Any, ...]]:
    """Return what a question to the catalogue answers for one schema, but for alembic's own table."""
    connection.execute(text(f"SET LOCAL search_path TO {schema}"))
    return {tuple(row) for row in connection.execute(text(question)) if row[0] != "alembic_version"}


def test_migrations_are_numbered_without_gaps() -> None:
    assert [name[:5] for name in VERSIONS] == [f"{number:04}_" for number in range(1, len(VERSIONS) + 1)]


def test_migrations_follow_each_other_in_one_line() -> None:
    line = [(variables(name)["revision"], variables(name)["down_revision"]) for name in VERSIONS]
    assert line == [
        (f"{number:04}", f"{number - 1:04}" if number > 1 else None) for number in range(1, len(VERSIONS) + 1)
    ]


def test_alembic_finds_nothing_to_migrate(app: Flask) -> None:
    with app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


@pytest.mark.parametrize("question", [COLUMNS, CONSTRAINTS, INDEXES], ids=["columns", "constraints", "indexes"])
def test_the_migrated_database_is_what_the_models_draw(app: Flask, question: str) -> None:
    with app.app_context(), db.engine.connect() as connection:
        migrated = rows(connection, "public", question)
        connection.execute(text("CREATE SCHEMA drawn"))
        connection.execute(text("SET LOCAL search_path TO drawn"))
        Base.metadata.create_all(connection)
        drawn = rows(connection, "drawn", question)
        connection.rollback()
    assert migrated == drawn
    assert len(drawn) > 20


def test_migrations_say_in_their_first_line_what_they_are_for() -> None:
    for name in VERSIONS:
        head = (ROOT / "migrations" / "versions" / name).read_text().splitlines()[0]
        assert re.fullmatch(r'""".{20,}\.(""")?', head), name
