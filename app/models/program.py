"""The programme's terms: numbered versions, published and never edited."""

from typing import Any

from sqlalchemy import CheckConstraint, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.models.columns import Id, Instant, ShopId


class TermsVersion(Model):
    """One version of a shop's terms; ``body`` is ``rules.facts_json.terms_to_json``."""

    __tablename__ = "terms_versions"
    __table_args__ = (
        UniqueConstraint("shop_id", "version"),
        CheckConstraint("version > 0", name="version_positive"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    version: Mapped[int]
    effective_from: Mapped[Instant]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    published_at: Mapped[Instant]
    published_by: Mapped[str] = mapped_column(Text)
