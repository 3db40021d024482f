"""What reading statements needs of the books, as a protocol: this room does not import the flow that keeps them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from app.engine.rules.account_readings import AccountReading, DueAccount
from app.models import Shop


class StatementBooks(Protocol):
    """The functions of ``app.engine.flows.account_statements`` that reading calls; callers hand that module in."""

    def list_people(self, session: Session, shop: Shop, now: datetime) -> bool: ...
    def take_due(self, session: Session, shop: Shop, now: datetime, limit: int) -> list[DueAccount]: ...
    def record_readings(
        self, session: Session, shop: Shop, readings: Sequence[AccountReading], now: datetime
    ) -> frozenset[int]: ...
    def needs_configuration(self, session: Session, shop: Shop, now: datetime) -> bool: ...
    def record_configuration(self, session: Session, shop: Shop, is_enabled: bool, now: datetime) -> None: ...
    def note_stop(self, session: Session, shop: Shop, reason: str | None, now: datetime) -> None: ...
