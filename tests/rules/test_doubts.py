"""A doubt about a transfer is kept as data and comes back as it was."""

from datetime import UTC, datetime, timedelta

import pytest

from app.engine.rules.arrival import Candidate, Doubtful, Movement, MovementKind, Sent
from app.engine.rules.doubts import Doubt, Found, doubt_from_json, doubt_to_json, make_doubt

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
GID = "gid://shopify/StoreCreditAccountCreditTransaction/101"
LATER = AT + timedelta(days=3652)
MOVEMENT = Movement(MovementKind.CREDIT, GID, 700, 900, AT, True, LATER, "By hand")


@pytest.mark.parametrize(
    ("sent", "expires_at", "note"),
    [
        (Sent(700, 100, AT), None, None),
        (Sent(700, 100, AT, LATER, "Boomerang transfer 1"), LATER, "Boomerang transfer 1"),
    ],
)
def test_a_doubt_says_what_was_sent_when_and_what_was_found(
    sent: Sent, expires_at: datetime | None, note: str | None
) -> None:
    doubtful = Doubtful("Which?", (Candidate(MOVEMENT, "Others look the same."),))
    doubt = make_doubt(sent, doubtful, timedelta(seconds=45))
    assert doubt == Doubt(
        sent_minor=700,
        sent_at=AT,
        looked_until=AT + timedelta(seconds=45),
        expires_at=expires_at,
        note=note,
        watermark=100,
        found=(Found(GID, 700, AT, LATER, "By hand", "Others look the same."),),
    )
    assert doubt_from_json(doubt_to_json(doubt)) == doubt
