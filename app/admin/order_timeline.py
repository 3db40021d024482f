"""What happened to an order and when, from the purchase to the credit, and what is still to come."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flask_babel import gettext as _

from app.admin.display import format_money, format_span
from app.admin.order_words import ANY_EVENT, CONFIRMED, EVENT_WORDS, REFUSED, SENT, WAIT_WORDS, WORK_WORDS
from app.admin.people import name_actor
from app.admin.queries.order import DeliveryNote, OrderFile
from app.engine.rules.journey import Journey, WaitsFor
from app.engine.rules.messages import Stage
from app.engine.rules.postings import EntryKind
from app.engine.rules.states import RewardState, TransferKind, TransferState
from app.models import DeliveryState, Reward, Transfer

_TAKEN_BACK = (EntryKind.VOID, EntryKind.CLAWBACK)


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, who or what did it, and what to know about it."""

    #: None: it is to come, and nobody can say when.
    at: datetime | None
    what: str
    detail: str | None = None
    is_trouble: bool = False
    #: It is still to come, as far as can be said.
    is_ahead: bool = False
    #: It was to come before, and has not.
    is_overdue: bool = False
    #: How long after the moment before it.
    gap: timedelta | None = None
    #: The stage of the journey that it is, and its limit where it took longer than that.
    stage: Stage | None = None
    limit: timedelta | None = None
    #: Where more of it can be seen.
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """The journey of an order's cashback, the limits of its stages, and the mail that first told of it."""

    journey: Journey
    limits: Mapping[Stage, timedelta]
    told_mail_id: int | None
    now: datetime


def tell_moments(file: OrderFile, way: Way | None) -> tuple[Moment, ...]:
    """Return what happened, oldest first, each with the time since what came before it; then what is awaited.

    ``way`` is None for an order without a reward.
    """
    stages = [] if way is None else list(_stages(way))
    slow = {} if way is None else _find_slow(way)
    told: list[Moment] = []
    before: datetime | None = None
    for moment in sorted((*_happened(file), *stages), key=_time_of):
        gap = None if before is None else _time_of(moment) - before
        told.append(replace(moment, gap=gap, limit=None if moment.stage is None else slow.get(moment.stage)))
        before = moment.at
    return (*told, *_ahead(file), *(() if way is None else _awaited(way)))


def _time_of(moment: Moment) -> datetime:
    if moment.at is None:
        raise ValueError(f"{moment.what} is still to come.")
    return moment.at


def _stages(way: Way) -> Iterator[Moment]:
    """Tell the stages that nothing else tells of."""
    paid_at, told_at = way.journey.at(Stage.PAID), way.journey.at(Stage.TOLD)
    if paid_at is not None:
        yield Moment(paid_at, _("Order paid"), stage=Stage.PAID)
    if told_at is not None:
        path = None if way.told_mail_id is None else f"/mails/{way.told_mail_id}"
        yield Moment(told_at, _("Customer told by mail"), stage=Stage.TOLD, path=path)


def _find_slow(way: Way) -> dict[Stage, timedelta]:
    """Return the stages that took longer than they may, with their limits."""
    took = {stamp.stage: stamp.took for stamp in way.journey.stamps if stamp.took is not None}
    return {stage: limit for stage, limit in way.limits.items() if stage in took and took[stage] > limit}


def _happened(file: OrderFile) -> Iterator[Moment]:
    order = file.order
    yield Moment(order.placed_at, _("Order placed"))
    yield from _arrival(file)
    if order.cancelled_at is not None:
        yield Moment(order.cancelled_at, _("Order cancelled"))
    for refund, fact in file.refunds:
        yield Moment(refund.processed_at, _("Refunded"), fact.note)
    for dispute in file.disputes:
        yield Moment(dispute.initiated_at, _("Payment contested at the bank"), is_trouble=True)
        if dispute.finalized_at is not None:
            lost = dispute.status.is_lost
            yield Moment(dispute.finalized_at, _("Dispute lost") if lost else _("Dispute over"), is_trouble=lost)
    if file.reward is not None:
        yield from _decisions(file, file.reward)
        yield from _takings(file)
        first = next((transfer.id for transfer in file.transfers if transfer.kind is TransferKind.CREDIT), None)
        for transfer in file.transfers:
            yield from _of_transfer(transfer, is_first=transfer.id == first)


