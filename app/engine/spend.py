"""What customers have spent, as stored events: rewritten when an order changes, read to find a tier."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app.engine.audit import SYSTEM
from app.engine.cases import Case
from app.engine.rules.facts import SpendEvent, TierAssignment
from app.engine.rules.holds import Past
from app.engine.rules.terms import Terms
from app.engine.rules.tiers import Standing, compute_spend_events, compute_standing
from app.models import Order, Shop, SpendRow, TierAssignmentRow, TierRun
from app.models.columns import among

DAY = timedelta(days=1)


def rewrite_spend(session: Session, shop: Shop, cases: Sequence[Case]) -> dict[int, datetime]:
    """Store what the orders add to their customers' spend; return from when on each customer's spend changed."""
    order_ids = [case.order.id for case in cases]
    stored: dict[int, list[tuple[datetime, int, int, datetime]]] = defaultdict(list)
    rows = session.execute(
        select(SpendRow.order_id, SpendRow.at, SpendRow.amount_minor, SpendRow.customer_id, SpendRow.placed_at)
        .where(SpendRow.shop_id == shop.id, among(SpendRow.order_id, order_ids))
        .order_by(SpendRow.id)
    )
    for order_id, at, amount_minor, whose, placed_at in rows:
        stored[order_id].append((at, amount_minor, whose, placed_at))
    earliest: dict[int, datetime] = {}
    rewritten, fresh = [], []
    for case in cases:
        customer_id = case.order.customer_id
        if customer_id is None:
            continue
        events = [
            (event.at, event.amount_minor, customer_id, event.placed_at)
            for event in compute_spend_events(case.fact, case.refunds, case.details)
        ]
        before = stored[case.order.id]
        # Counted, not a set: two refunds of equal worth may share a second.
        counts, counts_before = Counter(events), Counter(before)
        moments = [at for at, _, _, _ in (counts - counts_before) + (counts_before - counts)]
        if not moments:
            continue
        rewritten.append(case.order.id)
        for customer in {customer_id, *(customer for _, _, customer, _ in before)}:
            earliest[customer] = min([*moments, *([earliest[customer]] if customer in earliest else [])])
        fresh += [
            {
                "shop_id": shop.id,
                "customer_id": customer_id,
                "order_id": case.order.id,
                "at": at,
                "placed_at": placed_at,
                "amount_minor": amount_minor,
            }
            for at, amount_minor, _, placed_at in events
        ]
    if any(stored[order_id] for order_id in rewritten):
        session.execute(delete(SpendRow).where(SpendRow.shop_id == shop.id, among(SpendRow.order_id, rewritten)))
    if fresh:
        session.execute(insert(SpendRow), fresh)
    return earliest


def read_later_orders(session: Session, shop: Shop, earliest: dict[int, datetime]) -> list[Order]:
    """Return the orders placed after their customer's spend changed: their tier may have been another one."""
    if not earliest:
        return []
    rows = session.scalars(
        select(Order).where(
            Order.shop_id == shop.id,
            among(Order.customer_id, earliest),
            Order.placed_at > min(earliest.values()),
        )
    )
    return [order for order in rows if order.placed_at > earliest[order.customer_id or 0]]


class SpendHistory:
    """What a batch's customers have spent, the tiers they were given, and when everybody's tier was looked at."""

    def __init__(self, session: Session, shop: Shop, customer_ids: Collection[int]) -> None:
        self._session = session
        self._shop = shop
        self._zone = ZoneInfo(shop.timezone)
        self._customers = set(customer_ids)
        self._events: dict[int, list[SpendEvent]] = defaultdict(list)
        self._given: dict[int, list[TierAssignment]] = defaultdict(list)
        self._paid_at: dict[int, list[tuple[datetime, int]]] | None = None
        spent = select(
            SpendRow.customer_id, SpendRow.at, SpendRow.amount_minor, SpendRow.order_id, SpendRow.placed_at
        ).where(SpendRow.shop_id == shop.id, among(SpendRow.customer_id, self._customers))
        for customer_id, at, amount_minor, order_id, placed_at in session.execute(spent):
            self._events[customer_id].append(SpendEvent(at, amount_minor, order_id, placed_at))
        given = select(TierAssignmentRow).where(
            TierAssignmentRow.shop_id == shop.id, among(TierAssignmentRow.customer_id, self._customers)
        )
        for row in session.scalars(given):
            self._given[row.customer_id].append(
                TierAssignment(row.tier_name, row.starts_at, row.ends_at, row.source, row.is_locked)
            )
        # The schedule's own runs follow from the terms; only what a person asked for is a fact of its own.
        asked = select(TierRun.at).where(TierRun.shop_id == shop.id, TierRun.actor != SYSTEM)
        self._evaluations = session.scalars(asked).all()

    def standing(self, customer_id: int | None, terms: Terms, at: datetime) -> Standing:
        """Return a customer's tier just before an instant; a guest has spent nothing."""
        events = self._events[customer_id] if customer_id else []
        given = self._given[customer_id] if customer_id else []
        return compute_standing(events, terms, at, self._zone, assignments=given, evaluations=self._evaluations)

    def past(self, customer_id: int, at: datetime, order_id: int) -> Past:
        """Return what a customer had done before an order (Shopify's id) that was placed at an instant."""
        if self._paid_at is None:
            self._paid_at = self._read_paid_orders()
        before = [placed for placed in self._paid_at[customer_id] if placed < (at, order_id)]
        events = [event for event in self._events[customer_id] if event.at < at]
        spent_minor = sum(event.amount_minor for event in events if event.amount_minor > 0)
        return Past(
            orders=len(before),
            orders_in_a_day=sum(placed_at > at - DAY for placed_at, _ in before),
            spent_minor=spent_minor,
            refunded_minor=spent_minor - sum(event.amount_minor for event in events),
        )

    def _read_paid_orders(self) -> dict[int, list[tuple[datetime, int]]]:
        paid: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
        rows = self._session.execute(
            select(Order.customer_id, Order.placed_at, Order.shopify_id).where(
                Order.shop_id == self._shop.id,
                among(Order.customer_id, self._customers),
                Order.paid_fact.is_not(None),
                Order.fact["is_test"].as_boolean().is_(False),
            )
        )
        for customer_id, placed_at, shopify_id in rows:
            paid[customer_id or 0].append((placed_at, shopify_id))
        return paid
