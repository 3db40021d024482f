"""Takes people out of what is kept of their orders and rewards; amounts, books and numbers stay."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, or_, select, true, update
from sqlalchemy.orm import Session

from app.engine.rules.facts_json import order_from_json, refund_from_json, to_json
from app.engine.rules.redaction import keep_tags, without_person
from app.models import (
    Adjustment,
    AuditEvent,
    Delivery,
    DeliveryState,
    Order,
    PrivacyRequest,
    Refund,
    Reward,
    TierAssignmentRow,
    Transfer,
)
from app.sentences import marked

#: What stands in the place of a text that somebody wrote.
REMOVED = marked("Removed with the personal data it may have held.")


def redact_orders(session: Session, orders: Sequence[Order], deciding_tags: frozenset[str]) -> list[Order]:
    """Take the person out of orders and their refunds, which are locked; return those that named one."""
    changed = [order for order in orders if _redact_order(order, deciding_tags)]
    ids = [order.shopify_id for order in orders]
    if ids:
        which = (Refund.shop_id == orders[0].shop_id, Refund.order_shopify_id.in_(ids))
        for refund in session.scalars(select(Refund).where(*which)):
            refund.fact = to_json(replace(refund_from_json(refund.fact), note=None))
    return changed


def redact_words(session: Session, shop_id: int, customer_ids: Collection[int] | None) -> None:
    """Take out what staff wrote about these customers, None for everybody's; ids are ours.

    A reward's explanation says again why somebody set its amount, so both lose it together.
    """
    everybody = customer_ids is None
    whose = customer_ids or ()
    for table in (Adjustment, TierAssignmentRow, Reward):
        concerned = and_(table.shop_id == shop_id, true() if everybody else table.customer_id.in_(whose))
        _redact_texts(session, table, concerned)
    adjusted = and_(Reward.shop_id == shop_id, Reward.adjusted_reason == REMOVED)
    for reward in session.scalars(
        select(Reward).where(adjusted, true() if everybody else Reward.customer_id.in_(whose))
    ):
        reward.steps = [{**step, "reason": REMOVED} if step["kind"] == "adjusted" else step for step in reward.steps]
    events = and_(AuditEvent.shop_id == shop_id, AuditEvent.reason.is_not(None), AuditEvent.reason != REMOVED)
    of_them = true() if everybody else _events_about(shop_id, whose)
    session.execute(update(AuditEvent).where(events, of_them).values(reason=REMOVED))


def forget_bodies(
    session: Session, shop_id: int, customer_shopify_ids: Collection[int], order_ids: Collection[int], now: datetime
) -> None:
    """Remove the bodies of deliveries about these customers and orders; ids are Shopify's. What waits stays.

    A delivery that failed may not have been read: it is of theirs if one of the numbers stands in it.
    """
    numbers = [str(number).encode() for number in (*customer_shopify_ids, *order_ids)]
    unread = and_(
        Delivery.state == DeliveryState.FAILED,
        or_(*(Delivery.body.op("LIKE")(b"%" + number + b"%") for number in numbers)),
    )
    about = or_(
        Delivery.customer_shopify_id.in_(customer_shopify_ids), Delivery.order_shopify_id.in_(order_ids), unread
    )
    session.execute(
        update(Delivery)
        .where(
            Delivery.shop_id == shop_id,
            Delivery.pruned_at.is_(None),
            Delivery.state != DeliveryState.RECEIVED,
            about,
        )
        .values(
            body=b"",
            pruned_at=now,
            # A sentence may quote what was wrong with a body.
            reason=case((Delivery.state == DeliveryState.FAILED, REMOVED), else_=Delivery.reason),
        )
    )
    whose = PrivacyRequest.customer_shopify_id.in_(customer_shopify_ids)
    session.execute(
        update(PrivacyRequest).where(PrivacyRequest.shop_id == shop_id, whose).values(file=None, file_until=None)
    )


def _redact_order(order: Order, deciding_tags: frozenset[str]) -> bool:
    before = (order.fact, order.paid_fact, order.guest_email, order.customer_tags)
    order.fact = to_json(without_person(order_from_json(order.fact), deciding_tags))
    if order.paid_fact is not None:
        order.paid_fact = to_json(without_person(order_from_json(order.paid_fact), deciding_tags))
    if order.customer_tags is not None:
        order.customer_tags = list(keep_tags(order.customer_tags, deciding_tags))
    order.guest_email = None
    return before != (order.fact, order.paid_fact, order.guest_email, order.customer_tags)


_TEXTS = {
    Adjustment: (Adjustment.note, Adjustment.decision_reason),
    TierAssignmentRow: (TierAssignmentRow.reason,),
    Reward: (Reward.adjusted_reason, Reward.decision_reason),
}


def _redact_texts(
    session: Session, table: type[Adjustment | TierAssignmentRow | Reward], concerned: ColumnElement[bool]
) -> None:
    for column in _TEXTS[table]:
        said = and_(column.is_not(None), column.not_in(("", REMOVED)))
        session.execute(update(table).where(concerned, said).values({column.key: REMOVED}))


def _events_about(shop_id: int, customer_ids: Collection[int]) -> ColumnElement[bool]:
    """Return the condition for audit events on these customers or on what is theirs."""
    subjects: list[ColumnElement[bool]] = [
        and_(AuditEvent.subject == "customer", AuditEvent.subject_id.in_(customer_ids))
    ]
    for name, table in (("reward", Reward), ("adjustment", Adjustment), ("transfer", Transfer)):
        theirs = select(table.id).where(table.shop_id == shop_id, table.customer_id.in_(customer_ids))
        subjects.append(and_(AuditEvent.subject == name, AuditEvent.subject_id.in_(theirs)))
    return or_(*subjects)
