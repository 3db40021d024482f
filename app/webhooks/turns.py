"""Whose turn it is: shops with waiting deliveries take turns, so that none waits for all that another one has."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from app.models import Delivery, DeliveryState

#: Most deliveries of a shop in one turn, while others wait, too.
MOST_IN_A_TURN = 100


@dataclass(slots=True)
class Turns:
    """Remembers which shop had the last turn. A worker keeps it from job to job, or the first shops had most turns."""

    last_shop_id: int = 0

    def order(self, shop_ids: Sequence[int]) -> list[int]:
        """Return shops in the order of their turns: those after the last one first, then all over again."""
        return sorted(shop_ids, key=lambda shop_id: (shop_id <= self.last_shop_id, shop_id))


def is_waiting(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which a delivery may be handled now."""
    return (
        Delivery.state == DeliveryState.RECEIVED,
        or_(Delivery.next_attempt_at.is_(None), Delivery.next_attempt_at <= now),
    )


def list_waiting_shops(session: Session, now: datetime, skip: Collection[int] = ()) -> list[int]:
    """Return the shops that have deliveries waiting, but for those to skip, in the order of their ids.

    Leaps from one shop to the next by the index of what waits, and so takes as long as there are waiting shops,
    not deliveries.
    """
    first = select(Delivery.shop_id).where(*is_waiting(now)).order_by(Delivery.shop_id).limit(1)
    leap = select(first.subquery().c.shop_id).cte("leap", recursive=True)
    following = first.where(Delivery.shop_id > leap.c.shop_id).correlate(leap).scalar_subquery()
    leap = leap.union_all(select(following).where(leap.c.shop_id.is_not(None)))
    found = session.scalars(select(leap.c.shop_id).where(leap.c.shop_id.is_not(None)))
    return [shop_id for shop_id in found if shop_id not in skip]
