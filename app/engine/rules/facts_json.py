"""Facts and terms as JSON objects and back, exactly: ids and amounts whole numbers, instants UTC."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import partial
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from app.engine.rules.facts import (
    CreditMove,
    DeletionFact,
    DisputeFact,
    OrderFact,
    PaymentFact,
    ProductFact,
    RefundFact,
    ReturnFact,
    RiskFact,
)
from app.engine.rules.terms import Terms

Json = dict[str, Any]
T = TypeVar("T")
_Read = Callable[[Any], Any]
#: Made once for each type: its fields with the function that reads each.
_KNOWN_READERS: dict[type, tuple[tuple[str, _Read], ...]] = {}
Fact = (
    OrderFact | RefundFact | PaymentFact | DisputeFact | RiskFact | ReturnFact | DeletionFact | ProductFact | CreditMove
)


def to_json(fact: Fact) -> Json:
    """Return a fact as a JSON object that ``from_json`` reads back."""
    return _object(fact)


def terms_to_json(terms: Terms) -> Json:
    """Return terms as a JSON object; sets become sorted lists, so equal terms give equal text."""
    return _object(terms)


def from_json(cls: type[T], data: Mapping[str, Any]) -> T:
    """Return the fact a JSON object describes; fields it does not have yet take their defaults."""
    return cls(**{name: read(data[name]) for name, read in _readers(cls) if name in data})


def order_from_json(data: Mapping[str, Any]) -> OrderFact:
    """Return the order a JSON object describes."""
    return from_json(OrderFact, data)


def refund_from_json(data: Mapping[str, Any]) -> RefundFact:
    """Return the refund a JSON object describes."""
    return from_json(RefundFact, data)


def terms_from_json(data: Mapping[str, Any]) -> Terms:
    """Return the terms a JSON object describes; fields it does not have yet take their defaults."""
    return from_json(Terms, data)


def _readers(cls: type) -> tuple[tuple[str, _Read], ...]:
    if cls not in _KNOWN_READERS:
        hints = get_type_hints(cls)
        _KNOWN_READERS[cls] = tuple((field.name, _reader(hints[field.name])) for field in fields(cls))
    return _KNOWN_READERS[cls]


def _reader(hint: Any) -> Any:
    """Return the function that reads a JSON value as a type of the facts: each kind of type that they have."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _optional(_reader(next(kind for kind in inner if kind is not NoneType)))
    if origin in (tuple, frozenset):
        return _collection(origin, _reader(inner[0]))
    if hint is datetime:
        return _instant
    if hint is date:
        return date.fromisoformat
    if isinstance(hint, type) and is_dataclass(hint):
        return partial(from_json, hint)
    return hint if issubclass(hint, StrEnum) else _as_it_is


def _optional(read: _Read) -> _Read:
    return lambda value: None if value is None else read(value)


def _collection(kind: Callable[[Any], Any], read: _Read) -> _Read:
    return kind if read is _as_it_is else lambda values: kind(read(value) for value in values)


def _as_it_is(value: Any) -> Any:
    return value


def _object(value: Any) -> Json:
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


def _plain(value: Any) -> Any:
    match value:
        case StrEnum():
            return value.value
        case datetime():
            if value.tzinfo is None:
                raise ValueError(f"{value.isoformat()} has no time zone; facts carry aware instants.")
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case frozenset():
            return sorted(value)
        case tuple():
            return [_plain(item) for item in value]
        case None | bool() | int() | str():
            return value
        case _:
            return _object(value)


def _instant(text: str) -> datetime:
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError(f"{text} has no time zone; facts carry aware instants.")
    return value.astimezone(UTC)
