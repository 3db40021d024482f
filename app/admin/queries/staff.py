"""The people who have opened the app, and when each last did something."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from app.engine.staffing import PREFIX
from app.models import AuditEvent, StaffMember


@dataclass(frozen=True, slots=True)
class Colleague:
    """A member of staff, and the moment of the newest change by them."""

    member: StaffMember
    last_change_at: datetime | None


def list_colleagues(session: Session, shop_id: int) -> list[Colleague]:
    """Return everybody who has opened the app, in the order of their coming."""
    newest = (
        select(AuditEvent.at)
        .where(AuditEvent.shop_id == shop_id, AuditEvent.actor == literal(PREFIX) + StaffMember.shopify_id)
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(1)
        .correlate(StaffMember)
        .scalar_subquery()
    )
    found = select(StaffMember, newest).where(StaffMember.shop_id == shop_id).order_by(StaffMember.id)
    return [Colleague(member, last) for member, last in session.execute(found)]


def find_colleague(session: Session, shop_id: int, member_id: int) -> StaffMember | None:
    """Return one of them by the number of their row."""
    which = (StaffMember.shop_id == shop_id, StaffMember.id == member_id)
    return session.scalars(select(StaffMember).where(*which)).one_or_none()
