"""Rewards: the credit due from one order, with the terms frozen when it was first rewarded."""

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.engine.rules.eligibility import IneligibleReason
from app.engine.rules.holds import HoldReason
from app.engine.rules.states import RewardState, VoidReason
from app.models.columns import Id, Instant, Minor, ShopId, enum_column

#: What waits for a person's decision, as the indexes of the review desk say it.
WAITS = text("state IN ('in_review', 'held')")
#: What the front page sums up of it.
WAITING_SUMS = ["created_at", "granted_minor", "reversed_minor", "state"]


class Reward(Model):
    """What one order earned. Every known order has exactly one, also when it earns nothing (then it says why)."""

    __tablename__ = "rewards"
    __table_args__ = (
        UniqueConstraint("shop_id", "order_id"),
        Index(None, "shop_id", "state", "id"),
        Index(None, "shop_id", "customer_id"),
        CheckConstraint(
            "granted_minor >= 0 AND granted_minor <= GREATEST(calculated_minor, adjusted_minor)",
            name="granted_within_calculated",
        ),
        CheckConstraint("adjusted_minor > 0", name="adjusted_positive"),
        Index(None, "shop_id", "budget_month", postgresql_where=text("budget_month IS NOT NULL")),
        Index(None, "shop_id", "statement_id"),
        Index("ix_rewards_due", "shop_id", "release_at", postgresql_where=text("state = 'pending'")),
        Index("ix_rewards_unclaimed", "shop_id", "claim_until", postgresql_where=text("state = 'awaiting_customer'")),
        Index("ix_rewards_held", "shop_id", "held_until", postgresql_where=text("state = 'held'")),
        # Counted and summed up without reading the rows, too.
        Index("ix_rewards_waiting", "shop_id", "id", postgresql_include=WAITING_SUMS, postgresql_where=WAITS),
        Index("ix_rewards_largest", "shop_id", text("(granted_minor - reversed_minor)"), "id", postgresql_where=WAITS),
        CheckConstraint("undo_until IS NULL OR state = 'pending'", name="undo_while_pending"),
        CheckConstraint("(first_approved_by IS NULL) = (first_approved_minor IS NULL)", name="first_approval_whole"),
        # The report of calculations, newest first: of one tier (and of all by merging them), and what stands out.
        Index(None, "shop_id", "tier_name", "created_at", "id"),
        Index(
            "ix_rewards_cut",
            "shop_id",
            "created_at",
            "id",
            postgresql_where=text("granted_minor < calculated_minor AND adjusted_minor IS NULL"),
        ),
        Index(
            "ix_rewards_without",
            "shop_id",
            "ineligible_reason",
            "created_at",
            "id",
            postgresql_where=text("ineligible_reason IS NOT NULL"),
        ),
        Index(
            "ix_rewards_adjusted",
            "shop_id",
            "created_at",
            "id",
            postgresql_where=text("adjusted_minor IS NOT NULL"),
        ),
        Index(None, "shop_id", "decided_at", postgresql_where=text("decided_at IS NOT NULL")),
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
    #: The amount a person set instead of the calculated one, who and why.
    adjusted_minor: Mapped[int | None] = mapped_column(BigInteger)
    adjusted_by: Mapped[str | None] = mapped_column(Text)
    adjusted_reason: Mapped[str | None] = mapped_column(Text)
    #: Each limit that was looked at, with its counter before: ``rules.limits.Ceiling`` as JSON.
    ceilings: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    #: When it takes its room in the limits: when the order was placed, or when a person reopened it.
    takes_at: Mapped[Instant | None]
    #: What it takes of limits and budget now.
    counted_minor: Mapped[Minor] = mapped_column(default=0, server_default="0")
    #: The first day of the month whose budget it takes from; None where the terms have no budget.
    budget_month: Mapped[date | None]
    #: From when on it may settle; None while that waits for the fulfilment.
    release_at: Mapped[Instant | None]
    #: Until when an account may claim it; set while it waits for one.
    claim_until: Mapped[Instant | None]
    #: When a hold of a rule ends by itself.
    held_until: Mapped[Instant | None]
    #: A hold was looked at (or its time is over): no rule holds it again.
    hold_cleared: Mapped[bool] = mapped_column(default=False, server_default="false")
    void_reason: Mapped[VoidReason | None] = mapped_column(enum_column(VoidReason, "void_reason"))
    #: The statement of the period in which it was first booked.
    statement_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("statements.id"))
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
    #: Who approved it first where two people must, when, and how much it was then.
    first_approved_by: Mapped[str | None] = mapped_column(Text)
    first_approved_at: Mapped[Instant | None]
    first_approved_minor: Mapped[int | None] = mapped_column(BigInteger)
    #: An approval that is due does not settle before this, so that it can be undone.
    undo_until: Mapped[Instant | None]
    #: What undoing the newest decision puts back (``engine.approvals``); None where there is nothing to undo.
    undo_to: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))

    @property
    def kept_minor(self) -> int:
        """Return what the order as it is kept now is granted."""
        return self.granted_minor - self.reversed_minor
