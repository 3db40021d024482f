"""The people who work with the app: they arrive, get a role and a limit, and choose their language."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.engine.audit import SYSTEM, record
from app.engine.rules.roles import Duty, Role, StaffTold
from app.engine.seen import check_seen
from app.engine.staffing import PREFIX, check_may, find_member
from app.errors import NotFound, Refused
from app.models import Shop, StaffMember
from app.sentences import say

#: Nobody's limit is larger, in minor units: what is more is a slip of the finger.
LARGEST_LIMIT_MINOR = 100_000_000
#: The languages of the admin.
LANGUAGES = ("en", "de", "fr", "es")
#: How long whoever has no name yet is let in without asking Shopify again.
ASK_EVERY = timedelta(days=1)


def arrive(session: Session, shop_id: int, shopify_id: str, told: StaffTold | None, now: datetime) -> StaffMember:
    """Write down a person who opened the app for the first time, and return their row; twice changes nothing.

    The store's owner, and whoever comes first while there is no owner, becomes an owner; everybody else what the
    shop says of newcomers.
    """
    shop = _lock_shop(session, shop_id)
    known = find_member(session, shop_id, shopify_id)
    if known is not None:
        return known
    is_owner = (told is not None and told.is_account_owner) or _count_owners(session, shop_id) == 0
    row = StaffMember(
        shop_id=shop_id,
        shopify_id=shopify_id,
        name=None if told is None else told.name,
        email=None if told is None else told.email,
        role=Role.OWNER if is_owner else shop.newcomers_role,
        first_seen_at=now,
        asked_at=now,
    )
    session.add(row)
    session.flush()
    _record(session, row, "arrive", {}, SYSTEM, now)
    return row


def is_to_be_asked_for(row: StaffMember, now: datetime) -> bool:
    """Say whether Shopify should be asked who a person is: it told no name yet, and was not asked for a day."""
    return row.name is None and (row.asked_at is None or now - row.asked_at >= ASK_EVERY)


def learn(session: Session, shop_id: int, shopify_id: str, told: StaffTold | None, now: datetime) -> None:
    """Note that Shopify was asked again who a person is, and what it told; a name once known stays.

    Their role stays as well: whoever has one by now got it, or was left with it, by an owner.
    """
    row = find_member(session, shop_id, shopify_id)
    if row is None:
        raise NotFound("There is no such person here; open the app first.")
    row.asked_at = now
    if told is not None:
        row.name = row.name or told.name
        row.email = row.email or told.email
    session.flush()


def set_role(
    session: Session,
    shop_id: int,
    shopify_id: str,
    role: Role,
    approve_up_to_minor: int | None,
    actor: str,
    now: datetime,
    *,
    seen: str | None = None,
) -> StaffMember:
    """Give a person a role, and an approver a limit in minor units; the last owner stays one.

    ``seen`` is the mark of the role and limit that the form showed (``what_they_are``).
    """
    check_may(session, shop_id, actor, Duty.OWN)
    if approve_up_to_minor is not None and not 0 <= approve_up_to_minor <= LARGEST_LIMIT_MINOR:
        raise Refused("The limit must be an amount of 0 or more; leave it empty for no limit.")
    _lock_shop(session, shop_id)
    row = find_member(session, shop_id, shopify_id)
    if row is None:
        raise NotFound("There is no such person here; they appear once they have opened the app.")
    check_seen(seen, what_they_are(row))
    if row.role is Role.OWNER and role is not Role.OWNER and _count_owners(session, shop_id) == 1:
        raise Refused("Somebody must be the owner; give that role to another person first.")
    before = what_they_are(row)
    row.role = role
    row.approve_up_to_minor = approve_up_to_minor if role is Role.APPROVER else None
    if what_they_are(row) != before:
        _record(session, row, "set_role", before, actor, now)
    session.flush()
    return row


def set_newcomers_role(
    session: Session, shop_id: int, role: Role, actor: str, now: datetime, *, seen: str | None = None
) -> None:
    """Say what people become who open the app for the first time; nobody becomes an owner by that."""
    check_may(session, shop_id, actor, Duty.OWN)
    if role is Role.OWNER:
        raise Refused("Newcomers cannot be owners; choose another role and raise single people later.")
    shop = _lock_shop(session, shop_id)
    check_seen(seen, {"role": shop.newcomers_role})
    before, shop.newcomers_role = shop.newcomers_role, role
    if before is not role:
        subject = ("shop", shop_id)
        was, is_ = {"role": before}, {"role": role}
        record(session, shop_id, actor, "set_newcomers_role", subject=subject, before=was, after=is_, now=now)
    session.flush()


def set_language(session: Session, shop_id: int, shopify_id: str, language: str | None) -> None:
    """Let a person read the admin in a language, or, by None, in the one their Shopify admin has."""
    if language is not None and language not in LANGUAGES:
        raise Refused(say("Choose one of these languages: {all}.", all=", ".join(LANGUAGES)))
    row = find_member(session, shop_id, shopify_id)
    if row is None:
        raise NotFound("There is no such person here; open the app first.")
    row.language = language
    session.flush()


def list_staff(session: Session, shop_id: int) -> list[StaffMember]:
    """Return everybody who has opened the app, in the order of their coming."""
    found = select(StaffMember).where(StaffMember.shop_id == shop_id).order_by(StaffMember.id)
    return list(session.scalars(found))


def what_they_are(row: StaffMember) -> dict[str, Any]:
    """Return a person's role and limit."""
    return {"role": row.role, "approve_up_to_minor": row.approve_up_to_minor}


def _lock_shop(session: Session, shop_id: int) -> Shop:
    """Return the shop's row, locked: two who come or go at once must see each other."""
    shop: Shop | None = session.scalar(
        select(Shop).where(Shop.id == shop_id).with_for_update(key_share=True).execution_options(populate_existing=True)
    )
    if shop is None:
        raise NotFound("There is no such shop in this installation.")
    return shop


def _count_owners(session: Session, shop_id: int) -> int:
    owners = (StaffMember.shop_id == shop_id, StaffMember.role == Role.OWNER)
    return session.scalar(select(func.count()).where(*owners)) or 0


def _record(session: Session, row: StaffMember, action: str, before: dict[str, Any], actor: str, now: datetime) -> None:
    subject = ("staff", row.id)
    after = {**what_they_are(row), "person": f"{PREFIX}{row.shopify_id}"}
    record(session, row.shop_id, actor, action, subject=subject, before=before, after=after, now=now)
