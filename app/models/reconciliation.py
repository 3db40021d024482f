"""The log of looking for what webhooks never told, and with it how far that has come."""

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.models.columns import Id, Instant, ShopId, Words


class ReconcileRun(Model):
    """One look at a shop's orders that changed since the last one. The newest row says how far the shop's looks are."""

    __tablename__ = "reconcile_runs"
    __table_args__ = (
        Index(None, "shop_id", "id"),
        Index("uq_reconcile_runs_open", "shop_id", unique=True, postgresql_where=text("finished_at IS NULL")),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    started_at: Mapped[Instant]
    #: Versions of orders from here on were asked for.
    from_at: Mapped[Instant]
    #: Every version up to here was looked at. Shopify's word, never our clock's.
    reached_at: Mapped[Instant]
    #: When to go on, where Shopify did not answer or asked to leave it room.
    next_turn_at: Mapped[Instant | None]
    #: Turns in succession that brought nothing.
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    orders_seen: Mapped[int] = mapped_column(default=0, server_default="0")
    #: Orders of which we lacked something that a webhook should have told minutes before.
    orders_missed: Mapped[int] = mapped_column(default=0, server_default="0")
    refunds_missed: Mapped[int] = mapped_column(default=0, server_default="0")
    #: Orders whose answer could not be read.
    orders_unreadable: Mapped[int] = mapped_column(default=0, server_default="0")
    finished_at: Mapped[Instant | None]
    #: Why the last turn stopped, or why an order could not be read.
    trouble: Mapped[str | None] = mapped_column(Words)
