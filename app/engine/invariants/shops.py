"""No row names a row of another shop. Foreign keys ask only whether the row is there, whoever's it is."""

from collections.abc import Iterator

from sqlalchemy import Table

from app.db import Base
from app.engine.invariants.query import breaches
from app.models import Shop


def _questions() -> Iterator[str]:
    """Yield a query for each reference between two tables that shops have rows in; a new table brings its own."""
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            for key in column.foreign_keys:
                if key.column.table.name != Shop.__tablename__:
                    yield _question(table, column.name, key.column.table.name)


def _question(table: Table, column: str, other: str) -> str:
    # The names are those of our own models.
    return f"""
        SELECT t.shop_id, format('{column} %s in {table.name} is a row of {other} of shop %s', t.{column}, o.shop_id)
        FROM {table.name} t JOIN {other} o ON o.id = t.{column}
        WHERE OF_SHOP(t) AND o.shop_id <> t.shop_id
        """  # noqa: S608


QUERIES = {"No row names a row of another shop": breaches("UNION ALL".join(_questions()))}
