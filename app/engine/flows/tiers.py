"""A person gives customers a tier, with a reason, for a time or locked; and takes it away again."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.engine.audit import record
from app.engine.locks import lock_customers
from app.engine.programme import Programme
from app.engine.rules.facts import TierSource
from app.engine.rules.roles import Duty
from app.engine.staffing import check_may
from app.engine.standings import refresh_standings
from app.errors import NotFound, Refused
from app.models import Customer, Shop, TierAssignmentRow
from app.sentences import say

MAX_REASON_LENGTH = 500
#: In another time zone a moment of this year may lie in the next one, which dates cannot say.
LAST_YEAR = 9999


def assign(
    session: Session,
    shop_id: int,
    customer_ids: Collection[int],
    tier_name: str,
    reason: str,
    actor: str,
    now: datetime,
    *,
    ends_at: datetime | None = None,
    is_locked: bool = False,
    seen: Collection[int] | None = None,
) -> int:
    """Give customers a tier from now on and return how many got it; who has exactly this already is passed over.

    It never lowers what the spend reaches unless it is locked: then nothing but a person moves the customer until
    ``ends_at``. What was given by hand before ends now. ``seen`` are the numbers of what the person saw given by hand,
    None for whoever did not look. Raises Refused, and gives it to nobody, when anything of it cannot be.
    """
    check_may(session, shop_id, actor, Duty.MANAGE)
    reason = _checked_reason(reason)
    _check_end(ends_at, now)
    shop = _get_shop(session, shop_id)
    terms = Programme(session, shop).at(now)
    names = [tier.name for tier in terms.tiers]
    if tier_name not in names:
        raise Refused(
            say("There is no tier {name}; the tiers are {names}.", name=repr(tier_name), names=", ".join(names))
        )
    customers = _lock_known(session, shop_id, customer_ids)
    running = _running(session, shop_id, customers, now)
    _check_seen(seen, running)
    wanted = (tier_name, ends_at, is_locked, reason)
    given = []
    for customer_id in customers:
        old = running[customer_id]
        if [(row.tier_name, row.ends_at, row.is_locked, row.reason) for row in old] == [wanted]:
            continue
        before = _told(old)
        _end(old, now)
        row = TierAssignmentRow(
            shop_id=shop_id,
            customer_id=customer_id,
            tier_name=tier_name,
            source=TierSource.MANUAL,
            is_locked=is_locked,
            starts_at=now,
            ends_at=ends_at,
            reason=reason,
            given_by=actor,
            given_at=now,
        )
        session.add(row)
        _record(session, shop_id, actor, "assign_tier", customer_id, before, _told([row]), reason, now)
        given.append(customer_id)
    session.flush()
    refresh_standings(session, shop, given, now, actor, terms=terms, by_hand=True)
    return len(given)


def end_assignment(
    session: Session,
    shop_id: int,
    customer_ids: Collection[int],
    reason: str,
    actor: str,
    now: datetime,
    *,
    seen: Collection[int] | None = None,
) -> int:
    """End what was given to customers by hand, and return how many had something; from now on their spend decides.

    ``seen`` is what the person saw given, as with ``assign``.
    """
    check_may(session, shop_id, actor, Duty.MANAGE)
    reason = _checked_reason(reason)
    shop = _get_shop(session, shop_id)
    customers = _lock_known(session, shop_id, customer_ids)
    running = _running(session, shop_id, customers, now)
    _check_seen(seen, running)
    for customer_id, rows in running.items():
        before = _told(rows)
        _end(rows, now)
        _record(session, shop_id, actor, "end_tier_assignment", customer_id, before, _told([]), reason, now)
    session.flush()
    refresh_standings(session, shop, running, now, actor, by_hand=True)
    return len(running)


def _checked_reason(reason: str) -> str:
    reason = reason.replace("\x00", "").strip()  # the one character PostgreSQL's text cannot hold
    if not reason:
        raise Refused("Say why: a tier is given and taken away by hand with a reason.")
    if len(reason) > MAX_REASON_LENGTH:
        raise Refused(say("The reason is too long; use at most {most} characters.", most=MAX_REASON_LENGTH))
    return reason


def _check_end(ends_at: datetime | None, now: datetime) -> None:
    if ends_at is None:
        return
    if ends_at.tzinfo is None:
        raise Refused("The end needs a time zone, like 2027-01-31T00:00+01:00.")
    if ends_at <= now:
        raise Refused("The end lies in the past; name a later moment, or none for no end.")
    if ends_at.year >= LAST_YEAR:
        raise Refused("The end is too far away; leave it out for no end.")


def _get_shop(session: Session, shop_id: int) -> Shop:
    shop = session.get(Shop, shop_id)
    if shop is None:
        raise NotFound("There is no such shop in this installation.")
    return shop


def _lock_known(session: Session, shop_id: int, customer_ids: Collection[int]) -> Sequence[int]:
    """Lock customers and return their ids, ascending; raise Refused when there is none, or one is not there."""
    if not customer_ids:
        raise Refused("Choose at least one customer.")
    lock_customers(session, shop_id, customer_ids)
    known = session.scalars(
        select(Customer.id)
        .where(Customer.shop_id == shop_id, Customer.id.in_(customer_ids), Customer.deleted_at.is_(None))
        .order_by(Customer.id)
    ).all()
    unknown = sorted(set(customer_ids) - set(known))
    if unknown:
        some = ", ".join(map(str, unknown[:5]))
        raise NotFound(say("Not in this shop, or deleted: customer {some}. Leave them out and try again.", some=some))
    return known


def _running(
    session: Session, shop_id: int, customer_ids: Collection[int], now: datetime
) -> dict[int, list[TierAssignmentRow]]:
    """Return what was given by hand and lasts, by customer: one each, but more after two customers were merged."""
    rows = session.scalars(
        select(TierAssignmentRow)
        .where(
            TierAssignmentRow.shop_id == shop_id,
            TierAssignmentRow.customer_id.in_(customer_ids),
            TierAssignmentRow.source == TierSource.MANUAL,
            or_(TierAssignmentRow.ends_at.is_(None), TierAssignmentRow.ends_at > now),
        )
        .order_by(TierAssignmentRow.id)
        .execution_options(populate_existing=True)
    )
    running: dict[int, list[TierAssignmentRow]] = defaultdict(list)
    for row in rows:
        running[row.customer_id].append(row)
    return running


def _check_seen(seen: Collection[int] | None, running: dict[int, list[TierAssignmentRow]]) -> None:
    if seen is not None and set(seen) != {row.id for rows in running.values() for row in rows}:
        raise Refused("This changed meanwhile: somebody else gave or ended a tier. Look again and decide.")


def _end(rows: Iterable[TierAssignmentRow], now: datetime) -> None:
    for row in rows:
        # Another machine's clock may be a little ahead of this one's.
        row.ends_at = max(now, row.starts_at)


def _told(rows: Iterable[TierAssignmentRow]) -> dict[str, Any]:
    return {
        "given": [
            {
                "tier": row.tier_name,
                "ends_at": None if row.ends_at is None else row.ends_at.isoformat(),
                "is_locked": row.is_locked,
            }
            for row in rows
        ]
    }


def _record(
    session: Session,
    shop_id: int,
    actor: str,
    action: str,
    customer_id: int,
    before: dict[str, Any],
    after: dict[str, Any],
    reason: str,
    now: datetime,
) -> None:
    subject = ("customer", customer_id)
    record(session, shop_id, actor, action, subject=subject, before=before, after=after, now=now, reason=reason)
