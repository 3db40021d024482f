"""What the clock looks for in vain: sweeps that fail over the rows of a shop."""

from sqlalchemy import Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.models.columns import Id, Instant, ShopId


class SweepFailure(Model):
    """A sweep of the clock that fails in a shop, from the first time in a row on; over once ``until`` has passed."""

    __tablename__ = "sweep_failures"
    __table_args__ = (UniqueConstraint("shop_id", "sweep"),)

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    sweep: Mapped[str] = mapped_column(Text)
    #: The kind of error, without its words: they may be about a person.
    error: Mapped[str] = mapped_column(Text)
    began_at: Mapped[Instant]
    #: By then the clock has asked again, and would have said so had it failed once more.
    until: Mapped[Instant]
