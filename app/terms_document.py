"""Terms as a document that a person can write: JSON with amounts and percentages as text and instants with a zone.

The fields are those of ``engine.rules.terms``, without the units in their names: ``minimum_order`` is an amount in the
shop's currency ("12.50"), ``rate`` a percentage ("2.5"), ``multiplier`` a factor ("2"). What is left out takes its
default. What comes out of ``dump`` goes into ``load`` unchanged.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache, partial
from types import NoneType
from typing import Any, NoReturn, get_args, get_origin, get_type_hints

from marshmallow import Schema, ValidationError, post_load
from marshmallow import fields as shapes

from app.engine.rules.money import is_currency, rate_text, to_decimal_string
from app.engine.rules.problems import Problem
from app.engine.rules.terms import Terms
from app.engine.rules.terms_diff import document_name
from app.engine.rules.terms_words import tell_multiplier
from app.engine.rules.valid_terms import find_problems
from app.errors import Refused
from app.fields import (
    NO_VALUE,
    ChoiceField,
    DayField,
    FlagField,
    IdsField,
    InstantField,
    MoneyField,
    MultiplierField,
    RateField,
    TextField,
    WholeField,
    WordsField,
)
from app.sentences import marked, say

Document = dict[str, Any]
#: Sentences by field, nested as the document is; those about a whole part stand under ``WHOLE``.
Errors = dict[Any, Any]
WHOLE = "_schema"
_KINDS_OF_IDS = {"product_ids": "Product", "variant_ids": "ProductVariant", "collection_ids": "Collection"}
_NO_CURRENCY = marked("{named} is not a currency; write its three letters, like {currency}.")
#: Set by whoever publishes, and by the shop.
_NOT_WRITTEN = ("version", "currency")


class BadDocument(Refused):
    """A document that is no terms; ``errors`` hold sentences by field, the message the first of them."""

    def __init__(self, errors: Errors) -> None:
        self.errors = errors
        super().__init__(next(sentence for _, sentence in flatten(errors)))


def read(text: str | bytes) -> Document:
    """Return the JSON object that a text holds; raise BadDocument with what is wrong with it."""
    try:
        document = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        sentence = say(
            "This is not JSON: {reason} in line {line}, column {column}.",
            reason=error.msg,
            line=error.lineno,
            column=error.colno,
        )
        raise BadDocument({WHOLE: [sentence]}) from error
    except (ValueError, RecursionError) as error:
        raise BadDocument(
            {WHOLE: [marked("This is not JSON that can be read: save it as UTF-8, and nest it less deeply.")]}
        ) from error
    if not isinstance(document, dict):
        raise BadDocument({WHOLE: [marked('Terms are one JSON object, like {"tiers": [ … ]}.')]})
    return document


def load(document: Mapping[str, Any], currency: str) -> Terms:
    """Return the terms that a document says in a shop's currency, checked whole; raise BadDocument.

    The version is 1: whoever publishes numbers it. A currency may be named, and must be the shop's then.
    """
    named = document.get("currency", currency)
    if not isinstance(named, str) or not is_currency(named):
        raise BadDocument({"currency": [say(_NO_CURRENCY, named=repr(named), currency=currency)]})
    if named != currency:
        raise BadDocument(
            {"currency": [say("The terms must be in the shop's currency, {currency}.", currency=currency)]}
        )
    try:
        terms: Terms = schema_of(currency).load({name: document[name] for name in document if name != "currency"})
    except ValidationError as error:
        raise BadDocument(dict(error.messages_dict)) from error
    if problems := find_problems(terms):
        raise BadDocument(nest(problems))
    return terms


def dump(terms: Terms) -> Document:
    """Return the document that says these terms, with every field."""
    return {"currency": terms.currency, **_dump(terms, terms.currency)}


def write(terms: Terms) -> str:
    """Return the document as text, one value a line."""
    return json.dumps(dump(terms), indent=2, ensure_ascii=False) + "\n"


def nest(problems: Iterable[Problem]) -> Errors:
    """Return problems by field, nested as the document is."""
    errors: Errors = {}
    for where, sentence in problems:
        node = errors
        for name in where:
            node = node.setdefault(name, {})
        node.setdefault(WHOLE, []).append(sentence)
    return errors


def flatten(errors: Any, where: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield each sentence with the place it is about: "tiers, row 2, rate"; empty for the whole."""
    if isinstance(errors, str):
        yield ", ".join(where), errors
    elif isinstance(errors, Mapping):
        for name, inner in errors.items():
            step = f"row {name + 1}" if isinstance(name, int) else name
            yield from flatten(inner, where if name == WHOLE else (*where, step))
    else:
        for inner in errors:
            yield from flatten(inner, where)


