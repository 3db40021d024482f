"""Orders and refunds as last told by Shopify, and what each added to its customer's spend."""

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.engine.rules.facts import FinancialStatus
from app.models.columns import Big, Id, Instant, Minor, ShopId, enum_column


class Order(Model):
    """The newest version of an order. ``fact`` is ``rules.facts_json.to_json`` of its OrderFact."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("shop_id", "shopify_id"),
        Index(None, "shop_id", "placed_at", "id"),
        Index(None, "shop_id", "customer_id", "placed_at"),
        Index(None, "shop_id", "name"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    shopify_id: Mapped[Big]
    name: Mapped[str] = mapped_column(Text)
    customer_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("customers.id"))
    #: The version that named the customer: an older one does not name another.
    customer_version_at: Mapped[Instant | None]
    currency: Mapped[str] = mapped_column(String(3))
    total_minor: Mapped[Minor]
    financial_status: Mapped[FinancialStatus] = mapped_column(enum_column(FinancialStatus, "financial_status"))
    placed_at: Mapped[Instant]
    #: Shopify's ``updated_at``: an older version never replaces a newer one.
    version_at: Mapped[Instant]
    cancelled_at: Mapped[Instant | None]
    fact: Mapped[dict[str, Any]] = mapped_column(JSONB)
    #: The newest version that was paid in full; the reward of what was paid rests on it when an edit adds lines.
    paid_fact: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    first_seen_at: Mapped[Instant]


class Refund(Model):
    """One refund. It may be known before its order is."""

    __tablename__ = "refunds"
    __table_args__ = (UniqueConstraint("shop_id", "shopify_id"), Index(None, "shop_id", "order_shopify_id"))

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    shopify_id: Mapped[Big]
    order_shopify_id: Mapped[Big]
    processed_at: Mapped[Instant]
    fact: Mapped[dict[str, Any]] = mapped_column(JSONB)
    first_seen_at: Mapped[Instant]


class SpendRow(Model):
    """One change of a customer's net spend, derived from one order; rewritten whenever that order changes."""

    __tablename__ = "spend_events"
    __table_args__ = (Index(None, "shop_id", "customer_id", "at"), Index(None, "shop_id", "order_id"))

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    customer_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("customers.id"))
    order_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("orders.id"))
    at: Mapped[Instant]
    amount_minor: Mapped[Minor]
