"""What a list is asked for by its address: texts, numbers, days and amounts; what is no such thing counts as none."""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from flask import g, request

from app.admin.display import zone
from app.admin.guard import FRAME_PARAMETERS
from app.admin.queries.keyset import LARGEST_ID, Place, Slice, Window, read_place
from app.db import db
from app.engine.audit import SYSTEM
from app.engine.flows import staff
from app.engine.rules.money import MoneyError, parse
from app.engine.staffing import PREFIX
from app.errors import Refused

LONGEST = 100
_Kind = TypeVar("_Kind", bound=StrEnum)
_Row = TypeVar("_Row")


def asked_text(name: str) -> str:
    """Return a text of the address, trimmed."""
    return request.values.get(name, "").replace("\0", "")[:LONGEST].strip()


def asked_choice(name: str, kind: type[_Kind]) -> _Kind | None:
    """Return a member of an enumeration."""
    text = asked_text(name)
    return kind(text) if text in list(kind) else None


def asked_id(name: str) -> int:
    """Return one of our ids, or 0."""
    text = asked_text(name)
    number = int(text) if text.isascii() and text.isdigit() else 0
    return number if number <= LARGEST_ID else 0


def asked_amount(name: str) -> int | None:
    """Return an amount in minor units of the shop's currency."""
    try:
        return parse(asked_text(name), g.shop.currency).minor
    except MoneyError:
        return None


def asked_days() -> tuple[datetime | None, datetime | None]:
    """Return the instants from which and before which something is to lie; days are the shop's, both inclusive."""
    first, last = _day("from"), _day("to")
    return (
        None if first is None else _start(first),
        None if last is None else _start(last + timedelta(days=1)),
    )


def asked_window() -> Window:
    """Return which page is wanted."""
    return Window(read_place(request.args.get("before", "")), read_place(request.args.get("after", "")))


def list_actors() -> list[str]:
    """Return who may have done something: Boomerang itself, the command line, and everybody of the staff."""
    people = staff.list_staff(db.session(), g.shop.id)
    return [SYSTEM, "cli", *(f"{PREFIX}{row.shopify_id}" for row in people)]


def check_all_found(are_more: bool) -> None:
    """Raise Refused for a file about people of whom only the first are looked at."""
    if are_more:
        raise Refused("Many customers are called so: write more of the name or the email, so that the file is whole.")


def links(path: str, chosen: dict[str, str], page: Slice[_Row]) -> dict[str, str | None]:
    """Return the addresses of the neighbouring pages, as the templates' ``pager`` takes them."""
    return {
        "newer": None if page.newer is None else link(path, chosen, after=page.newer),
        "older": None if page.older is None else link(path, chosen, before=page.older),
    }


def link(path: str, chosen: dict[str, str], **place: Place | int | str) -> str:
    """Return the address of a list with what was chosen, in the frame it is shown in."""
    kept = {name: request.args[name] for name in FRAME_PARAMETERS if name in request.args}
    query = {**kept, **{name: value for name, value in chosen.items() if value}, **place}
    return f"{path}?{urlencode(query)}" if query else path


def _day(name: str) -> date | None:
    try:
        day = date.fromisoformat(asked_text(name))
    except ValueError:
        return None
    # Outside of these years no zone can be counted with.
    return day if 1970 <= day.year < 9000 else None


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), zone(g.shop.timezone)).astimezone(UTC)
