"""A delivery's body as JSON without floats."""

import json
from decimal import Decimal
from typing import Any, NoReturn

from app.errors import BoomerangError, Broken
from app.sentences import Sentence, say
from app.texts import TEXT_LIMIT as TEXT_LIMIT
from app.texts import clean_text as clean_text

Json = dict[str, Any]


class BodyError(Broken):
    """A body that is not what its topic promises; the sentence names the field and what was found there."""


class NothingToDo(BoomerangError):
    """A sound body that says nothing the books need; the delivery is ignored with this sentence."""


def read_object(raw: bytes) -> Json:
    """Return a body's JSON object; numbers with a point are Decimals. Of a repeated name the last counts.

    Raises BodyError for anything else, NaN and Infinity included, which are no JSON.
    """
    try:
        found = json.loads(raw.decode("utf-8"), parse_float=_decimal, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise BodyError(say("The body is not UTF-8 text.")) from error
    except RecursionError as error:
        raise BodyError(say("The body is nested too deeply to be read.")) from error
    except ValueError as error:  # JSONDecodeError is one; so is an integer of more than 4,300 digits
        raise BodyError(say("The body is not JSON.") if raw.strip() else say("The body is empty.")) from error
    if not isinstance(found, dict):
        raise BodyError(say("The body must be a JSON object; it is {found}.", found=kind_of(found)))
    return found


def kind_of(value: Any) -> Sentence:
    """Return what a JSON value is, in words."""
    match value:
        case None:
            return say("nothing")
        case bool():
            return say("true") if value else say("false")
        case str():
            return say("text")
        case int() | Decimal():
            return say("a number")
        case list():
            return say("a list")
        case _:
            return say("an object")


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError as error:
        raise ValueError("A number's exponent is beyond all bounds.") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON.")
