"""What changes from one version of terms to another, as data and in sentences."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any
from zoneinfo import ZoneInfo

from app.engine.rules.scopes import plain
from app.engine.rules.terms import Campaign, RateRule, Scope, Terms, Tier
from app.engine.rules.terms_words import LABELS, Told, tell_list, tell_value
from app.sentences import Sentence, say

_Row = Tier | RateRule | Campaign
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. ``before`` and ``after`` are texts for people; None where a row was not there."""

    #: Names as the document has them: ("limits", "day"), ("tiers", "Gold", "rate").
    where: tuple[str, ...]
    before: str | None
    after: str | None
    sentence: Sentence


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
        said = say("{what}: {after} instead of {before}.", what=_label(where), after=is_now, before=was)
        return Change(where, str(was), str(is_now), said)

    def _sets(self, where: tuple[str, ...], before: frozenset[Any], after: frozenset[Any]) -> Change:
        came, went, what = tell_list(after - before), tell_list(before - after), _label(where)
        if came and went:
            said = say("{what}: added {came}, removed {went}.", what=what, came=came, went=went)
        elif came:
            said = say("{what}: added {came}.", what=what, came=came)
        else:
            said = say("{what}: removed {went}.", what=what, went=went)
        return Change(where, tell_list(before) or "none", tell_list(after) or "none", said)

    def _rows(self, kind: str, older: Sequence[_Row], newer: Sequence[_Row]) -> Iterator[Change]:
        """Yield what changes of tiers, rates or campaigns; one row is the same as another by its name."""
        old_rows, new_rows = ({plain(row.name): row for row in rows} for rows in (older, newer))
        for name, row in old_rows.items():
            if name not in new_rows:
                told = tell_row(kind, row, self._older.currency, self._zone)
                said = say("{kind} {name} is gone ({told}).", kind=_label((kind,)), name=repr(row.name), told=told)
                yield Change((kind, row.name), str(told), None, said)
        for name, row in new_rows.items():
            if name not in old_rows:
                told = tell_row(kind, row, self._newer.currency, self._zone)
                said = say("{kind} {name} is new: {told}.", kind=_label((kind,)), name=repr(row.name), told=told)
                yield Change((kind, row.name), None, str(told), said)
            else:
                yield from self._row(kind, old_rows[name], row)

    def _row(self, kind: str, older: _Row, newer: _Row) -> Iterator[Change]:
        title = say("{kind} {name}", kind=_label((kind,)), name=repr(newer.name))
        if older.name != newer.name:
            said = say("{row} was written {name}.", row=title, name=repr(older.name))
            yield Change((kind, newer.name, "name"), older.name, newer.name, said)
        for name in _told_fields(newer):
            before, after = getattr(older, name), getattr(newer, name)
            if before != after:
                was, is_now = self._told(name, before, self._older), self._told(name, after, self._newer)
                part = document_name(name)
                what = say("{row}, {part}", row=title, part=_label((kind, part)))
                said = say("{what}: {after} instead of {before}.", what=what, after=is_now, before=was)
                yield Change((kind, newer.name, part), str(was), str(is_now), said)

    def _told(self, name: str, value: Any, terms: Terms) -> Told:
        return tell_value(name, value, terms.currency, self._zone)


def tell_row(kind: str, row: Tier | RateRule | Campaign, currency: str, zone: ZoneInfo) -> Sentence:
    """Return all that a tier, a rate or a campaign says besides its name; ``kind`` is its list's name."""
    told: Sentence | None = None
    for name in _told_fields(row):
        value = getattr(row, name)
        if value not in (None, "", Scope()):
            part = say(
                "{label} {value}",
                label=_label((kind, document_name(name))),
                value=tell_value(name, value, currency, zone),
            )
            told = part if told is None else say("{most}, {next}", most=told, next=part)
    return say("none") if told is None else told


def _label(where: tuple[str, ...]) -> Sentence:
    return say(LABELS[".".join(where)])


def _told_fields(row: _Row) -> list[str]:
    return [field.name for field in fields(row) if field.name != "name"]
