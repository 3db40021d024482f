"""A customer's statement periods, and what moved the credit in Shopify besides our own transfers."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.engine.rules.facts import MoveKind
from app.models.columns import Id, Instant, Minor, ShopId, enum_column


class Statement(Model):
    """One period of one customer. Its figures are sums of the entries recorded in it, never stored."""

    __tablename__ = "statements"
    __table_args__ = (
        UniqueConstraint("shop_id", "customer_id", "starts_at"),
        CheckConstraint("starts_at < ends_at", name="in_order"),
        Index(None, "shop_id", "starts_at", "id"),
        # What the reminders walk.
        Index("ix_statements_unnoticed", "shop_id", "ends_at", "id", postgresql_where=text("noticed_at IS NULL")),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    customer_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("customers.id"))
    #: Inclusive, and exclusive.
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    #: When somebody noticed that its period is over, and left a message if there is anything to tell.
    noticed_at: Mapped[Instant | None]


class CreditMoveRow(Model):
    """One transaction of a customer's store-credit account that is not one of our transfers."""

    __tablename__ = "credit_moves"
    __table_args__ = (
        UniqueConstraint("shop_id", "key"),
        Index(None, "shop_id", "customer_id", "at"),
        # What was found in Shopify, newest first: of one kind, and of all kinds by merging them.
        Index(None, "shop_id", "kind", "at", "id"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        Index(
            "ix_credit_moves_repeats",
            "shop_id",
            "id",
            postgresql_where=text("repeats_transfer_id IS NOT NULL AND repeat_seen_at IS NULL"),
        ),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    key: Mapped[str] = mapped_column(Text)
    customer_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("customers.id"))
    kind: Mapped[MoveKind] = mapped_column(enum_column(MoveKind, "kind"))
    currency: Mapped[str] = mapped_column(String(3))
    amount_minor: Mapped[Minor]
    at: Mapped[Instant]
    order_shopify_id: Mapped[int | None] = mapped_column(BigInteger)
    first_seen_at: Mapped[Instant]
    #: Looks as if this transfer of ours had been carried out twice, and when a person had looked at that.
    repeats_transfer_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("transfers.id"))
    repeat_seen_at: Mapped[Instant | None]
