"""Whether somebody may do what they ask for: looked up in the staff of the shop, in the transaction of the deed."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.rules.money import Money
from app.engine.rules.roles import Duty, Role, is_within, least_role, may
from app.errors import NotAllowed
from app.models import StaffMember

#: How a member of staff is named as an actor; ``system`` and ``cli`` are none and may do everything.
PREFIX = "staff:"


def check_may(session: Session, shop_id: int, actor: str, duty: Duty) -> StaffMember | None:
    """Raise NotAllowed unless the actor carries the duty; return their row, or None for who is no member of staff."""
    if not actor.startswith(PREFIX):
        return None
    row = find_member(session, shop_id, actor.removeprefix(PREFIX))
    if row is None or not may(row.role, duty):
        have = "no role here yet" if row is None else f"the role {row.role}"
        raise NotAllowed(f"This needs the role {least_role(duty)} or a higher one, and you have {have}; ask an owner.")
    return row


def check_may_approve(session: Session, shop_id: int, actor: str, amount: Money) -> None:
    """Raise NotAllowed unless the actor may approve this amount."""
    row = check_may(session, shop_id, actor, Duty.DECIDE)
    if row is not None and not is_within(row.role, row.approve_up_to_minor, amount.minor):
        assert row.approve_up_to_minor is not None
        limit = Money(row.approve_up_to_minor, amount.currency)
        raise NotAllowed(f"You may approve up to {limit}, and this is {amount}; ask a {Role.MANAGER} or an owner.")


def find_member(session: Session, shop_id: int, shopify_id: str) -> StaffMember | None:
    """Return a member of staff by Shopify's id of the person, or None."""
    return session.scalars(
        select(StaffMember).where(StaffMember.shop_id == shop_id, StaffMember.shopify_id == shopify_id)
    ).one_or_none()
