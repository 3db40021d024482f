"""Which rewards stop for a look before they become credit."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from app.engine.rules.facts import NO_DETAILS, Details, OrderFact
from app.engine.rules.once import OncePerTerms
from app.engine.rules.reward import Target
from app.engine.rules.scopes import plain, plain_set
from app.engine.rules.terms import HoldRules, Mode, RiskLevel, Terms

_WHOLE_BPS = 10_000
_RISKS = {level: number for number, level in enumerate(RiskLevel)}


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
    #: Goods of the order are on their way back.
    OPEN_RETURN = "open_return"
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


class _Looked(NamedTuple):
    """All that a hold rule looks at."""

    order: OrderFact
    terms: Terms
    target: Target
    details: Details
    past: Past | None

    @property
    def rules(self) -> HoldRules:
        return self.terms.holds


def decide_hold(
    order: OrderFact, terms: Terms, target: Target, *, details: Details = NO_DETAILS, past: Past | None = None
) -> HoldReason | None:
    """Return the rule that holds a reward, or None. What is not to be credited anyway is never held.

    Of several rules the first of ``_RULES`` is named. What is not known holds nothing: ``past`` is what the customer
    had done before, or None for a customer of whom nothing is known.
    """
    if order.cancelled_at is not None or target.kept_minor == 0:
        return None
    looked = _Looked(order, terms, target, details, past)
    return next((reason for reason, applies in _RULES if applies(looked)), None)


def needs_review(mode: Mode, terms: Terms, tier_name: str, granted_minor: int) -> bool:
    """Return whether a person decides about a reward that nothing holds, in a programme's mode."""
    if mode is not Mode.MIXED:
        return mode is Mode.MANUAL
    up_to_minor = terms.automatic_up_to_minor
    return tier_name not in terms.automatic_tiers and (up_to_minor is None or granted_minor > up_to_minor)


def _is_disputed(looked: _Looked) -> bool:
    return any(dispute.status.is_open for dispute in looked.details.disputes)


def _is_on_its_way_back(looked: _Looked) -> bool:
    return looked.rules.open_return and any(told.status.is_open for told in looked.details.returns)


def _is_risky(looked: _Looked) -> bool:
    risk, level = looked.details.risk, looked.rules.risk_from
    return risk is not None and level is not None and _RISKS[risk.level] >= _RISKS[level]


def _is_tagged(looked: _Looked) -> bool:
    tags, order = _tags_of(looked.terms), looked.order
    named = order.tags if order.customer is None else (*order.tags, *(order.customer.tags or ()))
    return bool(tags) and any(plain(tag) in tags for tag in named)


def _has_product(looked: _Looked) -> bool:
    products = looked.rules.product_ids
    return bool(products) and any(line.product_id in products for line in looked.order.lines)


def _is_large(looked: _Looked) -> bool:
    above = looked.terms.hold_above_minor
    return above is not None and looked.target.eligible_minor > above


def _crosses_countries(looked: _Looked) -> bool:
    billing, shipping = looked.order.billing_country, looked.order.shipping_country
    return looked.rules.country_mismatch and None not in (billing, shipping) and billing != shipping


def _often_refunded(looked: _Looked) -> bool:
    past, above_bps = looked.past, looked.rules.refund_share_above_bps
    if past is None or above_bps is None:
        return False
    return past.refunded_minor * _WHOLE_BPS > past.spent_minor * above_bps


def _is_in_a_hurry(looked: _Looked) -> bool:
    past, above = looked.past, looked.rules.orders_per_day_above
    return past is not None and above is not None and past.orders_in_a_day + 1 > above


def _is_new(looked: _Looked) -> bool:
    days, customer = looked.rules.account_younger_than_days, looked.order.customer
    if days is None or customer is None or customer.created_at is None:
        return False
    return looked.order.placed_at - customer.created_at < timedelta(days=days)


def _is_first(looked: _Looked) -> bool:
    return looked.rules.first_order and looked.past is not None and looked.past.orders == 0


_tags_of = OncePerTerms(lambda terms: plain_set(terms.holds.tags))

#: What was said of this very order, then what the merchant named, then amounts and places, then the customer's past.
_RULES: tuple[tuple[HoldReason, Callable[[_Looked], bool]], ...] = (
    (HoldReason.DISPUTE, _is_disputed),
    (HoldReason.OPEN_RETURN, _is_on_its_way_back),
    (HoldReason.RISK, _is_risky),
    (HoldReason.TAG, _is_tagged),
    (HoldReason.PRODUCT, _has_product),
    (HoldReason.ORDER_VALUE, _is_large),
    (HoldReason.COUNTRY_MISMATCH, _crosses_countries),
    (HoldReason.REFUND_SHARE, _often_refunded),
    (HoldReason.MANY_ORDERS, _is_in_a_hurry),
    (HoldReason.NEW_ACCOUNT, _is_new),
    (HoldReason.FIRST_ORDER, _is_first),
)
