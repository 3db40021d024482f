"""Made-up people who work in a made-up shop."""

from datetime import UTC, datetime

from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.rules.roles import Role
from app.models import StaffMember

#: Those whom tests let act without saying more about them; all are owners.
CAST = ("1", "7", "8", "9", "42", "43")
_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def hire_cast(session: Session, shop_id: int) -> None:
    """Let everybody of the cast have opened the app in a shop."""
    for shopify_id in CAST:
        hire(session, shop_id, shopify_id, Role.OWNER)


def hire(session: Session, shop_id: int, shopify_id: str, role: Role, up_to_minor: int | None = None) -> None:
    """Let a person have opened the app in a shop, and have a role."""
    values = {"name": f"Sam {shopify_id} Staff", "email": f"staff{shopify_id}@example.com"}
    row = {"shop_id": shop_id, "shopify_id": shopify_id, "role": role, "approve_up_to_minor": up_to_minor, **values}
    session.execute(upsert(StaffMember).values(first_seen_at=_LONG_AGO, **row).on_conflict_do_nothing())
