"""The parts of an order that earn, its lines and perhaps its shipping: their worth, their rates, and what is kept."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.engine.rules.eligibility import exclusions_of
from app.engine.rules.facts import Details, OrderFact, OrderLine, RefundFact
from app.engine.rules.kept import compute_extra_minor, gross_minor_of, kept_quantities, shipping_back_minor
from app.engine.rules.money import share_half_up
from app.engine.rules.rates import Rate, rates_of
from app.engine.rules.steps import Step
from app.engine.rules.steps_lines import LineCounts, LineExcluded, ShippingCounts
from app.engine.rules.terms import Terms, Tier
from app.engine.rules.worth import line_worth_minor, shipping_gross_minor, shipping_worth_minor


class Part(NamedTuple):
    """A line that earns, or the shipping where ``line`` is None. ``worth_minor`` is as ordered."""

    line: OrderLine | None
    worth_minor: int
    rate: Rate


class Kept(NamedTuple):
    """What is kept of the parts of an order, in minor units."""

    #: By line id.
    units: Mapping[int, int]
    shipping_back_minor: int
    #: One for each part, in their order.
    worths: Sequence[int]
    #: What the customer paid for what is kept of the parts, tax included.
    gross_minor: int
    #: Money paid back beyond goods and shipping.
    extra_minor: int


def find_parts(order: OrderFact, terms: Terms, tier: Tier, details: Details) -> tuple[list[Part], list[Step]]:
    """Return the parts of an order that earn, and a step for each line that says whether it does.

    Shipping earns only beside a line that does: what it costs to send what earns nothing earns nothing either.
    """
    parts: list[Part] = []
    trail: list[Step] = []
    exclusions, rates = exclusions_of(terms), rates_of(terms)
    products, at, taxes_included = details.products, order.placed_at, order.taxes_included
    for line in order.lines:
        product = None if line.product_id is None else products.get(line.product_id)
        worth_minor = line_worth_minor(line, terms, taxes_included)
        reason = exclusions.decide_line(line, product)
        if reason is not None:
            trail.append(LineExcluded(line.line_id, line.title, line.quantity, worth_minor, reason))
            continue
        parts.append(Part(line, worth_minor, rates.rate_of(line, product, tier, at)))
        trail.append(_line_counts(line, worth_minor, terms))
    shipping_minor = shipping_worth_minor(order, terms)
    if shipping_minor and any(part.worth_minor for part in parts):
        parts.append(Part(None, shipping_minor, rates.rate_of(None, None, tier, at)))
        trail.append(ShippingCounts(shipping_minor))
    return parts, trail


def find_kept(order: OrderFact, refunds: Sequence[RefundFact], parts: Sequence[Part], details: Details) -> Kept:
    """Return what is kept of an order's parts after edits and refunds."""
    units = kept_quantities(order, refunds)
    paid_for_shipping = shipping_gross_minor(order)
    shipping_back = min(shipping_back_minor(order, refunds), paid_for_shipping)
    shipping_kept = paid_for_shipping - shipping_back
    worths = []
    gross_minor = 0
    for line, worth_minor, _ in parts:
        if line is None:
            worths.append(share_half_up(worth_minor, shipping_kept, paid_for_shipping))
            gross_minor += shipping_kept
        else:
            worths.append(share_half_up(worth_minor, units[line.line_id], max(line.quantity, 1)))
            gross_minor += gross_minor_of(line, units[line.line_id])
    extra_minor = compute_extra_minor(order, refunds, details.payments)
    return Kept(units, shipping_back, worths, gross_minor, extra_minor)


def _line_counts(line: OrderLine, worth_minor: int, terms: Terms) -> LineCounts:
    if not (terms.includes_tax or terms.before_discounts):
        return LineCounts(line.line_id, line.title, line.quantity, worth_minor)
    return LineCounts(
        line.line_id,
        line.title,
        line.quantity,
        worth_minor,
        tax_inside=terms.includes_tax,
        before_discount=terms.before_discounts and line.discount_minor > 0,
    )
