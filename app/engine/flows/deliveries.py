"""The log of deliveries: a failed one is put back to those that wait, and bodies that are not needed any more go."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, exists, func, literal, select, update
from sqlalchemy.orm import Session

from app.engine.audit import record
from app.engine.rules.roles import Duty
from app.engine.staffing import check_may
from app.errors import NotFound, Refused
from app.models import Delivery, DeliveryState, Shop
from app.sentences import say

#: How many bodies are removed in one transaction.
BATCH = 500
_OVER = (DeliveryState.HANDLED, DeliveryState.IGNORED)


def replay(session: Session, shop_id: int, delivery_id: int, actor: str, now: datetime) -> Delivery:
    """Put a failed delivery back to those that wait. Raises NotFound, or Refused when it has not failed."""
    check_may(session, shop_id, actor, Duty.MANAGE)
    delivery = session.scalars(
        select(Delivery).where(Delivery.id == delivery_id, Delivery.shop_id == shop_id).with_for_update()
    ).one_or_none()
    if delivery is None:
        raise NotFound(say("This shop has no delivery {number}.", number=delivery_id))
    if delivery.state is not DeliveryState.FAILED:
        raise Refused(say("Delivery {number} has not failed; only a failed one can be replayed.", number=delivery_id))
    if delivery.pruned_at is not None:
        raise Refused(
            say("The body of delivery {number} was removed with a customer's personal data.", number=delivery_id)
        )
    delivery.state = DeliveryState.RECEIVED
    delivery.attempts = 0
    delivery.next_attempt_at = delivery.handled_at = delivery.reason = None
    subject = ("delivery", delivery.id)
    record(session, shop_id, actor, "replay", subject=subject, before={"state": "failed"}, after={}, now=now)
    session.flush()
    return delivery


def list_failed(session: Session, shop_id: int, topic: str | None = None) -> list[int]:
    """Return the failed deliveries of a shop that can be replayed, oldest first."""
    which = [Delivery.shop_id == shop_id, Delivery.state == DeliveryState.FAILED, Delivery.pruned_at.is_(None)]
    if topic is not None:
        which.append(Delivery.topic == topic)
    return list(session.scalars(select(Delivery.id).where(*which).order_by(Delivery.id)))


def list_shops_to_prune(session: Session, now: datetime) -> list[int]:
    """Return the shops that keep bodies longer than they want to."""
    left = exists().where(Delivery.shop_id == Shop.id, *_is_over(), Delivery.received_at < _kept_from(now))
    return list(session.scalars(select(Shop.id).where(left)))


def prune(session: Session, shop: Shop, now: datetime) -> int:
    """Remove some bodies of deliveries that were handled or ignored long enough ago; return how many.

    The row stays with all that is said of it, so that the same delivery is still known when it comes again; what
    waits or has failed keeps its body. Of a shop that had everybody forgotten nothing is kept while it is away.
    """
    old = (
        select(Delivery.id)
        .join(Shop, Shop.id == Delivery.shop_id)
        .where(Delivery.shop_id == shop.id, *_is_over(), Delivery.received_at < _kept_from(now))
        .order_by(Delivery.received_at)
        .limit(BATCH)
        .with_for_update(of=Delivery, skip_locked=True)
        # Read once: as a plain subquery it may be read again for every row, each time passing over what it locked.
        .cte("old")
        .prefix_with("MATERIALIZED")
    )
    gone = update(Delivery).where(Delivery.id.in_(select(old.c.id))).values(body=b"", pruned_at=now)
    return len(session.scalars(gone.returning(Delivery.id)).all())


def _is_over() -> tuple[ColumnElement[bool], ...]:
    return Delivery.pruned_at.is_(None), Delivery.state.in_(_OVER)


def _kept_from(now: datetime) -> ColumnElement[datetime]:
    """Return since when a shop's bodies are kept."""
    is_forgotten = and_(Shop.redacted_at.is_not(None), Shop.uninstalled_at.is_not(None))
    days = func.make_interval(0, 0, 0, Shop.keep_deliveries_days)
    return case((is_forgotten, now), else_=literal(now) - days)
