"""Read what a customer has, for the customer: balances and the newest orders, in the customer's words."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from app.engine.ledger import read_balances
from app.engine.lot_books import read_lot_books
from app.engine.programme import Programme
from app.engine.rules.customer_words import Stage, Told, compute_stage, customer_sentence
from app.engine.rules.postings import Account
from app.engine.rules.states import RewardState, TransferState
from app.engine.rules.terms import OwedPolicy
from app.models import Customer, Order, Reward, Shop, Transfer
from app.sentences import Sentence

#: Beyond the expiry of any credit.
_FAR = timedelta(days=365 * 200)
#: States of a transfer after which nothing of it is under way.
_AT_REST = (TransferState.CONFIRMED, TransferState.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class OrderCashback:
    """The cashback of one order as the customer sees it; the amount in minor units."""

    order_name: str
    placed_at: datetime
    kept_minor: int
    stage: Stage
    sentence: Sentence
    reward_id: int
    #: The credit is there, as Shopify confirmed.
    is_added: bool
    waits_for_account: bool


@dataclass(frozen=True, slots=True)
class Cashback:
    """What a customer has in the shop's currency, in minor units, and their newest orders first."""

    currency: str
    pending_minor: int
    available_minor: int
    recent: tuple[OrderCashback, ...]
    #: What the customer owes the shop, zero or more.
    owed_minor: int = 0
    #: Shopify's word on what they read.
    locale: str | None = None
    #: Whose it is, by our number; None where nobody is known.
    customer_id: int | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """The credit that ends next: what is left of all that ends on that day, in minor units, and its last day."""

    amount_minor: int
    on: date


@dataclass(frozen=True, slots=True)
class Rank:
    """A customer's tier, and its rate in basis points."""

    name: str
    rate_bps: int


@dataclass(frozen=True, slots=True)
class CashbackPage:
    """What a customer's own page shows: what they have, and what becomes of it."""

    cashback: Cashback
    #: Whose it is now, by our number; None on the page of a guest.
    customer_id: int | None = None
    rank: Rank | None = None
    ending: Ending | None = None
    #: Who owes something earns nothing until it is settled; else it is set off against what they earn.
    is_blocked: bool = False
    #: Of a guest's order: the last day on which an account may claim it.
    claim_until: date | None = None


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
    return Cashback(shop.currency, 0, 0, ()) if customer is None else _read(session, shop, customer, limit)


def read_customer_page(
    session: Session, shop: Shop, customer_id: int, now: datetime, limit: int = 10
) -> CashbackPage | None:
    """Return what the page of a customer, by our number, shows; None if there is nobody (any more) to show it to."""
    customer = find_holder(session, shop.id, customer_id)
    if customer is None:
        return None
    terms = Programme(session, shop).at(now)
    rates = {tier.name: tier.rate_bps for tier in terms.tiers}
    name = customer.tier_name
    return CashbackPage(
        _read(session, shop, customer, limit),
        customer_id=customer.id,
        rank=Rank(name, rates[name]) if name in rates and len(rates) > 1 else None,
        ending=_find_ending(session, shop, customer.id, now),
        is_blocked=terms.owed is OwedPolicy.BLOCK,
    )


def read_guest_page(session: Session, shop: Shop, order_id: int) -> CashbackPage | None:
    """Return what the page of a guest's order, by our number, shows; None if whoever placed it was forgotten."""
    order = session.scalar(select(Order).where(Order.shop_id == shop.id, Order.id == order_id))
    if order is None or (order.guest_email is None and not _is_claimed(session, order)):
        return None
    recent = _read_recent(session, shop, Reward.order_id == order.id, 1)
    until = session.scalar(select(Reward.claim_until).where(Reward.shop_id == shop.id, Reward.order_id == order.id))
    waits = order.customer_id is None and until is not None
    last_day = (until - timedelta(microseconds=1)).astimezone(ZoneInfo(shop.timezone)).date() if until else None
    return CashbackPage(Cashback(shop.currency, 0, 0, recent), claim_until=last_day if waits else None)


def find_holder(session: Session, shop_id: int, customer_id: int) -> Customer | None:
    """Return the customer of our number, or into whom Shopify merged them; None if they are gone or forgotten."""
    seen: set[int] = set()
    number: int | None = customer_id
    while number is not None and number not in seen:
        seen.add(number)
        customer = session.scalar(select(Customer).where(Customer.shop_id == shop_id, Customer.id == number))
        if customer is None or customer.redacted_at is not None:
            return None
        if customer.merged_into_id is None:
            return customer if customer.deleted_at is None else None
        number = customer.merged_into_id
    return None


def _is_claimed(session: Session, order: Order) -> bool:
    return order.customer_id is not None and find_holder(session, order.shop_id, order.customer_id) is not None


def _read(session: Session, shop: Shop, customer: Customer, limit: int) -> Cashback:
    balances = read_balances(session, shop.id, [customer.id], shop.currency)[customer.id]
    recent = _read_recent(session, shop, Reward.customer_id == customer.id, limit)
    owed_minor = max(-balances[Account.OWED], 0)
    held = (balances[Account.PENDING], balances[Account.AVAILABLE])
    return Cashback(shop.currency, *held, recent, owed_minor, customer.locale, customer.id)


def _find_ending(session: Session, shop: Shop, customer_id: int, now: datetime) -> Ending | None:
    """Return what ends next by the terms; a far expiry that only makes a transfer unmistakable is none."""
    book = read_lot_books(session, shop, [customer_id], now + _FAR).get(customer_id)
    if book is None:
        return None
    zone, left = ZoneInfo(shop.timezone), Counter[date]()
    for transfer_id, state in book.reckon(now).states.items():
        credit = book.credits.get(transfer_id)
        if credit is not None and credit.credit_expires_at is not None and credit.credit_expires_at > now:
            left[(credit.credit_expires_at - timedelta(microseconds=1)).astimezone(zone).date()] += state.left_minor
    ending = [Ending(minor, on) for on, minor in sorted(left.items()) if minor > 0]
    return ending[0] if ending else None


def _read_recent(session: Session, shop: Shop, which: ColumnElement[bool], limit: int) -> tuple[OrderCashback, ...]:
    is_moving = exists().where(
        Transfer.shop_id == shop.id, Transfer.reward_id == Reward.id, Transfer.state.not_in(_AT_REST)
    )
    found = session.execute(
        select(Reward, Order.name, Order.placed_at, is_moving)
        .join(Order, Order.id == Reward.order_id)
        .where(Reward.shop_id == shop.id, which)
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
    return OrderCashback(
        name,
        placed_at,
        kept_minor=0 if stage is Stage.NONE else told.kept_minor,
        stage=stage,
        sentence=customer_sentence(told, zone),
        reward_id=reward.id,
        is_added=stage is Stage.ADDED and told.is_confirmed,
        waits_for_account=reward.state is RewardState.AWAITING_CUSTOMER,
    )
