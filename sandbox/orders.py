"""What happens to orders: place, pay, edit, assign a customer. Refunds and cancellations are beside it.

Every function expects the shop's lock to be held and returns after the state has changed; telling
the app about it is the caller's part (`events.py`).
"""

from datetime import UTC, datetime

from sandbox import totals
from sandbox.credit import CreditRefused
from sandbox.errors import BadInput
from sandbox.models import Customer, Line, Order, Payment, Product
from sandbox.money import Money, webhook_text
from sandbox.requests_in import LineRequest, OrderRequest, Person
from sandbox.state import Shop

CARD = "bogus"
STORE_CREDIT = "shopify_store_credit"


def place(shop: Shop, wanted: OrderRequest) -> Order:
    """Place an order; when it is to be paid, it is paid at the moment it is created."""
    at = wanted.created_at or shop.clock.now()
    customer = find_person(shop, wanted.person, at)
    lines = [make_line(shop, line, wanted.currency, at) for line in wanted.lines]
    discount_minor = totals.discount_amount(lines, wanted.discount, wanted.fixed_discount_minor)
    totals.price_lines(lines, wanted.discount, wanted.tax, discount_minor)
    moment = at.replace(microsecond=0)
    order = Order(
        id=next(shop.ids),
        number=next(shop.numbers),
        shop_domain=shop.domain,
        timezone=shop.timezone,
        currency=wanted.currency,
        customer=customer,
        email=customer.email if customer else None,
        lines=lines,
        discount=wanted.discount,
        tax=wanted.tax,
        shipping_minor=wanted.shipping_minor,
        shipping_line_id=next(shop.ids),
        tags=list(wanted.tags),
        test=wanted.test,
        source_name=wanted.source_name,
        created_at=moment,
        updated_at=moment,
    )
    credit_minor = wanted.store_credit_minor
    if wanted.all_store_credit:
        credit_minor = _credit_for(shop, order)
    if credit_minor:
        _check_credit(shop, order, credit_minor)
    shop.orders[order.id] = order
    if customer:
        customer.number_of_orders += 1
    if credit_minor:
        pay_with_credit(shop, order, credit_minor)
    if wanted.paid or (order.payments and is_settled(order)):
        settle_payment(shop, order, at)
    return order


def pay(shop: Shop, order: Order, at: datetime | None) -> None:
    """Take what is outstanding."""
    if order.cancelled_at is not None:
        raise BadInput(f"Order {order.id} is cancelled; place a new one to pay.")
    if order.paid_at is not None and totals.outstanding(order) <= 0:
        raise BadInput(f"Order {order.id} is already paid; nothing is outstanding.")
    settle_payment(shop, order, shop.touch(order, at))


def settle_payment(shop: Shop, order: Order, at: datetime) -> None:
    """Book a card payment of the outstanding amount and mark the order paid."""
    due = totals.outstanding(order)
    if due > 0:
        order.payments.append(Payment(next(shop.ids), "sale", CARD, due, order.currency, at, order=order))
        if order.customer and order.currency == shop.currency:
            order.customer.spent_minor += due
    order.paid_at = order.paid_at or at
    order.paid_at_clock = datetime.now(UTC)


def is_settled(order: Order) -> bool:
    """Say whether nothing is outstanding."""
    return totals.outstanding(order) <= 0


def pay_with_credit(shop: Shop, order: Order, minor: int) -> None:
    """Take a part of the order from its customer's store credit, as a checkout does."""
    _check_credit(shop, order, minor)
    assert order.customer is not None
    now = shop.clock.now()
    account = shop.credit.open(order.customer, order.currency)
    payment = Payment(next(shop.ids), "sale", STORE_CREDIT, minor, order.currency, now, order=order)
    shop.credit.debit(account, minor, now, "ORDER_PAYMENT", payment)
    order.payments.append(payment)


def spend(shop: Shop, customer: Customer, minor: int, currency: str) -> None:
    """Spend credit on something outside this sandbox's orders."""
    now = shop.clock.now()
    account = shop.credit.find(customer, currency, now)
    if account is None or account.balance_minor < minor:
        held = Money(account.balance_minor if account else 0, currency)
        raise BadInput(
            f"Customer {customer.id} has {webhook_text(held)} {currency} of store credit; "
            f"spend at most that, not {webhook_text(Money(minor, currency))}."
        )
    try:
        payment = Payment(next(shop.ids), "sale", STORE_CREDIT, minor, currency, now)
        shop.credit.debit(account, minor, now, "ORDER_PAYMENT", payment)
    except CreditRefused as refusal:
        raise BadInput(refusal.message + ".") from None


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
    product = None if wanted.is_custom else _product(shop, wanted, at)
    return Line(
        id=next(shop.ids),
        product=product,
        title=wanted.title,
        price_minor=wanted.price_minor,
        quantity=wanted.quantity,
        sku=wanted.sku,
        vendor=wanted.vendor or (product.vendor if product else None),
        gift_card=wanted.gift_card,
        taxable=wanted.taxable,
        currency=currency,
    )


def _product(shop: Shop, wanted: LineRequest, at: datetime) -> Product:
    known = (
        shop.products_by_title.get(wanted.title) if wanted.product_id is None else shop.products.get(wanted.product_id)
    )
    if known is not None and (wanted.product_id is not None or known.gift_card == wanted.gift_card):
        return known
    product = Product(
        id=wanted.product_id or next(shop.ids),
        variant_id=wanted.variant_id or next(shop.ids),
        title=wanted.title,
        vendor=wanted.vendor or shop.name,
        product_type=wanted.product_type,
        tags=list(wanted.product_tags),
        gift_card=wanted.gift_card,
        created_at=at,
        price_minor=wanted.price_minor,
    )
    shop.products[product.id] = product
    shop.products_by_title[product.title] = product
    return product


def _credit_for(shop: Shop, order: Order) -> int:
    """Return how much of the order its customer's credit can pay, as a checkout takes all it can."""
    if order.customer is None:
        return 0
    account = shop.credit.find(order.customer, order.currency, shop.clock.now())
    return min(account.balance_minor, totals.outstanding(order)) if account else 0


def _check_credit(shop: Shop, order: Order, minor: int) -> None:
    """Refuse before anything changes when the credit cannot pay this part."""
    if order.customer is None:
        raise BadInput("A guest has no store credit; give the order a customer.")
    due = totals.outstanding(order)
    if minor > due:
        raise BadInput(
            f"Only {webhook_text(Money(due, order.currency))} {order.currency} is outstanding on order "
            f"{order.id}; pay at most that with store credit."
        )
    account = shop.credit.find(order.customer, order.currency, shop.clock.now())
    if account is None or account.balance_minor < minor:
        held = webhook_text(Money(account.balance_minor if account else 0, order.currency))
        raise BadInput(f"Customer {order.customer.id} has only {held} {order.currency} of store credit.")
