"""An order as it stood after each thing that happened to it, in the order in which they happened."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.engine.rules.facts import DisputeFact, OrderFact, RefundFact
from app.engine.rules.kept import distinct


@dataclass(frozen=True, slots=True)
class Moment:
    """What was known of an order from an instant on: its cancellation, refunds and lost disputes until then."""

    at: datetime
    order: OrderFact
    refunds: tuple[RefundFact, ...]
    lost: tuple[DisputeFact, ...]


def moments_of(
    order: OrderFact, refunds: Sequence[RefundFact], disputes: Sequence[DisputeFact] = ()
) -> tuple[Moment, ...]:
    """Return an order's moments, oldest first; the first is when it was placed. Nothing happens before that.

    Units taken out by an edit count as never bought, since the body does not date them.
    """
    start = order.placed_at
    whole = replace(order, cancelled_at=None)
    happened: list[tuple[datetime, int, RefundFact | DisputeFact | None]] = [
        (max(refund.processed_at, start), number, refund) for number, refund in enumerate(distinct(refunds))
    ]
    happened += [
        (max(dispute.finalized_at or dispute.initiated_at, start), len(happened), dispute)
        for dispute in sorted(disputes, key=lambda dispute: dispute.dispute_id)
        if dispute.status.is_lost
    ]
    if order.cancelled_at is not None:
        happened.append((max(order.cancelled_at, start), -1, None))
    moments = [Moment(start, whole, (), ())]
    for at, _, thing in sorted(happened, key=lambda item: item[:2]):
        last = moments[-1]
        match thing:
            case None:
                moments.append(replace(last, at=at, order=order))
            case RefundFact():
                moments.append(replace(last, at=at, refunds=(*last.refunds, thing)))
            case _:
                moments.append(replace(last, at=at, lost=(*last.lost, thing)))
    return tuple(moments)
