"""Which of two tellings of the same order or refund counts, whatever the order in which they arrive."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from app.engine.rules.facts import (
    DetailFact,
    DisputeFact,
    DisputeStatus,
    FinancialStatus,
    OrderFact,
    PaymentFact,
    RefundFact,
    ReturnFact,
    RiskFact,
)
from app.engine.rules.facts_json import order_from_json, refund_from_json, to_json

#: Shopify's instants have whole seconds, so two versions may share one: then the further one counts.
_PROGRESS = {status: position for position, status in enumerate(FinancialStatus)}
#: Disputes carry no version; they only go forward, in the order of their states.
_DISPUTE_PROGRESS = {status: position for position, status in enumerate(DisputeStatus)}

_FOREVER = datetime.max.replace(tzinfo=UTC)


def newest(facts: Iterable[OrderFact]) -> dict[int, OrderFact]:
    """Return the newest version of each order, by its id."""
    versions: dict[int, OrderFact] = {}
    for fact in facts:
        known = versions.get(fact.order_id)
        if known is None or _order_rank(fact) > _order_rank(known):
            versions[fact.order_id] = fact
    return versions


def is_newer(fact: OrderFact, stored: Mapping[str, Any]) -> bool:
    """Return whether a version replaces the one stored as JSON."""
    return _order_rank(fact) > _order_rank(order_from_json(stored))


def fullest(facts: Iterable[RefundFact]) -> dict[int, RefundFact]:
    """Return the fullest telling of each refund, by its id: refunds carry no version, they only fill up."""
    tellings: dict[int, RefundFact] = {}
    for fact in facts:
        known = tellings.get(fact.refund_id)
        if known is None or _refund_rank(fact) > _refund_rank(known):
            tellings[fact.refund_id] = fact
    return tellings


def is_fuller(fact: RefundFact, stored: Mapping[str, Any]) -> bool:
    """Return whether a telling of a refund replaces the one stored as JSON."""
    return _refund_rank(fact) > _refund_rank(refund_from_json(stored))


def detail_rank(fact: DetailFact) -> tuple[Any, ...]:
    """Return what makes one telling of a detail of an order count more than another: the greater one does."""
    text = json.dumps(to_json(fact), sort_keys=True)
    match fact:
        case PaymentFact():
            return (fact.amount_minor, text)
        case DisputeFact():
            return (not fact.status.is_open, _DISPUTE_PROGRESS[fact.status], text)
        case RiskFact():
            return (fact.assessed_at, text)
        case ReturnFact():
            return (fact.told_at, not fact.status.is_open, text)
        case _:  # a deletion: it is gone since the first word of it
            return (_FOREVER - fact.at, text)


def _order_rank(fact: OrderFact) -> tuple[Any, ...]:
    # The text at the end only makes the choice between equals the same in whatever order they come.
    return (
        fact.updated_at,
        fact.cancelled_at is not None,
        _PROGRESS[fact.financial_status],
        len(fact.refunds),
        json.dumps(to_json(fact), sort_keys=True),
    )


def _refund_rank(fact: RefundFact) -> tuple[Any, ...]:
    return (
        sum(line.quantity for line in fact.lines),
        fact.money_minor,
        fact.shipping_minor,
        json.dumps(to_json(fact), sort_keys=True),
    )
