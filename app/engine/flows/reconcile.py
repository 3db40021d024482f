"""Looking for what webhooks never told: when, from where on, what the books lack of it, and how far it has come.

Nothing of money is decided here. What is found missing is told to the books like a delivery, by the same flows.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, and_, cast, delete, exists, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session, aliased
from sqlalchemy.types import Text

from app.engine.rules.facts import OrderFact
from app.engine.rules.facts_json import order_from_json
from app.engine.store import find_orders
from app.models import Delivery, DeliveryState, ReconcileRun, Refund, Shop

#: Looked at twice: Shopify's search may know an order's newest version some seconds late.
OVERLAP = timedelta(minutes=10)
#: A webhook takes seconds; what is younger than this is not missed yet.
GRACE = timedelta(minutes=2)
#: Deliveries that nobody has tried to handle for so long come first, for they tell the same.
BACKLOG = timedelta(minutes=1)
#: But not for ever.
MOST_LATE = timedelta(hours=1)
#: Between two turns in which Shopify did not answer, doubled each time up to the longest.
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=10), timedelta(minutes=15)
#: For so long runs are kept that found nothing.
KEPT_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Turn:
    """A worker's turn at a run: versions of orders from ``from_at`` on are to be asked for."""

    run_id: int
    from_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """What one page of changed orders brought."""

    #: Every version up to here is on this page or was on one before.
    reached_at: datetime
    orders_seen: int
    orders_missed: int = 0
    refunds_missed: int = 0
    orders_unreadable: int = 0
    trouble: str | None = None


def list_due_shops(session: Session, now: datetime) -> list[int]:
    """Return the installed shops for whose orders it is time to look, or to go on looking."""
    newest, newer = aliased(ReconcileRun), aliased(ReconcileRun)
    is_newest = ~exists().where(newer.shop_id == newest.shop_id, newer.id > newest.id)
    due_at = func.coalesce(
        newest.started_at + func.make_interval(0, 0, 0, 0, 0, Shop.reconcile_minutes), Shop.installed_at
    )
    is_due = or_(
        and_(newest.finished_at.is_(None), newest.id.is_not(None), func.coalesce(newest.next_turn_at, now) <= now),
        and_(or_(newest.id.is_(None), newest.finished_at.is_not(None)), due_at <= now),
    )
    has_backlog = exists().where(
        Delivery.shop_id == Shop.id,
        Delivery.state == DeliveryState.RECEIVED,
        Delivery.next_attempt_at.is_(None),
        Delivery.received_at < now - BACKLOG,
    )
    return list(
        session.scalars(
            select(Shop.id)
            .outerjoin(newest, and_(newest.shop_id == Shop.id, is_newest))
            .where(Shop.uninstalled_at.is_(None), is_due, or_(~has_backlog, due_at < now - MOST_LATE))
            .order_by(Shop.id)
        )
    )


def begin(session: Session, shop: Shop, now: datetime) -> Turn:
    """Return a turn at the run that is open, or at a new one that goes on where the last one ended."""
    before = _newest_run(session, shop.id)
    if before is None or before.finished_at is not None:
        # Before the app was installed nothing was to be told; what lies there is the history's import.
        from_at = (shop.installed_at if before is None else before.reached_at) - OVERLAP
        values = {"shop_id": shop.id, "started_at": now, "from_at": from_at, "reached_at": from_at}
        # Another worker may begin it at the same moment: then there is one run, and two turns at it.
        session.execute(insert(ReconcileRun).values(values).on_conflict_do_nothing())
        before = _newest_run(session, shop.id)
        assert before is not None
    return Turn(before.id, before.reached_at)


def list_unknown(session: Session, shop_id: int, versions: Mapping[int, datetime]) -> list[int]:
    """Return which orders the books do not know in the version that Shopify has, given by its ``updated_at``."""
    known = {order_id: order.version_at for order_id, order in find_orders(session, shop_id, versions).items()}
    return [order_id for order_id, at in versions.items() if order_id not in known or known[order_id] < at]


