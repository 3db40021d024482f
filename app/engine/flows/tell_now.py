"""Tell customers now what waits, because somebody wants it so, and say when it would be told by itself."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.engine import digest_runs
from app.engine.audit import record
from app.engine.rules.digest_times import next_moment, quiet_ends
from app.engine.rules.roles import Duty
from app.engine.schedules import schedule_of
from app.engine.staffing import check_may
from app.errors import NotFound, Refused
from app.models import Message, Shop

#: Counted is no further than this.
MOST_COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits to be told: how many messages, ``MOST_COUNTED`` for so many and more, and since when."""

    count: int
    oldest_at: datetime | None
    #: When it is told by itself; None: at once, or where nobody is told.
    next_at: datetime | None
    is_quiet: bool


def read_queue(session: Session, shop: Shop, now: datetime) -> Queue:
    """Return what waits to be told to a shop's customers, and when that is."""
    waiting = select(Message.id).where(Message.shop_id == shop.id, digest_runs.WAITS).limit(MOST_COUNTED).subquery()
    count = session.scalar(select(func.count()).select_from(waiting)) or 0
    oldest = select(func.min(Message.created_at)).where(Message.shop_id == shop.id, digest_runs.WAITS)
    schedule = schedule_of(shop, digest_runs.read_choices(session, shop.id))
    is_quiet = schedule.is_quiet(now)
    next_at = quiet_ends(now, schedule.quiet_from, schedule.quiet_to, schedule.zone) if is_quiet else None
    if schedule.times:
        next_at = next_moment(now, schedule.times, schedule.zone)
    return Queue(count, session.scalar(oldest), next_at if shop.mails_customers else None, is_quiet)


def tell_now(session: Session, shop_id: int, actor: str, now: datetime) -> None:
    """Let a digest of all that waits begin at once; one that is under way just goes on.

    Raises Refused where nobody is told now: in quiet hours, in a paused shop, and in one that tells nobody.
    """
    check_may(session, shop_id, actor, Duty.MANAGE)
    found = select(Shop).where(Shop.id == shop_id).with_for_update(key_share=True)
    shop = session.scalars(found.execution_options(populate_existing=True)).one_or_none()
    if shop is None:
        raise NotFound("There is no such shop in this installation.")
    if not shop.mails_customers:
        raise Refused("Boomerang does not tell customers of this shop; that is chosen under Settings, Mails.")
    if shop.paused_at is not None:
        raise Refused("Boomerang is paused; customers are told once it goes on.")
    queue = read_queue(session, shop, now)
    if queue.is_quiet:
        raise Refused("In the quiet hours customers get no mails; what waits is told after them.")
    if queue.count == 0:
        raise Refused("Nothing waits to be told.")
    if digest_runs.begin_at_once(session, shop, now):
        record(session, shop_id, actor, "tell_now", subject=("shop", shop_id), before={}, after={}, now=now)
    session.flush()
