"""Imports of a shop's past orders: what was asked, how far each is, and what came of it."""

from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.models.columns import Big, Id, Instant, ManyWords, ShopId, Words, enum_column


class Window(StrEnum):
    """How far back an import reaches."""

    DAYS_30 = "30d"
    #: The longest that Shopify shows without the scope ``read_all_orders``.
    DAYS_60 = "60d"
    DAYS_90 = "90d"
    YEAR = "1y"
    ALL = "all"


class ImportState(StrEnum):
    """Where an import is."""

    #: Nothing was asked of Shopify yet, or it has to be asked anew.
    ASKED = "asked"
    #: Shopify writes the file.
    COLLECTING = "collecting"
    #: The file is read.
    IMPORTING = "importing"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """True when nothing more will be done."""
        return self in (ImportState.FINISHED, ImportState.FAILED, ImportState.CANCELLED)


class HistoryImport(Model):
    """One import. A shop has at most one that is not over; its row is locked while a batch is imported."""

    __tablename__ = "history_imports"
    __table_args__ = (
        Index(None, "shop_id", "id"),
        Index("uq_history_imports_running", "shop_id", unique=True, postgresql_where=text("finished_at IS NULL")),
        CheckConstraint("NOT (is_dry_run AND rewards_past)", name="dry_runs_give_nothing"),
        CheckConstraint("(state IN ('finished', 'failed', 'cancelled')) = (finished_at IS NOT NULL)", name="finished"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    window: Mapped[Window] = mapped_column(enum_column(Window, "window"))
    #: Orders placed from then on; None for all.
    since_at: Mapped[Instant | None]
    is_dry_run: Mapped[bool]
    #: Somebody asked for the rewards of past orders.
    rewards_past: Mapped[bool]
    state: Mapped[ImportState] = mapped_column(enum_column(ImportState, "state"))
    asked_by: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[Instant]
    paused_at: Mapped[Instant | None]
    paused_by: Mapped[str | None] = mapped_column(Text)
    #: When a worker looks at it next; None once it is over.
    next_step_at: Mapped[Instant | None]
    #: Shopify's bulk operation, and how many were begun for this import: a result is gone after a week.
    operation_gid: Mapped[str | None] = mapped_column(Text)
    operations: Mapped[int] = mapped_column(default=0, server_default="0")
    #: How many orders Shopify has written to the file so far.
    collected: Mapped[Big] = mapped_column(default=0, server_default="0")
    file_bytes: Mapped[Big | None]
    #: The operation failed and left what it had; the import says so at its end.
    is_partial: Mapped[bool] = mapped_column(default=False, server_default="false")
    #: Everything before this place in the file is in the tables.
    done_bytes: Mapped[Big] = mapped_column(default=0, server_default="0")
    seen_orders: Mapped[Big] = mapped_column(default=0, server_default="0")
    #: Of these, those not known before.
    new_orders: Mapped[Big] = mapped_column(default=0, server_default="0")
    unreadable_orders: Mapped[Big] = mapped_column(default=0, server_default="0")
    #: How many milliseconds its batches took so far, without pauses: for the rate and the time left.
    importing_ms: Mapped[Big] = mapped_column(default=0, server_default="0")
    #: What it came to: ``rules.imports.Summary`` as JSON.
    summary: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    #: Sentences for whoever asked: which orders could not be read, and why.
    notes: Mapped[list[str]] = mapped_column(ManyWords, default=list, server_default="[]")
    error: Mapped[str | None] = mapped_column(Words)
    #: Failures in a row.
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    finished_at: Mapped[Instant | None]
