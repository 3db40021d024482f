"""How often the books were looked through, and what was found."""

from sqlalchemy import ARRAY, BigInteger, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.models.columns import Big, Id, Instant, ShopId


class BookCheck(Model):
    """One look at a shop's books, invariant after invariant; it goes on where it stopped."""

    __tablename__ = "book_checks"
    __table_args__ = (
        Index(None, "shop_id", "id"),
        Index("uq_book_checks_running", "shop_id", unique=True, postgresql_where=text("finished_at IS NULL")),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    asked_at: Mapped[Instant]
    #: ``system`` for the daily one, or who asked.
    asked_by: Mapped[str] = mapped_column(Text)
    began_at: Mapped[Instant | None]
    #: When it went on last.
    stepped_at: Mapped[Instant]
    finished_at: Mapped[Instant | None]
    #: How many invariants were looked at.
    looked_at: Mapped[int] = mapped_column(default=0, server_default="0")
    #: How many entries there were in the end; None until then.
    entries: Mapped[int | None] = mapped_column(BigInteger)
    findings: Mapped[Big] = mapped_column(default=0, server_default="0")
    #: The first of them, as sentences for whoever runs the installation.
    notes: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
