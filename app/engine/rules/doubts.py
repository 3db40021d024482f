"""What a person needs to decide about a transfer whose outcome nobody knows, kept as data with the transfer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.engine.rules.arrival import Doubtful, Sent
from app.engine.rules.facts_json import from_json

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """A transaction on the account that may be the transfer; ``why`` says why that is not sure."""

    gid: str
    #: Negative where credit left the account.
    amount_minor: int
    created_at: datetime
    expires_at: datetime | None
    note: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """What was sent, until when it would have been made, and what was found instead."""

    sent_minor: int
    sent_at: datetime
    #: A transaction made later is not ours by its time alone.
    looked_until: datetime
    expires_at: datetime | None
    note: str | None
    #: The account's newest transaction before sending; 0 when it had none.
    watermark: int
    found: tuple[Found, ...] = ()


def make_doubt(sent: Sent, doubtful: Doubtful, window: timedelta) -> Doubt:
    """Return the doubt about a sending that a read-back ended in."""
    return Doubt(
        sent_minor=sent.amount_minor,
        sent_at=sent.sent_at,
        looked_until=sent.sent_at + window,
        expires_at=sent.expires_at,
        note=sent.note,
        watermark=sent.watermark,
        found=tuple(
            Found(str(m.gid), m.amount_minor, m.created_at, m.expires_at, m.note, candidate.why)
            for candidate in doubtful.candidates
            for m in (candidate.movement,)
        ),
    )


def doubt_to_json(doubt: Doubt) -> Json:
    """Return a doubt as a JSON object that ``doubt_from_json`` reads back."""
    found = [
        {
            "gid": each.gid,
            "amount_minor": each.amount_minor,
            "created_at": each.created_at.isoformat(),
            "expires_at": each.expires_at and each.expires_at.isoformat(),
            "note": each.note,
            "why": each.why,
        }
        for each in doubt.found
    ]
    return {
        "sent_minor": doubt.sent_minor,
        "sent_at": doubt.sent_at.isoformat(),
        "looked_until": doubt.looked_until.isoformat(),
        "expires_at": doubt.expires_at and doubt.expires_at.isoformat(),
        "note": doubt.note,
        "watermark": doubt.watermark,
        "found": found,
    }


def doubt_from_json(data: Mapping[str, Any]) -> Doubt:
    """Return the doubt that a JSON object describes."""
    return from_json(Doubt, data)
