"""What an import of past orders would come to: counted order by order, summed up at the end. Pure, in memory.

An estimate: it takes the terms in force now, and leaves out limits, holds and what only the catalogue knows of goods.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.engine.rules.facts import Details, OrderFact, SpendEvent
from app.engine.rules.reward import compute_target
from app.engine.rules.terms import Terms
from app.engine.rules.tiers import compute_spend_events, compute_standing


@dataclass
class TierCount:
    """Who would have a tier now, by these orders alone."""

    customers: int = 0
    spend_minor: int = 0


@dataclass
class Summary:
    """What an import came to, or would come to. Amounts in minor units of the shop's currency."""

    currency: str
    orders: int = 0
    #: Of these, those that are in the tables already.
    known: int = 0
    #: Of these, those placed before the programme began.
    past: int = 0
    #: Of these, those without a customer.
    guests: int = 0
    customers: int = 0
    #: Net of what went back.
    spend_minor: int = 0
    tiers: dict[str, TierCount] = field(default_factory=dict)
    #: Past orders that would earn, or did, and what of that is kept.
    rewards: int = 0
    granted_minor: int = 0
    unreadable: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the summary as a JSON object."""
        return asdict(self)


#: When a past order was placed, and what it would keep at each tier.
_Asked = tuple[datetime, tuple[int, ...]]


class Estimate:
    """Takes orders in any order, each once."""

    def __init__(self, terms: Terms, zone: ZoneInfo) -> None:
        self._terms = terms
        self._zone = zone
        self._events: dict[int | None, list[SpendEvent]] = defaultdict(list)
        self._asked: dict[int | None, list[_Asked]] = defaultdict(list)
        self._summary = Summary(terms.currency)

    def add(self, order: OrderFact, details: Details, *, is_known: bool, is_past: bool) -> None:
        """Count an order; of a known one the reward stays as it is."""
        counted = self._summary
        customer_id = None if order.customer is None else order.customer.customer_id
        counted.orders += 1
        counted.known += is_known
        counted.past += is_past
        counted.guests += customer_id is None
        events = compute_spend_events(order, order.refunds, details)
        counted.spend_minor += sum(event.amount_minor for event in events)
        self._events[customer_id] += events
        if is_past:
            kept = tuple(
                compute_target(order, order.refunds, self._terms, tier, details=details).kept_minor
                for tier in self._terms.tiers
            )
            if any(kept):
                self._asked[customer_id].append((order.placed_at, kept))

    def sum_up(self, now: datetime, *, unreadable: int = 0) -> Summary:
        """Return what all of it comes to."""
        counted = self._summary
        counted.unreadable = unreadable
        counted.customers = len(self._events.keys() - {None})
        counted.tiers = {tier.name: TierCount() for tier in self._terms.tiers}
        for customer_id, events in self._events.items():
            if customer_id is not None:
                standing = compute_standing(events, self._terms, now, self._zone)
                tier = counted.tiers[standing.tier.name]
                tier.customers += 1
                tier.spend_minor += standing.spend_minor
            self._grant(events if customer_id is not None else (), self._asked.get(customer_id, ()))
        return counted

    def _grant(self, events: Sequence[SpendEvent], asked: Sequence[_Asked]) -> None:
        """Count what the orders of one customer would keep at the tier of their day."""
        places = {tier.name: place for place, tier in enumerate(self._terms.tiers)}
        for placed_at, kept in asked:
            tier = compute_standing(events, self._terms, placed_at, self._zone).tier
            minor = kept[places[tier.name]]
            self._summary.rewards += minor > 0
            self._summary.granted_minor += minor
