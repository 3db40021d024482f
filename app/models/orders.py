"""Orders and refunds as last told by Shopify, and what each added to its customer's spend."""

from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Computed, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
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
        # Orders of at least an amount that few have; where many have it, the newest are found sooner.
        Index(None, "shop_id", "total_minor"),
        Index(None, "shop_id", "number_key"),
        Index(
            "ix_orders_guests",
            "shop_id",
            "guest_email",
            postgresql_where=text("customer_id IS NULL AND guest_email IS NOT NULL"),
        ),
        CheckConstraint("is_past OR reward_asked_at IS NULL", name="asked_of_past_only"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    shopify_id: Mapped[Big]
    name: Mapped[str] = mapped_column(Text)
    #: The name from its number on, for the search: in small letters and the order of bytes.
    number_key: Mapped[str | None] = mapped_column(
        Text(collation="C"), Computed(r"lower(substring(name, '\d.*'))", persisted=True)
    )
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
    #: The email a guest gave, in small letters: it finds the account that may claim the reward.
    guest_email: Mapped[str | None] = mapped_column(Text)
    #: The catalogue's word on the products of its lines, kept as it was when the order was first decided.
    products: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    #: The customer's tags, kept as they were when the order was first decided; bodies do not tell them.
    customer_tags: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    #: The newest version that was paid in full; the reward of what was paid rests on it when an edit adds lines.
    paid_fact: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    first_seen_at: Mapped[Instant]
    #: Placed before the programme began, as that stood when the order was first told.
    is_past: Mapped[bool] = mapped_column(default=False, server_default="false")
    #: When somebody asked for the reward of a past order; the terms in force then decide it.
    reward_asked_at: Mapped[Instant | None]


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


class DetailKind(StrEnum):
    """What a detail of an order tells."""

    PAYMENT = "payment"
    DISPUTE = "dispute"
    RISK = "risk"
    RETURN = "return"
    DELETION = "deletion"


class OrderDetail(Model):
    """Something told about an order besides its body and refunds; it may be known before its order is."""

    __tablename__ = "order_details"
    __table_args__ = (UniqueConstraint("shop_id", "kind", "shopify_id"), Index(None, "shop_id", "order_shopify_id"))

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    order_shopify_id: Mapped[Big]
    kind: Mapped[DetailKind] = mapped_column(enum_column(DetailKind, "kind"))
    #: Shopify's id of the payment, dispute or return; of a risk and a deletion, the order's.
    shopify_id: Mapped[Big]
    fact: Mapped[dict[str, Any]] = mapped_column(JSONB)
    first_seen_at: Mapped[Instant]


class Product(Model):
    """What the shop's catalogue says about a product, as it was last asked; ``fact`` is a ProductFact."""

    __tablename__ = "products"
    __table_args__ = (UniqueConstraint("shop_id", "shopify_id"),)

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    shopify_id: Mapped[Big]
    #: None for a product that Shopify does not know (any more).
    fact: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    #: When it was asked; of a stale one, the moment from which on an answer is news.
    fetched_at: Mapped[Instant]
    #: Told to have changed since it was asked.
    is_stale: Mapped[bool] = mapped_column(default=False, server_default="false")


class SpendRow(Model):
    """One change of a customer's net spend, derived from one order; rewritten whenever that order changes."""

    __tablename__ = "spend_events"
    __table_args__ = (Index(None, "shop_id", "customer_id", "at"), Index(None, "shop_id", "order_id"))

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    customer_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("customers.id"))
    order_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("orders.id"))
    at: Mapped[Instant]
    #: When its order was placed: the year it counts in.
    placed_at: Mapped[Instant]
    amount_minor: Mapped[Minor]


class GrantRow(Model):
    """One change of what an order takes of its customer's limits; rewritten whenever that changes."""

    __tablename__ = "grant_events"
    __table_args__ = (Index(None, "shop_id", "customer_id", "placed_at"), Index(None, "shop_id", "order_id"))

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    customer_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("customers.id"))
    order_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("orders.id"))
    order_shopify_id: Mapped[Big]
    placed_at: Mapped[Instant]
    at: Mapped[Instant]
    amount_minor: Mapped[Minor]
