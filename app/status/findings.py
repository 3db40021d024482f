"""What the engine's status is derived from: counts and instants read from the tables, never a stored flag."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.engine.rules.states import TransferState
from app.models import Delivery, DeliveryState, ReconcileRun, Shop, ShopToken, Transfer
from app.models.columns import as_columns

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
    handled, failed = session.execute(
        select(
            func.count().filter(seen.c.state == DeliveryState.HANDLED),
            func.count().filter(seen.c.state == DeliveryState.FAILED),
        ).where(seen.c.received_at > now - WINDOW)
    ).one()
    troubled = (Transfer.shop_id == shop_id, Transfer.state.in_((TransferState.REFUSED, TransferState.UNKNOWN)))
    refused, people, unknown_at = session.execute(
        select(
            func.count().filter(Transfer.state == TransferState.REFUSED),
            func.count().filter(Transfer.needs_person),
            func.min(Transfer.sent_at).filter(Transfer.state == TransferState.UNKNOWN),
        ).where(*troubled)
    ).one()
    single = session.execute(as_columns(_ask_for_single(shop_id, now))).one()
    return Findings(
        has_token=token is not None,
        token_refused_at=None if token is None else token.refused_at,
        token_refused_reason=None if token is None else token.refused_reason,
        scope="" if token is None else token.scope,
        oldest_waiting_at=single.oldest_waiting_at,
        handled=handled,
        failed=failed,
        last_failure=single.last_failure,
        refused_transfers=refused,
        transfers_for_a_person=people,
        oldest_unknown_at=unknown_at,
        # Since the app is installed again, it is no later than that.
        reconciled_at=max(single.finished_at or single.installed_at, single.installed_at),
        reconciliation_trouble=single.trouble,
    )


def _ask_for_single(shop_id: int, now: datetime) -> dict[str, Select[Any]]:
    """Return the questions with one answer."""
    deliveries, runs = Delivery.shop_id == shop_id, ReconcileRun.shop_id == shop_id
    waiting = select(Delivery.received_at).where(deliveries, Delivery.state == DeliveryState.RECEIVED)
    failed = (Delivery.state == DeliveryState.FAILED, Delivery.received_at > now - WINDOW)
    return {
        "oldest_waiting_at": waiting.order_by(Delivery.id).limit(1),
        "last_failure": select(Delivery.reason).where(deliveries, *failed).order_by(Delivery.id.desc()).limit(1),
        "finished_at": select(func.max(ReconcileRun.finished_at)).where(runs),
        "installed_at": select(Shop.installed_at).where(Shop.id == shop_id),
        "trouble": select(ReconcileRun.trouble).where(runs, ReconcileRun.finished_at.is_(None)),
    }
