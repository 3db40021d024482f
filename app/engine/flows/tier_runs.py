"""A look at the tiers of all customers of a shop, batch after batch: when staff asks for it, or the schedule."""

from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Select, exists, func, or_, select, true, update
from sqlalchemy.orm import Session

from app.engine.audit import SYSTEM, record
from app.engine.locks import lock_customers
from app.engine.rules.periods import last_evaluation
from app.engine.rules.roles import Duty
from app.engine.rules.terms import Evaluation
from app.engine.staffing import check_may
from app.engine.standings import refresh_standings
from app.errors import NotFound, Refused
from app.models import Customer, Shop, TermsVersion, TierAssignmentRow, TierRun

BATCH = 5_000


def start_run(session: Session, shop_id: int, actor: str, now: datetime) -> TierRun:
    """Begin a look at everybody that a person asked for: an evaluation, at which tiers not reached any more are lost.

    Raises Refused while another one is not finished. ``recalculate`` carries it out.
    """
    check_may(session, shop_id, actor, Duty.MANAGE)
    shop = session.scalar(select(Shop).where(Shop.id == shop_id).with_for_update(key_share=True))
    if shop is None:
        raise NotFound("There is no such shop in this installation.")
    if find_unfinished(session, shop_id) is not None:
        raise Refused("Tiers are being recalculated already; wait until that is finished.")
    run = TierRun(shop_id=shop_id, at=now, actor=actor, started_at=now)
    session.add(run)
    session.flush()
    record(
        session,
        shop_id,
        actor,
        "recalculate_tiers",
        subject=("tier_run", run.id),
        before={},
        after={"at": now.isoformat()},
        now=now,
    )
    session.flush()
    return run


def find_unfinished(session: Session, shop_id: int) -> int | None:
    """Return the shop's run that was begun and not finished. There is one at most."""
    return session.scalar(select(TierRun.id).where(TierRun.shop_id == shop_id, TierRun.finished_at.is_(None)).limit(1))


def due_run(session: Session, shop: Shop, now: datetime) -> int | None:
    """Return the run that has something left to do, begun here when the schedule asks for it; None for none.

    A scheduled run is dated with the very instant of its schedule, however late it comes.
    """
    session.execute(select(Shop.id).where(Shop.id == shop.id).with_for_update(key_share=True))
    unfinished = find_unfinished(session, shop.id)
    if unfinished is not None:
        return unfinished
    schedule = session.execute(_schedules(now).where(Shop.id == shop.id)).one_or_none()
    at = None if schedule is None else _due_at(_Schedule(*schedule), now)
    if at is None:
        return None
    run = TierRun(shop_id=shop.id, at=at, actor=SYSTEM, started_at=now)
    session.add(run)
    session.flush()
    return run.id


def recalculate(session: Session, shop: Shop, run_id: int, now: datetime, limit: int = BATCH) -> bool:
    """Look at the next customers of a run, by id, and return whether any may be left.

    What it shows is how they stand now: an order placed since the run began counts. Two workers on one run take
    turns, and a batch that was not committed is simply done again.
    """
    run = session.scalar(
        select(TierRun)
        .where(TierRun.shop_id == shop.id, TierRun.id == run_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if run is None:
        raise NotFound("There is no such recalculation of tiers in this shop.")
    if run.finished_at is not None:
        return False
    batch = session.scalars(
        select(Customer.id)
        .where(Customer.shop_id == shop.id, Customer.id > run.last_customer_id, Customer.deleted_at.is_(None))
        .order_by(Customer.id)
        .limit(limit)
    ).all()
    lock_customers(session, shop.id, batch)
    run.moved += refresh_standings(session, shop, batch, now, run.actor)
    run.customers += len(batch)
    run.last_customer_id = max(batch, default=run.last_customer_id)
    if len(batch) < limit:
        run.finished_at = now
    session.flush()
    return run.finished_at is None


def refresh_ended(session: Session, shop: Shop, now: datetime, limit: int = BATCH) -> int:
    """Show the tiers of customers whose given tier ended since they were last looked at; return how many they were.

    Their orders need no such look, only lists do.
    """
    ended = _ended(now).where(TierAssignmentRow.shop_id == shop.id)
    batch = session.scalars(ended.distinct().order_by(TierAssignmentRow.customer_id).limit(limit)).all()
    lock_customers(session, shop.id, batch)
    refresh_standings(session, shop, batch, now)
    looked_at = update(Customer).where(Customer.shop_id == shop.id, Customer.id.in_(batch))
    session.execute(looked_at.values(tier_checked_at=now).execution_options(synchronize_session=False))
    return len(batch)


def list_due_shops(session: Session, now: datetime) -> list[int]:
    """Return the shops that have a run to begin or to go on with, or given tiers that have ended."""
    waiting = or_(
        exists().where(TierRun.shop_id == Shop.id, TierRun.finished_at.is_(None)),
        _ended(now).where(TierAssignmentRow.shop_id == Shop.id).exists(),
    )
    rows = session.execute(_schedules(now).add_columns(waiting).where(Shop.uninstalled_at.is_(None)).order_by(Shop.id))
    return [row[0] for row in rows if row[-1] or _due_at(_Schedule(*row[:-1]), now) is not None]


class _Schedule(NamedTuple):
    """When a shop's tiers are evaluated by the terms in force, and were looked at last."""

    shop_id: int
    timezone: str
    evaluation: str
    effective_from: datetime
    newest: datetime | None


def _schedules(now: datetime) -> Any:
    in_force = (
        select(
            func.coalesce(TermsVersion.body["tier_evaluation"].astext, Evaluation.ALWAYS.value).label("evaluation"),
            TermsVersion.effective_from,
        )
        .where(TermsVersion.shop_id == Shop.id, TermsVersion.effective_from <= now)
        .order_by(TermsVersion.effective_from.desc(), TermsVersion.version.desc())
        .limit(1)
        .lateral()
    )
    newest = select(func.max(TierRun.at)).where(TierRun.shop_id == Shop.id).scalar_subquery()
    return select(Shop.id, Shop.timezone, in_force.c.evaluation, in_force.c.effective_from, newest).join(
        in_force, true()
    )


def _due_at(schedule: _Schedule, now: datetime) -> datetime | None:
    """Return the evaluation that nobody has carried out yet. What was before the terms came into force is not due."""
    evaluation = Evaluation(schedule.evaluation)
    # Where tiers follow the spend at once, lists do so every night: spend also changes by growing old.
    every = Evaluation.DAILY if evaluation is Evaluation.ALWAYS else evaluation
    at = last_evaluation(now, every, ZoneInfo(schedule.timezone))
    if at is None or at < schedule.effective_from or (schedule.newest is not None and at <= schedule.newest):
        return None
    return at


def _ended(now: datetime) -> Select[int]:
    """Return the customers of ended assignments who were not looked at since."""
    return (
        select(TierAssignmentRow.customer_id)
        .join(Customer, Customer.id == TierAssignmentRow.customer_id)
        .where(
            TierAssignmentRow.ends_at <= now,
            or_(Customer.tier_checked_at.is_(None), Customer.tier_checked_at < TierAssignmentRow.ends_at),
        )
    )
