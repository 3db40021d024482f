"""Shopify's search syntax, as far as documents of an app use it: terms such as `updated_at:>'2026-01-01'`."""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

TERM = re.compile(r"""(-?)(\w+):(>=|<=|>|<)?("[^"]*"|'[^']*'|[^\s()]+)""")
COMPARE: dict[str, Callable[[object, object], bool]] = {
    "": operator.eq,
    ">": operator.gt,  # type: ignore[dict-item]
    ">=": operator.ge,  # type: ignore[dict-item]
    "<": operator.lt,  # type: ignore[dict-item]
    "<=": operator.le,  # type: ignore[dict-item]
}
Item = TypeVar("Item")
Reader = Callable[[Item], object]


def select(items: Iterable[Item], query: str | None, readers: Mapping[str, Callable[[Item], object]]) -> list[Item]:
    """Return the items that fit all terms; terms nobody can read are passed over, as Shopify does."""
    found = list(items)
    for negation, name, sign, quoted in TERM.findall(query or ""):
        reader = readers.get(name)
        if reader is not None:
            wanted = quoted.strip("'\"")
            found = [item for item in found if _fits(reader(item), sign, wanted) != bool(negation)]
    return found


def _fits(value: object, sign: str, wanted: str) -> bool:
    if isinstance(value, list | set | tuple):
        return any(_fits(part, sign, wanted) for part in value)
    if value is None:
        return False
    compared = _same_kind(value, wanted)
    return compared is not None and COMPARE[sign](value, compared)


def _same_kind(value: object, text: str) -> object:
    """Read the term's text as what it is compared with; None when that makes no sense."""
    if isinstance(value, bool):
        return text.lower() == "true"
    if isinstance(value, int):
        number = text.rsplit("/", 1)[-1]
        return int(number) if number.isdecimal() else None
    if isinstance(value, datetime):
        return _moment(text)
    return text


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
