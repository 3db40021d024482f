"""The programme's switches: automatic, mixed or manual, paused or running, and how the shop lives with Shopify."""

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.aim import enter_state
from app.engine.approvals import count_for
from app.engine.audit import record
from app.engine.locks import lock_customers
from app.engine.programme import Programme
from app.engine.rules.approvals import Count
from app.engine.rules.holds import needs_review
from app.engine.rules.roles import Duty
from app.engine.rules.states import RewardState
from app.engine.rules.terms import Mode
from app.engine.seen import check_seen
from app.engine.staffing import check_may
from app.errors import NotFound, Refused
from app.models import Reward, Shop
from app.sentences import say


class Waiting(StrEnum):
    """What becomes of the rewards in review when a shop switches to a mode in which they would not have to wait."""

    #: They go on waiting for a person.
    KEEP = "keep"
    #: They settle when they are due.
    RELEASE = "release"


#: Least and most of each, as the table checks, too.
RECONCILE_MINUTES = (5, 1440)
KEEP_DELIVERIES_DAYS = (1, 365)
UNDO_SECONDS = (0, 300)
#: Nothing began before it. The first days of all cannot be shown in every time zone, and the trail keeps what it holds.
EARLIEST_YEAR = 1970


@dataclass(frozen=True, slots=True)
class Connection:
    """How a shop lives with Shopify."""

    #: How often orders are looked for whose webhooks never came.
    reconcile_minutes: int
    #: How long the bodies of handled deliveries are kept.
    keep_deliveries_days: int


def set_mode(
    session: Session,
    shop_id: int,
    mode: Mode,
    waiting: Waiting,
    actor: str,
    now: datetime,
    *,
    seen: str | None = None,
) -> int:
    """Switch the mode; return how many waiting rewards were released, to settle when their day comes.

    Only rewards in review are released, and to mixed mode only those that it would not have stopped. A held one was
    stopped for a reason of its own and keeps waiting, and so does what takes a second person. Switching to manual
    touches nothing that was processed.
    ``seen`` is the mark of the mode that the form showed; raises ChangedMeanwhile where it is another one by now.
    """
    check_may(session, shop_id, actor, Duty.MANAGE)
    shop = _get_shop(session, shop_id)
    check_seen(seen, {"mode": shop.mode})
    before, shop.mode = shop.mode, mode
    released = _release(session, shop, actor, now) if waiting is Waiting.RELEASE else 0
    record(
        session,
        shop.id,
        actor,
        "set_mode",
        subject=("shop", shop.id),
        before={"mode": before},
        after={"mode": mode, "released": released},
        now=now,
    )
    session.flush()
    return released


def pause(session: Session, shop_id: int, actor: str, now: datetime) -> None:
    """Stop settling and sending until resumed; orders and refunds are still taken in and booked."""
    check_may(session, shop_id, actor, Duty.MANAGE)
    shop = _get_shop(session, shop_id)
    if shop.paused_at is None:
        shop.paused_at, shop.paused_by = now, actor
        _record_pause(session, shop, "pause", actor, now)


def resume(session: Session, shop_id: int, actor: str, now: datetime) -> None:
    """Go on; what became due during the pause is settled by the next sweep."""
    check_may(session, shop_id, actor, Duty.MANAGE)
    shop = _get_shop(session, shop_id)
    if shop.paused_at is not None:
        shop.paused_at = shop.paused_by = None
        _record_pause(session, shop, "resume", actor, now)


def set_far_expiry(session: Session, shop_id: int, agreed: bool, actor: str, now: datetime) -> None:
    """Agree, or no longer agree, that credit without an expiry gets a far one as its fingerprint."""
    check_may(session, shop_id, actor, Duty.MANAGE)
    shop = _get_shop(session, shop_id)
    before, shop.far_expiry_agreed = shop.far_expiry_agreed, agreed
    record(
        session,
        shop.id,
        actor,
        "set_far_expiry",
        subject=("shop", shop.id),
        before={"agreed": before},
        after={"agreed": agreed},
        now=now,
    )
    session.flush()


def set_began(
    session: Session, shop_id: int, at: datetime, actor: str, now: datetime, *, seen: str | None = None
) -> None:
    """Say when the programme began. Orders that are not known yet and were placed before earn nothing by themselves.

    What is known stays as it is: no reward comes or goes by this. ``seen`` is the mark of the moment it replaces.
    """
    check_may(session, shop_id, actor, Duty.MANAGE)
    if at.tzinfo is None:
        raise Refused("Say the moment with its time zone, like 2027-01-01T00:00+01:00.")
    if at > now:
        raise Refused("The programme cannot begin later than now; pause it instead.")
    if at.year < EARLIEST_YEAR:
        raise Refused(say("The programme cannot have begun before {year}; check the year.", year=EARLIEST_YEAR))
    shop = _get_shop(session, shop_id)
    check_seen(seen, {"began_at": shop.began_at})
    before, shop.began_at = shop.began_at, at
    if before != at:
        record(
            session,
            shop.id,
            actor,
            "set_began",
            subject=("shop", shop.id),
            before={"began_at": None if before is None else before.isoformat()},
            after={"began_at": at.isoformat()},
            now=now,
        )
    session.flush()


