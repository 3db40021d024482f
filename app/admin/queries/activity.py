"""The audit trail, newest first, with what each event is about."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, literal, or_, select, union_all
from sqlalchemy.orm import Session

from app.admin.queries.keyset import Place, Slice, Window, cut, within
from app.admin.queries.search import find_people
from app.models import Adjustment, AuditEvent, CreditMoveRow, Customer, Order, Reward, Transfer
from app.models.columns import among

#: What an event is about: the subject's name in the trail, and its id.
Subject = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events; ``since`` is inclusive and ``until`` is not. ``subjects`` is None where nothing is asked for."""

    actor: str = ""
    action: str = ""
    subjects: frozenset[Subject] | None = None
    since: datetime | None = None
    until: datetime | None = None
    #: There are more customers than these who are found by the words that were asked for.
    are_more: bool = False


@dataclass(frozen=True, slots=True)
class About:
    """The order and the customer an event is about, by what links to them need."""

    order: tuple[int, str] | None = None
    customer: Customer | None = None


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event, and what it is about."""

    event: AuditEvent
    about: About


def list_events(session: Session, shop_id: int, wanted: Wanted, window: Window) -> Slice[EventRow]:
    """Return a page of events."""
    keys = select(AuditEvent.at, AuditEvent.id).where(AuditEvent.shop_id == shop_id, *_matching(wanted))
    found = session.execute(within(keys, AuditEvent.at, AuditEvent.id, window))
    page = cut([Place(at, number) for at, number in found], window, lambda place: place)
    ids = [place.id for place in page.rows]
    events = session.scalars(select(AuditEvent).where(AuditEvent.shop_id == shop_id, among(AuditEvent.id, ids)))
    by_id = {event.id: event for event in events}
    about = _find_about(session, shop_id, {(event.subject, event.subject_id) for event in by_id.values()})
    rows = tuple(
        EventRow(event, about.get((event.subject, event.subject_id), About()))
        for event in (by_id[number] for number in ids)
    )
    return Slice(rows, page.newer, page.older)


def find_subjects(session: Session, shop_id: int, words: str) -> tuple[frozenset[Subject], bool]:
    """Return what the trail may say of an order of a name, with or without its sign, or of customers.

    With it whether there are more such customers, whom it does not look at.
    """
    named = select(Reward.id).join(Order, (Order.shop_id == Reward.shop_id) & (Order.id == Reward.order_id))
    rewards = session.scalars(named.where(Reward.shop_id == shop_id, Order.name.in_((words, f"#{words}")))).all()
    customers, are_more = find_people(session, shop_id, words)
    found = union_all(
        *(
            select(literal(kind), row.id).where(row.shop_id == shop_id, which)
            for kind, row, which in (
                ("reward", Reward, among(Reward.customer_id, customers)),
                ("transfer", Transfer, or_(among(Transfer.reward_id, rewards), among(Transfer.customer_id, customers))),
                ("adjustment", Adjustment, among(Adjustment.customer_id, customers)),
            )
        )
    )
    subjects = frozenset(
        [
            *(("reward", number) for number in rewards),
            *(("customer", number) for number in customers),
            *((kind, number) for kind, number in session.execute(found)),
        ]
    )
    return subjects, are_more


def has_events(session: Session, shop_id: int) -> bool:
    """Return whether anything stands in the shop's trail."""
    return session.scalar(select(AuditEvent.id).where(AuditEvent.shop_id == shop_id).limit(1)) is not None


def _matching(wanted: Wanted) -> list[ColumnElement[bool]]:
    which = []
    if wanted.actor:
        which.append(AuditEvent.actor == wanted.actor)
    if wanted.action:
        which.append(AuditEvent.action == wanted.action)
    if wanted.subjects is not None:
        which.append(_is_one_of(wanted.subjects))
    if wanted.since is not None:
        which.append(AuditEvent.at >= wanted.since)
    if wanted.until is not None:
        which.append(AuditEvent.at < wanted.until)
    return which


def _is_one_of(subjects: Collection[Subject]) -> ColumnElement[bool]:
    ids = _by_kind(subjects)
    each = [and_(AuditEvent.subject == kind, among(AuditEvent.subject_id, numbers)) for kind, numbers in ids.items()]
    return or_(*each) if each else among(AuditEvent.id, [])


def _by_kind(subjects: Collection[Subject]) -> dict[str, list[int]]:
    ids: defaultdict[str, list[int]] = defaultdict(list)
    for kind, number in sorted(subjects):
        ids[kind].append(number)
    return ids


def _find_about(session: Session, shop_id: int, subjects: Collection[Subject]) -> dict[Subject, About]:
    """Return the order and the customer behind each subject that has any."""
    ids = _by_kind(subjects)
    whose: dict[Subject, tuple[int | None, int | None]] = {
        ("customer", number): (None, number) for number in ids.get("customer", ())
    }
    for kind, table, reward_id in (
        ("reward", Reward, Reward.id),
        ("transfer", Transfer, Transfer.reward_id),
        ("adjustment", Adjustment, None),
        ("credit_move", CreditMoveRow, None),
    ):
        if kind in ids:
            columns = select(table.id, table.customer_id, *(() if reward_id is None else (reward_id,)))
            for number, customer_id, *reward in session.execute(
                columns.where(table.shop_id == shop_id, among(table.id, ids[kind]))
            ):
                whose[kind, number] = (reward[0] if reward else None, customer_id)
    orders = _find_orders(session, shop_id, [reward for reward, _ in whose.values() if reward])
    customers = _find_customers(session, shop_id, [customer for _, customer in whose.values() if customer])
    return {
        subject: About(orders.get(reward or 0), customers.get(customer or 0))
        for subject, (reward, customer) in whose.items()
    }


def _find_orders(session: Session, shop_id: int, reward_ids: Sequence[int]) -> dict[int, tuple[int, str]]:
    query = (
        select(Reward.id, Order.shopify_id, Order.name)
        .join(Order, (Order.shop_id == Reward.shop_id) & (Order.id == Reward.order_id))
        .where(Reward.shop_id == shop_id, among(Reward.id, reward_ids))
    )
    return {number: (shopify_id, name) for number, shopify_id, name in session.execute(query)}


def _find_customers(session: Session, shop_id: int, ids: Sequence[int]) -> dict[int, Customer]:
    query = select(Customer).where(Customer.shop_id == shop_id, among(Customer.id, ids))
    return {customer.id: customer for customer in session.scalars(query)}
