"""Why this amount: the steps of the pipeline as JSON and back, and as sentences for staff and customers."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from enum import StrEnum
from typing import Any

from app.engine.rules import steps
from app.engine.rules.eligibility import ExclusionReason, IneligibleReason
from app.engine.rules.money import exact_share_text
from app.engine.rules.steps import WHY_INELIGIBLE as WHY_INELIGIBLE
from app.engine.rules.steps import Step as Step
from app.engine.rules.steps import StepKind as StepKind

_KINDS: dict[StepKind, type[Step]] = {
    cls.kind: cls
    for cls in (
        steps.OrderExcluded, steps.LineCounts, steps.LineExcluded, steps.BelowMinimum, steps.TierRate,
        steps.Amount, steps.LineShare, steps.CapCut, steps.Cancelled, steps.UnitsGone, steps.ExtraMoney,
        steps.KeptBelowMinimum, steps.KeptAmount,
    )
}  # fmt: skip
_REASONS: dict[type[Step], type[StrEnum]] = {
    steps.OrderExcluded: IneligibleReason,
    steps.LineExcluded: ExclusionReason,
}


def sentence(step: Step, currency: str) -> str:
    """Return a step as one plain sentence; the same for staff and customer."""
    return step.sentence(currency)


def to_json(step: Step) -> dict[str, str | int]:
    """Return a step as a JSON object that ``from_json`` reads back."""
    values = {name: str(value) if isinstance(value, StrEnum) else value for name, value in asdict(step).items()}
    return {"kind": step.kind.value, **values}


def from_json(data: Mapping[str, Any]) -> Step:
    """Return the step a JSON object describes. Raises ValueError for a kind nobody knows."""
    cls = _KINDS[StepKind(data["kind"])]
    values = {field.name: data[field.name] for field in fields(cls)}
    if cls in _REASONS:
        values["reason"] = _REASONS[cls](values["reason"])
    return cls(**values)


def compute_amount_step(eligible_minor: int, rate_bps: int, amount_minor: int, currency: str) -> steps.Amount:
    """Return the step that shows the multiplication and its one rounding."""
    exact = exact_share_text(eligible_minor, rate_bps, currency)
    return steps.Amount(eligible_minor, rate_bps, exact, amount_minor)
