"""Random but plausible orders with their refunds, drawn by hypothesis."""

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from app.engine.rules.facts import (
    NO_DETAILS,
    CustomerFact,
    Details,
    FinancialStatus,
    OrderFact,
    OrderLine,
    PaymentFact,
    ProductFact,
    RefundFact,
    RefundLine,
)
from app.engine.rules.limits import Ceiling, LimitKind
from app.engine.rules.money import share_half_up
from app.engine.rules.reward import Adjustment, Target, compute_target
from app.engine.rules.terms import Campaign, Precedence, RateRule, Scope, Terms, Tier

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
    details: Details = NO_DETAILS
    ceilings: tuple[Ceiling, ...] = ()
    adjustment: Adjustment | None = None

    def target(self, count: int | None = None) -> Target:
        """Return the target after the first ``count`` refunds, or after all."""
        return compute_target(
            self.order,
            self.refunds[:count],
            self.terms,
            self.tier,
            details=self.details,
            ceilings=self.ceilings,
            adjustment=self.adjustment,
        )


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
        discount_minor=draw(st.sampled_from([0, 0, 1, 999])),
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
        includes_tax=draw(st.booleans()),
        includes_shipping=draw(st.booleans()),
        before_discounts=draw(st.booleans()),
        excludes_paid_with_credit=draw(st.booleans()),
        excluded_collection_ids=draw(st.sampled_from([frozenset[int](), frozenset[int](), frozenset({21})])),
        precedence=draw(st.sampled_from(Precedence)),
        rates=draw(st.sampled_from([(), (RateRule("Own", draw(rates), Scope(product_ids=frozenset({12}))),)])),
        campaigns=draw(st.just(()) | campaigns().map(lambda campaign: (campaign,))),
    )


@st.composite
def campaigns(draw: st.DrawFn) -> Campaign:
    """Draw a campaign that is on or over on day 0, for everything or a collection."""
    own = draw(st.booleans())
    return Campaign(
        "Spring",
        day(-1),
        day(draw(st.integers(0, 2))),
        rate_bps=draw(st.integers(0, 10_000)) if own else None,
        multiplier_bps=None if own else draw(st.integers(1, 50_000)),
        scope=draw(st.sampled_from([Scope(), Scope(collection_ids=frozenset({22}))])),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a paid order in dollars with up to four refunds of what is still there, in the order of their days."""
    case = draw(untouched_cases())
    order = case.order
    left = {line.line_id: line.quantity - line.removed_quantity for line in order.lines}
    made = []
    for number in range(1, draw(st.integers(0, 4)) + 1):
        units = {line.line_id: draw(st.integers(0, left[line.line_id])) for line in order.lines}
        left = {line_id: left[line_id] - taken for line_id, taken in units.items()}
        goodwill, shipping = draw(st.sampled_from([0, 0, 1, 499, 100_000])), draw(st.sampled_from([0, 0, 100, 999]))
        made.append(return_units(order, number, units, goodwill, shipping))
    return Case(order, tuple(made), case.terms, case.tier, case.details, case.ceilings, case.adjustment)


@st.composite
def untouched_cases(draw: st.DrawFn, edited: bool = True) -> Case:
    """Draw a paid order in dollars that nobody has returned anything of, with all that decides what it earns."""
    sold = [draw(lines(BIG + number)) for number in range(draw(st.integers(1, 4)))]
    if not edited:
        sold = [replace(line, removed_quantity=0) for line in sold]
    order = make_order(
        *sold,
        taxes_included=draw(st.booleans()),
        shipping_minor=draw(st.sampled_from([0, 500])),
        shipping_tax_minor=draw(st.sampled_from([0, 95])),
    )
    goods_minor = sum(line.net_minor + line.tax_minor for line in sold)
    order = replace(order, total_minor=goods_minor + order.shipping_minor + order.shipping_tax_minor)
    some = draw(terms())
    return Case(
        order,
        (),
        some,
        draw(st.sampled_from(some.tiers)),
        Details(payments=draw(payments(order)), products=PRODUCTS),
        draw(ceilings()),
        draw(st.none() | st.none() | st.integers(1, 5_000).map(lambda minor: Adjustment(minor, "staff:7", "kind"))),
    )


#: What the catalogue says of the two products that drawn lines may have.
PRODUCTS = {11: ProductFact(11, collection_ids=(21,)), 12: ProductFact(12, collection_ids=(22,))}


@st.composite
def payments(draw: st.DrawFn, order: OrderFact) -> tuple[PaymentFact, ...]:
    """Draw how an order was paid: unknown, or partly with a gift card."""
    credit_minor = draw(st.sampled_from([None, 0, order.total_minor // 3, order.total_minor, order.total_minor + 5]))
    if credit_minor is None:
        return ()
    card = PaymentFact(2, order.order_id, "visa", max(order.total_minor - credit_minor, 0))
    return (PaymentFact(1, order.order_id, "gift_card", credit_minor), card)


@st.composite
def ceilings(draw: st.DrawFn) -> tuple[Ceiling, ...]:
    """Draw what limits leave: often nothing is limited."""
    kinds = draw(st.just([]) | st.lists(st.sampled_from(LimitKind), max_size=2, unique=True))
    return tuple(Ceiling(kind, draw(st.sampled_from([0, 1, 700, 10**6])), 10**6, 5) for kind in kinds)


def return_units(
    order: OrderFact, number: int, units: dict[int, int], goodwill_minor: int = 0, shipping_minor: int = 0
) -> RefundFact:
    """Return the refund that gives back the units for what they were sold, shipping, and some money more."""
    parts = [_part(order, line, units[line.line_id]) for line in order.lines if units[line.line_id]]
    goods = sum(part.subtotal_minor + (0 if order.taxes_included else part.tax_minor) for part in parts)
    money_minor = goods + shipping_minor + goodwill_minor
    return make_refund(number, parts, money_minor=money_minor, shipping_minor=shipping_minor)


def _part(order: OrderFact, line: OrderLine, quantity: int) -> RefundLine:
    tax = share_half_up(line.tax_minor, quantity, line.quantity)
    net = share_half_up(line.net_minor, quantity, line.quantity)
    return RefundLine(line.line_id, quantity, net + (tax if order.taxes_included else 0), tax)
