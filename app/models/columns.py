"""Column types that every table shares: ids, instants, money, enums with a check."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    Identity,
    Select,
    Text,
    any_,
    cast,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import mapped_column
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeDecorator, TypeEngine

from app.engine.rules.kept_words import keep, recall

Id = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
Big = Annotated[int, mapped_column(BigInteger)]
Minor = Annotated[int, mapped_column(BigInteger)]
Instant = Annotated[datetime, mapped_column(DateTime(timezone=True))]
ShopId = Annotated[int, mapped_column(BigInteger, ForeignKey("shops.id"))]


class Words(TypeDecorator[str]):
    """A column for sentences of ours: what is written there as a ``Sentence`` is read as one, and can be translated.

    Any other text is read as it was written.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        """Return what is written."""
        return None if value is None else keep(value)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> str | None:
        """Return what is read."""
        return None if value is None else recall(value)


class ManyWords(TypeDecorator[list[str]]):
    """A column for a list of such sentences."""

    impl = JSONB
    cache_ok = True

    def process_bind_param(self, value: list[str] | None, _dialect: Dialect) -> list[str] | None:
        """Return what is written."""
        return None if value is None else [keep(each) for each in value]

    def process_result_value(self, value: list[str] | None, _dialect: Dialect) -> list[str] | None:
        """Return what is read."""
        return None if value is None else [recall(each) for each in value]


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


def as_rows(
    rows: Sequence[tuple[Any, ...]], place: str | None = None, /, **columns: type[TypeEngine[Any]]
) -> TableValuedAlias:
    """Return rows as something to select from: an array for each column costs a tenth of a parameter for each value.

    ``place`` names one more column with the number of the row: a join returns them in any order.
    """
    arrays = [
        cast(list(values), ARRAY(kind)) for values, kind in zip(zip(*rows, strict=True), columns.values(), strict=True)
    ]
    return func.unnest(*arrays).table_valued(*columns, with_ordinality=place, name="each").render_derived()


def as_columns(questions: Mapping[str, Select[Any]]) -> Select[Any]:
    """Return questions that each have one answer at most as one, with a column by the name of each."""
    return select(*(question.scalar_subquery().label(name) for name, question in questions.items()))
