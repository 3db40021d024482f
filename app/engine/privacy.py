"""What is told of customers whose data had to go comes in without it."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.rules.facts import OrderFact, RefundFact
from app.engine.rules.facts_json import terms_from_json
from app.engine.rules.redaction import find_deciding_tags, without_person
from app.models import Customer, Order, Shop, TermsVersion
from app.models.columns import among


def without_redacted(session: Session, shop: Shop, facts: Sequence[OrderFact]) -> Sequence[OrderFact]:
    """Return order facts, those of redacted customers without name, email and needless tags."""
    named = {fact.customer.customer_id for fact in facts if fact.customer is not None}
    which = (Customer.shop_id == shop.id, among(Customer.shopify_id, named), Customer.redacted_at.is_not(None))
    redacted = set(session.scalars(select(Customer.shopify_id).where(*which)))
    if not redacted:
        return facts
    tags = read_deciding_tags(session, shop.id)
    return [
        without_person(fact, tags) if fact.customer is not None and fact.customer.customer_id in redacted else fact
        for fact in facts
    ]


def without_redacted_notes(session: Session, shop: Shop, facts: Sequence[RefundFact]) -> Sequence[RefundFact]:
    """Return refund facts, those of redacted customers' orders without the note that staff wrote."""
    noted = {fact.order_id for fact in facts if fact.note is not None}
    if not noted:
        return facts
    redacted = set(
        session.scalars(
            select(Order.shopify_id)
            .join(Customer, Customer.id == Order.customer_id)
            .where(Order.shop_id == shop.id, among(Order.shopify_id, noted), Customer.redacted_at.is_not(None))
        )
    )
    return [replace(fact, note=None) if fact.order_id in redacted else fact for fact in facts]


def read_deciding_tags(session: Session, shop_id: int) -> frozenset[str]:
    """Return the tags that any version of a shop's terms decides by, as they are compared."""
    bodies = session.scalars(select(TermsVersion.body).where(TermsVersion.shop_id == shop_id))
    return find_deciding_tags(terms_from_json(body) for body in bodies)
