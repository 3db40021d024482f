"""Statements: which periods follow on those there are, and the figures that always add up."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.engine.rules.periods import Period
from app.engine.rules.postings import Account, Line, Posting, line_of


@dataclass(frozen=True, slots=True)
class Amounts:
    """What one line of a statement adds to (or takes from) each account of the customer, in minor units."""

    pending_minor: int = 0
    available_minor: int = 0
    owed_minor: int = 0

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(
            self.pending_minor + other.pending_minor,
            self.available_minor + other.available_minor,
            self.owed_minor + other.owed_minor,
        )

    @property
    def total_minor(self) -> int:
        """Return the three together: what the customer has in all, what is owed taken off."""
        return self.pending_minor + self.available_minor + self.owed_minor


@dataclass(frozen=True, slots=True)
class Figures:
    """A statement's figures: opening and all lines sum to closing, in each account and in all."""

    opening: Amounts
    #: Only lines on which something happened, in the order of ``Line``.
    lines: dict[Line, Amounts]

    @property
    def closing(self) -> Amounts:
        """Return what the customer had at the end of the period, or has now if it goes on."""
        return sum(self.lines.values(), self.opening)


def compute_figures(before: Iterable[Posting], within: Iterable[Posting]) -> Figures:
    """Return the figures from all postings before a period and those within it (sums of them do as well)."""
    opening = sum((_amounts(posting) for posting in before), Amounts())
    lines: dict[Line, Amounts] = {}
    for posting in within:
        line = line_of(posting.source, posting.destination)
        if line is not None:
            lines[line] = lines.get(line, Amounts()) + _amounts(posting)
    return Figures(opening, {line: lines[line] for line in Line if line in lines})


def continue_with(wanted: Period, known: Period | None, at: datetime) -> tuple[Period, ...]:
    """Return the periods to add so that an instant has one, next to those that ``known`` spans without a gap.

    ``wanted`` is the period of the instant by the terms in force. It is cut where others are already, and one
    period without any movement closes a gap. The instant lies outside ``known``.
    """
    if known is None:
        return (wanted,)
    if at >= known.end:
        start = max(wanted.start, known.end)
        gap, period = Period(known.end, start), Period(start, wanted.end)
    else:
        end = min(wanted.end, known.start)
        gap, period = Period(end, known.start), Period(wanted.start, end)
    return (gap, period) if gap.start < gap.end else (period,)


def _amounts(posting: Posting) -> Amounts:
    def moved(account: Account) -> int:
        signs = (posting.destination is account) - (posting.source is account)
        return signs * posting.amount_minor

    return Amounts(moved(Account.PENDING), moved(Account.AVAILABLE), moved(Account.OWED))
