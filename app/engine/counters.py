"""What customers and the programme were granted so far: the counters that the limits look at.

Grant events are derived from rewards, as spend events are from orders: rewritten whenever a reward changes. Those
from before a person reopened or adjusted a reward are history and stay.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, delete, func, insert, or_, select
from sqlalchemy.orm import Session

from app.engine.cases import Case
from app.engine.locks import lock_budget
from app.engine.rules.limits import Ceiling, GrantEvent, compute_ceilings, limits_periodically
from app.engine.rules.periods import month_of
from app.engine.rules.terms import Terms
from app.models import GrantRow, Reward, Shop
from app.models.columns import among

Amounts = Sequence[tuple[datetime, int]]


class Counters:
    """The counters of one batch. The customers concerned are locked by the caller."""

    def __init__(self, session: Session, shop: Shop, *, limited: bool) -> None:
        """``limited`` says whether any version of the terms has periodic limits.

        Where none has, what orders take is counted all the same, for terms may limit one day; but only these orders'
        own events are read, and they change no other order.
        """
        self._session = session
        self._shop = shop
        self._zone = ZoneInfo(shop.timezone)
        self._limited = limited
        #: By customer and order (Shopify's id).
        self._events: dict[int, dict[int, list[GrantEvent]]] = defaultdict(lambda: defaultdict(list))
        self._rewritten: dict[int, tuple[Case, int | None]] = {}
        #: What each month's budget has granted, as far as it was asked for.
        self._budget: dict[date, int] = {}

    def read(self, customer_ids: Collection[int], cases: Sequence[Case]) -> None:
        """Read the events of some orders, and where something limits those of all their customers' other orders."""
        which: ColumnElement[bool] = among(GrantRow.order_id, [case.order.id for case in cases])
        if self._limited:
            which = or_(which, among(GrantRow.customer_id, customer_ids))
        rows = self._session.scalars(
            select(GrantRow).where(GrantRow.shop_id == self._shop.id, which).order_by(GrantRow.at, GrantRow.id)
        )
        for row in rows:
            self._events[row.customer_id][row.order_shopify_id].append(
                GrantEvent(row.order_shopify_id, row.placed_at, row.at, row.amount_minor)
            )

    def periodic(self, case: Case, customer_id: int, terms: Terms, takes_at: datetime) -> tuple[Ceiling, ...]:
        """Return what the customer's periodic limits leave for an order."""
        if not limits_periodically(terms):
            return ()
        return compute_ceilings(
            terms,
            [event for events in self._events[customer_id].values() for event in events],
            order_id=case.order.shopify_id,
            placed_at=case.fact.placed_at,
            takes_at=takes_at,
            zone=self._zone,
        )

    def record(
        self, case: Case, customer_id: int | None, before: int | None, takes_at: datetime, amounts: Amounts
    ) -> datetime | None:
        """Note what an order takes of its customer's limits; return from when on that is something else than before.

        ``before`` is the customer whose it was, ``amounts`` what it takes from each moment on, oldest first. Where
        nothing limits, nobody has to know.
        """
        changed: list[datetime] = []
        order_id = case.order.shopify_id
        if before is not None and before != customer_id:
            changed += [event.at for event in self._events[before].pop(order_id, [])]
        if customer_id is not None:
            known = self._events[customer_id].get(order_id, [])
            history = [event for event in known if event.at < takes_at and takes_at > case.fact.placed_at]
            fresh = history + _differences(case, amounts, sum(event.amount_minor for event in history))
            if fresh != known:
                self._events[customer_id][order_id] = fresh
                changed += [event.at for event in [*known, *fresh] if event not in known or event not in fresh]
        if not changed:
            return None
        self._rewritten[case.order.id] = (case, customer_id)
        return min(changed) if self._limited else None

    def budget(self, month: date, reward: Reward) -> int:
        """Return what a month's budget has granted to other orders. Locks the shop's budget until the commit."""
        if month not in self._budget:
            lock_budget(self._session, self._shop.id)
            # Asking flushes what this batch has changed of rewards so far, so the sum has it.
            granted = self._session.scalar(
                select(func.sum(Reward.counted_minor)).where(
                    Reward.shop_id == self._shop.id, Reward.budget_month == month
                )
            )
            self._budget[month] = int(granted or 0)
        return self._budget[month] - _taken(reward, month)

    def take(self, reward: Reward, month: date | None, counted_minor: int) -> None:
        """Let a reward take this much of limits and budget from now on."""
        for known in self._budget:
            self._budget[known] += (counted_minor if known == month else 0) - _taken(reward, known)
        reward.counted_minor, reward.budget_month = counted_minor, month

    def month(self, case: Case) -> date:
        """Return the first day of the month an order was placed in, in the shop's time zone."""
        start = month_of(case.fact.placed_at, self._zone).start
        return start.astimezone(self._zone).date()

    def write(self) -> None:
        """Store the grant events that changed."""
        if not self._rewritten:
            return
        orders = list(self._rewritten)
        self._session.execute(
            delete(GrantRow).where(GrantRow.shop_id == self._shop.id, among(GrantRow.order_id, orders))
        )
        rows = [
            {
                "shop_id": self._shop.id,
                "customer_id": customer_id,
                "order_id": order_id,
                "order_shopify_id": event.order_id,
                "placed_at": event.placed_at,
                "at": event.at,
                "amount_minor": event.amount_minor,
            }
            for order_id, (case, customer_id) in self._rewritten.items()
            if customer_id is not None
            for event in self._events[customer_id].get(case.order.shopify_id, [])
        ]
        if rows:
            self._session.execute(insert(GrantRow), rows)
        self._rewritten = {}


def _differences(case: Case, amounts: Amounts, before_minor: int) -> list[GrantEvent]:
    events = []
    for at, amount_minor in amounts:
        if amount_minor != before_minor:
            difference = amount_minor - before_minor
            events.append(GrantEvent(case.order.shopify_id, case.fact.placed_at, at, difference))
        before_minor = amount_minor
    return events


def _taken(reward: Reward, month: date) -> int:
    return reward.counted_minor if reward.budget_month == month else 0
