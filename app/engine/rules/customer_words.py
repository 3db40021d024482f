"""What the customer reads about the cashback of an order: what they have or when, never why the shop looks twice."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from app.engine.rules.eligibility import IneligibleReason
from app.engine.rules.money import Money
from app.engine.rules.states import RewardState
from app.sentences import Day, Sentence, marked, say


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
    IneligibleReason.BELOW_MINIMUM: marked("The order is below the amount from which orders earn cashback."),
    IneligibleReason.PAID_WITH_CREDIT: marked("What is paid with store credit or gift cards earns no cashback."),
    IneligibleReason.UNPAID: marked("Cashback is worked out once the order is paid."),
}
_NOTHING = marked("This order earns no cashback.")


def compute_stage(told: Told) -> Stage:
    """Return how far the cashback has come."""
    return stage_of(told.state)


def stage_of(state: RewardState) -> Stage:
    """Return how far cashback in a state has come."""
    match state:
        case RewardState.SETTLED:
            return Stage.ADDED
        case RewardState.REVERSED:
            return Stage.TAKEN_BACK
        case RewardState.VOIDED | RewardState.REJECTED | RewardState.INELIGIBLE:
            return Stage.NONE
        case _:
            return Stage.ON_ITS_WAY


def customer_sentence(told: Told, zone: ZoneInfo) -> Sentence:
    """Return one sentence for the customer; days are those of the shop's time zone."""
    amount = Money(told.kept_minor, told.currency)
    match told.state:
        case RewardState.PENDING:
            return _pending(told, amount, zone)
        case RewardState.SETTLED:
            return _settled(told, amount)
        case RewardState.REVERSED:
            back = Money(told.granted_minor, told.currency)
            return say("{amount} went back with the order.", amount=back)
        case RewardState.VOIDED | RewardState.REJECTED:
            return say(_NOTHING)
        case RewardState.INELIGIBLE:
            return say(_WHY_NOTHING.get(told.ineligible, _NOTHING) if told.ineligible else _NOTHING)
        case RewardState.AWAITING_CUSTOMER:
            return say("{amount} waits for an account with the order's mail address.", amount=amount)
        case _:
            return say("{amount} is on its way; the shop confirms it first.", amount=amount)


def _pending(told: Told, amount: Money, zone: ZoneInfo) -> Sentence:
    if told.release_at is None:
        return say("{amount} will be added to your store credit some time after the order is sent.", amount=amount)
    on = Day(told.release_at.astimezone(zone).date())
    return say("{amount} will be added to your store credit on {on}.", amount=amount, on=on)


def _settled(told: Told, amount: Money) -> Sentence:
    if not told.is_confirmed:
        return say("{amount} is being added to your store credit.", amount=amount)
    if told.reversed_minor:
        return say(
            "{amount} was added to your store credit; {back} went back with a part of the order.",
            amount=amount,
            back=Money(told.reversed_minor, told.currency),
        )
    return say("{amount} was added to your store credit.", amount=amount)
