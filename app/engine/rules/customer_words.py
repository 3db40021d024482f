"""What the customer reads about the cashback of an order: what they have or when, never why the shop looks twice."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from app.engine.rules.eligibility import IneligibleReason
from app.engine.rules.money import Money
from app.engine.rules.money import format as format_money
from app.engine.rules.states import RewardState


class Stage(StrEnum):
    """How far the cashback of an order has come, in the customer's eyes."""

    ON_ITS_WAY = "on_its_way"
    ADDED = "added"
    TAKEN_BACK = "taken_back"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a reward, amounts in minor units."""

    state: RewardState
    currency: str
    granted_minor: int
    reversed_minor: int
    #: From when on it may settle; None while that waits for the fulfilment.
    release_at: datetime | None
    ineligible: IneligibleReason | None
    #: All credits and debits were confirmed by Shopify.
    is_confirmed: bool

    @property
    def kept_minor(self) -> int:
        """Return what the order as it is kept is worth."""
        return self.granted_minor - self.reversed_minor


#: Reasons a customer can do something about, or would wonder about; all others are the shop's own affair.
_WHY_NOTHING = {
    IneligibleReason.BELOW_MINIMUM: "The order is below the amount from which orders earn cashback.",
    IneligibleReason.PAID_WITH_CREDIT: "What is paid with store credit or gift cards earns no cashback.",
    IneligibleReason.UNPAID: "Cashback is worked out once the order is paid.",
}
_NOTHING = "This order earns no cashback."


def compute_stage(told: Told) -> Stage:
    """Return how far the cashback has come."""
    match told.state:
        case RewardState.SETTLED:
            return Stage.ADDED
        case RewardState.REVERSED:
            return Stage.TAKEN_BACK
        case RewardState.VOIDED | RewardState.REJECTED | RewardState.INELIGIBLE:
            return Stage.NONE
        case _:
            return Stage.ON_ITS_WAY


def customer_sentence(told: Told, zone: ZoneInfo) -> str:
    """Return one sentence for the customer; days are those of the shop's time zone."""
    amount = _text(told.kept_minor, told.currency)
    match told.state:
        case RewardState.PENDING:
            when = "some time after the order is sent" if told.release_at is None else _day(told.release_at, zone)
            return f"{amount} will be added to your store credit {when}."
        case RewardState.SETTLED:
            return _settled(told, amount)
        case RewardState.REVERSED:
            return f"{_text(told.granted_minor, told.currency)} went back with the order."
        case RewardState.VOIDED | RewardState.REJECTED:
            return _NOTHING
        case RewardState.INELIGIBLE:
            return _WHY_NOTHING.get(told.ineligible, _NOTHING) if told.ineligible else _NOTHING
        case RewardState.AWAITING_CUSTOMER:
            return f"{amount} waits for an account with the order's mail address."
        case _:
            return f"{amount} is on its way; the shop confirms it first."


def _settled(told: Told, amount: str) -> str:
    if not told.is_confirmed:
        return f"{amount} is being added to your store credit."
    if told.reversed_minor:
        back = _text(told.reversed_minor, told.currency)
        return f"{amount} was added to your store credit; {back} went back with a part of the order."
    return f"{amount} was added to your store credit."


def _day(at: datetime, zone: ZoneInfo) -> str:
    day = at.astimezone(zone)
    return f"on {day:%B} {day.day}, {day.year}"


def _text(minor: int, currency: str) -> str:
    return format_money(Money(minor, currency))
