"""The way of an order's cashback in a few steps, as its customer sees it: what is done, what is next, and when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum, auto

from flask_babel import lazy_gettext as _

from app.engine.flows.cashback import OrderCashback
from app.engine.flows.journey import CustomerStage
from app.engine.rules.customer_words import Stage


class Turn(Enum):
    """Where a step stands."""

    DONE = auto()
    NEXT = auto()
    LATER = auto()


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its words, and where it stands; ``on`` is the day it was done on, or by which it is expected."""

    words: str
    turn: Turn
    on: date | None = None

    @property
    def is_done(self) -> bool:
        """True for what lies behind."""
        return self.turn is Turn.DONE

    @property
    def is_next(self) -> bool:
        """True for what is waited for."""
        return self.turn is Turn.NEXT


#: Why a shop takes its time is its own affair, so no step says what is waited for.
_WAY = (
    (CustomerStage.PURCHASED, _("Ordered")),
    (CustomerStage.ORDER_CONFIRMED, _("Confirmed by the shop")),
    (CustomerStage.ON_ITS_WAY, _("On the way")),
    (CustomerStage.ADDED, _("Added to your store credit")),
)
_ENDS = {Stage.TAKEN_BACK: _("Taken back"), Stage.NONE: _("No cashback")}


def list_steps(order: OrderCashback, days: Mapping[CustomerStage, date], expected_on: date | None) -> tuple[Step, ...]:
    """Return the steps of an order's cashback; ``days`` are those of the stages that were reached.

    A stage that is known lies behind, and so does all that comes before it, of which the day may not be known. What
    waits for an account has no steps yet: nobody knows whose it will be.
    """
    if order.waits_for_account:
        return ()
    if order.stage in _ENDS:
        ordered = Step(_WAY[0][1], Turn.DONE, days.get(CustomerStage.PURCHASED))
        return ordered, Step(_ENDS[order.stage], Turn.DONE)
    reached = max((number for number, (stage, _words) in enumerate(_WAY) if stage in days), default=0)
    if order.is_added:
        reached = len(_WAY) - 1
    steps, latest = [], date.min
    for number, (stage, words) in enumerate(_WAY):
        on = days.get(stage)
        # Clocks differ, and around midnight so do days: no step is before the one it follows.
        latest = latest if on is None else max(latest, on)
        steps.append(Step(words, _turn(number, reached), None if on is None else latest))
    if not steps[-1].is_done:
        steps[-1] = Step(steps[-1].words, steps[-1].turn, expected_on)
    return tuple(steps)


def _turn(number: int, reached: int) -> Turn:
    if number <= reached:
        return Turn.DONE
    return Turn.NEXT if number == reached + 1 else Turn.LATER
