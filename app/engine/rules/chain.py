"""The chain of a customer's entries: each digest covers one entry, its postings and the digest before it.

So no entry can be changed, taken out, put in between or moved without the digests from there on becoming wrong.
``canonical_text`` and ``app/engine/invariants/chain.py`` write the same text, here and in the database; both
change together or not at all, for entries are never digested anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from app.engine.rules.postings import EntryKind, Posting

#: Before the first entry of a customer there is nothing.
NO_DIGEST = b""
_FORMAT = "1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Link:
    """What the digest of one entry covers besides the digest before it."""

    shop_id: int
    customer_id: int
    #: 1 for the customer's first entry in the chain, 2 for the next, and so on.
    position: int
    key: str
    kind: EntryKind
    currency: str
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    postings: Sequence[Posting]
    reward_id: int | None = None
    adjustment_id: int | None = None
    move_id: int | None = None


def compute_digest(previous: bytes, link: Link) -> bytes:
    """Return the 32 bytes of an entry's digest; ``previous`` is that of the entry before it, or ``NO_DIGEST``."""
    return sha256(previous + canonical_text(link).encode()).digest()


def canonical_text(link: Link) -> str:
    """Return an entry as the one text that is digested: two entries that differ never have the same.

    Instants are whole microseconds since 1970 in UTC. Texts that people have a hand in carry their length, so that
    nothing in them can pass for the field after.
    """
    fields = (
        _FORMAT,
        link.shop_id,
        link.customer_id,
        link.position,
        _counted(link.key),
        link.kind,
        link.currency,
        _microseconds(link.occurred_at),
        _microseconds(link.recorded_at),
        _counted(link.actor),
        "" if link.reward_id is None else link.reward_id,
        "" if link.adjustment_id is None else link.adjustment_id,
        "" if link.move_id is None else link.move_id,
        ",".join(f"{posting.source}>{posting.destination}:{posting.amount_minor}" for posting in link.postings),
    )
    return "|".join(map(str, fields))


def _counted(text: str) -> str:
    return f"{len(text)}:{text}"


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
