"""Rewards: the credit due from one order, with the terms frozen when it was first rewarded."""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.engine.rules.eligibility import IneligibleReason
from app.engine.rules.holds import HoldReason
from app.engine.rules.states import RewardState
from app.models.columns import Id, Instant, Minor, ShopId, enum_column


class Reward(Model):
    """What one order earned. Every known order has exactly one, also when it earns nothing (then it says why)."""

    __tablename__ = "rewards"
    __table_args__ = (
        UniqueConstraint("shop_id", "order_id"),
        Index(None, "shop_id", "state", "id"),
        Index(None, "shop_id", "customer_id"),
        CheckConstraint("granted_minor >= 0 AND granted_minor <= calculated_minor", name="granted_within_calculated"),
        CheckConstraint("reversed_minor >= 0 AND reversed_minor <= granted_minor", name="reversed_within_granted"),
        CheckConstraint("rate_bps BETWEEN 0 AND 10000", name="rate_is_a_share"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    order_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("orders.id"))
    customer_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("customers.id"))
    state: Mapped[RewardState] = mapped_column(enum_column(RewardState, "state"))
    hold_reason: Mapped[HoldReason | None] = mapped_column(enum_column(HoldReason, "hold_reason"))
    ineligible_reason: Mapped[IneligibleReason | None] = mapped_column(
        enum_column(IneligibleReason, "ineligible_reason")
    )
    terms_version: Mapped[int]
    tier_name: Mapped[str] = mapped_column(Text)
    rate_bps: Mapped[int]
    #: Net spend of the customer before this order, which gave the tier.
    spend_minor: Mapped[Minor]
    currency: Mapped[str] = mapped_column(String(3))
    eligible_minor: Mapped[Minor]
    calculated_minor: Mapped[Minor]
    granted_minor: Mapped[Minor]
    reversed_minor: Mapped[Minor]
    #: The explanation as data: a list of ``rules.explain`` steps.
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    #: Grows with every change; a decision names the version it saw.
    version: Mapped[int]
    created_at: Mapped[Instant]
    state_at: Mapped[Instant]
    #: When the credit became the customer's, or None while it never did.
    settled_at: Mapped[Instant | None]
    decided_at: Mapped[Instant | None]
    decided_by: Mapped[str | None] = mapped_column(Text)
    decision_reason: Mapped[str | None] = mapped_column(Text)

    @property
    def kept_minor(self) -> int:
        """Return what the order as it is kept now is granted."""
        return self.granted_minor - self.reversed_minor
