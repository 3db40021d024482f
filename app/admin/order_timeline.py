"""What happened to an order and when, from the purchase to the credit, and what is still to come."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flask_babel import gettext as _

from app.admin.display import format_money, format_span
from app.admin.order_words import ANY_EVENT, CONFIRMED, EVENT_WORDS, REFUSED, SENT
from app.admin.people import name_actor
from app.admin.queries.order import DeliveryNote, OrderFile
from app.engine.rules.postings import EntryKind
from app.engine.rules.states import RewardState, TransferState
from app.models import DeliveryState, Reward, Transfer

_TAKEN_BACK = (EntryKind.VOID, EntryKind.CLAWBACK)


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, who or what did it, and what to know about it."""

    at: datetime
    what: str
    detail: str | None = None
    is_trouble: bool = False
    #: It is still to come, as far as can be said.
    is_ahead: bool = False
    #: How long after the moment before it.
    gap: timedelta | None = None


def tell_moments(file: OrderFile, lag: timedelta | None) -> tuple[Moment, ...]:
    """Return what happened, oldest first, each with the time since what came before it; then what is awaited.

    ``lag`` is how long credits take of late, None where nothing is known of that.
    """
    told: list[Moment] = []
    for moment in sorted(_happened(file), key=lambda one: one.at):
        told.append(replace(moment, gap=moment.at - told[-1].at if told else None))
    return (*told, *_ahead(file, lag))


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
        for transfer in file.transfers:
            yield from _of_transfer(transfer)


def _arrival(file: OrderFile) -> Iterator[Moment]:
    """Tell how the order came in: by its first delivery that was handled, or by a look for missed orders."""
    first = next((note for note in file.deliveries if note.state is DeliveryState.HANDLED), None)
    if first is None or first.received_at > file.order.first_seen_at:
        yield Moment(file.order.first_seen_at, _("Taken in by Boomerang"))
        return
    yield from _of_delivery(first)


def _of_delivery(note: DeliveryNote) -> Iterator[Moment]:
    if note.triggered_at is not None:
        yield Moment(note.triggered_at, _("Told by Shopify"), note.topic)
        way = format_span(note.received_at - note.triggered_at)
        yield Moment(note.received_at, _("Received by Boomerang"), _("%(span)s on its way", span=way))
    else:
        yield Moment(note.received_at, _("Received by Boomerang"), note.topic)
    if note.handled_at is not None:
        yield Moment(note.handled_at, _("Taken in by Boomerang"))


def _decisions(file: OrderFile, reward: Reward) -> Iterator[Moment]:
    if not file.is_unasked:
        amount = format_money(reward.calculated_minor, reward.currency)
        yield Moment(reward.created_at, _("Cashback calculated"), amount)
    for event in file.events:
        words = str(EVENT_WORDS.get(event.action, ANY_EVENT)) % {"name": name_actor(event.actor)}
        yield Moment(event.at, words, event.reason)
    if reward.decided_at is not None and not any(event.at == reward.decided_at for event in file.events):
        yield Moment(reward.decided_at, _("Decided by %(name)s", name=name_actor(reward.decided_by)))
    if reward.settled_at is not None:
        yield Moment(reward.settled_at, _("Settled: the cashback is the customer's"))


def _takings(file: OrderFile) -> Iterator[Moment]:
    for booked in file.entries:
        if booked.entry.kind in _TAKEN_BACK:
            minor = sum(posting.amount_minor for posting in booked.postings)
            amount = format_money(minor, booked.entry.currency)
            yield Moment(booked.entry.recorded_at, _("Cashback taken back"), amount)


def _of_transfer(transfer: Transfer) -> Iterator[Moment]:
    amount = format_money(transfer.amount_minor, transfer.currency)
    if transfer.sent_at is not None:
        yield Moment(transfer.sent_at, str(SENT[transfer.kind]), amount)
    if transfer.confirmed_at is not None and transfer.state is TransferState.CONFIRMED:
        yield Moment(transfer.confirmed_at, str(CONFIRMED[transfer.kind]), amount)
    if transfer.state is TransferState.REFUSED:
        at = transfer.sent_at or transfer.created_at
        yield Moment(at, str(REFUSED[transfer.kind]), amount, is_trouble=True)


def _ahead(file: OrderFile, lag: timedelta | None) -> Iterator[Moment]:
    """Tell what is awaited, and when where that can be said."""
    reward = file.reward
    if reward is None:
        return
    if reward.held_until is not None:
        yield Moment(reward.held_until, _("Released by itself"), is_ahead=True)
    if reward.claim_until is not None:
        yield Moment(reward.claim_until, _("Ends unless an account claims it"), is_ahead=True)
    if reward.state is RewardState.PENDING and reward.release_at is not None:
        yield Moment(reward.undo_until or reward.release_at, _("Becomes the customer's credit"), is_ahead=True)
    for transfer in file.transfers:
        if transfer.state in (TransferState.PLANNED, TransferState.SENDING) and lag is not None:
            by = max(transfer.created_at + lag, transfer.next_attempt_at or transfer.created_at)
            yield Moment(by, _("Expected on the customer's account"), is_ahead=True)
