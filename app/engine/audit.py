"""The audit trail: one row for everything a person, or the programme by itself, decided."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.models import AuditEvent

#: Who acts where no person does.
SYSTEM = "system"


def record(
    session: Session,
    shop_id: int,
    actor: str,
    action: str,
    *,
    subject: tuple[str, int],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    now: datetime,
    reason: str | None = None,
) -> None:
    """Add who did what to which row, with what it was before and is after (JSON-serialisable values)."""
    session.add(
        AuditEvent(
            shop_id=shop_id,
            at=now,
            actor=actor,
            action=action,
            subject=subject[0],
            subject_id=subject[1],
            before=dict(before),
            after=dict(after),
            reason=reason,
        )
    )
