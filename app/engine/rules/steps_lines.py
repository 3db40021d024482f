"""Steps about what counts: the lines of an order and its shipping."""

from dataclasses import dataclass

from app.engine.rules.eligibility import ExclusionReason
from app.engine.rules.steps import Step, StepKind, money_text

#: Why a line does not earn, to end a sentence with.
WHY_LINE = {
    ExclusionReason.GIFT_CARD: "gift cards earn nothing",
    ExclusionReason.EXCLUDED_PRODUCT: "this product is excluded",
    ExclusionReason.EXCLUDED_VARIANT: "this variant is excluded",
    ExclusionReason.EXCLUDED_SKU: "this SKU is excluded",
    ExclusionReason.EXCLUDED_VENDOR: "this vendor is excluded",
    ExclusionReason.EXCLUDED_PRODUCT_TYPE: "products of this type are excluded",
    ExclusionReason.EXCLUDED_PRODUCT_TAG: "products with this tag are excluded",
    ExclusionReason.EXCLUDED_COLLECTION: "this collection is excluded",
    ExclusionReason.ON_SALE: "what is on sale earns nothing",
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

    def sentence(self, currency: str) -> str:
        how = ["tax included"] * self.tax_inside + ["its discount not taken off"] * self.before_discount
        amount = ", ".join([money_text(self.net_minor, currency), *how])
        return f"{self.title} (quantity {self.quantity}) counts with {amount}."


@dataclass(slots=True)
class LineExcluded(Step):
    """A line does not earn."""

    kind = StepKind.LINE_EXCLUDED
    line_id: int
    title: str
    quantity: int
    net_minor: int
    reason: ExclusionReason

    def sentence(self, currency: str) -> str:
        amount = money_text(self.net_minor, currency)
        return f"{self.title} (quantity {self.quantity}, {amount}) does not count: {WHY_LINE[self.reason]}."


@dataclass(slots=True)
class ShippingCounts(Step):
    """The shipping counts with its amount."""

    kind = StepKind.SHIPPING_COUNTS
    amount_minor: int

    def sentence(self, currency: str) -> str:
        return f"Shipping counts with {money_text(self.amount_minor, currency)}."
