"""Two shops with a row in every table, for the tests that try to look from one into the other."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import ARRAY, Boolean, Column, DateTime, Enum, Integer, LargeBinary, Table
from sqlalchemy.dialects.postgresql import JSONB

import app.models  # noqa: F401 - fills the metadata
from app.db import Base
from app.models.columns import ManyWords

TABLES = Base.metadata.sorted_tables
BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
#: What the checks of a table want and no rule below gives.
WANTED: dict[tuple[str, str], Any] = {
    ("shops", "reconcile_minutes"): 15,
    ("shops", "keep_deliveries_days"): 30,
    ("shops", "undo_seconds"): 10,
    ("shops", "mails_customers"): False,
    ("messages", "state"): "waiting",
    ("stage_lags", "samples"): 0,
    ("mail_settings", "cap_per_run"): 50_000,
    ("mail_settings", "per_minute"): 600,
    ("mail_settings", "keep_days"): 90,
    ("shops", "timezone"): "UTC",
    ("products", "is_stale"): True,
}

Connection = psycopg.Connection[Any]


def shop_column(table: Table) -> str:
    """Return the name of the column that says of which shop a row is."""
    return "id" if table.name == "shops" else "shop_id"


def fill(connection: Connection, shop_id: int, mark: str) -> None:
    """Put a row of a shop into every table that has none yet; all its texts hold a mark.

    ``connection`` passes triggers and foreign keys by. A table whose checks refuse what is made up here needs an
    entry in ``WANTED``.
    """
    for table in TABLES:
        whose = sql.Identifier(table.name), sql.Identifier(shop_column(table))
        count = sql.SQL("SELECT count(*) FROM {} WHERE {} = %s").format(*whose)
        if one(connection, count, [shop_id]) == 0:
            values = dict(_row(connection, table, shop_id, mark))
            put = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})").format(
                sql.Identifier(table.name),
                sql.SQL(", ").join(map(sql.Identifier, values)),
                sql.SQL(", ").join([sql.Placeholder()] * len(values)),
            )
            connection.execute(put, list(values.values()))


def snapshot(connection: Connection, shop_id: int) -> dict[str, list[str]]:
    """Return every row of a shop in every table, as text."""
    rows = {}
    for table in TABLES:
        whole = sql.SQL("SELECT to_jsonb(t) FROM {} t WHERE {} = %s").format(
            sql.Identifier(table.name), sql.Identifier(shop_column(table))
        )
        found = connection.execute(whole, [shop_id]).fetchall()
        rows[table.name] = sorted(json.dumps(row, sort_keys=True) for (row,) in found)
    return rows


def id_in(connection: Connection, table: str, shop_id: int, column: str = "id") -> int:
    """Return a column of a shop's newest row in a table."""
    newest = sql.SQL("SELECT {} FROM {} WHERE shop_id = %s ORDER BY 1 DESC LIMIT 1")
    return int(one(connection, newest.format(sql.Identifier(column), sql.Identifier(table)), [shop_id]))


def one(connection: Connection, query: sql.Composed, values: list[Any]) -> Any:
    """Return the first column of a query's first row."""
    row = connection.execute(query, values).fetchone()
    assert row is not None, query.as_string(connection)
    return row[0]


def _row(connection: Connection, table: Table, shop_id: int, mark: str) -> Iterator[tuple[str, Any]]:
    enums = 0
    for place, column in enumerate(table.columns):
        if (table.name, column.name) in WANTED:
            yield column.name, WANTED[table.name, column.name]
        elif column.name == shop_column(table):
            yield column.name, shop_id
        elif column.nullable:
            continue
        elif column.foreign_keys:
            (key,) = column.foreign_keys
            yield column.name, id_in(connection, key.column.table.name, shop_id)
        else:
            yield column.name, _value(column, shop_id, mark, place, enums)
            enums += isinstance(column.type, Enum)


def _value(column: "Column[Any]", shop_id: int, mark: str, place: int, enums: int) -> Any:
    """Return something a column takes: amounts are alike, instants grow from column to column, enums differ."""
    match column.type:
        case Enum() as kind:
            return kind.enums[enums % len(kind.enums)]
        case JSONB() | ManyWords():
            return Jsonb([] if "[]" in str(getattr(column.server_default, "arg", "")) else {})
        case ARRAY():
            return []
        case Boolean():
            return False
        case DateTime():
            return BEGINS + timedelta(days=place)
        case LargeBinary():
            return mark.encode()
        case Integer():
            return 1 if column.name.endswith(("_minor", "_bps", "version", "position")) else 1_000 * shop_id + place
    if column.type.python_type is str:
        return "USD" if column.name == "currency" else f"{mark} {column.name}"
    return BEGINS.date()
