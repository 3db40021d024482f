"""What a merchant's own address is told, from when it was written with its incident until the address took it.

``app/alerts/posts.py`` carries the network part between the steps. A post may arrive twice, should a worker end
between the answer and our noting it: its number says that it is the same. It never overtakes an older one about the
same incident.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session, aliased

from app.engine.rules.alerts import AlertEvent, retry_at
from app.models import AlertPost, Shop
from app.texts import clean_sentence

#: So long one attempt may take; after that another worker may try.
LEASE = timedelta(seconds=60)
LONGEST_ERROR = 300


@dataclass(frozen=True, slots=True)
class PostClaim:
    """A post that one worker has in its hands."""

    post_id: int
    shop_id: int
    event: AlertEvent
    body: Mapping[str, Any]
    created_at: datetime
    #: The number of this attempt, from 1.
    attempt: int


def list_due_shops(session: Session, now: datetime) -> list[int]:
    """Return the shops that have a post to send."""
    due = exists().where(AlertPost.shop_id == Shop.id, AlertPost.next_attempt_at <= now)
    return list(session.scalars(select(Shop.id).where(Shop.uninstalled_at.is_(None), due).order_by(Shop.id)))


def add_post(
    session: Session,
    shop_id: int,
    event: AlertEvent,
    body: Mapping[str, Any],
    now: datetime,
    *,
    incident_id: int | None = None,
) -> None:
    """Plan a post; it leaves after the commit. ``body`` is what JSON can hold."""
    session.add(
        AlertPost(
            shop_id=shop_id,
            incident_id=incident_id,
            event=event,
            body=dict(body),
            created_at=now,
            next_attempt_at=now,
        )
    )
    session.flush()


def claim_next(session: Session, shop_id: int, now: datetime) -> PostClaim | None:
    """Take the oldest post of a shop that is due, or None."""
    earlier = aliased(AlertPost)
    held_up = exists().where(
        earlier.shop_id == shop_id,
        earlier.incident_id == AlertPost.incident_id,
        earlier.id < AlertPost.id,
        earlier.next_attempt_at.is_not(None),
    )
    row = session.scalars(
        select(AlertPost)
        .where(AlertPost.shop_id == shop_id, AlertPost.next_attempt_at <= now, ~held_up)
        .order_by(AlertPost.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=AlertPost)
    ).one_or_none()
    if row is None:
        return None
    row.attempts += 1
    row.next_attempt_at = now + LEASE
    session.flush()
    return PostClaim(row.id, shop_id, row.event, row.body, row.created_at, row.attempts)


def mark_posted(session: Session, claim: PostClaim, now: datetime) -> None:
    """Note that the address took it, which is so whoever has it in hands by now."""
    session.execute(
        update(AlertPost)
        .where(AlertPost.shop_id == claim.shop_id, AlertPost.id == claim.post_id)
        .values(posted_at=now, next_attempt_at=None, error=None)
    )


def put_back(session: Session, claim: PostClaim, error: str, now: datetime) -> datetime | None:
    """Note that the address did not take it; return when it is tried again, None where it is given up after a day."""
    again = retry_at(claim.created_at, claim.attempt, now)
    session.execute(
        update(AlertPost)
        .where(
            AlertPost.shop_id == claim.shop_id,
            AlertPost.id == claim.post_id,
            AlertPost.attempts == claim.attempt,
            AlertPost.posted_at.is_(None),
        )
        .values(next_attempt_at=again, error=clean_sentence(error, LONGEST_ERROR))
    )
    return again


def give_up_all(session: Session, shop_id: int, why: str) -> None:
    """Give up what waits, such as when there is no address any more."""
    session.execute(
        update(AlertPost)
        .where(AlertPost.shop_id == shop_id, AlertPost.next_attempt_at.is_not(None))
        .values(next_attempt_at=None, error=why)
    )
