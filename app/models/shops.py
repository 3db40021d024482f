"""Shops that installed Boomerang, and the tokens they gave it."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.engine.rules.terms import Mode
from app.models.columns import Id, Instant, enum_column


class Shop(Model):
    """One installation. ``domain`` is the permanent ``….myshopify.com`` name."""

    __tablename__ = "shops"
    __table_args__ = (CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_code"),)

    id: Mapped[Id]
    domain: Mapped[str] = mapped_column(String(255), unique=True)
    name: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(String(3))
    timezone: Mapped[str] = mapped_column(Text, default="UTC")
    mode: Mapped[Mode] = mapped_column(enum_column(Mode, "mode"), default=Mode.MANUAL)
    #: While set, nothing is sent to Shopify and nothing settles by itself.
    paused_at: Mapped[Instant | None]
    paused_by: Mapped[str | None] = mapped_column(Text)
    #: The merchant agreed that credit without an expiry gets a far one, which makes each transfer unmistakable.
    far_expiry_agreed: Mapped[bool] = mapped_column(default=False)
    installed_at: Mapped[Instant]
    uninstalled_at: Mapped[Instant | None]

    @property
    def is_active(self) -> bool:
        """True while the app is installed and not paused."""
        return self.uninstalled_at is None and self.paused_at is None


class ShopToken(Model):
    """A shop's expiring offline token and the token that refreshes it, both encrypted. Refreshed under a row lock."""

    __tablename__ = "shop_tokens"

    shop_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("shops.id"), primary_key=True)
    access_token: Mapped[str] = mapped_column(Text)
    refresh_token: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[Instant]
    refresh_expires_at: Mapped[Instant]
    scope: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[Instant]
    #: Why the last refresh was refused for good; the merchant has to open the app again.
    refused_at: Mapped[Instant | None]
    refused_reason: Mapped[str | None] = mapped_column(Text)
