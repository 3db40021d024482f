"""What control calls carry, read from JSON: ids, texts, times, people; each refusal is one sentence."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from babel.core import get_global

from sandbox.errors import BadInput

Json = Mapping[str, object]
HIGHEST_QUANTITY = 100_000


@dataclass(frozen=True)
class Person:
    """A customer named by id, or described; neither means a guest."""

    id: int | None
    email: str | None = None
    first_name: str = ""
    last_name: str = ""
    tags: tuple[str, ...] = ()


def read_person(value: object) -> Person | None:
    """Check a customer: an id, a description with a mail address, or null for a guest."""
    if value is None:
        return None
    if isinstance(value, dict):
        if "id" in value:
            return Person(read_id(value["id"], "customer.id"))
        email = read_text(value, "email")
        if not email:
            raise BadInput('customer needs an "email" (or give its id, or null for a guest).')
        first, last = read_text(value, "first_name") or "", read_text(value, "last_name") or ""
        return Person(None, email, first, last, read_tags(value.get("tags")))
    return Person(read_id(value, "customer"))


def read_id(value: object, name: str) -> int:
    """Check an id: a number, its text, or Shopify's gid."""
    text = str(value).rsplit("/", 1)[-1]
    if isinstance(value, bool) or not isinstance(value, int | str) or not text.isdecimal():
        raise BadInput(f"{name} must be an id such as 1234567890, not {value!r}.")
    return int(text)


def read_quantity(value: object, name: str, lowest: int = 1) -> int:
    """Check a whole number of units."""
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= HIGHEST_QUANTITY:
        raise BadInput(f"{name} must be a whole number from {lowest} to {HIGHEST_QUANTITY}, not {value!r}.")
    return value


def read_tags(value: object, name: str = "tags") -> tuple[str, ...]:
    """Check tags: a list, or one string with commas."""
    if value is None:
        return ()
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise BadInput(f"{name} must be a list of strings or one string with commas, not {value!r}.")
    return tuple(part.strip() for part in parts if part.strip())


def read_flag(body: Json, name: str, default: bool) -> bool:
    """Check a yes or no."""
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise BadInput(f"{name} must be true or false, not {value!r}.")
    return value


def read_time(value: object, name: str) -> datetime | None:
    """Check a moment with its offset from UTC, such as 2026-03-01T10:00:00Z."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadInput(f"{name} must be a time such as 2026-03-01T10:00:00Z, not {value!r}.")
    return moment.astimezone(UTC)


def read_currency(value: object, default: str) -> str:
    """Check a three-letter currency code."""
    if value is None:
        return default
    if not isinstance(value, str) or value not in get_global("all_currencies"):
        raise BadInput(f"currency must be a code such as USD, JPY or KWD, not {value!r}.")
    return value


def read_decimal(value: object, name: str) -> Decimal:
    """Check a decimal string that is not negative."""
    try:
        number = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or number < 0:
        raise BadInput(f'{name} must be a decimal string such as "10", not {value!r}.')
    return number


def read_text(body: Json, name: str) -> str | None:
    """Check a string, or its absence."""
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise BadInput(f"{name} must be a string, not {value!r}.")
    return value


def read_optional_id(body: Json, name: str) -> int | None:
    """Check an id, or its absence."""
    value = body.get(name)
    return None if value is None else read_id(value, name)


def read_choice(value: object, name: str, choices: Collection[str]) -> str:
    """Check one of a few words."""
    if not isinstance(value, str) or value not in choices:
        raise BadInput(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
    return value
