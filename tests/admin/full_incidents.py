"""What was wrong with the engine of the full shop: something that is, something that was, and how it was told."""

from datetime import datetime, timedelta

from app.db import transaction
from app.engine.rules.alerts import AlertEvent
from app.models import AlertPost, BookCheck, Incident


def add_incidents(shop_id: int, now: datetime) -> None:
    """Let an incident be open, one be over that was told by mail and post, and one be over before it was told."""
    for cause, what, hours, minutes in (
        ("inbox_late", "A delivery from Shopify has been waiting for 1 minute.", 300, 3),
        ("token_refused", "Shopify refused our access token (invalid_grant), so no credit can be sent.", 52, 100),
        ("transfers_refused", "There is 1 transfer refused by Shopify.", 47, 0),
    ):
        began_at = now - timedelta(hours=hours)
        ended_at = began_at + timedelta(minutes=minutes) if minutes else None
        told_at = began_at + timedelta(minutes=1) if minutes != 3 else None
        with transaction() as session:
            row = Incident(
                shop_id=shop_id,
                cause=cause,
                what=what,
                advice="See what is concerned, and mend it.",
                room="/orders?badge=failed",
                began_at=began_at,
                seen_at=now,
                gone_at=ended_at,
                ended_at=ended_at,
                told_at=told_at,
                mailed_at=told_at,
                end_told_at=ended_at if told_at else None,
            )
            session.add(row)
            session.flush()
            if told_at is not None:
                session.add(
                    AlertPost(
                        shop_id=shop_id,
                        incident_id=row.id,
                        event=AlertEvent.OPENED,
                        body={"cause": cause},
                        created_at=told_at,
                        attempts=3,
                        posted_at=told_at if ended_at else None,
                        next_attempt_at=None if ended_at else now,
                        error=None if ended_at else "The address answered 503.",
                    )
                )


def add_checks(shop_id: int, now: datetime) -> None:
    """Let the books have been checked twice: by themselves with a mistake, and by somebody who saw it mended."""
    mistake = "entry 7 of customer 3 moves nothing. Broken: Every entry moves something."
    for hours, who, notes in ((26, "system", [mistake]), (2, "staff:9", [])):
        began_at = now - timedelta(hours=hours)
        finished_at = began_at + timedelta(milliseconds=2_340)
        row = BookCheck(shop_id=shop_id, asked_at=began_at, asked_by=who, began_at=began_at, stepped_at=finished_at)
        row.finished_at, row.looked_at, row.entries = finished_at, 40, 180
        row.findings, row.notes = len(notes), notes
        with transaction() as session:
            session.add(row)
