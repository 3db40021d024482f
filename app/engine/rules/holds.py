"""Which rewards stop for a look before they become credit."""

from dataclasses import dataclass
from enum import StrEnum

from app.engine.rules.facts import NO_DETAILS, Details, OrderFact
from app.engine.rules.reward import Target
from app.engine.rules.terms import Mode, Terms


class HoldReason(StrEnum):
    """The rule or person that stopped a reward."""

    ORDER_VALUE = "order_value"
    FIRST_ORDER = "first_order"
    NEW_ACCOUNT = "new_account"
    RISK = "risk"
    REFUND_SHARE = "refund_share"
    MANY_ORDERS = "many_orders"
    TAG = "tag"
    PRODUCT = "product"
    COUNTRY_MISMATCH = "country_mismatch"
    #: The customer contests the payment at the bank.
    DISPUTE = "dispute"
    BY_STAFF = "by_staff"

    @property
    def is_rule(self) -> bool:
        """True for holds that end by themselves where the terms say so; a person's and a dispute's do not."""
        return self not in (HoldReason.DISPUTE, HoldReason.BY_STAFF)


@dataclass(frozen=True, slots=True)
class Past:
    """What the customer of an order had done when it was placed."""

    #: Paid orders before it, and those of the last 24 hours.
    orders: int = 0
    orders_in_a_day: int = 0
    #: What was spent in all, and what of it had gone back.
    spent_minor: int = 0
    refunded_minor: int = 0


def decide_hold(
    order: OrderFact, terms: Terms, target: Target, *, details: Details = NO_DETAILS, past: Past | None = None
) -> HoldReason | None:
    """Return the rule that holds a reward, or None. What is not to be credited anyway is never held.

    ``past`` is what the customer had done before, or None for a customer of whom nothing is known.
    """
    if order.cancelled_at is not None or target.kept_minor == 0:
        return None
    if any(dispute.status.is_open for dispute in details.disputes):
        return HoldReason.DISPUTE
    if terms.hold_above_minor is not None and target.eligible_minor > terms.hold_above_minor:
        return HoldReason.ORDER_VALUE
    return None


def needs_review(mode: Mode, terms: Terms, tier_name: str, granted_minor: int) -> bool:
    """Return whether a person decides about a reward that nothing holds, in a programme's mode."""
    if mode is not Mode.MIXED:
        return mode is Mode.MANUAL
    up_to_minor = terms.automatic_up_to_minor
    return tier_name not in terms.automatic_tiers and (up_to_minor is None or granted_minor > up_to_minor)
