"""Customers, known by Shopify's id. Locked first, in id order, by whatever touches their money."""

from sqlalchemy import BigInteger, Computed, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.models.columns import Big, Id, Instant, ShopId


class Customer(Model):
    """One customer of one shop. Name and email are for display and search only."""

    __tablename__ = "customers"
    __table_args__ = (
        UniqueConstraint("shop_id", "shopify_id"),
        Index(None, "shop_id", "tier_name", "id"),
        Index(None, "shop_id", "verified_email"),
        # How the list of customers is sorted, and who of it is gone.
        Index(None, "shop_id", "id"),
        Index(None, "shop_id", "tier_spend_minor", "id"),
        Index(
            "ix_customers_gone",
            "shop_id",
            "id",
            postgresql_where=text("deleted_at IS NOT NULL OR merged_into_id IS NOT NULL"),
        ),
        Index(None, "shop_id", "name_key"),
        Index(None, "shop_id", "surname_key"),
        Index(None, "shop_id", "email_key"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    shopify_id: Mapped[Big]
    email: Mapped[str | None] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(Text)
    tags: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    #: When they were last told to have changed: only who asks from then on hears how they are.
    tags_forgotten_at: Mapped[Instant | None]
    #: Shopify's word on what they read, such as ``de`` or ``pt-BR``.
    locale: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[Instant]
    #: In small letters, and only while Shopify says that it is verified: it claims guests' rewards.
    verified_email: Mapped[str | None] = mapped_column(Text)
    #: Shopify's word on the account that this row is of: an older one told late changes nothing.
    told_at: Mapped[Instant | None]
    deleted_at: Mapped[Instant | None]
    #: Shopify merged this customer into another, who has the orders and what is owed now.
    merged_into_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("customers.id"))
    redacted_at: Mapped[Instant | None]
    #: The tier as last looked at, for lists and the log of changes; an order's tier is computed anew.
    tier_name: Mapped[str | None] = mapped_column(Text)
    tier_spend_minor: Mapped[int | None] = mapped_column(BigInteger)
    tier_since: Mapped[Instant | None]
    tier_checked_at: Mapped[Instant | None]

    #: What people are searched by: in small letters and the order of bytes; see ``admin/queries/search.py``.
    name_key: Mapped[str | None] = mapped_column(Text(collation="C"), Computed("lower(name)", persisted=True))
    surname_key: Mapped[str | None] = mapped_column(
        Text(collation="C"), Computed(r"lower(substring(name, '\S+\s*$'))", persisted=True)
    )
    email_key: Mapped[str | None] = mapped_column(Text(collation="C"), Computed("lower(email)", persisted=True))

    @property
    def gid(self) -> str:
        """Return the customer's global id in Shopify's API."""
        return f"gid://shopify/Customer/{self.shopify_id}"


class CustomerTag(Model):
    """One tag of one customer in small letters, to find customers by. The database keeps it with their ``tags``."""

    __tablename__ = "customer_tags"
    __table_args__ = (
        UniqueConstraint("shop_id", "tag_key", "customer_id"),
        Index(None, "shop_id", "customer_id"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    customer_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("customers.id"))
    tag_key: Mapped[str] = mapped_column(Text(collation="C"))
