"""What Shopify asks about people's data, on file: when it came, until when it is due, and when it was done."""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.audit import record
from app.engine.rules.roles import Duty
from app.engine.staffing import check_may
from app.errors import NotFound, Refused
from app.models import PrivacyKind, PrivacyRequest, Shop

#: Shopify expects every request to be done within so many days.
DUE = timedelta(days=30)
#: How long a file is kept for the merchant to fetch.
FILE_KEPT = timedelta(days=60)


def open_request(
    session: Session,
    shop: Shop,
    kind: PrivacyKind,
    key: str,
    received_at: datetime,
    *,
    customer_shopify_id: int | None = None,
    done_at: datetime | None = None,
    done_by: str | None = None,
    file: bytes | None = None,
) -> None:
    """Put a request on file, once by its key; whoever asks again changes nothing."""
    values = {
        "shop_id": shop.id,
        "kind": kind,
        "key": key,
        "customer_shopify_id": customer_shopify_id,
        "received_at": received_at,
        "due_at": received_at + DUE,
        "done_at": done_at,
        "done_by": done_by,
        "file": file,
        "file_until": None if file is None else received_at + FILE_KEPT,
    }
    session.execute(upsert(PrivacyRequest).values(values).on_conflict_do_nothing(index_elements=["shop_id", "key"]))


def mark_done(session: Session, shop_id: int, request_id: int, actor: str, now: datetime) -> PrivacyRequest:
    """Note that the merchant handed a customer's data over; raise NotFound, or Refused if it is done already."""
    check_may(session, shop_id, actor, Duty.MANAGE)
    row = session.scalars(
        select(PrivacyRequest)
        .where(PrivacyRequest.shop_id == shop_id, PrivacyRequest.id == request_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such request in this shop.")
    if row.done_at is not None:
        raise Refused("This request is done already.")
    if row.kind is not PrivacyKind.DATA_REQUEST:
        raise Refused("Boomerang removes this data itself; the request is done as soon as nothing is left.")
    row.done_at, row.done_by = now, actor
    subject = ("privacy_request", row.id)
    record(session, shop_id, actor, "hand_over_data", subject=subject, before={}, after={"done": True}, now=now)
    session.flush()
    return row


def note_download(session: Session, shop_id: int, request_id: int, actor: str, now: datetime) -> PrivacyRequest:
    """Return a request whose file somebody fetches, and note who; raise NotFound where there is no file (any more)."""
    check_may(session, shop_id, actor, Duty.MANAGE)
    row = session.scalar(
        select(PrivacyRequest).where(PrivacyRequest.shop_id == shop_id, PrivacyRequest.id == request_id)
    )
    if row is None or row.file is None:
        raise NotFound("There is no such file in this shop; files are removed once they have expired.")
    subject = ("privacy_request", row.id)
    record(session, shop_id, actor, "fetch_data", subject=subject, before={}, after={}, now=now)
    session.flush()
    return row


def list_shops_with_expired(session: Session, now: datetime) -> list[int]:
    """Return the shops that have files to be removed."""
    expired = (PrivacyRequest.file.is_not(None), PrivacyRequest.file_until <= now)
    return list(session.scalars(select(PrivacyRequest.shop_id).where(*expired).distinct()))


def remove_expired_files(session: Session, shop: Shop, now: datetime) -> int:
    """Remove the files of a shop that have been kept long enough; return how many."""
    expired = (PrivacyRequest.shop_id == shop.id, PrivacyRequest.file.is_not(None), PrivacyRequest.file_until <= now)
    gone = update(PrivacyRequest).where(*expired).values(file=None, file_until=None)
    return len(session.scalars(gone.returning(PrivacyRequest.id)).all())
