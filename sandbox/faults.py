"""Faults on demand: what goes wrong on the way of webhooks and of GraphQL calls."""

import random
import threading
from dataclasses import dataclass, field

from sandbox.errors import BadInput

WEBHOOK_RATES = ("duplicate", "reorder", "drop", "lose")
CALL_RATES = ("throttled", "http_5xx", "timeout")
MUTATION_RATES = ("hang_after_commit", "drop_before_commit", "late_commit", "half_commit", "half_answer")
"""With the last two a request ends in the midst of its mutations: without an answer, or with half of one."""
NEXT_VALUES = (*CALL_RATES, *MUTATION_RATES, "none")
DEFAULT_HANG_SECONDS = 30
WORST_DELAY_MS = 600_000


@dataclass(frozen=True)
class FaultPlan:
    """The switches as set: rates between 0 and 1, and how long a delay or a hang lasts."""

    rates: dict[str, float] = field(default_factory=dict)
    delay_ms: int = 0
    seconds: float = DEFAULT_HANG_SECONDS
    only: tuple[str, ...] = ()


class Faults:
    """Decides, with its own seeded random numbers, what goes wrong next."""

    def __init__(self, seed: int) -> None:
        self._lock = threading.Lock()
        self._released = threading.Event()
        self.reset(seed)

    def reset(self, seed: int | None = None) -> None:
        """Switch all faults off and let hanging calls go; a seed starts the random numbers again."""
        with self._lock:
            if seed is not None:
                self._random = random.Random(f"faults/{seed}")
            self.plan = FaultPlan()
            self.next: list[str] = []
            self._released.set()
            self._released = threading.Event()

    def change(self, wanted: dict[str, object]) -> None:
        """Replace the switches by those given; an empty object switches all off."""
        plan, upcoming = read_plan(wanted)
        self.reset()
        with self._lock:
            self.plan, self.next = plan, upcoming

    def show(self) -> dict[str, object]:
        """Return the switches as the control API shows them."""
        with self._lock:
            names = (*WEBHOOK_RATES, *CALL_RATES, *MUTATION_RATES)
            return {
                **{name: self.plan.rates.get(name, 0) for name in names},
                "delay_ms": self.plan.delay_ms,
                "seconds": self.plan.seconds,
                "only": list(self.plan.only),
                "next": list(self.next),
            }

    def happens(self, name: str) -> bool:
        """Draw whether a webhook fault strikes now."""
        with self._lock:
            return self._draw(name)

    def uniform(self, low: float, high: float) -> float:
        """Draw a number between two others."""
        with self._lock:
            return self._random.uniform(low, high)

    def for_call(self, names: set[str], is_credit_mutation: bool) -> str | None:
        """Return the fault that strikes this GraphQL call, if any.

        `names` are the operation's name, its root fields, and "mutations" or "queries"; the
        switch `only` is compared with them. The list `next` is used up by store-credit mutations.
        """
        with self._lock:
            if is_credit_mutation and self.next:
                fault = self.next.pop(0)
                return None if fault == "none" else fault
            if self.plan.only and not names.intersection(self.plan.only):
                return None
            candidates = (*CALL_RATES, *MUTATION_RATES) if is_credit_mutation else CALL_RATES
            return next((name for name in candidates if self._draw(name)), None)

    def hang(self) -> None:
        """Wait as long as a hanging call hangs, or until the faults are reset."""
        self._released.wait(self.plan.seconds)

    def _draw(self, name: str) -> bool:
        rate = self.plan.rates.get(name, 0)
        return rate > 0 and self._random.random() < rate


def read_plan(wanted: dict[str, object]) -> tuple[FaultPlan, list[str]]:
    """Check the switches a caller wants, or refuse with a sentence."""
    rates: dict[str, float] = {}
    known = {*WEBHOOK_RATES, *CALL_RATES, *MUTATION_RATES}
    for name, value in wanted.items():
        if name in known:
            rates[name] = _number(name, value, 1)
        elif name not in ("delay_ms", "seconds", "only", "next", "shop"):
            raise BadInput(f"There is no fault {name!r}; choose from {', '.join(sorted(known))}.")
    plan = FaultPlan(
        rates=rates,
        delay_ms=int(_number("delay_ms", wanted.get("delay_ms", 0), WORST_DELAY_MS)),
        seconds=_number("seconds", wanted.get("seconds", DEFAULT_HANG_SECONDS), 3600),
        only=tuple(_names("only", wanted.get("only", []))),
    )
    upcoming = _names("next", wanted.get("next", []))
    unknown = [name for name in upcoming if name not in NEXT_VALUES]
    if unknown:
        raise BadInput(f"next knows no {unknown[0]!r}; choose from {', '.join(NEXT_VALUES)}.")
    return plan, upcoming


def _number(name: str, value: object, highest: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= highest:
        raise BadInput(f"{name} must be a number from 0 to {highest:g}, not {value!r}.")
    return value


def _names(name: str, value: object) -> list[str]:
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise BadInput(f"{name} must be a list of names, not {value!r}.")
    return given
