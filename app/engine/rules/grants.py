"""The arithmetic: what parts at their rates come to, rounded once.

Worth is gathered by rate, highest first, and each rate's eligible amount is the difference of two running shares.
So the eligible amounts sum to the share of the whole, every cent is multiplied by a rate that was really its, and
no cent that goes back can ever make what is kept earn more.
"""

from collections.abc import Iterable
from typing import NamedTuple

from app.engine.rules.eligibility import IneligibleReason
from app.engine.rules.money import share_half_up
from app.engine.rules.rates import WHOLE_BPS


class Share(NamedTuple):
    """The part of an order's worth that counts: the rest was paid with credit or paid back."""

    numerator: int
    denominator: int

    def times(self, other: "Share") -> "Share":
        """Return the share of a share."""
        return Share(self.numerator * other.numerator, self.denominator * other.denominator)


WHOLE = Share(1, 1)


class Grant(NamedTuple):
    """What one state of an order, as ordered or as kept, comes to by the rates alone."""

    eligible_minor: int
    calculated_minor: int
    ineligible: IneligibleReason | None
    #: Pairs of a rate in basis points and the eligible amount at it; the highest rate first.
    by_rate: tuple[tuple[int, int], ...] = ()


NOTHING_KEPT = Grant(0, 0, IneligibleReason.NO_ELIGIBLE_LINES)


def compute_grant(earning: Iterable[tuple[int, int]], share: Share, minimum_minor: int) -> Grant:
    """Return what pairs of a rate in basis points and a worth come to, counting a share of all worth."""
    worth_by_rate: dict[int, int] = {}
    for rate_bps, worth_minor in earning:
        if worth_minor:
            worth_by_rate[rate_bps] = worth_by_rate.get(rate_bps, 0) + worth_minor
    if not worth_by_rate:
        return NOTHING_KEPT
    if share.numerator == 0:
        return Grant(0, 0, IneligibleReason.PAID_WITH_CREDIT)
    by_rate = []
    worth_minor = eligible_minor = product = 0
    for rate_bps in sorted(worth_by_rate, reverse=True):
        worth_minor += worth_by_rate[rate_bps]
        until_here = share_half_up(worth_minor, *share)
        by_rate.append((rate_bps, until_here - eligible_minor))
        product += rate_bps * (until_here - eligible_minor)
        eligible_minor = until_here
    if eligible_minor < minimum_minor:
        return Grant(eligible_minor, 0, IneligibleReason.BELOW_MINIMUM, tuple(by_rate))
    calculated_minor = share_half_up(product, 1, WHOLE_BPS)
    reason = None
    if calculated_minor == 0:
        reason = IneligibleReason.ROUNDS_TO_ZERO if by_rate[0][0] else IneligibleReason.NO_RATE
    return Grant(eligible_minor, calculated_minor, reason, tuple(by_rate))


def less_paid_back(gross_minor: int, extra_minor: int) -> Share:
    """Return the share of what was paid for goods that money paid back beyond them leaves."""
    if extra_minor == 0:
        return WHOLE
    return Share(max(gross_minor - extra_minor, 0), max(gross_minor, 1))
