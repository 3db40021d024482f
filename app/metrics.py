"""``GET /metrics``: how each shop's engine is doing, as Prometheus reads it; for whoever brings the token.

Everything is counted in the tables at the moment it is asked for, by the indexes of what is not done yet, so it does
not matter which process answers, and the past costs nothing.
"""

import hmac
import platform
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from flask import Blueprint, Response, abort, request
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from app.clock import utcnow
from app.config import current_settings
from app.db import transaction
from app.engine.journeys import DAY
from app.engine.rules.messages import MailState, MessageState
from app.engine.rules.states import RewardState, TransferState
from app.models import (
    CreditAccount,
    Delivery,
    DeliveryState,
    Incident,
    Mail,
    Message,
    Reward,
    Shop,
    StageLag,
    SweepFailure,
    Transfer,
)

blueprint = Blueprint("metrics", __name__)

#: What troubles nobody's money: with an incident of these alone the engine is not in error (``app/status``).
SMALL_TROUBLES = frozenset({"stage_slow", "mail_server_away", "mails_failing", "template_broken"})
_UNDECIDED = (RewardState.IN_REVIEW, RewardState.HELD)
_UNDONE = (TransferState.PLANNED, TransferState.SENDING, TransferState.UNKNOWN, TransferState.REFUSED)
_UNSENT = (MailState.PLANNED, MailState.SENDING, MailState.REFUSED, MailState.UNKNOWN)
_HOUR = timedelta(hours=1)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Return the figures of all shops; 401 without the token, 404 where no token is set."""
    token = current_settings().metrics_token
    if not token:
        abort(404)
    brought = request.headers.get("Authorization", "").encode()
    if not hmac.compare_digest(brought, f"Bearer {token}".encode()):
        headers = {"WWW-Authenticate": "Bearer"}
        return Response("Bring the token of METRICS_TOKEN.\n", 401, headers, mimetype="text/plain")
    registry = CollectorRegistry(auto_describe=False)
    with transaction() as session:
        registry.register(_Figures(session, utcnow()))
        page = generate_latest(registry)
    return Response(page, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


class _Figures(Collector):
    """The figures of all shops that have the app, each family by one question over all of them."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._session = session
        self._now = now
        installed = select(Shop).where(Shop.uninstalled_at.is_(None)).order_by(Shop.id)
        self._shops: Mapping[int, Shop] = {shop.id: shop for shop in session.scalars(installed)}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield every family of figures."""
        yield self._build()
        yield from self._engine()
        yield self._sweeps()
        yield from self._stages()
        yield from self._inbox()
        yield from self._waiting()
        yield self._count_states("transfers", "Transfers that are not done", Transfer.state, _UNDONE)
        unclear = Transfer.needs_person & Transfer.state.in_((TransferState.REFUSED, TransferState.UNKNOWN))
        yield self._count("transfers_for_a_person", "Transfers only a person can decide about", Transfer, unclear)
        drifts = CreditAccount.drift_minor != 0
        yield self._count("drift_accounts", "Accounts that differ from the books", CreditAccount, drifts)
        yield self._count_states("mails", "Mails that have not been sent", Mail.state, _UNSENT)

    def _build(self) -> GaugeMetricFamily:
        family = _family("build_info", "What runs here", "python", "schema", "shopify_api")
        schema = self._session.scalar(text("SELECT version_num FROM alembic_version")) or ""
        family.add_metric([platform.python_version(), schema, current_settings().shopify_api_version], 1)
        return family

    def _engine(self) -> Iterator[GaugeMetricFamily]:
        status = _family("engine_status", "1 for what the engine is: active, paused or error", "shop", "status")
        incidents = _family("incidents_open", "Troubles the watch sees now", "shop", "cause")
        open_ = select(Incident.shop_id, Incident.cause).where(Incident.ended_at.is_(None))
        in_error = set()
        for shop_id, cause in self._session.execute(open_.order_by(Incident.shop_id, Incident.cause)):
            if shop_id in self._shops:
                incidents.add_metric([self._shops[shop_id].domain, cause], 1)
                if cause.partition(":")[0] not in SMALL_TROUBLES:
                    in_error.add(shop_id)
        for shop in self._shops.values():
            found = "error" if shop.id in in_error else "paused" if shop.paused_at is not None else "active"
            for each in ("active", "paused", "error"):
                status.add_metric([shop.domain, each], int(each == found))
        yield status
        yield incidents

    def _sweeps(self) -> GaugeMetricFamily:
        family = _family("sweep_failing", "What the clock fails to look for", "shop", "sweep")
        failing = select(SweepFailure.shop_id, SweepFailure.sweep).where(SweepFailure.until >= self._now)
        for shop_id, sweep in self._session.execute(failing.order_by(SweepFailure.shop_id, SweepFailure.sweep)):
            if shop_id in self._shops:
                family.add_metric([self._shops[shop_id].domain, sweep], 1)
        return family

    def _stages(self) -> Iterator[GaugeMetricFamily]:
        seconds = _family(
            "stage_seconds", "How long a stage of cashback took in the last 24 hours", "shop", "stage", "quantile"
        )
        samples = _family("stage_samples", "Of how many that is said", "shop", "stage")
        rows = select(StageLag).where(StageLag.hours == DAY, StageLag.samples > 0)
        for row in self._session.scalars(rows.order_by(StageLag.shop_id, StageLag.id)):
            if row.shop_id in self._shops:
                whose = [self._shops[row.shop_id].domain, row.what.value]
                for quantile, took_ms in (("0.5", row.p50_ms), ("0.95", row.p95_ms)):
                    seconds.add_metric([*whose, quantile], (took_ms or 0) / 1_000)
                samples.add_metric(whose, row.samples)
        yield seconds
        yield samples

    def _inbox(self) -> Iterator[GaugeMetricFamily]:
        waits = Delivery.state == DeliveryState.RECEIVED
        yield self._count("inbox_waiting", "Deliveries that wait", Delivery, waits)
        yield self._oldest("inbox_oldest_seconds", "How long the oldest of them waits", Delivery.received_at, waits)
        failed = (Delivery.state == DeliveryState.FAILED) & (Delivery.received_at > self._now - _HOUR)
        yield self._count("deliveries_failed_last_hour", "Deliveries that failed", Delivery, failed)

    def _waiting(self) -> Iterator[GaugeMetricFamily]:
        yield self._count_states("rewards", "Cashback that waits for a person", Reward.state, _UNDECIDED)
        waits = Message.state == MessageState.WAITING
        yield self._count("messages_waiting", "Messages that are not told yet", Message, waits)
        yield self._oldest("messages_oldest_seconds", "How long the oldest of them waits", Message.created_at, waits)

    def _count(self, name: str, about: str, table: Any, which: ColumnElement[bool]) -> GaugeMetricFamily:
        """Count rows by shop."""
        family = _family(name, about, "shop")
        query = select(table.shop_id, func.count()).where(which).group_by(table.shop_id)
        found: dict[int, int] = dict(self._session.execute(query).all())
        for shop in self._shops.values():
            family.add_metric([shop.domain], found.get(shop.id, 0))
        return family

    def _count_states(self, name: str, about: str, state: Any, states: Sequence[StrEnum]) -> GaugeMetricFamily:
        """Count rows by shop and by each of some states."""
        family = _family(name, about, "shop", "state")
        shop_id = state.class_.shop_id
        query = select(shop_id, state, func.count()).where(state.in_(states)).group_by(shop_id, state)
        found = {(number, each): count for number, each, count in self._session.execute(query)}
        for shop in self._shops.values():
            for each in states:
                family.add_metric([shop.domain, each.value], found.get((shop.id, each), 0))
        return family

    def _oldest(self, name: str, about: str, at: Any, which: ColumnElement[bool]) -> GaugeMetricFamily:
        family = _family(name, about, "shop")
        shop_id = at.class_.shop_id
        for number, oldest in self._session.execute(select(shop_id, func.min(at)).where(which).group_by(shop_id)):
            if number in self._shops:
                family.add_metric([self._shops[number].domain], max(0, (self._now - oldest).total_seconds()))
        return family


def _family(name: str, about: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"boomerang_{name}", f"{about}.", labels=labels)
