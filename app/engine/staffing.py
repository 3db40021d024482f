"""Whether somebody may do what they ask for: looked up in the staff of the shop, in the transaction of the deed."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.rules.money import Money
from app.engine.rules.roles import ROLE_WORDS, Duty, is_within, least_role, may
from app.errors import NotAllowed
from app.models import StaffMember
from app.sentences import marked, say

#: How a member of staff is named as an actor; ``system`` and ``cli`` are none and may do everything.
PREFIX = "staff:"


def check_may(session: Session, shop_id: int, actor: str, duty: Duty) -> StaffMember | None:
    """Raise NotAllowed unless the actor carries the duty; return their row, or None for who is no member of staff."""
    if not actor.startswith(PREFIX):
        return None
    row = find_member(session, shop_id, actor.removeprefix(PREFIX))
    if row is None or not may(row.role, duty):
        needed = say(ROLE_WORDS[least_role(duty)])
        if row is None:
            raise NotAllowed(say("This is for somebody with the role {needed}, and you have none yet.", needed=needed))
        words = marked("This needs the role {needed} or a higher one, and yours is {role}; ask an owner.")
        raise NotAllowed(say(words, needed=needed, role=say(ROLE_WORDS[row.role])))
    return row


def check_may_approve(session: Session, shop_id: int, actor: str, amount: Money) -> None:
    """Raise NotAllowed unless the actor may approve this amount."""
    row = check_may(session, shop_id, actor, Duty.DECIDE)
    if row is not None and not is_within(row.role, row.approve_up_to_minor, amount.minor):
        assert row.approve_up_to_minor is not None
        limit = Money(row.approve_up_to_minor, amount.currency)
        words = marked("You may approve up to {limit}, and this is {amount}; ask a manager or an owner.")
        raise NotAllowed(say(words, limit=limit, amount=amount))


def find_member(session: Session, shop_id: int, shopify_id: str) -> StaffMember | None:
    """Return a member of staff by Shopify's id of the person, or None."""
    return session.scalars(
        select(StaffMember).where(StaffMember.shop_id == shop_id, StaffMember.shopify_id == shopify_id)
    ).one_or_none()
