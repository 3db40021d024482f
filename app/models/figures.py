"""What is derived from the books for the front page, day by day, and the figures a merchant plans with."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.engine.rules.stage_limits import Lag
from app.models.columns import Big, Id, Instant, Minor, ShopId, enum_column


class DailyFigures(Model):
    """One day of a shop, in its time zone: sums of the entries counted so far that happened on it.

    Derived: it may be emptied and is counted again, but for ``waiting``, which is seen only while it is so.
    """

    __tablename__ = "daily_figures"
    __table_args__ = (UniqueConstraint("shop_id", "on_day"),)

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    on_day: Mapped[date]
    #: Cashback that became customers' credit, and settled cashback that was taken back.
    issued_minor: Mapped[Minor] = mapped_column(default=0, server_default="0")
    reversed_minor: Mapped[Minor] = mapped_column(default=0, server_default="0")
    #: By how much the sum of all that is available, and of all that is owed, changed.
    available_minor: Mapped[Minor] = mapped_column(default=0, server_default="0")
    owed_minor: Mapped[Minor] = mapped_column(default=0, server_default="0")
    #: How often cashback became credit, and how often credit was spent at the checkout.
    settlements: Mapped[Big] = mapped_column(default=0, server_default="0")
    redemptions: Mapped[Big] = mapped_column(default=0, server_default="0")
    #: What was promised, in minor units by the name of the tier.
    granted_by_tier: Mapped[dict[str, int]] = mapped_column(JSONB, default=dict, server_default="{}")
    #: How many rewards waited for a person when last looked on that day; None where nobody looked.
    waiting: Mapped[int | None] = mapped_column(BigInteger)


class FigureCount(Model):
    """How far a shop's entries are counted. Its row is locked while a batch is."""

    __tablename__ = "figure_counts"
    __table_args__ = (UniqueConstraint("shop_id"),)

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    #: All entries up to this id are in the days' figures, and none after it.
    counted_to: Mapped[Big] = mapped_column(default=0, server_default="0")
    #: Whose days they are; with another time zone everything is counted anew.
    timezone: Mapped[str] = mapped_column(Text)
    #: When all that could be counted was.
    counted_at: Mapped[Instant | None]


class StageLag(Model):
    """How long something took in a shop of late, over the newest of the last so many hours. Derived; may be emptied."""

    __tablename__ = "stage_lags"
    __table_args__ = (
        UniqueConstraint("shop_id", "what", "hours"),
        CheckConstraint("(samples = 0) = (p95_ms IS NULL)", name="measured_on_something"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    what: Mapped[Lag] = mapped_column(enum_column(Lag, "what"))
    hours: Mapped[int]
    samples: Mapped[int]
    #: So many in a hundred took no longer, in milliseconds; None where nothing was measured.
    p50_ms: Mapped[int | None] = mapped_column(BigInteger)
    p90_ms: Mapped[int | None] = mapped_column(BigInteger)
    p95_ms: Mapped[int | None] = mapped_column(BigInteger)
    measured_at: Mapped[Instant]


class BusinessFigures(Model):
    """What the merchant says of the shop's trade. Amounts in minor units of its currency, shares in basis points."""

    __tablename__ = "business_figures"
    __table_args__ = (
        UniqueConstraint("shop_id"),
        CheckConstraint("margin_bps BETWEEN 0 AND 10000", name="margin_is_a_share"),
        CheckConstraint("shipping_minor >= 0", name="shipping_not_negative"),
        CheckConstraint("order_value_minor > 0", name="order_value_positive"),
        CheckConstraint("target_roi_bps BETWEEN 0 AND 1000000", name="target_roi"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    #: What is left of the price once the goods are paid.
    margin_bps: Mapped[int]
    #: What sending an average order costs.
    shipping_minor: Mapped[Minor]
    order_value_minor: Mapped[Minor]
    #: 30,000 is 300 %: each unit of cost shall bring three besides itself.
    target_roi_bps: Mapped[int]
