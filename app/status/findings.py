"""What the engine's status is derived from: counts and instants read from the tables, never a stored flag."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.engine.rules.states import TransferState
from app.models import Delivery, DeliveryState, ReconcileRun, Shop, ShopToken, Transfer

WINDOW = timedelta(hours=1)
#: No more deliveries of the window are looked at than the newest so many.
NEWEST = 5_000


@dataclass(frozen=True, slots=True)
class Findings:
    """What the tables say about one shop at one moment."""

    has_token: bool
    token_refused_at: datetime | None
    token_refused_reason: str | None
    #: What the shop allows the app, with commas between the scopes.
    scope: str
    oldest_waiting_at: datetime | None
    #: Deliveries of the last hour that were handled, and that failed.
    handled: int
    failed: int
    last_failure: str | None
    refused_transfers: int
    transfers_for_a_person: int
    #: Since when the oldest transfer with an unknown outcome is unknown.
    oldest_unknown_at: datetime | None
    #: Since when nobody has looked through for what webhooks never told, and what stops it.
    reconciled_at: datetime
    reconciliation_trouble: str | None


def find_out(session: Session, shop_id: int, now: datetime) -> Findings:
    """Return the findings for a shop."""
    token = session.get(ShopToken, shop_id)
    newest = select(Delivery.state, Delivery.received_at).where(Delivery.shop_id == shop_id)
    seen = newest.order_by(Delivery.id.desc()).limit(NEWEST).subquery()
    by_state = select(seen.c.state, func.count()).where(seen.c.received_at > now - WINDOW).group_by(seen.c.state)
    states: dict[DeliveryState, int] = dict(session.execute(by_state).all())
    troubled = (Transfer.shop_id == shop_id, Transfer.state.in_((TransferState.REFUSED, TransferState.UNKNOWN)))
    refused, people, unknown_at = session.execute(
        select(
            func.count().filter(Transfer.state == TransferState.REFUSED),
            func.count().filter(Transfer.needs_person),
            func.min(Transfer.sent_at).filter(Transfer.state == TransferState.UNKNOWN),
        ).where(*troubled)
    ).one()
    return Findings(
        has_token=token is not None,
        token_refused_at=None if token is None else token.refused_at,
        token_refused_reason=None if token is None else token.refused_reason,
        scope="" if token is None else token.scope,
        oldest_waiting_at=session.scalar(
            select(Delivery.received_at)
            .where(Delivery.shop_id == shop_id, Delivery.state == DeliveryState.RECEIVED)
            .order_by(Delivery.id)
            .limit(1)
        ),
        handled=states.get(DeliveryState.HANDLED, 0),
        failed=states.get(DeliveryState.FAILED, 0),
        last_failure=session.scalar(
            select(Delivery.reason)
            .where(
                Delivery.shop_id == shop_id,
                Delivery.state == DeliveryState.FAILED,
                Delivery.received_at > now - WINDOW,
            )
            .order_by(Delivery.id.desc())
            .limit(1)
        ),
        refused_transfers=refused,
        transfers_for_a_person=people,
        oldest_unknown_at=unknown_at,
        reconciled_at=_reconciled_at(session, shop_id),
        reconciliation_trouble=session.scalar(
            select(ReconcileRun.trouble).where(ReconcileRun.shop_id == shop_id, ReconcileRun.finished_at.is_(None))
        ),
    )


def _reconciled_at(session: Session, shop_id: int) -> datetime:
    """Return when the last look was finished; since the app is installed again, it is no later than that."""
    finished = select(func.max(ReconcileRun.finished_at)).where(ReconcileRun.shop_id == shop_id)
    installed_at = session.scalars(select(Shop.installed_at).where(Shop.id == shop_id)).one()
    return max(session.scalar(finished) or installed_at, installed_at)