def get_connection(shop: Shop) -> Connection:
    """Return how a shop lives with Shopify now."""
    return Connection(shop.reconcile_minutes, shop.keep_deliveries_days)


def set_connection(
    session: Session, shop_id: int, wanted: Connection, actor: str, now: datetime, *, seen: str | None = None
) -> None:
    """Change how the shop lives with Shopify; raise Refused with a sentence when a number is out of its range.

    ``seen`` is the mark of the connection that the form showed; raises ChangedMeanwhile where it is another by now.
    """
    check_may(session, shop_id, actor, Duty.MANAGE)
    _check_ranges(wanted)
    shop = _get_shop(session, shop_id)
    before = get_connection(shop)
    check_seen(seen, asdict(before))
    if wanted == before:
        return
    for name, value in asdict(wanted).items():
        setattr(shop, name, value)
    record(
        session,
        shop.id,
        actor,
        "set_connection",
        subject=("shop", shop.id),
        before=asdict(before),
        after=asdict(wanted),
        now=now,
    )
    session.flush()


def set_undo(
    session: Session, shop_id: int, seconds: int, actor: str, now: datetime, *, seen: str | None = None
) -> None:
    """Say for how many seconds an approval can be undone before the credit is made; 0: it is made at once.

    What was approved before keeps its own time. ``seen`` is the mark of the seconds that the form showed.
    """
    check_may(session, shop_id, actor, Duty.MANAGE)
    least, most = UNDO_SECONDS
    if not least <= seconds <= most:
        raise Refused(say("An approval can be undone for {least} to {most} seconds.", least=least, most=most))
    shop = _get_shop(session, shop_id)
    before = shop.undo_seconds
    check_seen(seen, {"undo_seconds": before})
    if seconds == before:
        return
    shop.undo_seconds = seconds
    record(
        session,
        shop.id,
        actor,
        "set_undo",
        subject=("shop", shop.id),
        before={"undo_seconds": before},
        after={"undo_seconds": seconds},
        now=now,
    )
    session.flush()


def _check_ranges(wanted: Connection) -> None:
    least, most = RECONCILE_MINUTES
    number = wanted.reconcile_minutes
    if not least <= number <= most:
        told = {"least": least, "most": most, "number": number}
        raise Refused(
            say("Look for missed orders every {least} to {most} minutes; {number} is outside of that.", **told)
        )
    least, most = KEEP_DELIVERIES_DAYS
    number = wanted.keep_deliveries_days
    if not least <= number <= most:
        told = {"least": least, "most": most, "number": number}
        raise Refused(say("Keep deliveries for {least} to {most} days; {number} is outside of that.", **told))


def _release(session: Session, shop: Shop, actor: str, now: datetime) -> int:
    waiting = (Reward.shop_id == shop.id, Reward.state == RewardState.IN_REVIEW)
    customers = {customer for customer in session.scalars(select(Reward.customer_id).where(*waiting)) if customer}
    lock_customers(session, shop.id, customers)
    rewards = session.scalars(
        select(Reward)
        .where(*waiting, Reward.customer_id.in_(customers))
        .order_by(Reward.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    programme = Programme(session, shop)
    # One person may not do for many at once what takes two for each.
    limit_minor = programme.at(now).second_person_above_minor
    released = 0
    for reward in rewards:
        terms = programme.version(reward.terms_version)
        if needs_review(shop.mode, terms, reward.tier_name, reward.granted_minor):
            continue
        if count_for(reward, limit_minor, actor) is not Count.ENOUGH:
            continue
        enter_state(reward, RewardState.PENDING, now)
        reward.decided_at, reward.decided_by = now, actor
        reward.version += 1
        released += 1
    return released


def _get_shop(session: Session, shop_id: int) -> Shop:
    # NO KEY UPDATE: flows that hold customers and add rows to the shop must not wait for one that wants customers.
    shop: Shop | None = session.scalar(
        select(Shop).where(Shop.id == shop_id).with_for_update(key_share=True).execution_options(populate_existing=True)
    )
    if shop is None:
        raise NotFound("There is no such shop in this installation.")
    return shop


def _record_pause(session: Session, shop: Shop, action: str, actor: str, now: datetime) -> None:
    record(
        session,
        shop.id,
        actor,
        action,
        subject=("shop", shop.id),
        before={"paused": action == "resume"},
        after={"paused": action == "pause"},
        now=now,
    )
    session.flush()