def _arrival(file: OrderFile) -> Iterator[Moment]:
    """Tell how the order came in: by its first delivery that was handled, or by a look for missed orders."""
    first = next((note for note in file.deliveries if note.state is DeliveryState.HANDLED), None)
    if first is None or first.received_at > file.order.first_seen_at:
        yield Moment(file.order.first_seen_at, _("Taken in by Boomerang"))
        return
    yield from _of_delivery(first)


def _of_delivery(note: DeliveryNote) -> Iterator[Moment]:
    if note.triggered_at is not None:
        yield Moment(note.triggered_at, _("Told by Shopify"), note.topic, stage=Stage.TRIGGERED)
        way = format_span(note.received_at - note.triggered_at)
        detail = _("%(span)s on its way", span=way)
        yield Moment(note.received_at, _("Received by Boomerang"), detail, stage=Stage.RECEIVED)
    else:
        yield Moment(note.received_at, _("Received by Boomerang"), note.topic)
    if note.handled_at is not None:
        yield Moment(note.handled_at, _("Taken in by Boomerang"))


def _decisions(file: OrderFile, reward: Reward) -> Iterator[Moment]:
    if not file.is_unasked:
        amount = format_money(reward.calculated_minor, reward.currency)
        yield Moment(reward.created_at, _("Cashback calculated"), amount, stage=Stage.DECIDED)
    for event in file.events:
        words = str(EVENT_WORDS.get(event.action, ANY_EVENT)) % {"name": name_actor(event.actor)}
        yield Moment(event.at, words, event.reason)
    if reward.decided_at is not None and not any(event.at == reward.decided_at for event in file.events):
        yield Moment(reward.decided_at, _("Decided by %(name)s", name=name_actor(reward.decided_by)))
    if reward.settled_at is not None:
        yield Moment(reward.settled_at, _("Settled: the cashback is the customer's"), stage=Stage.RELEASED)


def _takings(file: OrderFile) -> Iterator[Moment]:
    for booked in file.entries:
        if booked.entry.kind in _TAKEN_BACK:
            minor = sum(posting.amount_minor for posting in booked.postings)
            amount = format_money(minor, booked.entry.currency)
            yield Moment(booked.entry.recorded_at, _("Cashback taken back"), amount)


def _of_transfer(transfer: Transfer, *, is_first: bool) -> Iterator[Moment]:
    amount = format_money(transfer.amount_minor, transfer.currency)
    sent, confirmed = (Stage.SENT, Stage.CONFIRMED) if is_first else (None, None)
    if transfer.sent_at is not None:
        yield Moment(transfer.sent_at, str(SENT[transfer.kind]), amount, stage=sent)
    if transfer.confirmed_at is not None and transfer.state is TransferState.CONFIRMED:
        yield Moment(transfer.confirmed_at, str(CONFIRMED[transfer.kind]), amount, stage=confirmed)
    if transfer.state is TransferState.REFUSED:
        at = transfer.sent_at or transfer.created_at
        yield Moment(at, str(REFUSED[transfer.kind]), amount, is_trouble=True)


def _ahead(file: OrderFile) -> Iterator[Moment]:
    """Tell what comes by itself, and when."""
    reward = file.reward
    if reward is None:
        return
    if reward.held_until is not None:
        yield Moment(reward.held_until, _("Released by itself"), is_ahead=True)
    if reward.claim_until is not None:
        yield Moment(reward.claim_until, _("Ends unless an account claims it"), is_ahead=True)
    if reward.state is RewardState.PENDING and reward.release_at is not None:
        yield Moment(reward.undo_until or reward.release_at, _("Becomes the customer's credit"), is_ahead=True)


def _awaited(way: Way) -> Iterator[Moment]:
    """Tell what is waited for, and when the credit is expected."""
    journey = way.journey
    if journey.next_stage is not None and journey.waits_for is not None:
        words = WAIT_WORDS.get(journey.waits_for)
        if journey.waits_for is WaitsFor.WORK:
            words = WORK_WORDS[journey.next_stage]
        if words is not None:
            since, limit = journey.waits_since, way.limits.get(journey.next_stage)
            is_slow = since is not None and limit is not None and way.now - since > limit
            yield Moment(None, str(words), is_trouble=is_slow, is_ahead=True, limit=limit if is_slow else None)
    if journey.expected_by is not None:
        yield Moment(journey.expected_by, _("Expected on the customer's account"), is_ahead=True)
    elif journey.overdue_since is not None:
        words = _("Expected on the customer's account")
        yield Moment(journey.overdue_since, words, is_trouble=True, is_ahead=True, is_overdue=True)
