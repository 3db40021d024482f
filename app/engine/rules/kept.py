"""What of an order is still kept: its lines minus edits, returned units and money paid back beyond them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from app.engine.rules.facts import OrderFact, OrderLine, PaymentFact, RefundFact
from app.engine.rules.money import share_half_up


def net_minor_of(line: OrderLine, quantity: int) -> int:
    """Return what ``quantity`` units of a line are worth without tax, in minor units."""
    return _part(max(line.net_minor, 0), quantity, line.quantity)


def gross_minor_of(line: OrderLine, quantity: int) -> int:
    """Return what the customer paid for ``quantity`` units of a line, tax included, in minor units."""
    return _part(max(line.net_minor, 0) + max(line.tax_minor, 0), quantity, line.quantity)


def kept_quantities(order: OrderFact, refunds: Iterable[RefundFact]) -> dict[int, int]:
    """Return the units neither edited out nor returned, by line id. A cancelled order keeps none."""
    if order.cancelled_at is not None:
        return {line.line_id: 0 for line in order.lines}
    returned = returned_quantities(refunds)
    return {
        line.line_id: max(line.quantity - max(line.removed_quantity, 0) - returned[line.line_id], 0)
        for line in order.lines
    }


def returned_quantities(refunds: Iterable[RefundFact]) -> Counter[int]:
    """Return the units that went back over all refunds, by line id; a refund given twice counts once."""
    returned: Counter[int] = Counter()
    for refund in distinct(refunds):
        for line in refund.lines:
            returned[line.line_id] += max(line.quantity, 0)
    return returned


def distinct(refunds: Iterable[RefundFact]) -> tuple[RefundFact, ...]:
    """Return each refund once, in the order in which they were processed."""
    once = {refund.refund_id: refund for refund in refunds}
    if len(once) < 2:
        return tuple(once.values())
    return tuple(sorted(once.values(), key=lambda refund: (refund.processed_at, refund.refund_id)))


def shipping_back_minor(order: OrderFact, refunds: Iterable[RefundFact]) -> int:
    """Return what was paid back for shipping over all refunds, tax included, in minor units."""
    return sum(_shipping_of(refund, order) for refund in distinct(refunds))


def compute_extra_minor(order: OrderFact, refunds: Iterable[RefundFact], payments: Iterable[PaymentFact] = ()) -> int:
    """Return the money paid back beyond goods and shipping (goodwill), in minor units.

    Each refund's money pays for its own lines and shipping first. Goods that left without money (edited out,
    or returned in a refund that moved none) and what an edit took off prices that were paid already are paid for by
    the money-only refund that usually follows; without this they would be taken back twice.
    """
    extra = sum(_extra_of(refund, order) for refund in distinct(refunds))
    return max(extra - _unpaid_goods(order, refunds) - overpaid_minor(order, payments), 0)


def overpaid_minor(order: OrderFact, payments: Iterable[PaymentFact]) -> int:
    """Return what was paid above the price the order has now, in minor units: because an edit lowered it.

    Units taken out leave an order's price as it was placed; a discount given by an edit lowers it, and the lines' too.
    An order without a total tells nothing.
    """
    paid_minor = sum({payment.payment_id: payment.amount_minor for payment in payments}.values())
    return max(paid_minor - order.total_minor, 0) if order.total_minor > 0 else 0


def less_extra(amount_minor: int, gross_minor: int, extra_minor: int) -> int:
    """Return an amount without its share of extra money, spread over what was paid for the goods kept."""
    if gross_minor <= 0:
        return 0
    return share_half_up(amount_minor, gross_minor - min(extra_minor, gross_minor), gross_minor)


def gross_total(lines: Sequence[OrderLine], quantities: Mapping[int, int]) -> int:
    """Return what was paid for the given units of the given lines, tax included."""
    return sum(gross_minor_of(line, quantities[line.line_id]) for line in lines)


def _part(amount_minor: int, quantity: int, of_quantity: int) -> int:
    if of_quantity <= 0:
        return 0
    return share_half_up(amount_minor, min(max(quantity, 0), of_quantity), of_quantity)


def _extra_of(refund: RefundFact, order: OrderFact) -> int:
    return max(refund.money_minor - _goods_of(refund, order.taxes_included) - _shipping_of(refund, order), 0)


def _shipping_of(refund: RefundFact, order: OrderFact) -> int:
    """Return what a refund paid back for shipping, tax included.

    A body may leave out the tax on shipping where it comes on top. It went back with the rest of the refund's money,
    and is no goodwill; where the money does not reach that far, the tax was told.
    """
    stated = max(refund.shipping_minor, 0)
    if order.taxes_included or not 0 < stated <= order.shipping_minor:
        return stated
    tax = share_half_up(max(order.shipping_tax_minor, 0), stated, order.shipping_minor)
    beyond = refund.money_minor - _goods_of(refund, order.taxes_included) - stated
    return stated + min(tax, max(beyond, 0))


def _goods_of(refund: RefundFact, taxes_included: bool) -> int:
    return sum(line.subtotal_minor + (0 if taxes_included else line.tax_minor) for line in refund.lines)


def _unpaid_goods(order: OrderFact, refunds: Iterable[RefundFact]) -> int:
    edited_out = sum(gross_minor_of(line, line.removed_quantity) for line in order.lines if line.removed_quantity > 0)
    moneyless = (refund for refund in distinct(refunds) if refund.money_minor <= 0)
    return edited_out + sum(_goods_of(refund, order.taxes_included) for refund in moneyless)
