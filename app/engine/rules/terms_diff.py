"""What changes from one version of terms to another, as data and in sentences."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any
from zoneinfo import ZoneInfo

from app.engine.rules.scopes import plain
from app.engine.rules.terms import Campaign, RateRule, Scope, Terms, Tier
from app.engine.rules.terms_words import LABELS, tell_list, tell_value

_Row = Tier | RateRule | Campaign
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. ``before`` and ``after`` are texts for people; None where a row was not there."""

    #: Names as the document has them: ("limits", "day"), ("tiers", "Gold", "rate").
    where: tuple[str, ...]
    before: str | None
    after: str | None
    sentence: str


def diff_terms(older: Terms, newer: Terms, zone: ZoneInfo = _UTC) -> tuple[Change, ...]:
    """Return what changes, in the order of the terms' fields; the numbers of the versions do not count."""
    return tuple(_Diff(older, newer, zone).changes())


def document_name(name: str) -> str:
    """Return what the document calls a field of the terms: without the unit, which it writes out."""
    return name.removesuffix("_minor").removesuffix("_bps")


class _Diff:
    """Walks through two terms side by side."""

    def __init__(self, older: Terms, newer: Terms, zone: ZoneInfo) -> None:
        self._older, self._newer, self._zone = older, newer, zone

    def changes(self) -> Iterator[Change]:
        """Yield every difference."""
        yield from self._parts((), self._older, self._newer)

    def _parts(self, path: tuple[str, ...], older: Any, newer: Any) -> Iterator[Change]:
        for field in fields(older):
            if field.name == "version":
                continue
            where = (*path, document_name(field.name))
            before, after = getattr(older, field.name), getattr(newer, field.name)
            if before == after:
                continue
            if isinstance(before, tuple):
                yield from self._rows(where[0], before, after)
            elif is_dataclass(before):
                yield from self._parts(where, before, after)
            elif isinstance(before, frozenset):
                yield self._sets(where, before, after)
            else:
                yield self._value(where, field.name, before, after)

    def _value(self, where: tuple[str, ...], name: str, before: Any, after: Any) -> Change:
        was, is_now = self._told(name, before, self._older), self._told(name, after, self._newer)
        return Change(where, was, is_now, f"{_label(where)}: {is_now} instead of {was}.")

    def _sets(self, where: tuple[str, ...], before: frozenset[Any], after: frozenset[Any]) -> Change:
        parts = [
            f"{word} {tell_list(items)}"
            for word, items in (("added", after - before), ("removed", before - after))
            if items
        ]
        was, is_now = tell_list(before) or "none", tell_list(after) or "none"
        return Change(where, was, is_now, f"{_label(where)}: {', '.join(parts)}.")

    def _rows(self, kind: str, older: Sequence[_Row], newer: Sequence[_Row]) -> Iterator[Change]:
        """Yield what changes of tiers, rates or campaigns; one row is the same as another by its name."""
        old_rows, new_rows = ({plain(row.name): row for row in rows} for rows in (older, newer))
        for name, row in old_rows.items():
            if name not in new_rows:
                told = self._told_row(kind, row, self._older)
                yield Change((kind, row.name), told, None, f"{LABELS[kind]} {row.name!r} is gone ({told}).")
        for name, row in new_rows.items():
            if name not in old_rows:
                told = self._told_row(kind, row, self._newer)
                yield Change((kind, row.name), None, told, f"{LABELS[kind]} {row.name!r} is new: {told}.")
            else:
                yield from self._row(kind, old_rows[name], row)

    def _row(self, kind: str, older: _Row, newer: _Row) -> Iterator[Change]:
        title = f"{LABELS[kind]} {newer.name!r}"
        if older.name != newer.name:
            said = f"{title} was written {older.name!r}."
            yield Change((kind, newer.name, "name"), older.name, newer.name, said)
        for name in _told_fields(newer):
            before, after = getattr(older, name), getattr(newer, name)
            if before != after:
                was, is_now = self._told(name, before, self._older), self._told(name, after, self._newer)
                part = document_name(name)
                said = f"{title}, {LABELS[f'{kind}.{part}']}: {is_now} instead of {was}."
                yield Change((kind, newer.name, part), was, is_now, said)

    def _told_row(self, kind: str, row: _Row, terms: Terms) -> str:
        parts = []
        for name in _told_fields(row):
            value = getattr(row, name)
            if value not in (None, "", Scope()):
                parts.append(f"{LABELS[f'{kind}.{document_name(name)}']} {self._told(name, value, terms)}")
        return ", ".join(parts)

    def _told(self, name: str, value: Any, terms: Terms) -> str:
        return tell_value(name, "none" if value == "" else value, terms.currency, self._zone)


def _label(where: tuple[str, ...]) -> str:
    return LABELS[".".join(where)]


def _told_fields(row: _Row) -> list[str]:
    return [field.name for field in fields(row) if field.name != "name"]
