"""The inbox: every verified webhook delivery, stored once as received, handled later."""

from enum import StrEnum

from sqlalchemy import BigInteger, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.models.columns import Id, Instant, ShopId, enum_column


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
        Index("ix_inbox_waiting", "id", postgresql_where=text("state = 'received'")),
        Index(None, "shop_id", "order_shopify_id", postgresql_where=text("order_shopify_id IS NOT NULL")),
        Index(None, "shop_id", "id"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    webhook_id: Mapped[str] = mapped_column(Text)
    topic: Mapped[str] = mapped_column(Text)
    api_version: Mapped[str | None] = mapped_column(Text)
    triggered_at: Mapped[Instant | None]
    received_at: Mapped[Instant]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[DeliveryState] = mapped_column(enum_column(DeliveryState, "state"))
    #: The order the body speaks of, once it has been read.
    order_shopify_id: Mapped[int | None] = mapped_column(BigInteger)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[Instant | None]
    handled_at: Mapped[Instant | None]
    #: Why it failed or was ignored, as a sentence.
    reason: Mapped[str | None] = mapped_column(Text)
