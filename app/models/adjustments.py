"""Credit and debit by hand: proposed by one person, booked at once or after a second one agreed."""

from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.engine.rules.states import TransferKind
from app.models.columns import Id, Instant, Minor, ShopId, enum_column


class AdjustmentState(StrEnum):
    """Where a credit or debit by hand stands."""

    #: Above the limit: waits for a second person.
    PROPOSED = "proposed"
    BOOKED = "booked"
    DECLINED = "declined"


class ReasonCode(StrEnum):
    """Why someone gives or takes credit by hand."""

    GOODWILL = "goodwill"
    PROMOTIONAL = "promotional"
    REFERRAL = "referral"
    ADJUSTMENT = "adjustment"
    REFUND = "refund"
    OTHER = "other"


class Adjustment(Model):
    """One credit or debit by hand."""

    __tablename__ = "adjustments"
    __table_args__ = (
        UniqueConstraint("shop_id", "key"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        Index(None, "shop_id", "state", "id"),
        Index(None, "shop_id", "customer_id", "id"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    #: Given by whoever asks, so that asking twice proposes once.
    key: Mapped[str] = mapped_column(Text)
    customer_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("customers.id"))
    kind: Mapped[TransferKind] = mapped_column(enum_column(TransferKind, "kind"))
    currency: Mapped[str] = mapped_column(String(3))
    amount_minor: Mapped[Minor]
    reason_code: Mapped[ReasonCode] = mapped_column(enum_column(ReasonCode, "reason_code"))
    note: Mapped[str] = mapped_column(Text)
    state: Mapped[AdjustmentState] = mapped_column(enum_column(AdjustmentState, "state"))
    proposed_by: Mapped[str] = mapped_column(Text)
    proposed_at: Mapped[Instant]
    decided_by: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[Instant | None]
    decision_reason: Mapped[str | None] = mapped_column(Text)
