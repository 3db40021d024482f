"""One order with everything the books, Shopify and people did about it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeVar

from sqlalchemy import func, select, union_all
from sqlalchemy.orm import Session

from app.admin.queries.running import read_running
from app.engine.rules.facts import DisputeFact, OrderFact, RefundFact
from app.engine.rules.facts_json import from_json, order_from_json, refund_from_json
from app.engine.rules.messages import MailState
from app.engine.rules.postings import Account
from app.engine.rules.states import Badge, compute_badge
from app.models import (
    AuditEvent,
    Customer,
    Delivery,
    DeliveryState,
    DetailKind,
    LedgerEntry,
    LedgerPosting,
    Mail,
    Message,
    Order,
    OrderDetail,
    Refund,
    Reward,
    Transfer,
)

MOST_DELIVERIES = 50


@dataclass(frozen=True, slots=True)
class BookedEntry:
    """A ledger entry with its postings."""

    entry: LedgerEntry
    postings: tuple[LedgerPosting, ...]


class DeliveryNote(NamedTuple):
    """A delivery without its body, which may be long."""

    id: int
    topic: str
    triggered_at: datetime | None
    received_at: datetime
    handled_at: datetime | None
    state: DeliveryState
    attempts: int
    reason: str | None
    pruned_at: datetime | None

    @property
    def can_be_replayed(self) -> bool:
        """Say whether it could not be handled, and can be tried again."""
        return self.state is DeliveryState.FAILED and self.pruned_at is None


@dataclass(frozen=True, slots=True)
class OrderFile:
    """All that is known about one order."""

    order: Order
    fact: OrderFact
    customer: Customer | None
    reward: Reward | None
    badge: Badge | None
    refunds: tuple[tuple[Refund, RefundFact], ...]
    disputes: tuple[DisputeFact, ...]
    entries: tuple[BookedEntry, ...]
    #: What was available to the customer after each entry.
    available: dict[int, int]
    transfers: tuple[Transfer, ...]
    events: tuple[AuditEvent, ...]
    deliveries: tuple[DeliveryNote, ...]
    #: The customer's accounts, in minor units of the order's currency.
    balances: dict[Account, int]

    @property
    def is_unasked(self) -> bool:
        """Say whether the order is older than the programme, and nobody has asked for its cashback."""
        return self.order.is_past and self.order.reward_asked_at is None


def find_order(session: Session, shop_id: int, shopify_id: int) -> OrderFile | None:
    """Return the file of an order, by Shopify's id of it."""
    order = session.scalar(select(Order).where(Order.shop_id == shop_id, Order.shopify_id == shopify_id))
    if order is None:
        return None
    reward = session.scalar(select(Reward).where(Reward.shop_id == shop_id, Reward.order_id == order.id))
    customer = session.scalar(select(Customer).where(Customer.shop_id == shop_id, Customer.id == order.customer_id))
    transfers = _of_reward(session, Transfer, shop_id, reward)
    states = tuple(transfer.state for transfer in transfers)
    entries = _list_entries(session, shop_id, reward)
    return OrderFile(
        order=order,
        fact=order_from_json(order.fact),
        customer=customer,
        reward=reward,
        badge=None if reward is None else compute_badge(reward.state, reward.reversed_minor, states),
        refunds=_list_refunds(session, shop_id, shopify_id),
        disputes=_list_disputes(session, shop_id, shopify_id),
        entries=entries,
        available=_read_available(session, shop_id, customer, order.currency, entries),
        transfers=transfers,
        events=_list_events(session, shop_id, reward, transfers),
        deliveries=list_deliveries(session, shop_id, shopify_id),
        balances={} if customer is None else _read_balances(session, shop_id, customer.id, order.currency),
    )


def find_order_of_transfer(session: Session, shop_id: int, transfer_id: int) -> int | None:
    """Return Shopify's id of the order a transfer came from."""
    query = (
        select(Order.shopify_id)
        .join(Reward, (Reward.shop_id == Order.shop_id) & (Reward.order_id == Order.id))
        .join(Transfer, (Transfer.shop_id == Reward.shop_id) & (Transfer.reward_id == Reward.id))
    )
    return session.scalar(query.where(Order.shop_id == shop_id, Transfer.id == transfer_id))


T = TypeVar("T", Transfer, LedgerEntry)


def _of_reward(session: Session, table: type[T], shop_id: int, reward: Reward | None) -> tuple[T, ...]:
    if reward is None:
        return ()
    query = select(table).where(table.shop_id == shop_id, table.reward_id == reward.id).order_by(table.id)
    return tuple(session.scalars(query))


