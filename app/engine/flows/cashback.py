"""Read what a customer has, for the customer: balances and the newest orders, in the customer's words."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.engine.ledger import read_balances
from app.engine.rules.customer_words import Stage, Told, compute_stage, customer_sentence
from app.engine.rules.postings import Account
from app.engine.rules.states import TransferState
from app.models import Customer, Order, Reward, Shop, Transfer

#: States of a transfer after which nothing of it is under way.
_AT_REST = (TransferState.CONFIRMED, TransferState.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class OrderCashback:
    """The cashback of one order as the customer sees it; the amount in minor units."""

    order_name: str
    placed_at: datetime
    kept_minor: int
    stage: Stage
    sentence: str


@dataclass(frozen=True, slots=True)
class Cashback:
    """What a customer has in the shop's currency, in minor units, and their newest orders first."""

    currency: str
    pending_minor: int
    available_minor: int
    recent: tuple[OrderCashback, ...]


def read_cashback(session: Session, shop: Shop, customer_shopify_id: int, limit: int = 10) -> Cashback:
    """Return what a customer has; nothing of one who is not known yet, was deleted, or asked to be forgotten."""
    customer = session.scalar(
        select(Customer).where(
            Customer.shop_id == shop.id,
            Customer.shopify_id == customer_shopify_id,
            Customer.deleted_at.is_(None),
            Customer.redacted_at.is_(None),
        )
    )
    if customer is None:
        return Cashback(shop.currency, 0, 0, ())
    balances = read_balances(session, shop.id, [customer.id], shop.currency)[customer.id]
    recent = _read_recent(session, shop, customer.id, limit)
    return Cashback(shop.currency, balances[Account.PENDING], balances[Account.AVAILABLE], recent)


def _read_recent(session: Session, shop: Shop, customer_id: int, limit: int) -> tuple[OrderCashback, ...]:
    is_moving = exists().where(
        Transfer.shop_id == shop.id, Transfer.reward_id == Reward.id, Transfer.state.not_in(_AT_REST)
    )
    found = session.execute(
        select(Reward, Order.name, Order.placed_at, is_moving)
        .join(Order, Order.id == Reward.order_id)
        .where(Reward.shop_id == shop.id, Reward.customer_id == customer_id)
        .order_by(Order.placed_at.desc(), Order.id.desc())
        .limit(limit)
    )
    zone = ZoneInfo(shop.timezone)
    return tuple(_tell(reward, name, placed_at, moving, zone) for reward, name, placed_at, moving in found)


def _tell(reward: Reward, name: str, placed_at: datetime, moving: bool, zone: ZoneInfo) -> OrderCashback:
    told = Told(
        state=reward.state,
        currency=reward.currency,
        granted_minor=reward.granted_minor,
        reversed_minor=reward.reversed_minor,
        release_at=reward.release_at,
        ineligible=reward.ineligible_reason,
        is_confirmed=not moving,
    )
    stage = compute_stage(told)
    kept_minor = 0 if stage is Stage.NONE else told.kept_minor
    return OrderCashback(name, placed_at, kept_minor, stage, customer_sentence(told, zone))
