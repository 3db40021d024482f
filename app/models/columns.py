"""Column types that every table shares: ids, instants, money, enums with a check."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, DateTime, Enum, ForeignKey, Identity, any_, cast, func
from sqlalchemy.orm import mapped_column
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeEngine

Id = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
Big = Annotated[int, mapped_column(BigInteger)]
Minor = Annotated[int, mapped_column(BigInteger)]
Instant = Annotated[datetime, mapped_column(DateTime(timezone=True))]
ShopId = Annotated[int, mapped_column(BigInteger, ForeignKey("shops.id"))]


def enum_column(kind: type[StrEnum], name: str) -> Enum:
    """Return the type of a column that stores an enum's value as text, with a check constraint of its values."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        name=name,
        length=32,
        values_callable=lambda members: [m.value for m in members],
    )


def among(column: Any, numbers: Iterable[int]) -> ColumnElement[bool]:
    """Return the condition that a column holds one of some numbers.

    They travel as one array. A parameter for each, as ``in_`` makes them, costs more than the query once there are
    hundreds.
    """
    return column == any_(cast(list(numbers), ARRAY(BigInteger)))  # type: ignore[no-any-return]  # a column's ==


def as_rows(rows: Sequence[tuple[Any, ...]], **columns: type[TypeEngine[Any]]) -> TableValuedAlias:
    """Return rows as something to select from: an array for each column costs a tenth of a parameter for each value."""
    arrays = [
        cast(list(values), ARRAY(kind)) for values, kind in zip(zip(*rows, strict=True), columns.values(), strict=True)
    ]
    return func.unnest(*arrays).table_valued(*columns, name="each").render_derived()