def _list_refunds(session: Session, shop_id: int, shopify_id: int) -> tuple[tuple[Refund, RefundFact], ...]:
    query = select(Refund).where(Refund.shop_id == shop_id, Refund.order_shopify_id == shopify_id)
    refunds = session.scalars(query.order_by(Refund.processed_at, Refund.id))
    return tuple((refund, refund_from_json(refund.fact)) for refund in refunds)


def _list_entries(session: Session, shop_id: int, reward: Reward | None) -> tuple[BookedEntry, ...]:
    entries = _of_reward(session, LedgerEntry, shop_id, reward)
    postings: defaultdict[int, list[LedgerPosting]] = defaultdict(list)
    if entries:
        query = select(LedgerPosting).where(
            LedgerPosting.shop_id == shop_id, LedgerPosting.entry_id.in_([entry.id for entry in entries])
        )
        for posting in session.scalars(query.order_by(LedgerPosting.id)):
            postings[posting.entry_id].append(posting)
    return tuple(BookedEntry(entry, tuple(postings[entry.id])) for entry in entries)


def _list_events(
    session: Session, shop_id: int, reward: Reward | None, transfers: Sequence[Transfer]
) -> tuple[AuditEvent, ...]:
    if reward is None:
        return ()
    of_reward = (AuditEvent.subject == "reward") & (AuditEvent.subject_id == reward.id)
    of_transfers = (AuditEvent.subject == "transfer") & AuditEvent.subject_id.in_([t.id for t in transfers])
    query = select(AuditEvent).where(AuditEvent.shop_id == shop_id, of_reward | of_transfers)
    return tuple(session.scalars(query.order_by(AuditEvent.id)))


def _list_disputes(session: Session, shop_id: int, shopify_id: int) -> tuple[DisputeFact, ...]:
    query = select(OrderDetail.fact).where(
        OrderDetail.shop_id == shop_id,
        OrderDetail.order_shopify_id == shopify_id,
        OrderDetail.kind == DetailKind.DISPUTE,
    )
    return tuple(from_json(DisputeFact, fact) for fact in session.scalars(query.order_by(OrderDetail.shopify_id)))


def _read_available(
    session: Session, shop_id: int, customer: Customer | None, currency: str, entries: Sequence[BookedEntry]
) -> dict[int, int]:
    # An order that changed hands has entries of somebody else's account, too: of those nothing is said here.
    mine = [] if customer is None else [one.entry.id for one in entries if one.entry.customer_id == customer.id]
    return read_running(session, shop_id, customer.id, currency, mine) if customer is not None and mine else {}


def list_deliveries(session: Session, shop_id: int, shopify_id: int) -> tuple[DeliveryNote, ...]:
    """Return the newest deliveries about an order, known or not, oldest first."""
    query = (
        select(
            Delivery.id,
            Delivery.topic,
            Delivery.triggered_at,
            Delivery.received_at,
            Delivery.handled_at,
            Delivery.state,
            Delivery.attempts,
            Delivery.reason,
            Delivery.pruned_at,
        )
        .where(Delivery.shop_id == shop_id, Delivery.order_shopify_id == shopify_id)
        .order_by(Delivery.id.desc())
        .limit(MOST_DELIVERIES)
    )
    return tuple(DeliveryNote(*row) for row in session.execute(query))[::-1]


def find_told_mail(session: Session, shop_id: int, reward_id: int) -> int | None:
    """Return the mail that first told the customer of a reward."""
    told = (
        select(Mail.id)
        .join(Message, (Message.shop_id == Mail.shop_id) & (Message.mail_id == Mail.id))
        .where(Mail.shop_id == shop_id, Message.reward_id == reward_id, Mail.state == MailState.SENT)
    )
    return session.scalar(told.order_by(Mail.sent_at, Mail.id).limit(1))


def _read_balances(session: Session, shop_id: int, customer_id: int, currency: str) -> dict[Account, int]:
    mine = (
        LedgerPosting.shop_id == shop_id,
        LedgerPosting.customer_id == customer_id,
        LedgerPosting.currency == currency,
    )
    moves = union_all(
        select(LedgerPosting.destination.label("account"), LedgerPosting.amount_minor.label("minor")).where(*mine),
        select(LedgerPosting.source, -LedgerPosting.amount_minor).where(*mine),
    ).subquery()
    query = select(moves.c.account, func.sum(moves.c.minor)).group_by(moves.c.account)
    sums = {account: int(minor) for account, minor in session.execute(query)}
    return {account: sums.get(account, 0) for account in (Account.PENDING, Account.AVAILABLE, Account.OWED)}
