"""What one batch of a digest is made of: letters, what each leaves behind, and what is said to nobody."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.engine.rules.letters import Letter, Written
from app.engine.rules.messages import DropReason, MailKind


@dataclass(frozen=True, slots=True)
class LetterDraft:
    """A letter that is to become a mail."""

    kind: MailKind
    letter: Letter
    #: By message: what its customer then knows of the reward (``tellings.Told`` as JSON).
    said: Mapping[int, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class WrittenLetter:
    """A letter in words."""

    draft: LetterDraft
    written: Written


@dataclass(frozen=True, slots=True)
class Batch:
    """The next customers of a run. Whoever is in neither part goes on waiting."""

    drafts: tuple[LetterDraft, ...]
    #: By message, why nobody is told.
    dropped: Mapping[int, DropReason]
    #: How far the run has come with this batch.
    reached: "Reached"


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a run is: customers in the order of their ids, then guests in the order of their messages.

    It begins after the customer at whom the run before had to stop, and comes round to those before it.
    """

    begins_after: int = 0
    customer_id: int = 0
    #: Those up to ``begins_after`` have their turn.
    has_come_round: bool = False
    #: The customers are done, and guests up to this message.
    guest_message_id: int | None = None
    is_finished: bool = False
