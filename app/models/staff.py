"""The people who work with the app, and the audit trail: who did what, when, and what it was before."""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.engine.rules.roles import Role
from app.models.columns import Id, Instant, ShopId, enum_column


class StaffMember(Model):
    """One person who has opened the app in a shop's admin. As an actor they are ``staff:<shopify_id>``."""

    __tablename__ = "staff_members"
    __table_args__ = (
        UniqueConstraint("shop_id", "shopify_id"),
        CheckConstraint("approve_up_to_minor >= 0", name="limit_not_negative"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    #: The ``sub`` of their session tokens.
    shopify_id: Mapped[str] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)
    role: Mapped[Role] = mapped_column(enum_column(Role, "role"))
    #: The most an approver may approve, in minor units of the shop's currency; None: no limit.
    approve_up_to_minor: Mapped[int | None] = mapped_column(BigInteger)
    #: What they chose; None: the language of their Shopify admin.
    language: Mapped[str | None] = mapped_column(Text)
    first_seen_at: Mapped[Instant]
    #: When Shopify was last asked who they are.
    asked_at: Mapped[Instant | None]


class AuditEvent(Model):
    """One action of a person (``staff:<id>``) or of the programme itself (``system``)."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index(None, "shop_id", "subject", "subject_id"),
        Index(None, "shop_id", "at", "id"),
        Index(None, "shop_id", "actor", "at", "id"),
        Index(None, "shop_id", "action", "at", "id"),
    )

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
