"""Transfers: credits and debits to be made in Shopify, written with the books and sent after commit."""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.engine.rules.states import TransferKind, TransferState
from app.models.columns import Id, Instant, Minor, ShopId, Words, enum_column


class Transfer(Model):
    """One credit or debit. ``planned → sending → confirmed | refused | unknown``; see ``shopify/transfers.py``."""

    __tablename__ = "transfers"
    __table_args__ = (
        UniqueConstraint("shop_id", "key"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("cancelled_minor BETWEEN 0 AND amount_minor", name="cancelled_within_amount"),
        CheckConstraint("sent_minor IS NULL OR sent_minor BETWEEN 0 AND amount_minor", name="sent_within_amount"),
        # One in flight per owner and currency: what makes a read-back provable.
        Index(
            "uq_transfers_in_flight",
            "shop_id",
            "customer_id",
            "currency",
            unique=True,
            postgresql_where=text("state IN ('sending', 'unknown')"),
        ),
        # A transaction of Shopify's answers for one transfer only.
        Index(
            "uq_transfers_claimed_transaction",
            "shop_id",
            "shopify_transaction_id",
            unique=True,
            postgresql_where=text("shopify_transaction_id IS NOT NULL"),
        ),
        Index(
            "ix_transfers_to_send",
            "shop_id",
            "customer_id",
            "id",
            postgresql_where=text("state IN ('planned', 'sending', 'unknown')"),
        ),
        # What claiming walks: the planned ones of a shop, oldest first, however many there are.
        Index("ix_transfers_planned", "shop_id", "id", postgresql_where=text("state = 'planned'")),
        # Credits that come to the end of their time.
        Index(
            "ix_transfers_ending",
            "shop_id",
            "next_attempt_at",
            postgresql_where=text("state = 'confirmed' AND next_attempt_at IS NOT NULL"),
        ),
        # What failed, or may have: few, and counted at every look at the front page.
        Index("ix_transfers_troubled", "shop_id", "id", postgresql_where=text("state IN ('refused', 'unknown')")),
        Index(None, "shop_id", "reward_id"),
        Index(None, "shop_id", "customer_id", "id"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    #: The ledger entry's key that wants this transfer.
    key: Mapped[str] = mapped_column(Text)
    customer_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("customers.id"))
    reward_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("rewards.id"))
    adjustment_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("adjustments.id"))
    #: When the programme lets the credit expire; ``expires_at`` is the unique second near it that was sent.
    credit_expires_at: Mapped[Instant | None]
    kind: Mapped[TransferKind] = mapped_column(enum_column(TransferKind, "kind"))
    currency: Mapped[str] = mapped_column(String(3))
    amount_minor: Mapped[Minor]
    #: What of it is not needed any more: a refused credit and the debit that takes it back cancel each other.
    cancelled_minor: Mapped[Minor] = mapped_column(default=0, server_default="0")
    state: Mapped[TransferState] = mapped_column(enum_column(TransferState, "state"))
    created_at: Mapped[Instant]
    #: What was asked of Shopify: a debit is clamped to the live balance, the rest is owed.
    sent_minor: Mapped[int | None] = mapped_column(BigInteger)
    #: The fingerprint: a unique second per transfer, when the programme's credit expires or a far expiry was agreed.
    expires_at: Mapped[Instant | None]
    #: The account's newest transaction before sending (0: it had none), and when that was read.
    watermark: Mapped[int | None] = mapped_column(BigInteger)
    sent_at: Mapped[Instant | None]
    #: While in the future, some worker is at it; past and still ``sending``: that worker died, the outcome is unknown.
    leased_until: Mapped[Instant | None]
    #: Not to be touched before.
    next_attempt_at: Mapped[Instant | None]
    attempts: Mapped[int] = mapped_column(default=0)
    #: Read-backs after the quiet period that found nothing.
    empty_reads: Mapped[int] = mapped_column(default=0)
    #: Only a person can decide; ``error`` says what was found, ``doubt`` holds it one by one.
    needs_person: Mapped[bool] = mapped_column(default=False)
    #: The written name of the last sending, from API version 2027-01 on.
    note: Mapped[str | None] = mapped_column(Text)
    #: What a person needs to decide: what was sent when, and what on the account may be it (``rules.doubts``).
    doubt: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    shopify_transaction_id: Mapped[str | None] = mapped_column(Text)
    balance_after_minor: Mapped[int | None] = mapped_column(BigInteger)
    confirmed_at: Mapped[Instant | None]
    error: Mapped[str | None] = mapped_column(Words)

    @property
    def left_minor(self) -> int:
        """Return what is to be moved: the amount without what was cancelled."""
        return self.amount_minor - self.cancelled_minor
