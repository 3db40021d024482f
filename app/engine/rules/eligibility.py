"""What does not earn, and why: lines of an order, and whole orders."""

from collections.abc import Iterable
from enum import StrEnum

from app.engine.rules.facts import FinancialStatus, OrderFact, OrderLine
from app.engine.rules.terms import Terms


class ExclusionReason(StrEnum):
    """Why a line does not earn."""

    GIFT_CARD = "gift_card"
    EXCLUDED_PRODUCT = "excluded_product"


class IneligibleReason(StrEnum):
    """Why an order earns nothing. Those up to ``B2B`` are decided before any line is looked at."""

    TEST_ORDER = "test_order"
    VOIDED = "voided"
    UNPAID = "unpaid"
    OTHER_CURRENCY = "other_currency"
    EXCLUDED_ORDER_TAG = "excluded_order_tag"
    EXCLUDED_CUSTOMER_TAG = "excluded_customer_tag"
    EXCLUDED_CHANNEL = "excluded_channel"
    EXCLUDED_DISCOUNT_CODE = "excluded_discount_code"
    B2B = "b2b"
    PAID_WITH_CREDIT = "paid_with_credit"
    NO_ELIGIBLE_LINES = "no_eligible_lines"
    BELOW_MINIMUM = "below_minimum"
    NO_RATE = "no_rate"
    ROUNDS_TO_ZERO = "rounds_to_zero"
    LIMIT_REACHED = "limit_reached"
    CUSTOMER_OWES = "customer_owes"


def decide_line_exclusion(line: OrderLine, terms: Terms) -> ExclusionReason | None:
    """Return why a line does not earn, or None when it does."""
    if line.is_gift_card:
        return ExclusionReason.GIFT_CARD
    if line.product_id is not None and line.product_id in terms.excluded_product_ids:
        return ExclusionReason.EXCLUDED_PRODUCT
    return None


def decide_order_exclusion(order: OrderFact, terms: Terms) -> IneligibleReason | None:
    """Return why a whole order does not earn whatever its lines are, or None when its lines decide."""
    if order.is_test:
        return IneligibleReason.TEST_ORDER
    if order.financial_status in (FinancialStatus.VOIDED, FinancialStatus.EXPIRED):
        return IneligibleReason.VOIDED
    if not order.financial_status.was_paid:
        return IneligibleReason.UNPAID
    if order.currency != terms.currency:
        return IneligibleReason.OTHER_CURRENCY
    if has_excluded_tag(order.tags, terms):
        return IneligibleReason.EXCLUDED_ORDER_TAG
    if order.customer is not None and has_excluded_tag(order.customer.tags or (), terms):
        return IneligibleReason.EXCLUDED_CUSTOMER_TAG
    return None


def has_excluded_tag(tags: Iterable[str], terms: Terms) -> bool:
    """Return whether one of the tags is excluded by the terms; case and outer blanks do not matter."""
    excluded = {_plain(tag) for tag in terms.excluded_tags}
    return any(_plain(tag) in excluded for tag in tags)


def _plain(tag: str) -> str:
    return tag.strip().casefold()
