"""The books: entries and their postings. Append-only; the database refuses update and delete."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.engine.rules.postings import Account, EntryKind
from app.models.columns import Id, Instant, Minor, ShopId, enum_column


class LedgerEntry(Model):
    """One business event in the books. ``key`` is made of business facts and unique in the shop."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        UniqueConstraint("shop_id", "key"),
        Index(None, "shop_id", "customer_id", "id"),
        Index(None, "shop_id", "reward_id"),
        # What counting the days' figures walks.
        Index(None, "shop_id", "id"),
        Index(None, "shop_id", "customer_id", "recorded_at"),
        # The book of entries, newest first: of one kind, and of all kinds by merging them.
        Index(None, "shop_id", "kind", "recorded_at", "id"),
        # What people booked, which is little beside what the programme does by itself.
        Index(
            "ix_ledger_entries_by_people",
            "shop_id",
            "actor",
            "recorded_at",
            "id",
            postgresql_where=text("actor <> 'system'"),
        ),
        UniqueConstraint("shop_id", "customer_id", "position"),
        CheckConstraint("(position IS NULL) = (digest IS NULL)", name="chained_whole"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    key: Mapped[str] = mapped_column(Text)
    kind: Mapped[EntryKind] = mapped_column(enum_column(EntryKind, "kind"))
    customer_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("customers.id"))
    reward_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("rewards.id"))
    currency: Mapped[str] = mapped_column(String(3))
    #: When it happened outside; ``recorded_at`` is when we wrote it.
    occurred_at: Mapped[Instant]
    recorded_at: Mapped[Instant]
    actor: Mapped[str] = mapped_column(Text)
    adjustment_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("adjustments.id"))
    move_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("credit_moves.id"))
    #: Counts the customer's entries from 1, without a gap; entries from before there was a chain have none.
    position: Mapped[int | None] = mapped_column(BigInteger)
    #: SHA-256 of this entry, its postings and the digest of the customer's entry before it.
    digest: Mapped[bytes | None] = mapped_column(LargeBinary)


class LedgerPosting(Model):
    """Moves a positive amount from one account to another."""

    __tablename__ = "postings"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("source <> destination", name="two_accounts"),
        Index(None, "shop_id", "customer_id", "currency"),
        Index(None, "shop_id", "entry_id"),
        # Few customers ever owe anything: whoever does is found among them.
        Index(
            "ix_postings_owed",
            "shop_id",
            "currency",
            "customer_id",
            postgresql_include=["source", "destination", "amount_minor"],
            postgresql_where=text("source = 'customer:owed' OR destination = 'customer:owed'"),
        ),
        Index(None, "shop_id", "amount_minor", "entry_id"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    entry_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("ledger_entries.id"))
    customer_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("customers.id"))
    currency: Mapped[str] = mapped_column(String(3))
    source: Mapped[Account] = mapped_column(enum_column(Account, "source"))
    destination: Mapped[Account] = mapped_column(enum_column(Account, "destination"))
    amount_minor: Mapped[Minor]
