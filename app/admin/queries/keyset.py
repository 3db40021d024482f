"""Pages of a list that is ordered by an instant and a number, newest first: where one is, and what lies either way."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, tuple_
from sqlalchemy.orm import Session

#: A larger number is no 64-bit id of ours.
LARGEST_ID = 2**63 - 1
PAGE_SIZE = 25
#: What is walked through from end to end is read in pages of so many.
_WALKED_SIZE = 500
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """The place of a row in such a list."""

    at: datetime
    id: int

    def __str__(self) -> str:
        return f"{self.at.isoformat()}_{self.id}"


@dataclass(frozen=True, slots=True)
class Slice(Generic[Row]):
    """One page, newest first; a place is None where there is nothing further that way."""

    rows: tuple[Row, ...]
    newer: Place | None
    older: Place | None


@dataclass(frozen=True, slots=True)
class Window:
    """Which page is wanted: the rows before a place, those after one, or the newest."""

    before: Place | None = None
    after: Place | None = None
    size: int = PAGE_SIZE


def read_place(text: str) -> Place | None:
    """Return the place a text holds, or None for any other text."""
    at, _, number = text.rpartition("_")
    try:
        place = Place(datetime.fromisoformat(at), int(number))
    except ValueError:
        return None
    return place if place.at.tzinfo and 0 <= place.id <= LARGEST_ID else None


def within(query: Select[datetime, int], at: Any, number: Any, window: Window) -> Select[datetime, int]:
    """Return a query for one row more than the page has, ordered as it lies from where one is."""
    key = tuple_(at, number)
    if window.after is not None:
        query = query.where(key > (window.after.at, window.after.id)).order_by(at, number)
    else:
        if window.before is not None:
            query = query.where(key < (window.before.at, window.before.id))
        query = query.order_by(at.desc(), number.desc())
    return query.limit(window.size + 1)


def cut(found: Sequence[Row], window: Window, place_of: Callable[[Row], Place]) -> Slice[Row]:
    """Return the page out of what a query ``within`` the window found."""
    has_more, rows = len(found) > window.size, tuple(found[: window.size])
    if window.after is not None:
        rows = rows[::-1]
    if not rows:
        return Slice((), None, None)
    is_first = window.before is None and (window.after is None or not has_more)
    return Slice(
        rows,
        None if is_first else place_of(rows[0]),
        place_of(rows[-1]) if window.after is not None or has_more else None,
    )


def walk(session: Session, read_page: Callable[[Window], Slice[Row]]) -> Iterator[Row]:
    """Yield a list's rows from the newest to the oldest, page after page; the session forgets those it has yielded."""
    window: Window | None = Window(size=_WALKED_SIZE)
    while window is not None:
        page = read_page(window)
        yield from page.rows
        session.expunge_all()
        window = None if page.older is None else Window(before=page.older, size=_WALKED_SIZE)
