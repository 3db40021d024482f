"""Why this amount: the steps of the pipeline as JSON and back, and as sentences for staff and customers."""

from collections.abc import Callable, Mapping
from dataclasses import Field, fields
from enum import StrEnum
from typing import Any

from app.engine.rules import steps_kept, steps_limits, steps_lines, steps_rates
from app.engine.rules.steps import Step as Step
from app.engine.rules.steps import StepKind as StepKind
from app.engine.rules.steps_limits import WHY_INELIGIBLE as WHY_INELIGIBLE
from app.engine.rules.steps_lines import WHY_LINE as WHY_LINE
from app.sentences import Sentence

_KINDS: dict[StepKind, type[Step]] = {
    cls.kind: cls
    for cls in (
        steps_limits.OrderExcluded, steps_lines.LineCounts, steps_lines.LineExcluded, steps_lines.ShippingCounts,
        steps_limits.CreditPaid, steps_limits.BelowMinimum, steps_rates.TierRate, steps_rates.LineRate,
        steps_rates.Amount, steps_rates.RateAmount, steps_rates.AmountSum, steps_rates.LineShare,
        steps_limits.CapCut, steps_limits.Adjusted, steps_limits.LimitCut, steps_kept.Cancelled,
        steps_kept.DisputeLost, steps_kept.UnitsGone, steps_kept.ShippingGone, steps_kept.ExtraMoney,
        steps_kept.KeptBelowMinimum, steps_kept.KeptAmount,
    )
}  # fmt: skip


def sentence(step: Step, currency: str) -> Sentence:
    """Return a step as one plain sentence; the same for staff and customer."""
    return step.sentence(currency)


def to_json(step: Step) -> dict[str, str | int | bool | None]:
    """Return a step as a JSON object that ``from_json`` reads back.

    Fields that stand at their default are left out, so a step written before a field was thought of is still
    written as it was then.
    """
    data: dict[str, str | int | bool | None] = {"kind": step.kind.value}
    for name, default in _FIELDS[step.kind]:
        value = getattr(step, name)
        if value != default:
            data[name] = str(value) if isinstance(value, StrEnum) else value
    return data


def from_json(data: Mapping[str, Any]) -> Step:
    """Return the step a JSON object describes. Raises ValueError for a kind nobody knows."""
    kind = StepKind(data["kind"])
    readers = _READERS[kind]
    return _KINDS[kind](**{name: readers[name](value) for name, value in data.items() if name in readers})


def _as_it_is(value: Any) -> Any:
    return value


def _reader(field: Field[Any]) -> Callable[[Any], Any]:
    if isinstance(field.type, type) and issubclass(field.type, StrEnum):
        return field.type
    return _as_it_is


#: For each kind of step its fields with their defaults, and with what reads each of them.
_FIELDS = {
    kind: tuple((field.name, field.default) for field in fields(cls))  # type: ignore[arg-type]  # all are dataclasses
    for kind, cls in _KINDS.items()
}
_READERS = {
    kind: {field.name: _reader(field) for field in fields(cls)}  # type: ignore[arg-type]  # all are dataclasses
    for kind, cls in _KINDS.items()
}
