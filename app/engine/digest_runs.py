"""Rounds of telling: when a shop's next one is due, whose turn it is in it, and how far it has come."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.letter_facts import Waits
from app.engine.rules.digest_times import Schedule, Waiting, find_due_run
from app.engine.rules.digests import Reached
from app.engine.rules.mail_choices import Teller, Telling
from app.engine.rules.messages import MessageState
from app.engine.schedules import schedule_of
from app.models import DigestRun, MailSettings, Message, Shop
from app.models.columns import among

#: Runs are kept for so long, for whoever wonders what was told when.
KEPT_FOR = timedelta(days=30)
#: Written into the statement, not bound: only so can the planner see that a partial index fits.
WAITS: ColumnElement[bool] = Message.state == bindparam(
    None, MessageState.WAITING, Message.state.type, literal_execute=True
)
_COLUMNS = (
    Message.id,
    Message.topic,
    Message.customer_id,
    Message.reward_id,
    Message.subject_id,
    Message.created_at,
)


def list_due_shops(session: Session, now: datetime) -> list[int]:
    """Return the shops in which a digest is to begin, or to go on."""
    of_shop = (Message.shop_id == Shop.id, WAITS)
    last_due_at = select(func.max(DigestRun.due_at)).where(DigestRun.shop_id == Shop.id).scalar_subquery()
    unfinished = select(DigestRun.id).where(DigestRun.shop_id == Shop.id, DigestRun.finished_at.is_(None)).exists()
    # Each of these looks at one end of an index, however much waits.
    oldest_at = select(func.min(Message.created_at)).where(*of_shop).scalar_subquery()
    newest_at = select(func.max(Message.created_at)).where(*of_shop).scalar_subquery()
    fresh_at = select(func.min(Message.created_at)).where(*of_shop, Message.created_at > last_due_at).scalar_subquery()
    rows = session.execute(
        select(Shop, MailSettings, last_due_at, unfinished, oldest_at, newest_at, fresh_at)
        .outerjoin(MailSettings, MailSettings.shop_id == Shop.id)
        .where(Shop.uninstalled_at.is_(None), Shop.paused_at.is_(None))
        .order_by(Shop.id)
    )
    due = []
    for shop, settings, last, is_unfinished, oldest, newest, fresh in rows:
        schedule = schedule_of(shop, settings)
        if is_unfinished:
            is_due = not schedule.is_quiet(now)
        else:
            is_due = (
                oldest is not None and find_due_run(schedule, Waiting(oldest, newest, fresh), last, now) is not None
            )
        if is_due:
            due.append(shop.id)
    return due


def open_run(session: Session, shop: Shop, now: datetime) -> DigestRun | None:
    """Return the run that a shop is in, or one that begins now, locked; None if none is due or another has it.

    There is one at a time, so that nobody is told by two of them side by side.
    """
    if shop.uninstalled_at is not None or shop.paused_at is not None:
        return None
    schedule = schedule_of(shop, read_choices(session, shop.id))
    if schedule.is_quiet(now):
        return None
    if not session.scalar(select(select(DigestRun.id).where(*_unfinished(shop)).exists())):
        _begin(session, shop, schedule, now)
    return session.scalars(
        select(DigestRun)
        .where(*_unfinished(shop))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


def begin_at_once(session: Session, shop: Shop, now: datetime) -> bool:
    """Add a run of all that waits, whatever the time; False where one is under way already."""
    if session.scalar(select(select(DigestRun.id).where(*_unfinished(shop)).exists())):
        return False
    _add_run(session, shop, _newest(session, shop), now, now)
    return True


def read_choices(session: Session, shop_id: int) -> MailSettings | Telling:
    """Return how a shop tells its customers; one that never chose has the defaults."""
    query = select(MailSettings).where(MailSettings.shop_id == shop_id).execution_options(populate_existing=True)
    return session.scalars(query).one_or_none() or Telling(Teller.US)


def take_turn(session: Session, run: DigestRun, limit: int) -> tuple[list[Waits], Reached]:
    """Take what waits for the next customers of a run, locked, and say how far the run is then.

    What another transaction is just changing goes on waiting.
    """
    reached = reached_of(run)
    if reached.guest_message_id is not None:
        return _take_guests(session, run, reached.guest_message_id, limit)
    before = Message.customer_id <= reached.begins_after if reached.has_come_round else Message.customer_id.is_not(None)
    after = max(reached.customer_id, 0 if reached.has_come_round else reached.begins_after)
    query = select(Message.customer_id).where(*_of_run(run), Message.customer_id > after, before)
    customer_ids = [
        found for found in session.scalars(query.distinct().order_by(Message.customer_id).limit(limit)) if found
    ]
    if customer_ids:
        waits = _take(session, run, among(Message.customer_id, customer_ids))
        return waits, _at_customer(reached, customer_ids[-1])
    if reached.begins_after and not reached.has_come_round:
        return [], Reached(reached.begins_after, has_come_round=True)
    return [], Reached(reached.begins_after, reached.customer_id, reached.has_come_round, guest_message_id=0)


def stop_at(reached: Reached, customer_id: int | None) -> Reached:
    """Return where a run ends that may tell no more: the next one begins after this customer, or with all anew."""
    if customer_id is None:
        return Reached(reached.begins_after, reached.customer_id, reached.has_come_round, 0, is_finished=True)
    return Reached(reached.begins_after, customer_id, reached.has_come_round, is_finished=True)


def reached_of(run: DigestRun) -> Reached:
    """Return how far a run is."""
    return Reached(
        run.begins_after_id,
        run.last_customer_id,
        run.has_come_round,
        run.last_guest_message_id,
        run.finished_at is not None,
    )


def note(run: DigestRun, reached: Reached, now: datetime) -> None:
    """Write down how far a run is."""
    run.begins_after_id, run.last_customer_id = reached.begins_after, reached.customer_id
    run.has_come_round, run.last_guest_message_id = reached.has_come_round, reached.guest_message_id
    run.finished_at = now if reached.is_finished else None


def _begin(session: Session, shop: Shop, schedule: Schedule, now: datetime) -> None:
    """Add the run that is due, if one is. Of two who do so at once the second one's is in vain."""
    last = _newest(session, shop)
    waiting = _read_waiting(session, shop, None if last is None else last.due_at)
    due_at = None
    if waiting is not None:
        due_at = find_due_run(schedule, waiting, None if last is None else last.due_at, now)
    if due_at is not None:
        _add_run(session, shop, last, due_at, now)