@cache
def schema_of(currency: str) -> Schema:
    """Return the schema of terms in a currency."""
    return _schema_of(Terms, currency)()


class _Part(Schema):
    """A part of the terms, read into what ``makes`` it."""

    error_messages = {
        "unknown": marked("There is no field of this name; terms shown as text have all there are."),
        "type": marked("Write an object here, like { … }."),
    }
    makes: Callable[..., Any]

    @post_load
    def _make(self, data: dict[str, Any], **_kwargs: Any) -> Any:
        return self.makes(**data)


class _Rows(shapes.List[Any]):
    """A list of parts, as a tuple."""

    default_error_messages = {
        "invalid": marked("Write a list, like [ … ]."),
        "required": marked("This is missing; write a list."),
        "null": NO_VALUE,
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return tuple(super()._deserialize(value, attr, data, **kwargs))


def _schema_of(kind: type, currency: str) -> type[Schema]:
    hints = get_type_hints(kind)
    made = {
        field.name: _shape_of(field, hints[field.name], currency)
        for field in fields(kind)
        if field.name not in _NOT_WRITTEN
    }
    makes = partial(Terms, 1, currency) if kind is Terms else kind
    return type(f"{kind.__name__}Part", (_Part,), {**made, "makes": makes})


def _shape_of(field: "Field[Any]", hint: Any, currency: str) -> Any:
    """Return the field of the schema that reads a field of the terms, by its name and type."""
    inner = next((one for one in get_args(hint) if one is not NoneType), hint)
    settings: dict[str, Any] = {
        "data_key": document_name(field.name),
        "required": field.default is MISSING,
        "allow_none": NoneType in get_args(hint),
    }
    if get_origin(hint) is tuple:
        items = shapes.Nested(_schema_of(inner, currency))
        return _Rows(items, **settings)
    if get_origin(hint) is frozenset:
        kind = _KINDS_OF_IDS.get(field.name.removeprefix("excluded_"))
        return WordsField(**settings) if kind is None else IdsField(kind, **settings)
    if isinstance(inner, type) and is_dataclass(inner):
        return shapes.Nested(_schema_of(inner, currency), error_messages={"null": NO_VALUE}, **settings)
    if field.name.endswith("_minor"):
        return MoneyField(currency, **settings)
    if field.name.endswith("_bps"):
        return (MultiplierField if field.name == "multiplier_bps" else RateField)(**settings)
    if issubclass(inner, StrEnum):
        return ChoiceField(inner, **settings)
    kinds = {bool: FlagField, int: WholeField, str: TextField, datetime: InstantField, date: DayField}
    return kinds[inner](**settings)


def _dump(part: Any, currency: str) -> Document:
    return {
        document_name(field.name): _written(field.name, getattr(part, field.name), currency)
        for field in fields(part)
        if field.name not in _NOT_WRITTEN
    }


def _written(name: str, value: Any, currency: str) -> Any:
    if isinstance(value, tuple):
        return [_dump(row, currency) for row in value]
    if is_dataclass(value):
        return _dump(value, currency)
    if isinstance(value, frozenset):
        # Ids as text: not everything that reads JSON keeps such large numbers.
        return [str(one) for one in sorted(value)]
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if name.endswith("_minor"):
        return to_decimal_string(value, currency)
    if name == "multiplier_bps":
        return tell_multiplier(value)
    return rate_text(value).removesuffix(" %") if name.endswith("_bps") else value


def _once(pairs: list[tuple[str, Any]]) -> Document:
    """Return an object of which no name is said twice: the first of the two would be lost in silence."""
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadDocument(
            {WHOLE: [say("{name} is written twice in one object; leave one out.", name=repr(twice[:60]))]}
        )
    return document


def _no_number(text: str) -> NoReturn:
    raise BadDocument({WHOLE: [say("{text} is no number.", text=text)]})