def count_missed(session: Session, shop: Shop, orders: Sequence[OrderFact], now: datetime) -> tuple[int, int]:
    """Return of how many of these orders, and how many of their refunds, a webhook should have told and did not.

    A version that says nothing new is no loss, and neither is what lies before the installation or still waits in
    the inbox. Call it before the orders are recorded.
    """
    old = [order for order in orders if shop.installed_at <= order.updated_at < now - GRACE]
    known = find_orders(session, shop.id, [order.order_id for order in old])
    new = [
        order
        for order in old
        if order.order_id not in known or _says_more(order, order_from_json(known[order.order_id].fact))
    ]
    missed = _without_waiting(session, shop.id, new)
    refund_ids = {
        refund.refund_id
        for order in missed
        for refund in order.refunds
        if shop.installed_at <= refund.processed_at < now - GRACE
    }
    rows = select(Refund.shopify_id).where(Refund.shop_id == shop.id, Refund.shopify_id.in_(refund_ids))
    return len(missed), len(refund_ids - set(session.scalars(rows)))


def note_page(session: Session, run_id: int, page: Page) -> None:
    """Write down what a page brought; the next turn goes on behind it."""
    run = _lock(session, run_id)
    run.reached_at = max(run.reached_at, page.reached_at)
    run.orders_seen += page.orders_seen
    run.orders_missed += page.orders_missed
    run.refunds_missed += page.refunds_missed
    run.orders_unreadable += page.orders_unreadable
    run.trouble = page.trouble or run.trouble
    run.attempts, run.next_turn_at = 0, None
    session.flush()


def postpone(session: Session, run_id: int, reason: str, now: datetime) -> None:
    """Let a run go on later: Shopify did not answer, or needs its room for others."""
    run = _lock(session, run_id)
    run.attempts += 1
    run.next_turn_at = now + min(FIRST_WAIT * 2 ** min(run.attempts - 1, 10), LONGEST_WAIT)
    run.trouble = reason
    session.flush()


def finish(session: Session, run_id: int, now: datetime) -> ReconcileRun:
    """End a run that has seen everything, and forget old ones that found nothing."""
    run = _lock(session, run_id)
    if run.finished_at is None:
        # In a quiet shop the newest version lies before what was looked at twice.
        run.reached_at = max(run.reached_at, run.from_at + OVERLAP)
        run.finished_at, run.next_turn_at = now, None
        if not run.orders_unreadable:
            run.trouble = None
        session.flush()
    session.execute(
        delete(ReconcileRun).where(
            ReconcileRun.shop_id == run.shop_id,
            ReconcileRun.id < run.id,
            ReconcileRun.finished_at < now - KEPT_FOR,
            ReconcileRun.orders_missed == 0,
            ReconcileRun.refunds_missed == 0,
        )
    )
    return run


def _newest_run(session: Session, shop_id: int) -> ReconcileRun | None:
    newest = select(ReconcileRun).where(ReconcileRun.shop_id == shop_id).order_by(ReconcileRun.id.desc()).limit(1)
    return session.scalars(newest.execution_options(populate_existing=True)).one_or_none()


def _lock(session: Session, run_id: int) -> ReconcileRun:
    return session.get_one(ReconcileRun, run_id, with_for_update=True, populate_existing=True)


def _says_more(told: OrderFact, stored: OrderFact) -> bool:
    same_time = replace(told, updated_at=stored.updated_at, customer=stored.customer)
    whose = told.customer and told.customer.customer_id
    return same_time != stored or whose != (stored.customer and stored.customer.customer_id)


def _without_waiting(session: Session, shop_id: int, orders: Collection[OrderFact]) -> list[OrderFact]:
    """Return the orders of which no delivery in the inbox speaks that has still to be handled."""
    if not orders:
        return []
    wanted = func.unnest(cast([order.order_id for order in orders], ARRAY(BigInteger))).column_valued("wanted")
    speaks = func.position(func.convert_to(cast(wanted, Text), "UTF8").op("IN")(Delivery.body)) > 0
    waiting = exists().where(Delivery.shop_id == shop_id, Delivery.state == DeliveryState.RECEIVED, speaks)
    told = set(session.scalars(select(wanted).where(waiting)))
    return [order for order in orders if order.order_id not in told]
