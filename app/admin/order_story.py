"""An order's file told for people: which lines count, why this amount, and what happened when."""

from dataclasses import dataclass
from datetime import datetime

from app.admin.people import name_actor
from app.admin.queries.order import OrderFile
from app.engine.rules import explain
from app.engine.rules.eligibility import ExclusionReason
from app.engine.rules.facts import OrderLine
from app.engine.rules.states import TransferKind, TransferState

#: These steps are told by the table of lines; the rest become sentences.
_LINE_KINDS = ("line_counts", "line_excluded", "line_share")


@dataclass(frozen=True, slots=True)
class LineStory:
    """A line of the order; ``share_minor`` is its part of the cashback, None where there is none to share."""

    line: OrderLine
    counts: bool
    why_not: str | None
    share_minor: int | None


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, who or what did it, and what to know about it."""

    at: datetime
    what: str
    detail: str | None = None
    is_trouble: bool = False


@dataclass(frozen=True, slots=True)
class Story:
    """What the page of an order tells."""

    lines: tuple[LineStory, ...]
    sentences: tuple[str, ...]
    moments: tuple[Moment, ...]


def tell(file: OrderFile) -> Story:
    """Return the story of an order's file."""
    steps = [] if file.reward is None else file.reward.steps
    sentences = tuple(
        explain.sentence(explain.from_json(step), file.reward.currency if file.reward else file.order.currency)
        for step in steps
        # What shipping brings has no line of its own in the table.
        if step["kind"] not in _LINE_KINDS or step["line_id"] == 0
    )
    return Story(_lines(file), sentences, tuple(sorted(_moments(file), key=lambda moment: moment.at)))


def _lines(file: OrderFile) -> tuple[LineStory, ...]:
    steps = [] if file.reward is None else file.reward.steps
    excluded = {s["line_id"]: _why_not(s["reason"]) for s in steps if s["kind"] == "line_excluded"}
    counting = {s["line_id"] for s in steps if s["kind"] == "line_counts"}
    shares = {s["line_id"]: s["share_minor"] for s in steps if s["kind"] == "line_share"}
    if len(counting) == 1 and not shares and file.reward is not None and file.reward.calculated_minor:
        # What comes from one line only is not divided, so no step says it.
        shares = dict.fromkeys(counting, file.reward.calculated_minor)
    return tuple(
        LineStory(line, line.line_id in counting, excluded.get(line.line_id), shares.get(line.line_id))
        for line in file.fact.lines
    )


_EVENT_WORDS = {
    "approve": "Approved",
    "reject": "Rejected",
    "hold": "Held",
    "reopen": "Reopened",
    "retry_transfer": "Retry asked for",
    "retry": "Retry asked for",
    "decide_transfer": "Transfer decided",
    "decide": "Transfer decided",
}


def _why_not(reason: str) -> str:
    words = explain.WHY_LINE[ExclusionReason(reason)]
    return words[0].upper() + words[1:]


def _moments(file: OrderFile) -> list[Moment]:
    order, reward = file.order, file.reward
    moments = [Moment(order.placed_at, "Order placed"), Moment(order.first_seen_at, "Received by Boomerang")]
    if order.cancelled_at is not None:
        moments.append(Moment(order.cancelled_at, "Order cancelled"))
    moments += [Moment(refund.processed_at, "Refunded", fact.note) for refund, fact in file.refunds]
    for event in file.events:
        words = _EVENT_WORDS.get(event.action, event.action.replace("_", " ").capitalize())
        moments.append(Moment(event.at, f"{words} by {name_actor(event.actor)}", event.reason))
    if reward is not None:
        if reward.decided_at is not None and not any(event.at == reward.decided_at for event in file.events):
            moments.append(Moment(reward.decided_at, f"Decided by {name_actor(reward.decided_by)}"))
        if reward.settled_at is not None:
            moments.append(Moment(reward.settled_at, "Settled: the cashback is the customer's"))
    return moments + _transfer_moments(file)


def _transfer_moments(file: OrderFile) -> list[Moment]:
    moments = []
    for transfer in file.transfers:
        name = "Credit" if transfer.kind is TransferKind.CREDIT else "Debit"
        if transfer.sent_at is not None:
            moments.append(Moment(transfer.sent_at, f"{name} sent to Shopify"))
        if transfer.confirmed_at is not None:
            moments.append(Moment(transfer.confirmed_at, f"{name} confirmed by Shopify"))
        if transfer.state is TransferState.REFUSED and transfer.sent_at is not None:
            moments.append(Moment(transfer.sent_at, f"{name} refused by Shopify", transfer.error, is_trouble=True))
    return moments
