"""What a journey is told from: what is known of one reward on its way, and of the pace of its shop."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.engine.rules.states import RewardState, TransferState


@dataclass(frozen=True, slots=True)
class Arrival:
    """One word from Shopify about the order that was handled: when it was told there, and when it came."""

    received_at: datetime
    #: None where Boomerang asked by itself.
    triggered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Credit:
    """The first credit of a reward."""

    state: TransferState
    created_at: datetime
    sent_at: datetime | None = None
    confirmed_at: datetime | None = None
    next_attempt_at: datetime | None = None
    needs_person: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one reward that its journey is told from."""

    state: RewardState
    purchased_at: datetime
    #: When the order was first known here, however that came.
    first_seen_at: datetime
    #: When the reward's row was made, and when it first had something to book.
    created_at: datetime
    booked_at: datetime | None = None
    #: When Shopify said that the order was paid, and all it said about the order, oldest first.
    paid_at: datetime | None = None
    arrivals: tuple[Arrival, ...] = ()
    is_unpaid: bool = False
    #: A person's decision; and whether a hold ended by itself.
    decided_at: datetime | None = None
    outlasted_hold: bool = False
    state_at: datetime | None = None
    release_at: datetime | None = None
    held_until: datetime | None = None
    undo_until: datetime | None = None
    settled_at: datetime | None = None
    credit: Credit | None = None
    #: When there was first something to tell the customer, and when a mail that told it was sent.
    news_at: datetime | None = None
    told_at: datetime | None = None
    #: Since when something is to be told that no mail was sent of yet.
    unsaid_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast things go in a shop of late; None where nothing is known of it."""

    #: Within which time nine in ten credits are confirmed, from when they were released.
    credit: timedelta | None = None
    #: Within which time half of the decisions of people are made.
    decision: timedelta | None = None
    is_paused: bool = False
    #: When the last pause ended.
    resumed_at: datetime | None = None
