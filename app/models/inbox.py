"""The inbox: every verified webhook delivery, stored once as received, handled later."""

from enum import StrEnum

from sqlalchemy import BigInteger, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.models.columns import Id, Instant, ShopId, Words, enum_column


class DeliveryState(StrEnum):
    """What became of a delivery."""

    RECEIVED = "received"
    HANDLED = "handled"
    FAILED = "failed"
    IGNORED = "ignored"


class Delivery(Model):
    """One webhook as Shopify delivered it. Unique by shop and webhook id."""

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("shop_id", "webhook_id"),
        Index("ix_inbox_waiting", "shop_id", "id", postgresql_where=text("state = 'received'")),
        Index(None, "shop_id", "order_shopify_id", postgresql_where=text("order_shopify_id IS NOT NULL")),
        Index(None, "shop_id", "customer_shopify_id", postgresql_where=text("customer_shopify_id IS NOT NULL")),
        Index(None, "shop_id", "id"),
        # The log is asked for one topic, and for what was ignored; nearly all is handled.
        Index(None, "shop_id", "topic", "id"),
        Index("ix_inbox_ignored", "shop_id", "id", postgresql_where=text("state = 'ignored'")),
        Index("ix_inbox_failed", "shop_id", "id", postgresql_where=text("state = 'failed'")),
        # What pruning walks: bodies that are still there and not needed any more.
        Index(
            "ix_inbox_to_prune",
            "shop_id",
            "received_at",
            postgresql_where=text("pruned_at IS NULL AND state IN ('handled', 'ignored')"),
        ),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    webhook_id: Mapped[str] = mapped_column(Text)
    topic: Mapped[str] = mapped_column(Text)
    api_version: Mapped[str | None] = mapped_column(Text)
    triggered_at: Mapped[Instant | None]
    received_at: Mapped[Instant]
    #: Empty once ``pruned_at`` is set.
    body: Mapped[bytes] = mapped_column(LargeBinary)
    pruned_at: Mapped[Instant | None]
    state: Mapped[DeliveryState] = mapped_column(enum_column(DeliveryState, "state"))
    #: The order the body speaks of, once it has been read.
    order_shopify_id: Mapped[int | None] = mapped_column(BigInteger)
    #: The customer the body speaks of, once it has been read.
    customer_shopify_id: Mapped[int | None] = mapped_column(BigInteger)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[Instant | None]
    handled_at: Mapped[Instant | None]
    #: Why it failed or was ignored, as a sentence.
    reason: Mapped[str | None] = mapped_column(Words)
