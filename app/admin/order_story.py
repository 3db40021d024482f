"""An order's file told for people: which lines count and with how much, why this amount, and which limits were met."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.admin.order_timeline import Moment, Way, tell_moments
from app.admin.queries.order import OrderFile
from app.engine.rules import explain
from app.engine.rules.eligibility import ExclusionReason
from app.engine.rules.facts import OrderLine
from app.engine.rules.limits import LimitKind

Json = dict[str, Any]

#: These steps are told by the table of lines; the rest become sentences.
_LINE_KINDS = ("line_counts", "line_excluded", "line_rate", "units_gone", "line_share")


@dataclass(frozen=True, slots=True)
class LineStory:
    """A line of the order: what of it counts, or why not, at which rate, and what that comes to. None: not known."""

    line: OrderLine
    counted_minor: int | None
    why_not: str | None
    rate_bps: int | None
    #: Where the rate comes from where that is not the tier alone.
    rate_why: str | None
    share_minor: int | None
    #: What is kept of it after edits and refunds, where something is gone: units, and what still counts.
    kept_quantity: int | None
    kept_minor: int | None


@dataclass(frozen=True, slots=True)
class LimitStory:
    """A limit with its counter before and after the order, and what it cut; None of these where it did not."""

    kind: LimitKind
    limit_minor: int
    before_minor: int
    after_minor: int
    cut_from_minor: int | None


@dataclass(frozen=True, slots=True)
class Story:
    """What the page of an order tells."""

    lines: tuple[LineStory, ...]
    sentences: tuple[str, ...]
    limits: tuple[LimitStory, ...]
    moments: tuple[Moment, ...]


def tell(file: OrderFile, way: Way | None = None) -> Story:
    """Return the story of an order's file; ``way`` is its cashback's, None where it has none."""
    steps = [] if file.reward is None or file.is_unasked else file.reward.steps
    currency = file.reward.currency if file.reward else file.order.currency
    return Story(_lines(file, steps), tuple(tell_steps(steps, currency)), _limits(file), tell_moments(file, way))


def tell_steps(steps: list[Json] | tuple[Json, ...], currency: str) -> Iterator[str]:
    """Yield the steps of a calculation as sentences, but for those that the table of lines tells."""
    for step in steps:
        # What shipping brings has no line of its own in the table.
        if step["kind"] not in _LINE_KINDS or step["line_id"] == 0:
            yield explain.sentence(explain.from_json(step), currency)


def _lines(file: OrderFile, steps: list[Json]) -> tuple[LineStory, ...]:
    by_kind: dict[str, dict[int, Json]] = {kind: {} for kind in _LINE_KINDS}
    for step in steps:
        if step["kind"] in by_kind:
            by_kind[step["kind"]][step["line_id"]] = step
    counts, shares = by_kind["line_counts"], by_kind["line_share"]
    if len(counts) == 1 and not shares and file.reward is not None and file.reward.calculated_minor:
        # What comes from one line only is not divided, so no step says it.
        shares = {line_id: {"share_minor": file.reward.calculated_minor} for line_id in counts}
    return tuple(_line(file, line, {**by_kind, "line_share": shares}) for line in file.fact.lines)


def _line(file: OrderFile, line: OrderLine, by_kind: dict[str, dict[int, Json]]) -> LineStory:
    number = line.line_id
    counts, rate = by_kind["line_counts"].get(number), by_kind["line_rate"].get(number)
    excluded, gone = by_kind["line_excluded"].get(number), by_kind["units_gone"].get(number)
    share = by_kind["line_share"].get(number)
    tier_bps = file.reward.rate_bps if counts and file.reward else None
    return LineStory(
        line,
        counted_minor=counts["net_minor"] if counts else None,
        why_not=explain.WHY_LINE[ExclusionReason(excluded["reason"])] if excluded else None,
        rate_bps=rate["rate_bps"] if rate else tier_bps,
        rate_why=explain.sentence(explain.from_json(rate), file.order.currency) if rate else None,
        share_minor=share["share_minor"] if share else None,
        kept_quantity=gone["kept_quantity"] if gone else None,
        kept_minor=gone["kept_minor"] if gone else None,
    )


def _limits(file: OrderFile) -> tuple[LimitStory, ...]:
    reward = file.reward
    if reward is None:
        return ()
    cuts = {step["limit"]: step for step in reward.steps if step["kind"] == "limit_cut"}
    return tuple(
        LimitStory(
            kind=LimitKind(one["kind"]),
            limit_minor=one["limit_minor"],
            before_minor=one["before_minor"],
            after_minor=one["before_minor"] + reward.kept_minor,
            cut_from_minor=cuts[one["kind"]]["from_minor"] if one["kind"] in cuts else None,
        )
        for one in reward.ceilings
        # Owing is no counter.
        if one["kind"] != LimitKind.OWED
    )
