"""How many people an approval takes, and for how long it can be undone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class FirstApproval:
    """What one person agreed to already: who, and to how much in minor units."""

    by: str
    amount_minor: int


class Count(StrEnum):
    """What one more approval is."""

    #: Nobody else has to be asked.
    ENOUGH = "enough"
    #: Another person has to agree.
    FIRST = "first"
    #: The same person has agreed already.
    AGAIN = "again"


def count_approval(limit_minor: int | None, amount_minor: int, first: FirstApproval | None, person: str) -> Count:
    """Return what a person's approval of an amount is, where more than ``limit_minor`` takes two.

    The first one counts only for the amount it was given for.
    """
    if limit_minor is None or amount_minor <= limit_minor:
        return Count.ENOUGH
    if first is None or first.amount_minor != amount_minor:
        return Count.FIRST
    return Count.AGAIN if first.by == person else Count.ENOUGH


def compute_undo_until(undo_seconds: int, now: datetime, *, is_due: bool, is_staff: bool) -> datetime | None:
    """Return until when the credit of an approval is not made, so that it can be undone; None: nothing waits for that.

    What is not due yet waits for its own day, and only people have second thoughts.
    """
    return now + timedelta(seconds=undo_seconds) if is_due and is_staff and undo_seconds else None
