"""What customers have spent, as stored events: rewritten when an order changes, read to find a tier."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app.engine.cases import Case
from app.engine.rules.tiers import compute_spend_events
from app.models import Order, Shop, SpendRow


def rewrite_spend(session: Session, shop: Shop, cases: Sequence[Case]) -> dict[int, datetime]:
    """Store what the orders add to their customers' spend; return from when on each customer's spend changed."""
    order_ids = [case.order.id for case in cases]
    stored: dict[int, list[tuple[datetime, int, int]]] = defaultdict(list)
    rows = session.execute(
        select(SpendRow.order_id, SpendRow.at, SpendRow.amount_minor, SpendRow.customer_id)
        .where(SpendRow.shop_id == shop.id, SpendRow.order_id.in_(order_ids))
        .order_by(SpendRow.id)
    )
    for order_id, at, amount_minor, whose in rows:
        stored[order_id].append((at, amount_minor, whose))
    earliest: dict[int, datetime] = {}
    rewritten, fresh = [], []
    for case in cases:
        customer_id = case.order.customer_id
        if customer_id is None:
            continue
        events = [
            (event.at, event.amount_minor, customer_id) for event in compute_spend_events(case.fact, case.refunds)
        ]
        before = stored[case.order.id]
        # Counted, not a set: two refunds of equal worth may share a second.
        counts, counts_before = Counter(events), Counter(before)
        moments = [at for at, _, _ in (counts - counts_before) + (counts_before - counts)]
        if not moments:
            continue
        rewritten.append(case.order.id)
        for customer in {customer_id, *(customer for _, _, customer in before)}:
            earliest[customer] = min([*moments, *([earliest[customer]] if customer in earliest else [])])
        fresh += [
            {
                "shop_id": shop.id,
                "customer_id": customer_id,
                "order_id": case.order.id,
                "at": at,
                "amount_minor": amount_minor,
            }
            for at, amount_minor, _ in events
        ]
    if any(stored[order_id] for order_id in rewritten):
        session.execute(delete(SpendRow).where(SpendRow.shop_id == shop.id, SpendRow.order_id.in_(rewritten)))
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
            Order.customer_id.in_(earliest),
            Order.placed_at > min(earliest.values()),
        )
    )
    return [order for order in rows if order.placed_at > earliest[order.customer_id or 0]]


class SpendHistory:
    """The spend history of a batch's customers."""

    def __init__(self, session: Session, shop: Shop, customer_ids: Sequence[int]) -> None:
        self._events: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
        rows = session.execute(
            select(SpendRow.customer_id, SpendRow.at, SpendRow.amount_minor).where(
                SpendRow.shop_id == shop.id, SpendRow.customer_id.in_(set(customer_ids))
            )
        )
        for customer_id, at, amount_minor in rows:
            self._events[customer_id].append((at, amount_minor))

    def before(self, customer_id: int | None, at: datetime) -> int:
        """Return the customer's net spend strictly before an instant, in minor units; 0 for a guest."""
        if customer_id is None:
            return 0
        return sum(amount_minor for moment, amount_minor in self._events[customer_id] if moment < at)
