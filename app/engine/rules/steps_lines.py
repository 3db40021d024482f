"""Steps about what counts: the lines of an order and its shipping."""

from dataclasses import dataclass

from app.engine.rules.eligibility import ExclusionReason
from app.engine.rules.money import Money
from app.engine.rules.steps import Step, StepKind
from app.sentences import Sentence, marked, say

#: Why a line does not earn, to end a sentence with.
WHY_LINE = {
    ExclusionReason.GIFT_CARD: marked("gift cards earn nothing"),
    ExclusionReason.EXCLUDED_PRODUCT: marked("this product is excluded"),
    ExclusionReason.EXCLUDED_VARIANT: marked("this variant is excluded"),
    ExclusionReason.EXCLUDED_SKU: marked("this SKU is excluded"),
    ExclusionReason.EXCLUDED_VENDOR: marked("this vendor is excluded"),
    ExclusionReason.EXCLUDED_PRODUCT_TYPE: marked("products of this type are excluded"),
    ExclusionReason.EXCLUDED_PRODUCT_TAG: marked("products with this tag are excluded"),
    ExclusionReason.EXCLUDED_COLLECTION: marked("this collection is excluded"),
    ExclusionReason.ON_SALE: marked("what is on sale earns nothing"),
}


@dataclass(slots=True)
class LineCounts(Step):
    """A line counts with its amount."""

    kind = StepKind.LINE_COUNTS
    line_id: int
    title: str
    quantity: int
    net_minor: int
    #: Whether its tax is in the amount, and whether its discount was not taken off.
    tax_inside: bool = False
    before_discount: bool = False

    def sentence(self, currency: str) -> Sentence:
        told = {"title": self.title, "quantity": self.quantity, "amount": Money(self.net_minor, currency)}
        if self.tax_inside and self.before_discount:
            return say(
                "{title} (quantity {quantity}) counts with {amount}, tax included, its discount not taken off.", **told
            )
        if self.tax_inside:
            return say("{title} (quantity {quantity}) counts with {amount}, tax included.", **told)
        if self.before_discount:
            return say("{title} (quantity {quantity}) counts with {amount}, its discount not taken off.", **told)
        return say("{title} (quantity {quantity}) counts with {amount}.", **told)


@dataclass(slots=True)
class LineExcluded(Step):
    """A line does not earn."""

    kind = StepKind.LINE_EXCLUDED
    line_id: int
    title: str
    quantity: int
    net_minor: int
    reason: ExclusionReason

    def sentence(self, currency: str) -> Sentence:
        return say(
            "{title} (quantity {quantity}, {amount}) does not count: {why}.",
            title=self.title,
            quantity=self.quantity,
            amount=Money(self.net_minor, currency),
            why=say(WHY_LINE[self.reason]),
        )


@dataclass(slots=True)
class ShippingCounts(Step):
    """The shipping counts with its amount."""

    kind = StepKind.SHIPPING_COUNTS
    amount_minor: int

    def sentence(self, currency: str) -> Sentence:
        return say("Shipping counts with {amount}.", amount=Money(self.amount_minor, currency))
