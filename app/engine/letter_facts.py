"""What letters are written from: everything that a batch of messages is about, as it is now."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from app.engine.rules.messages import Saying, Topic
from app.engine.rules.statements import Figures
from app.engine.rules.states import RewardState, TransferKind, VoidReason
from app.engine.rules.tellings import Told

#: A reward and whose: its customer, or None for the guest.
Whose = tuple[int, int | None]


class Waits(NamedTuple):
    """A message that waits to be told."""

    id: int
    topic: Topic
    customer_id: int | None
    reward_id: int | None
    subject_id: int
    created_at: datetime


class Person(NamedTuple):
    """A customer as they are written to."""

    email: str | None
    name: str | None
    locale: str | None
    #: Deleted, forgotten, or gone on as another one.
    is_gone: bool


class RewardRow(NamedTuple):
    """A reward and its order, as far as letters tell of them."""

    customer_id: int | None
    state: RewardState
    kept_minor: int
    reversed_minor: int
    adjusted_minor: int | None
    void_reason: VoidReason | None
    release_at: datetime | None
    claim_until: datetime | None
    order_id: int
    order_name: str
    #: From before the programme began, and no person asked for just this one.
    is_past: bool
    is_cancelled: bool
    guest_email: str | None
    #: What the buyer reads.
    locale: str | None


class ByHand(NamedTuple):
    """Credit given or taken by a person."""

    kind: TransferKind
    amount_minor: int
    #: Of credit that was given: what Shopify confirmed, and until when it is to be had.
    credited_minor: int
    ends_at: datetime | None
    is_told: bool


class Ending(NamedTuple):
    """A credit that comes to its end."""

    left_minor: int
    ends_at: datetime | None


class Stated(NamedTuple):
    """A statement's period and figures."""

    starts_at: datetime
    ends_at: datetime
    figures: Figures


class Refunded(NamedTuple):
    """What a shop refunded to store credit in Shopify, and of which order."""

    amount_minor: int
    order_name: str | None


@dataclass(frozen=True, slots=True)
class LetterFacts:
    """All of it, by the numbers that the messages name."""

    people: dict[int, Person]
    available_minor: dict[int, int]
    stops: dict[str, set[Saying | None]]
    rewards: dict[int, RewardRow]
    told: dict[Whose, Told]
    #: Credits that Shopify confirmed, less debits that were made or are to be made; and when the newest credit ends.
    moved_minor: Counter[Whose]
    ends_at: dict[Whose, datetime | None]
    #: What of rewards settled what was owed from before.
    set_off_minor: Counter[Whose]
    #: What of rewards was credited, and kept, before anything that waits happened.
    known_minor: Counter[Whose]
    by_hand: dict[int, ByHand]
    tiers: dict[int, tuple[str | None, str]]
    #: The tiers of today, by name.
    rate_bps: dict[str, int]
    endings: dict[int, Ending]
    statements: dict[int, Stated]
    refunds: dict[int, Refunded]
