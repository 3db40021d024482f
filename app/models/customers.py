"""Customers, known by Shopify's id. Locked first, in id order, by whatever touches their money."""

from sqlalchemy import Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.models.columns import Big, Id, Instant, ShopId


class Customer(Model):
    """One customer of one shop. Name and email are for display and search only."""

    __tablename__ = "customers"
    __table_args__ = (UniqueConstraint("shop_id", "shopify_id"),)

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    shopify_id: Mapped[Big]
    email: Mapped[str | None] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(Text)
    tags: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    created_at: Mapped[Instant]

    @property
    def gid(self) -> str:
        """Return the customer's global id in Shopify's API."""
        return f"gid://shopify/Customer/{self.shopify_id}"
