"""What the programme costs and brings, from what the merchant states and what the books have of a period."""

from dataclasses import dataclass

from app.engine.rules.money import share_half_up

WHOLE_BPS = 10_000
LARGEST_TARGET_BPS = 1_000_000


@dataclass(frozen=True, slots=True)
class Trade:
    """What the merchant states. Amounts in minor units of the shop's currency, shares in basis points."""

    #: What is left of the price once the goods are paid.
    margin_bps: int
    #: What sending an average order costs.
    shipping_minor: int
    order_value_minor: int
    #: 30,000 is 300 %.
    target_roi_bps: int


@dataclass(frozen=True, slots=True)
class Record:
    """What the books have of a period."""

    issued_minor: int
    reversed_minor: int
    #: How often credit was spent at the checkout.
    redemptions: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """What comes of it; see "Business figures" on the page about money. None: there is no such figure."""

    order_profit_minor: int
    carries_bps: int
    cost_minor: int
    brought_minor: int
    net_minor: int
    roi_bps: int | None
    even_minor: int | None
    target_minor: int | None


def compute_outlook(trade: Trade, record: Record) -> Outlook:
    """Return what the programme cost and brought, and the sales it takes to earn that back."""
    profit = share_half_up(trade.order_value_minor, trade.margin_bps, WHOLE_BPS) - trade.shipping_minor
    cost = max(record.issued_minor - record.reversed_minor, 0)
    brought = record.redemptions * profit
    return Outlook(
        order_profit_minor=profit,
        carries_bps=max(profit, 0) * WHOLE_BPS // trade.order_value_minor,
        cost_minor=cost,
        brought_minor=brought,
        net_minor=brought - cost,
        roi_bps=share_half_up(WHOLE_BPS, brought - cost, cost) if cost else None,
        even_minor=_sales(trade, profit, cost, 0),
        target_minor=_sales(trade, profit, cost, trade.target_roi_bps),
    )


def _sales(trade: Trade, profit_minor: int, cost_minor: int, roi_bps: int) -> int | None:
    """Return the sales whose profit is the cost and a return on it, rounded up; None where sales bring none."""
    if profit_minor <= 0:
        return None
    wanted = cost_minor * (WHOLE_BPS + roi_bps) * trade.order_value_minor
    return -(-wanted // (WHOLE_BPS * profit_minor))
