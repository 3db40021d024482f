"""Random but plausible orders with their refunds, drawn by hypothesis."""

from dataclasses import dataclass

from hypothesis import strategies as st

from app.engine.rules.facts import CustomerFact, FinancialStatus, OrderFact, OrderLine, RefundFact, RefundLine
from app.engine.rules.money import share_half_up
from app.engine.rules.terms import Terms, Tier

from .made import BIG, day, make_line, make_order, make_refund, make_terms

words = st.text(max_size=12)
ids = st.integers(1, 2**63 - 1)
prices = st.integers(0, 200_000)


@dataclass(frozen=True)
class Case:
    """An order, refunds that could have happened to it, and the terms it earns under."""

    order: OrderFact
    refunds: tuple[RefundFact, ...]
    terms: Terms
    tier: Tier


@st.composite
def lines(draw: st.DrawFn, line_id: int) -> OrderLine:
    """Draw a line; some are gift cards, some excluded, some free, some edited."""
    quantity = draw(st.integers(0, 5))
    return make_line(
        line_id,
        draw(prices),
        quantity,
        removed_quantity=draw(st.integers(0, quantity)) if draw(st.booleans()) else 0,
        tax_minor=draw(st.sampled_from([0, 0, 7, 1999])),
        product_id=draw(st.sampled_from([None, 11, 12])),
        is_gift_card=draw(st.integers(0, 5)) == 0,
        sku=draw(st.none() | words),
    )


@st.composite
def orders(draw: st.DrawFn) -> OrderFact:
    """Draw an order of any kind, with any text in it."""
    return make_order(
        *[draw(lines(BIG + number)) for number in range(draw(st.integers(0, 3)))],
        order_id=draw(ids),
        name=draw(words),
        financial_status=draw(st.sampled_from(FinancialStatus)),
        is_test=draw(st.booleans()),
        placed_at=day(draw(st.integers(0, 400))),
        cancelled_at=draw(st.none() | st.integers(0, 400).map(day)),
        customer=draw(st.none() | st.builds(CustomerFact, ids, st.none() | words, words, st.none() | st.tuples(words))),
        tags=tuple(draw(st.lists(words, max_size=3))),
        refunds=tuple(draw(st.lists(refunds(), max_size=2))),
    )


@st.composite
def refunds(draw: st.DrawFn) -> RefundFact:
    """Draw a refund by itself."""
    parts = st.builds(RefundLine, ids, st.integers(0, 9), prices, prices)
    return make_refund(draw(st.integers(0, 400)), draw(st.lists(parts, max_size=3)), note=draw(st.none() | words))


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    """Draw terms that may be published, with or without minimum, cap and exclusions."""
    thresholds = sorted(draw(st.sets(st.integers(1, 10**6), max_size=3)))
    rates = st.integers(0, 10_000)
    return make_terms(
        *[Tier(f"Tier {number}", at, draw(rates)) for number, at in enumerate([0, *thresholds])],
        minimum_order_minor=draw(st.sampled_from([0, 0, 5_000, 60_000])),
        cap_per_order_minor=draw(st.sampled_from([None, None, 1, 2_000])),
        hold_above_minor=draw(st.sampled_from([None, 10_000])),
        excluded_product_ids=draw(st.sampled_from([frozenset[int](), frozenset({11})])),
        excluded_tags=frozenset(draw(st.sets(st.sampled_from(["wholesale", "staff"])))),
    )


@st.composite
def cases(draw: st.DrawFn, with_goodwill: bool = True) -> Case:
    """Draw a paid order in dollars with up to four refunds of what is still there, in the order of their days."""
    sold = [draw(lines(BIG + number)) for number in range(draw(st.integers(1, 4)))]
    order = make_order(*sold, taxes_included=draw(st.booleans()))
    left = {line.line_id: line.quantity - line.removed_quantity for line in sold}
    made = []
    for number in range(1, draw(st.integers(0, 4)) + 1):
        units = {line.line_id: draw(st.integers(0, left[line.line_id])) for line in sold}
        left = {line_id: left[line_id] - taken for line_id, taken in units.items()}
        goodwill = draw(st.sampled_from([0, 0, 1, 499, 100_000])) if with_goodwill else 0
        made.append(return_units(order, number, units, goodwill))
    some = draw(terms())
    return Case(order, tuple(made), some, draw(st.sampled_from(some.tiers)))


def return_units(order: OrderFact, number: int, units: dict[int, int], goodwill_minor: int = 0) -> RefundFact:
    """Return the refund that gives back the units for what they were sold, and some money more."""
    parts = [_part(order, line, units[line.line_id]) for line in order.lines if units[line.line_id]]
    goods = sum(part.subtotal_minor + (0 if order.taxes_included else part.tax_minor) for part in parts)
    return make_refund(number, parts, money_minor=goods + goodwill_minor)


def _part(order: OrderFact, line: OrderLine, quantity: int) -> RefundLine:
    tax = share_half_up(line.tax_minor, quantity, line.quantity)
    net = share_half_up(line.net_minor, quantity, line.quantity)
    return RefundLine(line.line_id, quantity, net + (tax if order.taxes_included else 0), tax)
