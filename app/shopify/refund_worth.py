"""What a refund's lines are worth where Shopify's GraphQL says nothing, though their price went back."""

from collections.abc import Sequence
from dataclasses import replace

from app.engine.rules.facts import OrderLine, RefundFact, RefundLine
from app.engine.rules.kept import gross_minor_of, net_minor_of


def with_worth(refund: RefundFact, lines: Sequence[OrderLine], taxes_included: bool) -> RefundFact:
    """Return the refund with lines told as worth nothing priced as they were sold, as bodies of refunds do.

    A subtotal of 0.0 was recorded for a line that was refunded whole. The money for it would count as given
    beyond goods, and would take cashback back a second time, from the lines that are kept.
    """
    sold = {line.line_id: line for line in lines}
    return replace(refund, lines=tuple(_priced(back, sold.get(back.line_id), taxes_included) for back in refund.lines))


def _priced(back: RefundLine, line: OrderLine | None, taxes_included: bool) -> RefundLine:
    if line is None or back.subtotal_minor or back.tax_minor:
        return back
    net_minor, gross_minor = net_minor_of(line, back.quantity), gross_minor_of(line, back.quantity)
    subtotal_minor = gross_minor if taxes_included else net_minor
    return replace(back, subtotal_minor=subtotal_minor, tax_minor=gross_minor - net_minor)
