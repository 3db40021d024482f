"""Which version of the terms holds when: of those that have begun the one that began last, the newest of one moment."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum


class VersionState(StrEnum):
    """How a published version stands at a moment."""

    IN_FORCE = "in_force"
    #: Begins later.
    SCHEDULED = "scheduled"
    PAST = "past"
    #: Never holds: a newer version was published for the same moment.
    REPLACED = "replaced"


def find_in_force(begins: Mapping[int, datetime], at: datetime) -> int | None:
    """Return the version in force at an instant, given when each begins; None before the first."""
    begun = [(begins_at, version) for version, begins_at in begins.items() if begins_at <= at]
    return max(begun)[1] if begun else None


def tell_states(begins: Mapping[int, datetime], now: datetime) -> dict[int, VersionState]:
    """Return how each version stands now, given when each begins."""
    in_force = find_in_force(begins, now)
    newest_of = {begins_at: version for version, begins_at in sorted(begins.items())}
    states = {}
    for version, begins_at in begins.items():
        if newest_of[begins_at] != version:
            states[version] = VersionState.REPLACED
        elif version == in_force:
            states[version] = VersionState.IN_FORCE
        else:
            states[version] = VersionState.SCHEDULED if begins_at > now else VersionState.PAST
    return states
