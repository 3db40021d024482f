"""Shops that installed Boomerang, and the tokens they gave it."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.engine.rules.roles import Role
from app.engine.rules.terms import Mode
from app.models.columns import Id, Instant, Words, enum_column


class Shop(Model):
    """One installation. ``domain`` is the permanent ``….myshopify.com`` name."""

    __tablename__ = "shops"
    __table_args__ = (
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_code"),
        CheckConstraint("reconcile_minutes BETWEEN 5 AND 1440", name="reconcile_minutes"),
        CheckConstraint("keep_deliveries_days BETWEEN 1 AND 365", name="keep_deliveries_days"),
        CheckConstraint("NOT (notify_customers AND mails_customers)", name="told_by_one"),
        CheckConstraint("undo_seconds BETWEEN 0 AND 300", name="undo_seconds"),
    )

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
    #: Shopify writes to customers about each credit, or we write about all that happens, or nobody does; never both.
    notify_customers: Mapped[bool] = mapped_column(default=False, server_default="false")
    mails_customers: Mapped[bool] = mapped_column(default=True, server_default="false")
    #: Every so many minutes orders are looked for whose webhooks never came.
    reconcile_minutes: Mapped[int] = mapped_column(default=15, server_default="15")
    #: The bodies of handled deliveries are kept for so many days.
    keep_deliveries_days: Mapped[int] = mapped_column(default=30, server_default="30")
    #: For so long an approval can be undone before the credit is made.
    undo_seconds: Mapped[int] = mapped_column(default=0, server_default="0")
    #: What people become who open the app for the first time.
    newcomers_role: Mapped[Role] = mapped_column(
        enum_column(Role, "newcomers_role"), default=Role.VIEWER, server_default="viewer"
    )
    #: The steps of the first run that are done, and when the merchant had enough of it.
    first_run_done: Mapped[list[str]] = mapped_column(JSONB, default=list, server_default="[]")
    first_run_closed_at: Mapped[Instant | None]
    #: Whether customers can spend store credit at checkout, as Shopify last said.
    store_credit_enabled: Mapped[bool | None]
    installed_at: Mapped[Instant]
    #: When the programme began: orders placed before are *past* and earn nothing unless somebody asks for it.
    #: None: no order is past.
    began_at: Mapped[Instant | None]
    uninstalled_at: Mapped[Instant | None]
    #: Shopify asked, 48 hours after the app was taken away, to forget who the shop's people are.
    redacted_at: Mapped[Instant | None]
    #: Shopify's word on the shop that name and time zone are of: an older one told late changes nothing.
    told_at: Mapped[Instant | None]
    #: The currency Shopify says the shop has now, where that is not the one its books are kept in.
    other_currency: Mapped[str | None] = mapped_column(String(3))

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
    #: What the shop allows, as Shopify last told it, and since when that is its word.
    scope: Mapped[str] = mapped_column(Text)
    scope_at: Mapped[Instant | None]
    updated_at: Mapped[Instant]
    #: Why the last refresh was refused for good; the merchant has to open the app again.
    refused_at: Mapped[Instant | None]
    refused_reason: Mapped[str | None] = mapped_column(Words)
