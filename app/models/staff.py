"""The audit trail: who did what, when, and what it was before."""

from typing import Any

from sqlalchemy import BigInteger, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.models.columns import Id, Instant, ShopId


class AuditEvent(Model):
    """One action of a person (``staff:<id>``) or of the programme itself (``system``)."""

    __tablename__ = "audit_events"
    __table_args__ = (Index(None, "shop_id", "id"), Index(None, "shop_id", "subject", "subject_id"))

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    at: Mapped[Instant]
    actor: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[int] = mapped_column(BigInteger)
    before: Mapped[dict[str, Any]] = mapped_column(JSONB)
    after: Mapped[dict[str, Any]] = mapped_column(JSONB)
    reason: Mapped[str | None] = mapped_column(Text)
