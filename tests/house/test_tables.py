"""Every table is led by its shop, and what the database checks of an enum is what the code knows of it."""

import re
from enum import StrEnum

import pytest
from flask import Flask
from sqlalchemy import Column, Enum, Table, text

import app.models  # noqa: F401 - fills the metadata
from app.db import Base, db

TABLES = sorted(Base.metadata.tables.values(), key=lambda table: table.name)
#: Indexes that do not lead with the shop, each with its reason.
NOT_BY_SHOP = {
    "uq_shops_domain": "finds the shop itself",
}
ENUMS = [(table, column) for table in TABLES for column in table.columns if isinstance(column.type, Enum)]

CHECKS = """
    SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ALL (c.conkey)
    WHERE c.contype = 'c' AND c.conrelid = CAST(:table AS regclass) AND a.attname = :column
"""
INDEXES = """
    SELECT i.relname, x.indisprimary, (SELECT attname FROM pg_attribute WHERE attrelid = t.oid AND attnum = x.indkey[0])
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
    WHERE t.relnamespace = 'public'::regnamespace AND t.relname <> 'alembic_version'
"""


@pytest.mark.parametrize("table", [table for table in TABLES if table.name != "shops"], ids=lambda table: table.name)
def test_every_table_says_of_which_shop_its_rows_are(table: Table) -> None:
    column = table.columns["shop_id"]
    assert not column.nullable
    assert [key.target_fullname for key in column.foreign_keys] == ["shops.id"]
    assert column.primary_key == (table.name == "shop_tokens")


def test_every_index_leads_with_the_shop_but_where_a_reason_is_listed(app: Flask) -> None:
    with app.app_context(), db.engine.connect() as connection:
        found = connection.execute(text(INDEXES)).all()
    others = {name for name, is_primary, first in found if first != "shop_id" and not is_primary}
    assert others == set(NOT_BY_SHOP)


@pytest.mark.parametrize(("table", "column"), ENUMS, ids=lambda part: part.name)
def test_the_database_takes_exactly_the_values_of_the_enum(app: Flask, table: Table, column: "Column[StrEnum]") -> None:
    kind = column.type.enum_class
    with app.app_context(), db.engine.connect() as connection:
        checks = connection.scalars(text(CHECKS), {"table": table.name, "column": column.name}).all()
    taken = [set(re.findall(r"'([^']+)'::", check)) for check in checks]
    assert taken == [{member.value for member in kind}]
    assert issubclass(kind, StrEnum)


def test_money_is_kept_in_whole_numbers() -> None:
    columns = [column for table in TABLES for column in table.columns if column.name.endswith("_minor")]
    assert {str(column.type) for column in columns} == {"BIGINT"}
    fractions = [str(column) for table in TABLES for column in table.columns if column.type.python_type is float]
    assert fractions == []


def test_instants_know_their_time_zone() -> None:
    columns = [column for table in TABLES for column in table.columns if str(column.type) == "DATETIME"]
    assert columns
    assert [str(column) for column in columns if not column.type.timezone] == []
