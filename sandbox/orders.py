"""What happens to orders: place, edit, assign a customer. Payments, refunds and what comes after are beside it.

Every function expects the shop's lock to be held and returns after the state has changed; telling
the app about it is the caller's part (`events.py`).
"""

from dataclasses import replace
from datetime import datetime

from sandbox import aftermath, payments, totals
from sandbox.errors import BadInput
from sandbox.models import Customer, Line, Order
from sandbox.money import Money, webhook_text
from sandbox.order_parts import Address
from sandbox.order_requests import LineRequest, OrderRequest
from sandbox.products import find_ware
from sandbox.requests_in import Person
from sandbox.state import Shop


def place(shop: Shop, wanted: OrderRequest) -> Order:
    """Place an order; when it is to be paid, it is paid at the moment it is created."""
    at = wanted.created_at or shop.clock.now()
    order = _make_order(shop, wanted, at)
    due = totals.outstanding(order)
    credit_minor = wanted.store_credit_minor
    if wanted.all_store_credit:
        credit_minor = max(0, min(payments.credit_for(shop, order), due - wanted.gift_card_minor))
    if credit_minor:
        payments.check_credit(shop, order, credit_minor)
    if credit_minor + wanted.gift_card_minor > due:
        text = webhook_text(Money(due, order.currency))
        raise BadInput(f"The order costs {text} {order.currency}; gift card and store credit cannot pay more.")
    shop.orders[order.id] = order
    if order.customer:
        order.customer.number_of_orders += 1
    _pay_parts(shop, order, wanted, credit_minor, at)
    if wanted.risk is not None:
        aftermath.assess(shop, order, wanted.risk)
    if wanted.fulfilled:
        aftermath.fulfil(shop, order, [], at)
    return order


def _make_order(shop: Shop, wanted: OrderRequest, at: datetime) -> Order:
    customer = find_person(shop, wanted.person, at)
    lines = [make_line(shop, line, wanted.currency, at) for line in wanted.lines]
    discount_minor = totals.discount_amount(lines, wanted.discount, wanted.fixed_discount_minor)
    totals.price_lines(lines, wanted.discount, wanted.tax, discount_minor)
    off_shipping = totals.part_off(
        wanted.shipping_minor, wanted.shipping_discount, wanted.fixed_shipping_discount_minor
    )
    moment = at.replace(microsecond=0)
    return Order(
        id=next(shop.ids),
        number=next(shop.numbers),
        shop_domain=shop.domain,
        timezone=shop.timezone,
        currency=wanted.currency,
        customer=customer,
        email=wanted.email or (customer.email if customer else None),
        lines=lines,
        discount=wanted.discount,
        tax=wanted.tax,
        shipping_price_minor=wanted.shipping_minor,
        shipping_discount=wanted.shipping_discount,
        shipping_discount_minor=off_shipping,
        shipping_tax_minor=_shipping_tax(wanted, wanted.shipping_minor - off_shipping),
        shipping_line_id=next(shop.ids),
        tags=list(wanted.tags),
        test=wanted.test,
        source_name=wanted.source_name,
        created_at=moment,
        updated_at=moment,
        billing_address=_with_id(shop, wanted.billing_address),
        shipping_address=_with_id(shop, wanted.shipping_address),
        company=wanted.company,
    )


def _pay_parts(shop: Shop, order: Order, wanted: OrderRequest, credit_minor: int, at: datetime) -> None:
    """Take gift card and store credit, then the rest by the order's gateway as far as it is to be paid."""
    if wanted.gift_card_minor:
        payments.take(shop, order, payments.GIFT_CARD, wanted.gift_card_minor, at)
    if credit_minor:
        payments.pay_with_credit(shop, order, credit_minor)
    if order.payments and payments.is_settled(order):
        payments.settle_payment(shop, order, at)
    elif wanted.authorize and not payments.is_settled(order):
        payments.authorize(shop, order, wanted.gateway, at)
    elif wanted.paid:
        payments.settle_payment(shop, order, at, wanted.gateway)


def _shipping_tax(wanted: OrderRequest, net_minor: int) -> int:
    tax = wanted.tax
    return totals.tax_of(net_minor, tax) if tax is not None and tax.on_shipping else 0


def _with_id(shop: Shop, address: Address | None) -> Address | None:
    return None if address is None else replace(address, id=next(shop.ids))


def edit(
    shop: Shop,
    order: Order,
    additions: tuple[LineRequest, ...],
    quantities: list[tuple[Line, int]],
    at: datetime | None,
) -> list[tuple[Line, int]]:
    """Add lines and lower quantities; return each changed line with its change in units."""
    if order.cancelled_at is not None:
        raise BadInput(f"Order {order.id} is cancelled and cannot be edited any more.")
    for line, quantity in quantities:
        if quantity > line.kept:
            raise BadInput(
                f"Line {line.id} has {line.kept} units left; set_quantity can only lower that, not to {quantity}."
            )
    changes = []
    for line, quantity in quantities:
        if quantity != line.kept:
            changes.append((line, quantity - line.kept))
            line.removed += line.kept - quantity
    moment = shop.touch(order, at)
    for wanted in additions:
        line = make_line(shop, wanted, order.currency, moment)
        totals.tax_line(line, order.tax)
        order.lines.append(line)
        changes.append((line, line.quantity))
    order.edited = order.edited or bool(changes)
    return changes


def check_take_off(order: Order, cuts: list[tuple[Line, int]]) -> None:
    """Refuse to take something off lines before anything changes."""
    for line, minor in cuts:
        if line.kept != line.quantity:
            raise BadInput(f"Line {line.id} has units that were refunded or removed; discount it before that.")
        if not 0 < minor <= line.net_minor:
            cost = webhook_text(Money(line.net_minor, order.currency))
            raise BadInput(f"Line {line.id} costs {cost}; take off more than 0, and at most that.")


def take_off(order: Order, cuts: list[tuple[Line, int]]) -> None:
    """Give lines a discount by hand in an edit: unlike fewer units, it lowers what the order cost from the start."""
    for line, minor in cuts:
        line.discount_minor += minor
        line.by_hand_minor += minor
        totals.tax_line(line, order.tax)
        order.edited = True


def assign(shop: Shop, order: Order, person: Person | None, at: datetime | None) -> None:
    """Give the order to a customer, or to nobody."""
    moment = shop.touch(order, at)
    order.customer = find_person(shop, person, moment)
    order.email = order.customer.email if order.customer else order.email
    if order.customer:
        order.customer.number_of_orders += 1


def find_person(shop: Shop, person: Person | None, at: datetime) -> Customer | None:
    """Return the customer meant, made now if only described; None for a guest."""
    if person is None:
        return None
    if person.id is not None:
        return shop.get_customer(person.id)
    return shop.add_customer(person.email, person.first_name, person.last_name, list(person.tags), at)


def make_line(shop: Shop, wanted: LineRequest, currency: str, at: datetime) -> Line:
    """Make an order line and the product it is of, unless that is known."""
    variant = None if wanted.is_custom else find_ware(shop, wanted, currency, at)
    product = variant.product if variant else None
    return Line(
        id=next(shop.ids),
        product=product,
        variant=variant,
        title=wanted.title,
        price_minor=wanted.price_minor,
        quantity=wanted.quantity,
        sku=wanted.sku,
        vendor=wanted.vendor or (product.vendor if product else None),
        gift_card=wanted.gift_card,
        taxable=wanted.taxable,
        currency=currency,
    )
