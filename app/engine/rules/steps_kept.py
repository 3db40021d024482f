"""Steps about taking back: what is gone of an order, and what is kept."""

from dataclasses import dataclass
from datetime import date

from app.engine.rules.money import Money
from app.engine.rules.steps import Step, StepKind, and_list
from app.sentences import Day, Sentence, say


@dataclass(slots=True)
class Cancelled(Step):
    """The order was cancelled and keeps nothing."""

    kind = StepKind.CANCELLED
    #: ISO 8601, UTC.
    at: str

    def sentence(self, currency: str) -> Sentence:
        return say("The order was cancelled on {day}: nothing of it is kept.", day=_day_of(self.at))


@dataclass(slots=True)
class DisputeLost(Step):
    """The bank gave the customer the money back, so the order keeps nothing."""

    kind = StepKind.DISPUTE_LOST
    dispute_id: int
    #: ISO 8601, UTC.
    at: str

    def sentence(self, currency: str) -> Sentence:
        return say(
            "The payment went back after a dispute on {day}: nothing of the order is kept.", day=_day_of(self.at)
        )


@dataclass(slots=True)
class UnitsGone(Step):
    """Units of a line that counts were edited out of the order or returned."""

    kind = StepKind.UNITS_GONE
    line_id: int
    title: str
    removed_quantity: int
    returned_quantity: int
    kept_quantity: int
    kept_minor: int

    def sentence(self, currency: str) -> Sentence:
        gone = []
        if self.removed_quantity:
            gone.append(say("{count} taken out of the order", count=self.removed_quantity))
        if self.returned_quantity:
            gone.append(say("{count} returned", count=self.returned_quantity))
        return say(
            "{title}: {gone}; {count} kept, worth {amount}.",
            title=self.title,
            gone=and_list(gone),
            count=self.kept_quantity,
            amount=Money(self.kept_minor, currency),
        )


@dataclass(slots=True)
class ShippingGone(Step):
    """Shipping that counts was paid back."""

    kind = StepKind.SHIPPING_GONE
    back_minor: int
    kept_minor: int

    def sentence(self, currency: str) -> Sentence:
        back, kept = Money(self.back_minor, currency), Money(self.kept_minor, currency)
        return say("{back} of the shipping was paid back: it still counts with {kept}.", back=back, kept=kept)


@dataclass(slots=True)
class ExtraMoney(Step):
    """Money was paid back beyond the goods returned."""

    kind = StepKind.EXTRA_MONEY
    extra_minor: int
    before_minor: int
    after_minor: int

    def sentence(self, currency: str) -> Sentence:
        return say(
            "{extra} was paid back beyond the goods returned: {after} of {before} still counts.",
            extra=Money(self.extra_minor, currency),
            after=Money(self.after_minor, currency),
            before=Money(self.before_minor, currency),
        )


@dataclass(slots=True)
class KeptBelowMinimum(Step):
    """What is kept of the order is below the minimum order."""

    kind = StepKind.KEPT_BELOW_MINIMUM
    kept_eligible_minor: int
    minimum_minor: int

    def sentence(self, currency: str) -> Sentence:
        return say(
            "The {kept} kept is below the minimum order of {minimum}: no cashback is kept.",
            kept=Money(self.kept_eligible_minor, currency),
            minimum=Money(self.minimum_minor, currency),
        )


@dataclass(slots=True)
class KeptAmount(Step):
    """What the order as it is kept is granted, and what goes back."""

    kind = StepKind.KEPT_AMOUNT
    kept_eligible_minor: int
    kept_minor: int
    reversed_minor: int

    def sentence(self, currency: str) -> Sentence:
        return say(
            "For the {eligible} still kept, {kept} stays; {back} is taken back.",
            eligible=Money(self.kept_eligible_minor, currency),
            kept=Money(self.kept_minor, currency),
            back=Money(self.reversed_minor, currency),
        )


def _day_of(at: str) -> Day:
    return Day(date.fromisoformat(at[:10]))
