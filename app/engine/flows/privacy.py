"""Personal data has to go, a customer's or everybody's: what names a person is taken out, amounts and books stay."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import case, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.audit import SYSTEM, record
from app.engine.locks import lock_customers, lock_orders
from app.engine.mailed import find_mailed, forget_everybody, redact_mailed, redact_some_mails
from app.engine.privacy import read_deciding_tags
from app.engine.redaction import REMOVED, forget_bodies, redact_orders, redact_words
from app.engine.rules.redaction import keep_tags
from app.models import (
    Customer,
    Delivery,
    DeliveryState,
    MailSettings,
    Order,
    PrivacyKind,
    PrivacyRequest,
    Shop,
    StaffMember,
)

#: How many orders, or bodies, of a shop are done in one transaction.
BATCH = 200


def redact(session: Session, shop_id: int, customer_shopify_id: int, order_ids: Collection[int], now: datetime) -> int:
    """Take the person out of a customer, of these and all of the customer's orders, and of all that is kept of them.

    Ids are Shopify's. Returns how many orders were changed. Told later, they come in without the person; a customer
    nobody knew yet is remembered by number for that. Customers who were merged into this one are the same person.
    """
    fresh = upsert(Customer).values(shop_id=shop_id, shopify_id=customer_shopify_id, created_at=now)
    of_shop = Customer.shop_id == shop_id
    this_one = select(Customer.id).where(of_shop, Customer.shopify_id == customer_shopify_id).scalar_subquery()
    whose = (of_shop, or_(Customer.shopify_id == customer_shopify_id, Customer.merged_into_id == this_one))
    theirs = Order.customer_id.in_(select(Customer.id).where(*whose))
    concerned = (Order.shop_id == shop_id, or_(Order.shopify_id.in_(order_ids), theirs))
    lock_orders(session, shop_id, list(session.scalars(select(Order.shopify_id).where(*concerned))))
    session.execute(fresh.on_conflict_do_nothing(index_elements=["shop_id", "shopify_id"]))
    lock_customers(session, shop_id, list(session.scalars(select(Customer.id).where(*whose))))
    people = session.scalars(select(Customer).where(*whose).execution_options(populate_existing=True)).all()
    tags = read_deciding_tags(session, shop_id)
    orders = session.scalars(select(Order).where(*concerned).execution_options(populate_existing=True)).all()
    redact_mailed(session, shop_id, find_mailed(session, shop_id, people, orders), now)
    changed = redact_orders(session, orders, tags)
    for row in people:
        if row.redacted_at is None or (changed and row.shopify_id == customer_shopify_id):
            _redact_customer(session, row, tags, len(changed), now)
    session.flush()
    redact_words(session, shop_id, {row.id for row in people})
    ids = {*order_ids, *(order.shopify_id for order in orders)}
    forget_bodies(session, shop_id, {row.shopify_id for row in people}, ids, now)
    session.flush()
    return len(changed)


def redact_shop(session: Session, shop: Shop, now: datetime) -> int:
    """Go on with forgetting who anybody in a shop is that asked for it; return 0 when nothing is left to do.

    Orders come first, batch after batch, then bodies and mails, then everything that is one statement each. Customers
    are not marked: should the shop install the app again, Shopify may tell them anew.
    """
    asked = _find_shop_request(session, shop.id)
    if asked is None:
        return 0
    return (
        _redact_some_orders(session, shop, asked)
        or _forget_some_bodies(session, shop, now)
        or redact_some_mails(session, shop.id, now)
        or _finish_shop(session, shop, asked, now)
    )


def list_shops_to_redact(session: Session) -> list[int]:
    """Return the shops in which something is left to forget."""
    which = (PrivacyRequest.kind == PrivacyKind.SHOP_REDACT, PrivacyRequest.done_at.is_(None))
    return list(session.scalars(select(PrivacyRequest.shop_id).where(*which).distinct()))


def _find_shop_request(session: Session, shop_id: int) -> PrivacyRequest | None:
    return session.scalars(
        select(PrivacyRequest)
        .where(
            PrivacyRequest.shop_id == shop_id,
            PrivacyRequest.kind == PrivacyKind.SHOP_REDACT,
            PrivacyRequest.done_at.is_(None),
        )
        .order_by(PrivacyRequest.id)
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def _redact_some_orders(session: Session, shop: Shop, asked: PrivacyRequest) -> int:
    """Redact the next orders; their names go, too, for the shop's people know whose they are."""
    left = (Order.shop_id == shop.id, Order.id > asked.last_order_id)
    found = session.execute(select(Order.id, Order.shopify_id).where(*left).order_by(Order.id).limit(BATCH)).all()
    if not found:
        return 0
    lock_orders(session, shop.id, {order.shopify_id for order in found})
    rows = select(Order).where(Order.id.in_([order.id for order in found])).execution_options(populate_existing=True)
    orders = session.scalars(rows).all()
    redact_orders(session, orders, read_deciding_tags(session, shop.id))
    for order in orders:
        order.name = f"#{order.shopify_id}"
        order.fact = {**order.fact, "name": order.name}
        order.paid_fact = None if order.paid_fact is None else {**order.paid_fact, "name": order.name}
    asked.last_order_id = found[-1].id
    session.flush()
    return len(orders)


