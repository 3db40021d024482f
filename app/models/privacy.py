"""What Shopify asks about people's data: to hand it over, or to forget it. Due within 30 days, and kept on file."""

from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.models.columns import Id, Instant, ShopId, enum_column


class PrivacyKind(StrEnum):
    """What is asked."""

    #: Hand over to the merchant what is kept of a customer.
    DATA_REQUEST = "data_request"
    #: Forget who a customer is.
    CUSTOMER_REDACT = "customer_redact"
    #: Forget who anybody in the shop is; it has removed the app.
    SHOP_REDACT = "shop_redact"


class PrivacyRequest(Model):
    """One request, once by its key."""

    __tablename__ = "privacy_requests"
    __table_args__ = (
        UniqueConstraint("shop_id", "key"),
        Index(None, "shop_id", "id"),
        Index("ix_privacy_requests_open", "shop_id", "kind", postgresql_where=text("done_at IS NULL")),
        Index("ix_privacy_requests_files", "shop_id", "file_until", postgresql_where=text("file IS NOT NULL")),
        CheckConstraint("(file IS NULL) = (file_until IS NULL)", name="file_ends"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    kind: Mapped[PrivacyKind] = mapped_column(enum_column(PrivacyKind, "kind"))
    #: Names what is asked, so that asking twice makes one row.
    key: Mapped[str] = mapped_column(Text)
    #: The customer it is about; None where it is about everybody.
    customer_shopify_id: Mapped[int | None] = mapped_column(BigInteger)
    received_at: Mapped[Instant]
    due_at: Mapped[Instant]
    #: When and by whom it was said, or seen, to be done.
    done_at: Mapped[Instant | None]
    done_by: Mapped[str | None] = mapped_column(Text)
    #: What is kept of the customer, as one zip archive, until it expires.
    file: Mapped[bytes | None] = mapped_column(LargeBinary)
    file_until: Mapped[Instant | None]
    #: All orders up to this id are done, while everybody's data is being removed.
    last_order_id: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
