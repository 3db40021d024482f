"""What Shopify asked about people's data, newest first; their files are left where they are."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import PrivacyKind, PrivacyRequest

MOST_REQUESTS = 200


class RequestRow(NamedTuple):
    """A request without its file."""

    id: int
    kind: PrivacyKind
    customer_shopify_id: int | None
    received_at: datetime
    due_at: datetime
    done_at: datetime | None
    done_by: str | None
    #: Until when there is a file; None where there is none (any more).
    file_until: datetime | None


def list_requests(session: Session, shop_id: int) -> list[RequestRow]:
    """Return the newest requests of a shop."""
    columns = [getattr(PrivacyRequest, name) for name in RequestRow._fields]
    query = select(*columns).where(PrivacyRequest.shop_id == shop_id).order_by(PrivacyRequest.id.desc())
    return [RequestRow(*row) for row in session.execute(query.limit(MOST_REQUESTS))]
