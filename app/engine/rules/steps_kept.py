"""Steps about taking back: what is gone of an order, and what is kept."""

from dataclasses import dataclass

from app.engine.rules.steps import Step, StepKind, and_list, money_text


@dataclass(slots=True)
class Cancelled(Step):
    """The order was cancelled and keeps nothing."""

    kind = StepKind.CANCELLED
    #: ISO 8601, UTC.
    at: str

    def sentence(self, currency: str) -> str:
        return f"The order was cancelled on {self.at[:10]}: nothing of it is kept."


@dataclass(slots=True)
class DisputeLost(Step):
    """The bank gave the customer the money back, so the order keeps nothing."""

    kind = StepKind.DISPUTE_LOST
    dispute_id: int
    #: ISO 8601, UTC.
    at: str

    def sentence(self, currency: str) -> str:
        return f"The payment went back after a dispute on {self.at[:10]}: nothing of the order is kept."


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

    def sentence(self, currency: str) -> str:
        gone = []
        if self.removed_quantity:
            gone.append(f"{self.removed_quantity} taken out of the order")
        if self.returned_quantity:
            gone.append(f"{self.returned_quantity} returned")
        kept = f"{self.kept_quantity} kept, worth {money_text(self.kept_minor, currency)}"
        return f"{self.title}: {and_list(gone)}; {kept}."


@dataclass(slots=True)
class ShippingGone(Step):
    """Shipping that counts was paid back."""

    kind = StepKind.SHIPPING_GONE
    back_minor: int
    kept_minor: int

    def sentence(self, currency: str) -> str:
        back, kept = money_text(self.back_minor, currency), money_text(self.kept_minor, currency)
        return f"{back} of the shipping was paid back: it still counts with {kept}."


@dataclass(slots=True)
class ExtraMoney(Step):
    """Money was paid back beyond the goods returned."""

    kind = StepKind.EXTRA_MONEY
    extra_minor: int
    before_minor: int
    after_minor: int

    def sentence(self, currency: str) -> str:
        before, after = money_text(self.before_minor, currency), money_text(self.after_minor, currency)
        extra = money_text(self.extra_minor, currency)
        return f"{extra} was paid back beyond the goods returned: {after} of {before} still counts."


@dataclass(slots=True)
class KeptBelowMinimum(Step):
    """What is kept of the order is below the minimum order."""

    kind = StepKind.KEPT_BELOW_MINIMUM
    kept_eligible_minor: int
    minimum_minor: int

    def sentence(self, currency: str) -> str:
        kept, minimum = money_text(self.kept_eligible_minor, currency), money_text(self.minimum_minor, currency)
        return f"The {kept} kept is below the minimum order of {minimum}: no cashback is kept."


@dataclass(slots=True)
class KeptAmount(Step):
    """What the order as it is kept is granted, and what goes back."""

    kind = StepKind.KEPT_AMOUNT
    kept_eligible_minor: int
    kept_minor: int
    reversed_minor: int

    def sentence(self, currency: str) -> str:
        eligible = money_text(self.kept_eligible_minor, currency)
        kept, back = money_text(self.kept_minor, currency), money_text(self.reversed_minor, currency)
        return f"For the {eligible} still kept, {kept} stays; {back} is taken back."