def _newest(session: Session, shop: Shop) -> DigestRun | None:
    newest = select(DigestRun).where(DigestRun.shop_id == shop.id).order_by(DigestRun.due_at.desc()).limit(1)
    return session.scalars(newest).one_or_none()


def _add_run(session: Session, shop: Shop, last: DigestRun | None, due_at: datetime, now: datetime) -> None:
    """Add a run, and forget those of long ago."""
    was_cut = last is not None and last.last_guest_message_id is None
    begins_after = last.last_customer_id if last is not None and was_cut else 0
    fresh = upsert(DigestRun).values(shop_id=shop.id, due_at=due_at, started_at=now, begins_after_id=begins_after)
    session.execute(fresh.on_conflict_do_nothing())
    old = delete(DigestRun).where(DigestRun.shop_id == shop.id, DigestRun.due_at < now - KEPT_FOR)
    session.execute(old.where(DigestRun.finished_at.is_not(None)))


def _read_waiting(session: Session, shop: Shop, last_due_at: datetime | None) -> Waiting | None:
    of_shop = (Message.shop_id == shop.id, WAITS)
    oldest_at, newest_at = session.execute(
        select(
            select(func.min(Message.created_at)).where(*of_shop).scalar_subquery(),
            select(func.max(Message.created_at)).where(*of_shop).scalar_subquery(),
        )
    ).one()
    if oldest_at is None:
        return None
    if last_due_at is None:
        return Waiting(oldest_at, newest_at, oldest_at)
    fresh = select(func.min(Message.created_at)).where(*of_shop, Message.created_at > last_due_at)
    return Waiting(oldest_at, newest_at, session.scalar(fresh))


def _take_guests(session: Session, run: DigestRun, after: int, limit: int) -> tuple[list[Waits], Reached]:
    """Take what waits for the next guests: the rewards of the oldest messages, with all that waits for each."""
    is_guests = Message.customer_id.is_(None)
    query = select(Message.id, Message.reward_id).where(*_of_run(run), is_guests, Message.id > after)
    found = session.execute(query.order_by(Message.id).limit(limit)).all()
    reached = reached_of(run)
    number = found[-1][0] if found else after
    then = Reached(reached.begins_after, reached.customer_id, reached.has_come_round, number, is_finished=not found)
    if not found:
        return [], then
    rewards = {reward_id for _, reward_id in found if reward_id is not None}
    return _take(session, run, is_guests & among(Message.reward_id, rewards)), then


def _take(session: Session, run: DigestRun, whose: ColumnElement[bool]) -> list[Waits]:
    rows = session.execute(
        select(*_COLUMNS)
        .where(*_of_run(run), whose)
        .order_by(Message.customer_id, Message.id)
        .with_for_update(skip_locked=True)
    )
    return [Waits(*row) for row in rows]


def _of_run(run: DigestRun) -> tuple[ColumnElement[bool], ...]:
    return Message.shop_id == run.shop_id, WAITS, Message.created_at <= run.due_at


def _at_customer(reached: Reached, customer_id: int) -> Reached:
    return Reached(reached.begins_after, customer_id, reached.has_come_round)


def _unfinished(shop: Shop) -> tuple[ColumnElement[bool], ...]:
    return DigestRun.shop_id == shop.id, DigestRun.finished_at.is_(None)