def _forget_some_bodies(session: Session, shop: Shop, now: datetime) -> int:
    some = select(Delivery.id).where(Delivery.shop_id == shop.id, Delivery.pruned_at.is_(None)).limit(BATCH)
    gone = update(Delivery).where(Delivery.id.in_(some)).values(body=b"", pruned_at=now)
    # What still waits would be told to a shop that is not there; what failed may quote what was wrong with a body.
    waiting = case((Delivery.state == DeliveryState.RECEIVED, DeliveryState.IGNORED), else_=Delivery.state)
    silent = case((Delivery.state.in_((DeliveryState.RECEIVED, DeliveryState.FAILED)), REMOVED), else_=Delivery.reason)
    return len(session.scalars(gone.values(state=waiting, reason=silent).returning(Delivery.id)).all())


def _finish_shop(session: Session, shop: Shop, asked: PrivacyRequest, now: datetime) -> int:
    """Forget customers and staff, what was written about them, files made for them, and the shop's own name."""
    nobody = {"name": None, "email": None, "verified_email": None, "tags": None, "locale": None, "told_at": None}
    session.execute(update(Customer).where(Customer.shop_id == shop.id).values(nobody))
    session.execute(update(StaffMember).where(StaffMember.shop_id == shop.id).values(name=None, email=None))
    # Whom trouble was told to: most often the same people.
    nowhere: dict[str, object] = {"alert_addresses": [], "alert_url": "", "alert_secret": None, "reply_to": ""}
    session.execute(update(MailSettings).where(MailSettings.shop_id == shop.id).values(nowhere))
    redact_words(session, shop.id, None)
    forget_everybody(session, shop.id, now)
    files = update(PrivacyRequest).where(PrivacyRequest.shop_id == shop.id, PrivacyRequest.file.is_not(None))
    session.execute(files.values(file=None, file_until=None))
    shop.name, shop.redacted_at = shop.domain, now
    asked.done_at, asked.done_by = now, SYSTEM
    subject = ("shop", shop.id)
    record(session, shop.id, SYSTEM, "redact", subject=subject, before={}, after={"customers": "all"}, now=now)
    session.flush()
    return 1


def _redact_customer(session: Session, row: Customer, tags: frozenset[str], orders: int, now: datetime) -> None:
    row.redacted_at = row.redacted_at or now
    row.name = row.email = row.verified_email = row.locale = None
    row.tags = None if row.tags is None else list(keep_tags(row.tags, tags))
    subject = ("customer", row.id)
    record(session, row.shop_id, SYSTEM, "redact", subject=subject, before={}, after={"orders": orders}, now=now)
