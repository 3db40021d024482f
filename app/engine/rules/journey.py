"""Where an order's cashback is between the purchase and the customer's knowing of it, and until when that takes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.engine.rules.journey_facts import Arrival, Credit, Known, Pace
from app.engine.rules.messages import Stage
from app.engine.rules.states import RewardState, TransferState

_UNDECIDED = (RewardState.IN_REVIEW, RewardState.HELD, RewardState.AWAITING_CUSTOMER)
_DONE = (TransferState.CONFIRMED, TransferState.NOT_APPLICABLE)
_OVER = (RewardState.REVERSED, RewardState.VOIDED, RewardState.REJECTED, RewardState.INELIGIBLE)


class WaitsFor(StrEnum):
    """What the next stage waits for."""

    PAYMENT = "payment"
    #: A person's decision.
    PERSON = "person"
    #: A hold that ends by itself, and one that a person or what happens outside must end.
    HOLD_ENDS = "hold_ends"
    HOLD = "hold"
    #: An account with the order's address.
    ACCOUNT = "account"
    FULFILMENT = "fulfilment"
    RELEASE_DAY = "release_day"
    #: The programme to go on again.
    PAUSE = "pause"
    #: A person who mends a credit that was refused, or says what became of one.
    REPAIR = "repair"
    #: Nothing but Boomerang and Shopify doing their work.
    WORK = "work"
    #: The next mail to the customer.
    MAIL = "mail"


#: While one of these is waited for, no machine is slow.
PATIENT = frozenset(WaitsFor) - {WaitsFor.WORK, WaitsFor.MAIL}


@dataclass(frozen=True, slots=True)
class Stamp:
    """A stage that was reached, and when."""

    stage: Stage
    at: datetime
    #: How long the stage took, as far as machines are concerned; None where a person or the release rule was awaited.
    took: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Journey:
    """The stages that were reached, in their order, and what is to come."""

    stamps: tuple[Stamp, ...]
    #: The stage that comes next; None where none does.
    next_stage: Stage | None = None
    waits_for: WaitsFor | None = None
    #: Since when the next stage is waited for, where nothing but work is.
    waits_since: datetime | None = None
    #: When the credit is expected on the customer's account; None where nobody can say, and never in the past.
    expected_by: datetime | None = None
    #: By when it was expected where that time is over.
    overdue_since: datetime | None = None

    def at(self, stage: Stage) -> datetime | None:
        """Return when a stage was reached, or None."""
        return next((stamp.at for stamp in self.stamps if stamp.stage is stage), None)


def compute_journey(known: Known, pace: Pace, now: datetime) -> Journey:
    """Return the journey of a reward as it stands now.

    A stage that does not apply, or of which nobody knows when it was, is left out. Clocks differ: Shopify's may be
    ahead of ours, and then a stage took no time at all, never less.
    """
    stamps = _stamps(known, pace)
    stage, waits_for = _next(known, pace, now)
    since = _since(known, stamps, stage) if waits_for not in PATIENT else None
    due = _expected(known, pace, waits_for)
    is_over = due is not None and due < now
    return Journey(
        stamps,
        next_stage=stage,
        waits_for=waits_for,
        waits_since=since,
        expected_by=None if is_over else due,
        overdue_since=due if is_over else None,
    )


def find_arrival(known: Known) -> Arrival | None:
    """Return the word from Shopify that led to the decision: the first that came once the order was paid.

    What came after the decision did not lead to it. Where all came before the payment it is the last.
    """
    known_by = known.booked_at or known.created_at
    came = [one for one in known.arrivals if known.is_unpaid or one.received_at <= known_by]
    paid_at = known.paid_at or known.purchased_at
    return min(came, key=lambda one: (one.received_at < paid_at, abs(one.received_at - paid_at)), default=None)


def _stamps(known: Known, pace: Pace) -> tuple[Stamp, ...]:
    arrival, decided_at, credit = find_arrival(known), _decided_at(known), known.credit
    told_at = None if arrival is None else arrival.triggered_at
    received_at = _received_at(known, arrival)
    sent_at = None if credit is None else credit.sent_at
    stamps = [
        Stamp(Stage.PURCHASED, known.purchased_at),
        *_stamp(Stage.PAID, _paid_at(known), known.purchased_at),
        *_stamp(Stage.TRIGGERED, told_at, _paid_at(known) or known.purchased_at),
        *_stamp(Stage.RECEIVED, received_at, told_at),
        *_stamp(Stage.DECIDED, decided_at, None if known.decided_at or known.outlasted_hold else received_at),
        *_stamp(Stage.RELEASED, known.settled_at, _due_at(known, decided_at), pace),
        *_stamp(Stage.SENT, sent_at, known.settled_at, pace),
        *_stamp(Stage.CONFIRMED, _confirmed_at(credit), sent_at),
    ]
    told = _stamp(Stage.TOLD, known.told_at, known.news_at)
    # A customer may be told that something is earned long before it is released.
    place = next((n for n, one in enumerate(stamps) if told and one.at > told[0].at and _may_follow(one)), len(stamps))
    return (*stamps[:place], *told, *stamps[place:])


def _stamp(stage: Stage, at: datetime | None, since: datetime | None, pace: Pace | None = None) -> tuple[Stamp, ...]:
    """Return a stage that was reached, or nothing. With a pace it took no time before the last pause ended."""
    if at is None:
        return ()
    if since is not None and pace is not None and pace.resumed_at is not None and at >= pace.resumed_at:
        since = max(since, pace.resumed_at)
    return (Stamp(stage, at, None if since is None else max(at - since, timedelta(0))),)


def _may_follow(stamp: Stamp) -> bool:
    return stamp.stage in (Stage.RELEASED, Stage.SENT, Stage.CONFIRMED)


def _paid_at(known: Known) -> datetime | None:
    """Return when the order was paid: what was decided was paid before, whenever Shopify says so."""
    if known.paid_at is None or known.booked_at is None:
        return known.paid_at
    return min(known.paid_at, known.booked_at)


def _received_at(known: Known, arrival: Arrival | None) -> datetime | None:
    """Return when we heard; of an order that no webhook told of, when it was first seen."""
    if arrival is not None:
        return arrival.received_at
    return None if known.arrivals else known.first_seen_at


def _decided_at(known: Known) -> datetime | None:
    if known.state in _UNDECIDED or known.is_unpaid:
        return None
    return known.decided_at or known.booked_at or known.created_at


def _due_at(known: Known, decided_at: datetime | None) -> datetime | None:
    """Return from when on nothing but work was to be done until the release; None where that is not known."""
    if decided_at is None or (known.outlasted_hold and known.decided_at is None):
        return None
    return max(decided_at, known.release_at or decided_at)


def _confirmed_at(credit: Credit | None) -> datetime | None:
    return credit.confirmed_at if credit is not None and credit.state is TransferState.CONFIRMED else None


def _next(known: Known, pace: Pace, now: datetime) -> tuple[Stage | None, WaitsFor | None]:
    """Return which stage comes next, and what it waits for."""
    match known.state:
        case RewardState.AWAITING_CUSTOMER:
            return Stage.DECIDED, WaitsFor.ACCOUNT
        case RewardState.IN_REVIEW:
            return Stage.DECIDED, WaitsFor.PERSON
        case RewardState.HELD:
            return Stage.DECIDED, WaitsFor.HOLD if known.held_until is None else WaitsFor.HOLD_ENDS
        case RewardState.PENDING:
            return Stage.RELEASED, _awaited_release(known, pace, now)
        case RewardState.INELIGIBLE if known.is_unpaid:
            return Stage.PAID, WaitsFor.PAYMENT
    if (found := _next_of_credit(known, pace)) is not None:
        return found
    return (Stage.TOLD, WaitsFor.MAIL) if known.unsaid_since else (None, None)


def _awaited_release(known: Known, pace: Pace, now: datetime) -> WaitsFor:
    if known.release_at is None:
        return WaitsFor.FULFILMENT
    if max(known.release_at, known.undo_until or known.release_at) > now:
        return WaitsFor.RELEASE_DAY
    return WaitsFor.PAUSE if pace.is_paused else WaitsFor.WORK


def _next_of_credit(known: Known, pace: Pace) -> tuple[Stage, WaitsFor] | None:
    credit = known.credit
    if known.state in _OVER or credit is None or credit.state in _DONE:
        return None
    if credit.state is TransferState.REFUSED or credit.needs_person:
        return Stage.CONFIRMED, WaitsFor.REPAIR
    if credit.state is TransferState.PLANNED:
        return Stage.SENT, WaitsFor.PAUSE if pace.is_paused else WaitsFor.WORK
    return Stage.CONFIRMED, WaitsFor.WORK


def _since(known: Known, stamps: tuple[Stamp, ...], stage: Stage | None) -> datetime | None:
    """Return since when the next stage is waited for."""
    match stage:
        case None:
            return None
        case Stage.TOLD:
            return known.unsaid_since
        case Stage.RELEASED:
            return _latest(known.state_at, known.release_at, known.undo_until)
        case _:
            return stamps[-1].at if stamps[-1].stage is not Stage.TOLD else stamps[-2].at


def _expected(known: Known, pace: Pace, waits_for: WaitsFor | None) -> datetime | None:
    """Return when the credit is expected, which may be over; None where nobody can say."""
    released_at = _expected_release(known, pace, waits_for)
    if waits_for is WaitsFor.WORK and known.state is RewardState.SETTLED and known.credit is not None:
        if pace.credit is None:
            return None
        return _latest(known.credit.created_at + pace.credit, known.credit.next_attempt_at)
    return None if released_at is None else released_at + (pace.credit or timedelta(0))


def _expected_release(known: Known, pace: Pace, waits_for: WaitsFor | None) -> datetime | None:
    match waits_for:
        case WaitsFor.PERSON if pace.decision is not None and known.state_at is not None:
            return _latest(known.state_at + pace.decision, known.release_at)
        case WaitsFor.HOLD_ENDS:
            return _latest(known.held_until, known.release_at)
        case WaitsFor.RELEASE_DAY | WaitsFor.WORK:
            return _latest(known.release_at, known.undo_until)
        case _:
            return None


def _latest(*instants: datetime | None) -> datetime | None:
    return max((at for at in instants if at is not None), default=None)
