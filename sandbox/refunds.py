"""Taking orders back: refunds of lines, of shipping, of bare amounts, and cancellations.

As in `orders.py`, the caller holds the shop's lock.
"""

from dataclasses import dataclass
from datetime import datetime

from sandbox import totals
from sandbox.errors import BadInput
from sandbox.models import Line, Order, Payment, Refund, RefundLine
from sandbox.money import Money, share, webhook_text
from sandbox.payments import STORE_CREDIT, release
from sandbox.state import Shop

CANCEL_REASONS = ("customer", "declined", "fraud", "inventory", "other", "staff")


@dataclass(frozen=True)
class RefundRequest:
    """What to give back: units of lines, shipping, and money for no line."""

    lines: tuple[tuple[Line, int], ...]
    shipping_minor: int
    amount_minor: int
    note: str | None
    restock_type: str = "no_restock"
    to_credit: bool = False
    """As store credit instead of the way it was paid."""


def refund(shop: Shop, order: Order, wanted: RefundRequest, at: datetime | None) -> Refund:
    """Give back what is wanted, at most what was paid and is still there."""
    if order.paid_at is None and not totals.received(order):
        raise BadInput(f"Order {order.id} is not paid; pay it first, or cancel or edit it.")
    if not (wanted.lines or wanted.shipping_minor or wanted.amount_minor):
        raise BadInput('Say what to refund: "lines", "shipping" or "amount".')
    if wanted.to_credit and order.customer is None:
        raise BadInput("A guest has no store credit; give the order a customer, or refund the money.")
    _check_quantities(wanted.lines)
    shipping_left = totals.current_shipping(order)
    if wanted.shipping_minor > shipping_left:
        raise BadInput(f"Only {_text(shipping_left, order)} of shipping can still be refunded.")
    money = sum(_parts_total(order, line, quantity) for line, quantity in wanted.lines)
    money += wanted.shipping_minor + totals.tax_on_top(order, _shipping_tax(order, wanted.shipping_minor))
    money += wanted.amount_minor
    left = totals.received(order) - totals.refunded(order)
    if money > left:
        raise BadInput(
            f"Refund amount {_text(money, order)} is greater than net payment received {_text(left, order)}."
        )
    return _book(shop, order, wanted, money, shop.touch(order, at), "ORDER_REFUND")


def cancel(shop: Shop, order: Order, reason: str, with_refund: bool, at: datetime | None) -> Refund | None:
    """Cancel the order: nothing of it is kept; what was paid goes back if wanted."""
    if order.cancelled_at is not None:
        raise BadInput(f"Order {order.id} is already cancelled.")
    if reason not in CANCEL_REASONS:
        raise BadInput(f"reason must be one of {', '.join(CANCEL_REASONS)}, not {reason!r}.")
    moment = shop.touch(order, at)
    made = None
    release(shop, order, moment)
    if order.paid_at is not None or totals.received(order):
        made = _take_back_everything(shop, order, with_refund, moment)
    else:
        for line in order.lines:
            line.removed += line.kept
    order.cancelled_at = order.closed_at = moment
    order.cancel_reason = reason
    return made


def _take_back_everything(shop: Shop, order: Order, with_refund: bool, moment: datetime) -> Refund | None:
    lines = tuple((line, line.kept) for line in order.lines if line.kept)
    shipping = totals.current_shipping(order)
    left = totals.received(order) - totals.refunded(order) if with_refund else 0
    if not (lines or shipping or left):
        return None
    wanted = RefundRequest(lines, shipping if with_refund else 0, 0, None, "cancel")
    return _book(shop, order, wanted, left, moment, "ORDER_CANCELLATION")


def _check_quantities(lines: tuple[tuple[Line, int], ...]) -> None:
    wanted: dict[int, int] = {}
    for line, quantity in lines:
        wanted[line.id] = wanted.get(line.id, 0) + quantity
        if wanted[line.id] > line.kept:
            raise BadInput(f"Line {line.id} has {line.kept} units left to refund, not {wanted[line.id]}.")


def _book(shop: Shop, order: Order, wanted: RefundRequest, money: int, moment: datetime, event: str) -> Refund:
    """Write the refund; money for no line is a negative discrepancy, money held back a positive one."""
    overpaid = max(0, -totals.outstanding(order))
    shipping_tax = _shipping_tax(order, wanted.shipping_minor)
    goods = wanted.shipping_minor + totals.tax_on_top(order, shipping_tax)
    lines = []
    for line, quantity in wanted.lines:
        subtotal, tax = _parts(line, quantity)
        goods += subtotal + totals.tax_on_top(order, tax)
        line.refunded += quantity
        lines.append(RefundLine(next(shop.ids), line, quantity, subtotal, tax, wanted.restock_type))
    extra = money - goods
    discrepancy = -extra if extra < 0 else -max(0, extra - overpaid)
    made = Refund(
        id=next(shop.ids),
        order=order,
        created_at=moment,
        note=wanted.note,
        lines=lines,
        shipping_minor=wanted.shipping_minor,
        shipping_tax_minor=shipping_tax,
        shipping_id=next(shop.ids),
        discrepancy_minor=discrepancy,
        adjustment_id=next(shop.ids),
        payments=_pay_back(shop, order, money, moment, event, wanted.to_credit),
    )
    order.refunds.append(made)
    return made


def _pay_back(shop: Shop, order: Order, money: int, moment: datetime, event: str, to_credit: bool) -> list[Payment]:
    """Return the money through the payments it came from, in their order; store credit is reverted."""
    made = []
    for sale in [payment for payment in order.payments if payment.is_in]:
        returned = sum(p.amount_minor for p in order.payments if p.parent is sale)
        part = min(money, sale.amount_minor - returned)
        if part <= 0:
            continue
        money -= part
        is_revert = sale.gateway == STORE_CREDIT
        gateway = STORE_CREDIT if to_credit else sale.gateway
        back = Payment(next(shop.ids), "refund", gateway, part, order.currency, moment, sale, order)
        order.payments.append(back)
        made.append(back)
        now = shop.clock.now()
        if is_revert:
            shop.credit.revert(sale, part, now, event, back)
        elif order.customer and to_credit:
            account = shop.credit.open(order.customer, order.currency)
            shop.credit.credit(account, part, now, None, event, back)
        if not is_revert and order.customer and order.currency == shop.currency:
            order.customer.spent_minor -= part
    return made


def _parts_total(order: Order, line: Line, quantity: int) -> int:
    subtotal, tax = _parts(line, quantity)
    return subtotal + totals.tax_on_top(order, tax)


def _parts(line: Line, quantity: int) -> tuple[int, int]:
    """Return net amount and tax of so many units, so that all refunds of a line add up to the line."""
    after = line.kept - quantity
    subtotal = totals.kept_net(line) - share(line.net_minor, after, line.quantity)
    return subtotal, totals.kept_tax(line) - share(line.tax_minor, after, line.quantity)


def _shipping_tax(order: Order, minor: int) -> int:
    """Return the tax on a part of the shipping, so that all parts add up to the whole."""
    before = totals.current_shipping(order)
    after = share(order.shipping_tax_minor, before - minor, order.shipping_minor)
    return totals.current_shipping_tax(order) - after


def _text(minor: int, order: Order) -> str:
    return f"{webhook_text(Money(minor, order.currency))} {order.currency}"
