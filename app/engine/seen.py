"""What a form says it saw: nobody overwrites what somebody else has changed meanwhile without having seen it."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from app.errors import Refused
from app.sentences import marked

_LENGTH = 20


class ChangedMeanwhile(Refused):
    """What a form would change is not what it was when the form was shown."""

    def __init__(self) -> None:
        super().__init__(
            marked("Somebody changed this meanwhile. Look at it as it is now, and make your change again.")
        )


def mark(values: Mapping[str, Any]) -> str:
    """Return a short text that is the same for the same values: JSON values, instants and enums."""
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]


def check_seen(seen: str | None, values: Mapping[str, Any]) -> None:
    """Raise ChangedMeanwhile unless the values are those that were seen; None is for who has looked at nothing."""
    if seen is not None and seen != mark(values):
        raise ChangedMeanwhile
