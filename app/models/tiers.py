"""Tiers given to customers, the log of who moved, and the runs that look at everybody."""

from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.engine.rules.facts import TierSource
from app.models.columns import Big, Id, Instant, Minor, ShopId, enum_column


class TierAssignmentRow(Model):
    """A tier given by a person or bought. It is ended by setting ``ends_at``, never deleted."""

    __tablename__ = "tier_assignments"
    __table_args__ = (
        Index(None, "shop_id", "customer_id", "starts_at"),
        CheckConstraint("ends_at IS NULL OR ends_at >= starts_at", name="in_order"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    customer_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("customers.id"))
    tier_name: Mapped[str] = mapped_column(Text)
    source: Mapped[TierSource] = mapped_column(enum_column(TierSource, "source"))
    is_locked: Mapped[bool]
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant | None]
    reason: Mapped[str] = mapped_column(Text)
    given_by: Mapped[str] = mapped_column(Text)
    given_at: Mapped[Instant]


class TierChangeKind(StrEnum):
    """How a customer came to another tier."""

    INITIAL = "initial"
    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    MANUAL = "manual"


class TierChange(Model):
    """One customer moved from one tier to another. Names stay when a tier is gone."""

    __tablename__ = "tier_changes"
    __table_args__ = (
        Index(None, "shop_id", "customer_id", "id"),
        Index(None, "shop_id", "id"),
        # The log is asked who came to a tier, who left it, and for one kind of move.
        Index(None, "shop_id", "after", "id"),
        Index(None, "shop_id", "before", "id"),
        Index(None, "shop_id", "kind", "id"),
        # Who moved within some days, besides those who came.
        Index("ix_tier_changes_moves", "shop_id", "at", postgresql_where=text("kind <> 'initial'")),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    customer_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("customers.id"))
    before: Mapped[str | None] = mapped_column(Text)
    after: Mapped[str] = mapped_column(Text)
    kind: Mapped[TierChangeKind] = mapped_column(enum_column(TierChangeKind, "kind"))
    spend_minor: Mapped[Minor]
    terms_version: Mapped[int]
    at: Mapped[Instant]
    #: ``system``, or who asked.
    actor: Mapped[str] = mapped_column(Text)


class TierRun(Model):
    """One look at the tiers of all customers of a shop, batch after batch; it goes on where it stopped."""

    __tablename__ = "tier_runs"
    __table_args__ = (Index(None, "shop_id", "at"),)

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    #: The moment whose tiers are computed: an evaluation, if staff asked for it or the schedule did.
    at: Mapped[Instant]
    #: ``system`` for the schedule, or who asked.
    actor: Mapped[str] = mapped_column(Text)
    started_at: Mapped[Instant]
    finished_at: Mapped[Instant | None]
    #: All customers up to this id are done.
    last_customer_id: Mapped[Big] = mapped_column(default=0, server_default="0")
    customers: Mapped[int] = mapped_column(default=0, server_default="0")
    moved: Mapped[int] = mapped_column(default=0, server_default="0")
