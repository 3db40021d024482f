"""Store-credit accounts as Shopify's statements show them, and how far each shop's were read."""

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.models.columns import Id, Instant, ShopId, Words


class CreditAccount(Model):
    """One customer's store credit in one currency: what Shopify said of it last, and what the books said then.

    Only the account in the shop's currency is booked and compared; others are shown as they were seen.
    """

    __tablename__ = "credit_accounts"
    __table_args__ = (
        UniqueConstraint("shop_id", "customer_id", "currency"),
        Index(
            "ix_credit_accounts_due",
            "shop_id",
            "next_read_at",
            postgresql_where=text("next_read_at IS NOT NULL"),
        ),
        Index("ix_credit_accounts_balance", "shop_id", "currency", "balance_minor", "customer_id"),
        Index("ix_credit_accounts_drift", "shop_id", "id", postgresql_where=text("drift_minor <> 0")),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    customer_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("customers.id"))
    currency: Mapped[str] = mapped_column(String(3))
    #: The account's number in Shopify; None while the customer has none in this currency.
    shopify_id: Mapped[int | None] = mapped_column(BigInteger)
    #: Shopify's, at the last read.
    balance_minor: Mapped[int | None] = mapped_column(BigInteger)
    read_at: Mapped[Instant | None]
    #: When its statement was last read from the first transaction on.
    whole_read_at: Mapped[Instant | None]
    #: The newest transaction up to which all are taken in.
    read_through: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    #: When something happened on it that is not ours, or its balance changed.
    changed_at: Mapped[Instant | None]
    #: When it is to be read again; None for an account in another currency, and where Shopify knows no such customer.
    next_read_at: Mapped[Instant | None]
    #: Shopify's balance minus the books', both at one moment; None while they were not compared.
    drift_minor: Mapped[int | None] = mapped_column(BigInteger)
    drift_since: Mapped[Instant | None]
    error: Mapped[str | None] = mapped_column(Words)


class StatementImport(Model):
    """How far a shop's accounts are known, and why reading them has to wait."""

    __tablename__ = "statement_imports"
    __table_args__ = (UniqueConstraint("shop_id"),)

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    #: Whose accounts are listed already in the present walk over the customers, and when the last one ended.
    listed_to: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    listed_at: Mapped[Instant | None]
    #: When Shopify was last asked whether customers can spend store credit at checkout.
    configured_at: Mapped[Instant | None]
    wait_until: Mapped[Instant | None]
    #: Since when every try has failed, and why the last one did.
    stopped_since: Mapped[Instant | None]
    stopped_by: Mapped[str | None] = mapped_column(Words)
